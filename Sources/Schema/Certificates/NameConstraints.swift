import BER
import LDAP

/// `nameConstraints` of an assertion: the name space that a certificate's subject must be in (X.509 section 11.3.2).
struct AssertedNameConstraints: Sendable {
    /// GeneralSubtree.
    struct Subtree: Sendable {
        let base: GeneralName
        let minimum: Int
        let maximum: Int?

        init?(_ written: GSERValue, _ schema: Schema) {
            guard var parts = GSERSequence(written) else { return nil }
            do {
                guard let base = try parts.take("base", { GeneralName($0, schema) }) else { return nil }
                self.base = base
                minimum = try parts.take("minimum", Self.distance) ?? 0
                maximum = try parts.take("maximum", Self.distance)
            } catch {
                return nil
            }
            guard parts.isEmpty else { return nil }
        }

        /// Beyond four octets no name has so many levels.
        private static func distance(_ written: GSERValue) -> Int? {
            guard case .integer(let octets) = written, octets.count <= 4, octets[0] < 0x80 else { return nil }
            return octets.reduce(0) { $0 << 8 | Int($1) }
        }
    }

    private let permitted: [Subtree]
    private let excluded: [Subtree]

    private static let maximumComparisons = 65_536

    init?(_ written: GSERValue, _ schema: Schema) {
        guard var parts = GSERSequence(written) else { return nil }
        func subtrees(_ written: GSERValue) -> [Subtree]? {
            guard let elements = written.elements else { return nil }
            let subtrees = elements.compactMap { Subtree($0, schema) }
            return subtrees.count == elements.count ? subtrees : nil
        }
        do {
            permitted = try parts.take("permittedSubtrees", subtrees) ?? []
            excluded = try parts.take("excludedSubtrees", subtrees) ?? []
        } catch {
            return nil
        }
        guard parts.isEmpty else { return nil }
    }

    /// Whether all names of a subject, its own if it has one and the alternative ones, are in the name space.
    func hold(_ body: CertificateFields.Body, _ value: RawSpan, _ schema: Schema) -> Bool? {
        var result: Bool? = true
        if !body.subject.isEmpty {
            guard let name = DistinguishedName(der: value, body.subject) else { return nil }
            result = isAllowed(.directoryName) { $0.contains(name, schema) }
        }
        return result.and(
            body.extensions.judge(.subjectAltName, value, missing: true) { place in
                var outer = BERReader(value, place)
                var result: Bool? = true
                let names = try DERGeneralName.list(value, outer.contents(of: BERTag.sequence))
                // Both lists come from outside.
                guard names.count * (permitted.count + excluded.count) <= Self.maximumComparisons else { return nil }
                for name in names {
                    result = result.and(isAllowed(name.form) { $0.contains(name, value, schema) })
                }
                return result
            })
    }

    /// Outside of what is excluded, and inside of what is permitted if anything of the form is.
    private func isAllowed(_ form: GeneralName.Form, _ contains: (Subtree) -> Bool?) -> Bool? {
        var isOutside: Bool? = false
        for subtree in excluded where subtree.base.form == form { isOutside = isOutside.or(contains(subtree)) }
        let candidates = permitted.filter { $0.base.form == form }
        var isInside: Bool? = candidates.isEmpty
        for subtree in candidates { isInside = isInside.or(contains(subtree)) }
        return isOutside.map { !$0 }.and(isInside)
    }
}

extension AssertedNameConstraints.Subtree {
    /// Whether a directory name is in it.
    func contains(_ name: DistinguishedName, _ schema: Schema) -> Bool? {
        guard case .name(let base) = base.value else { return nil }
        guard let levels = schema.levels(of: name, below: base) else { return false }
        return levels >= minimum && levels <= maximum ?? .max
    }

