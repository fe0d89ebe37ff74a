import BER
import EntryStore
import LDAP
import Schema

/// The rules of the schema for entries, as slapd enforces them: descriptions, syntaxes, duplicate and single values, object classes,
/// naming values (RFC 4512 sections 2.3 to 2.5). Upper bounds of lengths are not enforced, nor by slapd.
struct EntryChecker: Sendable {
    let schema: Schema
    let known: KnownTypes
    private let cache = ClassRulesCache()

    init(schema: Schema, known: KnownTypes) {
        self.schema = schema
        self.known = known
    }

    // MARK: Descriptions

    /// An attribute description that entries may use.
    struct Description: Sendable, Hashable {
        let type: AttributeTypeID
        /// Lower case, sorted, each once.
        let options: [[UInt8]]
    }

    /// Looks up a description and checks its options: language tags (RFC 3866), and `binary` where the syntax demands it (RFC 4522).
    /// - Parameter isAssertion: it names what to compare: `binary` may be missing, and language ranges may stand (RFC 3866 section 2.2).
    /// - Throws: `undefinedAttributeType`.
    func description(_ bytes: RawSpan, isAssertion: Bool = false) throws(LDAPError) -> Description {
        let end = AttributeDescription.endOfType(bytes)
        func failure(_ reason: String) -> LDAPError {
            LDAPError(.undefinedAttributeType, "\(String(decoding: bytes.array.prefix(200), as: UTF8.self)): \(reason)")
        }
        guard let id = schema.attributeType(bytes.slice(ByteRange(start: 0, count: end))) else {
            throw failure("attribute type undefined")
        }
        let needsBinary = schema[id].syntax.requiresBinaryTransfer
        guard end < bytes.byteCount else {
            if needsBinary, !isAssertion { throw failure("requires ;binary transfer") }
            return Description(type: id, options: [])
        }
        guard AttributeDescription.isValid(bytes), let parsed = AttributeDescription(parsing: bytes) else {
            throw failure("malformed option")
        }
        var options: [[UInt8]] = []
        for place in parsed.options {
            let option = bytes.slice(place).array.map(\.asciiLowercased)
            if option == Self.binary {
                guard needsBinary else { throw failure("option \"binary\" not supported with type") }
            } else if option.starts(with: Self.language) {
                if option.last == UInt8(ascii: "-"), !isAssertion { throw failure("inappropriate use of tag range option") }
            } else {
                throw failure("unrecognized option")
            }
            if !options.contains(option) { options.append(option) }
        }
        if needsBinary, !isAssertion, !options.contains(Self.binary) { throw failure("requires ;binary transfer") }
        options.sort { $0.lexicographicallyPrecedes($1) }
        return Description(type: id, options: options)
    }

    private static let binary = Array("binary".utf8)
    private static let language = Array("lang-".utf8)

    // MARK: Values

    /// Whether a value is valid for its type; the classes of an entry must be known ones.
    func isValid(_ value: RawSpan, _ type: AttributeType) -> Bool {
        guard type.syntax.validate(value, schema: schema) else { return false }
        return type.id != known.objectClass && type.id != known.structuralObjectClass || schema.objectClass(value) != nil
    }

    /// Checks the values of one attribute of a request and makes them canonical.
    /// - Parameter name: as the client wrote it.
    /// - Throws: `invalidAttributeSyntax` with the number of the value, as slapd words it.
    func canonicalValues(_ values: [[UInt8]], of type: AttributeType, name: [UInt8]) throws(LDAPError) -> CanonicalValues {
        var canonical = CanonicalValues()
        for (index, value) in values.enumerated() {
            let bytes = value.rawSpan
            guard isValid(bytes, type), canonical.append(bytes, by: type.equality, schema) else {
                throw LDAPError(.invalidAttributeSyntax, "\(String(decoding: name, as: UTF8.self)): value #\(index) invalid per syntax")
            }
        }
        return canonical
    }

    /// Valid values as they are stored: classes go by their canonical names, as in slapd, whatever names or OIDs were given.
    func storedValues(_ values: [[UInt8]], of type: AttributeTypeID) -> [[UInt8]] {
        guard type == known.objectClass else { return values }
        return values.map { value in schema.objectClass(value.rawSpan).map { Array(schema[$0].name.utf8) } ?? value }
    }

