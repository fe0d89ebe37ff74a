import BER
import LDAP
public import Schema

/// The number by which the store knows an attribute description (a type with its options). Operational attributes have the top bit
/// set, so that in a record, which is sorted by number, all user attributes stand together.
public struct AttributeID: Hashable, Comparable, Sendable, RawRepresentable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static func < (a: AttributeID, b: AttributeID) -> Bool { a.rawValue < b.rawValue }
    @inlinable public var isOperational: Bool { rawValue & 0x8000 != 0 }
    /// How many of each kind there can be.
    static let limit = 0x7fff

    /// The next number of the same kind; nil after the last.
    var next: AttributeID? { rawValue & 0x7fff < Self.limit ? AttributeID(rawValue: rawValue + 1) : nil }
}

/// All attribute descriptions that the store has numbered. Numbers are for ever: they are kept in the database, and survive
/// changes of the schema files. Immutable: the store replaces its table as a whole when a description with options is new.
public final class AttributeTable: Sendable {
    public struct Description: Sendable {
        public let id: AttributeID
        /// As sent to clients: the type's first name, then the options in lower case and in order, each after a semicolon.
        public let name: [UInt8]
        /// Nil when the schema no longer has the type: values are kept and shown, not searched.
        public let type: AttributeTypeID?
        /// Lower case, sorted.
        public let options: [[UInt8]]
    }

    public let schema: Schema
    private let user: [Description?]
    private let operational: [Description?]
    /// Their types again, to be had without copying a description.
    private let userTypes: [AttributeTypeID?]
    private let operationalTypes: [AttributeTypeID?]
    /// By attribute type: the id of the bare description.
    private let bare: [AttributeID?]
    /// By attribute type: ids of the same type with options.
    private let optioned: [AttributeTypeID: [AttributeID]]
    private let hasOptioned: Bool
    /// The names of all descriptions as finished BER.
    public let encodedNames: EncodedNames

    /// Names of attribute descriptions as finished OCTET STRINGs, one after the other.
    public struct EncodedNames: Sendable {
        public let bytes: [UInt8]
        /// Where they lie, by number: user attributes, operational ones.
        @usableFromInline let user: [ByteRange]
        @usableFromInline let operational: [ByteRange]

        /// Where the name of a description lies in ``bytes``. Empty for an unknown number.
        @inlinable public subscript(_ id: AttributeID) -> ByteRange {
            let index = Int(id.rawValue & 0x7fff)
            if id.isOperational { return index < operational.count ? operational[index] : .empty }
            return index < user.count ? user[index] : .empty
        }
    }

    /// - Parameter names: all numbers with the names they were given for.
    init(schema: Schema, names: [(id: AttributeID, name: [UInt8])]) {
        self.schema = schema
        let userCount = names.reduce(0) { $1.id.isOperational ? $0 : max($0, Int($1.id.rawValue) + 1) }
        let operationalCount = names.reduce(0) { $1.id.isOperational ? max($0, Int($1.id.rawValue & 0x7fff) + 1) : $0 }
        var user: [Description?] = Array(repeating: nil, count: userCount)
        var operational: [Description?] = Array(repeating: nil, count: operationalCount)
        var userNames = Array(repeating: ByteRange.empty, count: userCount)
        var operationalNames = Array(repeating: ByteRange.empty, count: operationalCount)
        var bare: [AttributeID?] = Array(repeating: nil, count: schema.attributeTypes.count)
        var optioned: [AttributeTypeID: [AttributeID]] = [:]
        var encoded = BERBuffer(capacity: 1 << 16)
        for (id, name) in names {
            let parsed = Self.parse(name.rawSpan, schema)
            let shown = parsed.map { Self.name(schema[$0.type], options: $0.options) } ?? name
            let description = Description(id: id, name: shown, type: parsed?.type, options: parsed?.options ?? [])
            let start = encoded.count
            encoded.append(BERTag.octetString, contents: shown)
            let place = ByteRange(start: start, count: encoded.count - start)
            let index = Int(id.rawValue & 0x7fff)
            if id.isOperational {
                operational[index] = description
                operationalNames[index] = place
            } else {
                user[index] = description
                userNames[index] = place
            }
            guard let parsed else { continue }
            if parsed.options.isEmpty {
                bare[Int(parsed.type.rawValue)] = id
            } else {
                optioned[parsed.type, default: []].append(id)
            }
        }
        self.user = user
        self.operational = operational
        userTypes = user.map { $0?.type }
        operationalTypes = operational.map { $0?.type }
        self.bare = bare
        self.optioned = optioned
        hasOptioned = !optioned.isEmpty
        encodedNames = EncodedNames(bytes: encoded.bytes.array, user: userNames, operational: operationalNames)
    }