    /// Whether a name of the same form is in it (RFC 5280 section 4.2.1.10). Undefined for forms that have no subtrees here, and for
    /// distances in others than directory names.
    func contains(_ stored: DERGeneralName, _ bytes: RawSpan, _ schema: Schema) -> Bool? {
        if base.form == .directoryName {
            guard let place = stored.directoryName(bytes), let name = DistinguishedName(der: bytes, place) else { return nil }
            return contains(name, schema)
        }
        guard minimum == 0, maximum == nil else { return nil }
        let contents = bytes.slice(stored.contents)
        switch (base.form, base.value) {
        case (.dNSName, .text(let text)): return Self.host(GeneralName.lowercased(contents), isIn: text.map(lowercase), withSubdomains: true)
        case (.rfc822Name, .text(let text)):
            let name = contents.array
            guard let at = name.lastIndex(of: UInt8(ascii: "@")) else { return nil }
            if text.contains(UInt8(ascii: "@")) { return base.equals(stored, bytes, schema) }
            return Self.host(name[(at + 1)...].map(lowercase), isIn: text.map(lowercase), withSubdomains: false)
        case (.uniformResourceIdentifier, .text(let text)):
            guard let host = Self.host(ofURI: GeneralName.lowercased(contents)) else { return nil }
            return Self.host(host, isIn: text.map(lowercase), withSubdomains: false)
        case (.iPAddress, .octets(let network)):
            let count = contents.byteCount
            guard count == 4 || count == 16, network.count == 8 || network.count == 32 else { return nil }
            guard network.count == 2 * count else { return false }
            return (0..<count).allSatisfy { (contents[at: $0] ^ network[$0]) & network[count + $0] == 0 }
        default: return nil
        }
    }

    /// `withSubdomains`: whether a domain stands for the hosts below it as well. One that begins with a dot stands for those alone.
    private static func host(_ host: [UInt8], isIn domain: [UInt8], withSubdomains: Bool) -> Bool {
        let dot = UInt8(ascii: ".")
        if domain.isEmpty || host == domain { return true }
        if domain[0] == dot { return host.hasSuffix(domain) }
        return withSubdomains && host.hasSuffix([dot] + domain)
    }

    /// The host of `scheme://[user@]host[:port]…`; nil when there is none, or an address.
    private static func host(ofURI uri: [UInt8]) -> [UInt8]? {
        guard let colon = uri.firstIndex(of: UInt8(ascii: ":")), uri[colon...].starts(with: "://".utf8) else { return nil }
        var authority = uri[(colon + 3)...].prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) { authority = authority[(at + 1)...] }
        let host = authority.prefix { $0 != UInt8(ascii: ":") }
        guard let last = host.last, last != UInt8(ascii: "]"), host.first != UInt8(ascii: "["), !CharacterClass.isDigit(last) else { return nil }
        return Array(host)
    }
}

/// A certificate's own name constraints: whether a path through it may lead to a name.
enum NameConstraints {
    /// Whether constraints in DER (RFC 5280 section 4.2.1.10) let a canonical directory name through. Only those on directory names matter.
    static func allow(_ name: [UInt8], _ value: RawSpan, _ place: ByteRange, _ schema: Schema) throws(BERError) -> Bool? {
        var outer = BERReader(value, place)
        var fields = BERReader(value, try outer.contents(of: BERTag.sequence))
        let permitted = try fields.contents(ifPresent: BERTag.contextConstructed(0))
        let excluded = try fields.contents(ifPresent: BERTag.contextConstructed(1))
        var result: Bool? = true
        if let permitted { result = try contain(name, value, permitted, schema, ifNone: true) }
        if let excluded {
            let isOutside = try contain(name, value, excluded, schema, ifNone: false).map { !$0 }
            result = result.and(isOutside)
        }
        return result
    }

    /// Whether one of the subtrees contains the name. `ifNone`: the answer when none is of directory names.
    private static func contain(_ name: [UInt8], _ value: RawSpan, _ place: ByteRange, _ schema: Schema, ifNone: Bool) throws(BERError) -> Bool? {
        var subtrees = BERReader(value, place)
        var (result, hasNames) = (false, false)
        while !subtrees.isAtEnd {
            var fields = BERReader(value, try subtrees.contents(of: BERTag.sequence))
            let (tag, contents) = try fields.element()
            guard let base = DERGeneralName(tag, contents), base.form == .directoryName else { continue }
            hasNames = true
            var (minimum, maximum) = (0, Int.max)
            if let place = try fields.contents(ifPresent: BERTag.context(0)) { minimum = try BERReader.integer(value, place) }
            if let place = try fields.contents(ifPresent: BERTag.context(1)) { maximum = try BERReader.integer(value, place) }
            guard let sequence = base.directoryName(value), let baseName = DistinguishedName(der: value, sequence) else { return nil }
            // A type that this schema does not have is in no canonical name.
            guard let canonical = schema.canonicalForm(baseName), let levels = Schema.levels(of: name, below: canonical) else { continue }
            if levels >= minimum, levels <= maximum { result = true }
        }
        return hasNames ? result : ifNone
    }
}
