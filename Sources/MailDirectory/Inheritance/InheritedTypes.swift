import EntryStore
import Schema

/// The attribute types that are inherited, and how: what the schema's `X-INHERIT` fields say (2.1). Nothing else decides: what has no such
/// field is not inherited (2.10, 2.12).
struct InheritedTypes: Sendable {
    /// Where a value that an entry lacks comes from.
    struct Levels: OptionSet, Sendable {
        let rawValue: UInt8
        /// Accounts: from the class of service.
        static let account = Levels(rawValue: 1)
        /// Accounts: from the class of service, then from the domain with what that inherits.
        static let classThenDomain = Levels(rawValue: 2)
        /// Domains: from global configuration.
        static let domain = Levels(rawValue: 4)
        /// Servers: from global configuration.
        static let server = Levels(rawValue: 8)
    }

    let all: [AttributeTypeID]
    private let levels: [Levels]

    init(_ schema: Schema) {
        levels = schema.attributeTypes.map { type in
            var levels: Levels = []
            for field in type.values(ofExtension: "X-INHERIT") ?? [] {
                switch field {
                case "account": levels.insert(.account)
                case "cosDomain": levels.insert(.classThenDomain)
                case "domain": levels.insert(.domain)
                case "server": levels.insert(.server)
                default: break
                }
            }
            return levels
        }
        let levels = self.levels
        all = schema.attributeTypes.map(\.id).filter { !levels[Int($0.rawValue)].isEmpty }
    }

    subscript(_ type: AttributeTypeID) -> Levels {
        let index = Int(type.rawValue)
        return index < levels.count ? levels[index] : []
    }

    /// The indexes that filters on inherited attributes use: who has a value of his own, and which. Texts that are hardly alike are indexed by
    /// presence only.
    func indexes(_ schema: Schema) -> [IndexDefinition] {
        all.map { id in
            let isText = ["string", "astring", "cstring", "ostring"].contains(schema[id].values(ofExtension: "X-CATALOGUE-TYPE")?.first ?? "string")
            return IndexDefinition(type: id, kinds: isText || schema[id].equality == nil ? [.presence] : [.presence, .equality])
        }
    }
}