    /// A table with more descriptions.
    func adding(_ names: [(id: AttributeID, name: [UInt8])]) -> AttributeTable {
        AttributeTable(schema: schema, names: all.map { ($0.id, $0.name) } + names)
    }

    /// The same descriptions by another schema.
    func with(_ schema: Schema) -> AttributeTable { AttributeTable(schema: schema, names: all.map { ($0.id, $0.name) }) }

    public subscript(_ id: AttributeID) -> Description? {
        let list = id.isOperational ? operational : user
        let index = Int(id.rawValue & 0x7fff)
        return index < list.count ? list[index] : nil
    }

    /// The type of a description; cheaper than the description itself.
    public func type(of id: AttributeID) -> AttributeTypeID? {
        let index = Int(id.rawValue & 0x7fff)
        if id.isOperational { return index < operationalTypes.count ? operationalTypes[index] : nil }
        return index < userTypes.count ? userTypes[index] : nil
    }

    /// All descriptions.
    public var all: [Description] { (user + operational).compactMap { $0 } }

    /// The number of a type without options.
    @inlinable public func id(of type: AttributeTypeID) -> AttributeID? { bareID(Int(type.rawValue)) }
    @usableFromInline func bareID(_ index: Int) -> AttributeID? { index < bare.count ? bare[index] : nil }

    /// The type that a description string names, if the schema has it; options are checked for form only.
    public func parse(_ description: RawSpan) -> (type: AttributeTypeID, options: [[UInt8]])? { Self.parse(description, schema) }

    private static func parse(_ description: RawSpan, _ schema: Schema) -> (type: AttributeTypeID, options: [[UInt8]])? {
        var end = description.byteCount
        for index in 0..<description.byteCount where description[at: index] == UInt8(ascii: ";") {
            end = index
            break
        }
        guard let type = schema.attributeType(description.slice(ByteRange(start: 0, count: end))) else { return nil }
        guard end < description.byteCount else { return (type, []) }
        var options: [[UInt8]] = []
        var option: [UInt8] = []
        for index in (end + 1)...description.byteCount {
            if index == description.byteCount || description[at: index] == UInt8(ascii: ";") {
                guard !option.isEmpty else { return nil }
                if !options.contains(option) { options.append(option) }
                option = []
                continue
            }
            let byte = description[at: index]
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): option.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): option.append(byte | 0x20)
            default: return nil
            }
        }
        options.sort { $0.lexicographicallyPrecedes($1) }
        return (type, options)
    }

    /// The number of a description, if the store has met it.
    public func id(of type: AttributeTypeID, options: [[UInt8]]) -> AttributeID? {
        if options.isEmpty { return id(of: type) }
        return optioned[type]?.first { self[$0]?.options == options }
    }

    /// The numbers of everything that a description stands for in a request (RFC 4512 section 2.5.2): the type and its subtypes,
    /// with at least the given options.
    public func appendIDs(matching type: AttributeTypeID, options: [[UInt8]], to out: inout [AttributeID]) {
        for subtype in schema.subtypes(of: type) {
            if options.isEmpty, let id = id(of: subtype) { out.append(id) }
            guard hasOptioned, let others = optioned[subtype] else { continue }
            for id in others {
                guard let description = self[id] else { continue }
                if options.allSatisfy({ Self.matches($0, description.options) }) { out.append(id) }
            }
        }
    }

    /// The numbers of a type itself, with whatever options.
    func appendIDs(of type: AttributeTypeID, to out: inout [AttributeID]) {
        if let id = id(of: type) { out.append(id) }
        if hasOptioned, let others = optioned[type] { out += others }
    }

    /// Whether an option asked for is among those of a description. One that ends with a hyphen is a range of language tags
    /// (RFC 3866 section 2.2.2).
    private static func matches(_ option: [UInt8], _ options: [[UInt8]]) -> Bool {
        guard option.last == UInt8(ascii: "-") else { return options.contains(option) }
        return options.contains { $0.starts(with: option) || $0.elementsEqual(option.dropLast()) }
    }

    /// The canonical string of a description.
    public static func name(_ type: AttributeType, options: [[UInt8]]) -> [UInt8] {
        var name = type.nameBytes
        for option in options {
            name.append(UInt8(ascii: ";"))
            name += option
        }
        return name
    }

    /// The number that a new description would get; nil when there are too many.
    func nextID(operational isOperational: Bool) -> AttributeID? {
        let count = isOperational ? operational.count : user.count
        // Number 0 is kept for pseudo attributes of the indexes.
        let index = max(count, 1)
        guard index <= AttributeID.limit else { return nil }
        return AttributeID(rawValue: UInt16(index) | (isOperational ? 0x8000 : 0))
    }
}
