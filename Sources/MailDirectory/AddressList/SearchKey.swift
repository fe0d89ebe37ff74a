import LDAP

/// How a key of several words is taken apart (rule 6.3.4).
enum Tokenizing: Sendable {
    case none, and, or

    init(_ value: [UInt8]?) {
        switch value.map({ String(decoding: $0, as: UTF8.self) }) {
        case "and"?: self = .and
        case "or"?: self = .or
        default: self = .none
        }
    }
}

extension FilterBuilder {
    /// Most words of a key that are looked for one by one; a longer key is looked for as a whole.
    private static var wordLimit: Int { 16 }

    /// Appends what a template means for a key.
    /// - Parameters:
    ///   - tokenizing: how several words are joined: the whole template is expanded for each.
    ///   - isExact: without stars.
    mutating func append(
        _ template: FilterTemplate, key: [UInt8], _ tokenizing: Tokenizing, isExact: Bool
    ) throws(LDAPError) {
        let words = key.split { $0 == 0x20 || $0 >= 0x09 && $0 <= 0x0d }
        guard tokenizing != .none, words.count > 1, words.count <= Self.wordLimit else {
            return try append(template.filter(key: key, isExact: isExact))
        }
        let place = begin(tokenizing == .and ? .and : .or)
        for word in words { try append(template.filter(key: word, isExact: isExact)) }
        end(place)
    }
}