    /// - Throws: `attributeOrValueExists`.
    func checkDuplicates(_ values: CanonicalValues, name: [UInt8]) throws(LDAPError) {
        if let number = values.firstDuplicate {
            throw LDAPError(
                .attributeOrValueExists, "\(String(decoding: name, as: UTF8.self)): value #\(number) provided more than once")
        }
    }

    /// - Throws: `constraintViolation` for types that clients may not set (NO-USER-MODIFICATION, RFC 4512 section 4.1.2).
    /// - Parameter relaxed: those that tell where an entry comes from may be set all the same (draft-zeilenga-ldap-relax).
    func checkModifiable(_ type: AttributeType, relaxed: Bool = false, name: [UInt8]) throws(LDAPError) {
        guard type.isUserModifiable || relaxed && known.manageable.contains(type.id) else {
            throw LDAPError(.constraintViolation, "\(String(decoding: name, as: UTF8.self)): no user modification allowed")
        }
    }

    /// - Throws: `constraintViolation` for types that get no values any more.
    func checkCurrent(_ type: AttributeType, name: [UInt8]) throws(LDAPError) {
        guard !type.isObsolete else {
            throw LDAPError(.constraintViolation, "\(String(decoding: name, as: UTF8.self)): attribute is obsolete")
        }
    }

    /// - Throws: `constraintViolation` for a request that gives several values to a type that may have one.
    func checkCount(_ count: Int, _ type: AttributeType, name: [UInt8]) throws(LDAPError) {
        if count > 1, type.isSingleValue {
            throw LDAPError(.constraintViolation, "\(String(decoding: name, as: UTF8.self)): multiple values provided")
        }
    }

    // MARK: Whole entries

