import BER

/// AlgorithmIdentifier as an assertion on supported algorithms (X.509 section 11.3.7, RFC 4523 appendix A.7).
///
/// Parameters are of a type that the algorithm defines, which nothing here knows: those that have parts cannot be compared.
struct AlgorithmIdentifier: Sendable {
    private let algorithm: [UInt8]
    private let parameters: GSERValue?

    init?(_ written: GSERValue, _ schema: Schema) {
        guard var parts = GSERSequence(written) else { return nil }
        do {
            guard let algorithm = try parts.take("algorithm", { $0.objectIdentifier(schema) }) else { return nil }
            self.algorithm = algorithm
            parameters = try parts.take("parameters") { $0 }
        } catch {
            return nil
        }
        guard parts.isEmpty else { return nil }
    }

    /// Whether it equals the algorithm identifier of a SupportedAlgorithm.
    func matches(_ value: RawSpan) -> Bool? {
        do {
            guard let place = Self.place(value) else { return nil }
            var fields = BERReader(value, place)
            guard value.slice(try fields.contents(of: X509Tag.objectIdentifier)).elementsEqual(algorithm.rawSpan) else { return false }
            if fields.isAtEnd { return parameters == nil }
            let (tag, contents) = try fields.element()
            guard let parameters else { return false }
            return parameters.equals(tag, value.slice(contents))
        } catch {
            return nil
        }
    }

    /// Where the contents of the algorithm identifier stand in a SupportedAlgorithm.
    static func place(_ value: RawSpan) -> ByteRange? {
        var outer = BERReader(value)
        guard let contents = try? outer.contents(of: BERTag.sequence) else { return nil }
        var fields = BERReader(value, contents)
        return try? fields.contents(of: BERTag.sequence)
    }
}