    /// The rules of the classes that an entry lists.
    /// - Throws: `objectClassViolation`; `invalidAttributeSyntax` for an unknown class.
    func classRules(_ values: [[UInt8]]) throws(LDAPError) -> ClassRules {
        guard !values.isEmpty else { throw LDAPError(.objectClassViolation, "no objectClass attribute") }
        var classes: [ObjectClassID] = []
        classes.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard let id = schema.objectClass(value.rawSpan) else {
                throw LDAPError(.invalidAttributeSyntax, "objectClass: value #\(index) invalid per syntax")
            }
            classes.append(id)
        }
        return try cache.rules(classes, schema: schema, known: known)
    }

    /// Checks that the values of an RDN can name an entry and stand in it.
    /// - Parameter values: those that the entry has of a type, without options.
    /// - Throws: `namingViolation`; `notAllowedOnRDN` if a value is missing (RFC 4511 section 4.6).
    func checkNaming(_ rdn: RelativeDistinguishedName, _ values: (AttributeTypeID) -> [[UInt8]]) throws(LDAPError) {
        var scratch: [UInt8] = []
        for naming in try namingValues(rdn) {
            let type = schema[naming.type]
            guard let rule = type.equality else { continue }
            let present = values(naming.type)
            if present.isEmpty {
                throw LDAPError(.notAllowedOnRDN, "naming attribute '\(type.name)' is not present in entry")
            }
            guard contains(present, naming.canonical, by: rule, &scratch) else {
                throw LDAPError(.notAllowedOnRDN, "value of naming attribute '\(type.name)' is not present in entry")
            }
        }
    }

    /// An RDN as it is stored: types go by their canonical names, as in slapd, whatever names or OIDs were given.
    func storedRDN(_ rdn: RelativeDistinguishedName) -> RelativeDistinguishedName {
        var stored = rdn
        for index in rdn.values.indices {
            if let id = schema.attributeType(named: rdn.values[index].type) { stored.values[index].type = schema[id].name }
        }
        return stored
    }

    /// One value of an RDN.
    struct NamingValue: Sendable {
        let type: AttributeTypeID
        let value: [UInt8]
        let canonical: [UInt8]
    }

    /// The values of an RDN, each of a type that can name entries.
    /// - Throws: `invalidDNSyntax` for unknown types, bad values and a type that comes twice (X.501 section 9.3); `namingViolation`.
    func namingValues(_ rdn: RelativeDistinguishedName) throws(LDAPError) -> [NamingValue] {
        var list: [NamingValue] = []
        list.reserveCapacity(rdn.values.count)
        for pair in rdn.values {
            guard let id = schema.attributeType(named: pair.type) else {
                throw LDAPError(.invalidDNSyntax, "unknown attribute type \"\(pair.type)\" in a name")
            }
            let type = schema[id]
            if list.contains(where: { $0.type == id }) {
                throw LDAPError(.invalidDNSyntax, "attribute type \"\(type.name)\" comes twice in one RDN")
            }
            // The syntax first, as in slapd: what is wrong with a name is told before what is wrong with naming an entry so.
            guard isValid(pair.value.rawSpan, type) else { throw Self.invalidNamingValue(type) }
            if type.isOperational { throw LDAPError(.namingViolation, "naming attribute '\(type.name)' is operational") }
            if type.isCollective { throw LDAPError(.namingViolation, "naming attribute '\(type.name)' is collective") }
            guard let rule = type.equality else {
                throw LDAPError(.namingViolation, "naming attribute '\(type.name)' has no equality matching rule")
            }
            var canonical: [UInt8] = []
            guard schema.normalize(pair.value.rawSpan, by: rule, into: &canonical) else { throw Self.invalidNamingValue(type) }
            list.append(NamingValue(type: id, value: pair.value, canonical: canonical))
        }
        return list
    }

    private static func invalidNamingValue(_ type: AttributeType) -> LDAPError {
        LDAPError(.invalidDNSyntax, "value of \(type.name) in a name is not valid for its syntax")
    }

    /// - Throws: `constraintViolation` for several values of a type that may have one.
    func checkSingleValue(_ count: Int, _ type: AttributeType) throws(LDAPError) {
        if count > 1, type.isSingleValue {
            throw LDAPError(.constraintViolation, "attribute '\(type.name)' cannot have multiple values")
        }
    }

    /// Checks everything about an entry that the schema says, as for a bulk load.
    /// - Parameter rdn: its values must be in the entry: see ``addNamingValues(to:rdn:table:)``.
    /// - Returns: what the entry's record is marked with.
    func check(_ entry: Entry, rdn: RelativeDistinguishedName, table: AttributeTable) throws(LDAPError) -> EntryRecord.Flags {
        var present = TypeSet(count: schema.attributeTypes.count)
        var classes: [[UInt8]] = []
        for attribute in entry.attributes {
            guard let id = table.type(of: attribute.id) else {
                throw LDAPError(.undefinedAttributeType, "\(Self.name(attribute.id, table)): attribute type undefined")
            }
            let type = schema[id]
            if attribute.values.count == 1 {
                let value = attribute.values[0]
                guard isValid(value.rawSpan, type) else {
                    throw LDAPError(.invalidAttributeSyntax, "\(Self.name(attribute.id, table)): value #0 invalid per syntax")
                }
            } else {
                try checkSingleValue(attribute.values.count, type)
                let name = table[attribute.id]?.name ?? type.nameBytes
                try checkDuplicates(try canonicalValues(attribute.values, of: type, name: name), name: name)
            }
            present.insert(id)
            if id == known.objectClass, table.id(of: id) == attribute.id { classes = attribute.values }
        }
        let rules = try classRules(classes)
        try checkNaming(rdn) { type in table.id(of: type).map { entry[$0] } ?? [] }
        try rules.check(present, schema)
        return rules.flags
    }

    /// Adds the values of the RDN that an entry lacks, as slapd does.
    /// - Throws: as ``namingValues(_:)``.
    func addNamingValues(to entry: inout Entry, rdn: RelativeDistinguishedName, table: AttributeTable) throws(LDAPError) {
        var scratch: [UInt8] = []
        for naming in try namingValues(rdn) {
            guard let id = table.id(of: naming.type), let rule = schema[naming.type].equality else { continue }
            if !contains(entry[id], naming.canonical, by: rule, &scratch) { entry.append(naming.value, to: id) }
        }
    }

    /// Whether one of the values equals a canonical one.
    func contains(_ values: [[UInt8]], _ canonical: [UInt8], by rule: MatchingRule, _ scratch: inout [UInt8]) -> Bool {
        for value in values {
            if schema.equals(value.rawSpan, normalized: canonical.rawSpan, by: rule, scratch: &scratch) { return true }
        }
        return false
    }

    private static func name(_ id: AttributeID, _ table: AttributeTable) -> String {
        table[id].map { String(decoding: $0.name, as: UTF8.self) } ?? "attribute number \(id.rawValue)"
    }
}
