import BER
import EntryStore
import LDAP
import Schema

/// How an entry of the address list is made of a stored one: attribute by attribute, in the order of a record. Worked out once per domain.
struct AddressBookLayout: Sendable {
    /// What an attribute map's rule gives to an attribute.
    struct Part: Sendable {
        /// Where values come from, in order: attribute numbers and types.
        var sources: [(id: AttributeID, type: AttributeTypeID)]
        /// Values that the rule's fields can take; one field takes all values of the first attribute that has any (rule 6.6.2).
        var fieldCount: Int
        /// Which of them the attribute gets.
        var positions: Range<Int>
        var valueMap: [ValueMapRule]

        /// Whether the attribute gets everything that the rule gives.
        var isWhole: Bool { positions == 0..<fieldCount }
    }

    enum Content: Sendable {
        /// All values of another attribute, as they lie in the record.
        case stored(AttributeID, AttributeTypeID)
        case parts([Part])
        /// Values as they are stored.
        case copy
        case classes
        case structuralClass
        case members
        case entryDN
        case constant([UInt8])
    }

    struct Attribute: Sendable {
        let id: AttributeID
        let type: AttributeTypeID
        let isSingleValue: Bool
        /// Whether it is made only for who asks for it by name (rule 6.6.6).
        var onlyByName = false
        var content: Content
    }

    /// Ascending by number.
    private(set) var attributes: [Attribute]
    /// By type asked for: the places of the attributes that show of it and its subtypes.
    private var places: [AttributeTypeID: [Int]] = [:]
    /// Names of the classes that make a group, in any form that an entry may have them in.
    private(set) var groupClasses: [[UInt8]] = []
    /// Whether the map lets the stored classes be seen.
    private(set) var showsClasses = false
    let mail: AttributeID
    let deliveryAddress: AttributeID
    let forwardingAddress: AttributeID
    let objectClass: AttributeID

    /// Nil if the store does not know the types that every entry needs.
    init?(_ rules: [AttributeMapRule], _ valueMap: [ValueMapRule], _ types: AddressListTypes, _ catalogue: Catalogue) {
        let schema = catalogue.schema
        let table = catalogue.table
        guard let mail = table.id(of: types.mail), let deliveryAddress = table.id(of: types.deliveryAddress),
            let forwardingAddress = table.id(of: types.forwardingAddress), let objectClass = table.id(of: types.objectClass),
            let member = table.id(of: types.member)
        else { return nil }
        self.mail = mail
        self.deliveryAddress = deliveryAddress
        self.forwardingAddress = forwardingAddress
        self.objectClass = objectClass
        attributes = []
        add(objectClass, types.objectClass, schema, .classes)
        for (name, content) in [
            ("structuralObjectClass", Content.structuralClass), ("entryUUID", .copy), ("entryDN", .entryDN),
            ("hasSubordinates", .constant(Array("FALSE".utf8))), ("subschemaSubentry", .constant(Array("cn=Subschema".utf8))),
        ] {
            if let type = schema.attributeType(named: name), let id = table.id(of: type) { add(id, type, schema, content) }
        }
        for rule in rules {
            if rule.fields == ["objectclass"] {
                showsClasses = true
                continue
            }
            if rule.fields == ["member"] {
                add(member, types.member, schema, .members)
                continue
            }
            if rule.form == .certificate {
                // With their options (`;binary`) as they are stored.
                for source in rule.sources {
                    guard let type = schema.attributeType(named: source) else { continue }
                    var ids: [AttributeID] = []
                    table.appendIDs(matching: type, options: [], to: &ids)
                    for id in ids { add(id, type, schema, .copy, onlyByName: true) }
                }
                continue
            }
            var sources: [(id: AttributeID, type: AttributeTypeID)] = []
            for source in rule.sources {
                guard let type = schema.attributeType(named: source), let id = table.id(of: type),
                    !sources.contains(where: { $0.id == id })
                else { continue }
                sources.append((id, type))
            }
            guard !sources.isEmpty else { continue }
            // Which places of the rule each attribute gets: neighbouring fields mostly mean the same attribute.
            var places: [(type: AttributeTypeID, positions: Range<Int>, field: String)] = []
            for (position, field) in rule.fields.enumerated() {
                for name in AttributeMapRule.attributes(of: field) {
                    guard let type = schema.attributeType(named: name) else { continue }
                    if let last = places.lastIndex(where: { $0.type == type && $0.positions.upperBound == position }) {
                        places[last].positions = places[last].positions.lowerBound..<position + 1
                    } else {
                        places.append((type, position..<position + 1, field))
                    }
                }
            }
            for place in places {
                guard let id = table.id(of: place.type) else { continue }
                let part = Part(
                    sources: sources, fieldCount: rule.fields.count, positions: place.positions,
                    valueMap: valueMap.filter { $0.field == place.field })
                let isPlain = sources.count == 1 && part.fieldCount == 1 && part.valueMap.isEmpty && !schema[place.type].isSingleValue
                add(id, place.type, schema, isPlain ? .stored(sources[0].id, sources[0].type) : .parts([part]))
            }
        }
        attributes.sort { $0.id < $1.id }
        for (place, attribute) in attributes.enumerated() {
            var type: AttributeTypeID? = attribute.type
            while let id = type {
                places[id, default: []].append(place)
                type = schema[id].superior
            }
        }
        for description in schema.objectClasses
        where schema.isSubclass(description.id, of: types.group) || schema.isSubclass(description.id, of: types.distributionList) {
            groupClasses += description.names.map { Array($0.utf8) } + [Array(description.oid.utf8)]
        }
    }

    /// The places of the attributes that show of a type.
    func places(of type: AttributeTypeID) -> [Int] { places[type] ?? [] }

    /// Whether an entry is a list.
    func isGroup(_ record: borrowing EntryRecord) -> Bool {
        var values = record.values(of: objectClass)
        while let value = values.next() {
            for name in groupClasses where name.count == value.byteCount {
                if name.rawSpan.equalsIgnoringCase(value) { return true }
            }
        }
        return false
    }

    private mutating func add(_ id: AttributeID, _ type: AttributeTypeID, _ schema: Schema, _ content: Content, onlyByName: Bool = false) {
        if let index = attributes.firstIndex(where: { $0.id == id }) {
            // Several rules may feed one attribute.
            let all = Self.parts(attributes[index].content) + Self.parts(content)
            if all.count > 1 { attributes[index].content = .parts(all) }
            return
        }
        attributes.append(
            Attribute(id: id, type: type, isSingleValue: schema[type].isSingleValue, onlyByName: onlyByName, content: content))
    }

    private static func parts(_ content: Content) -> [Part] {
        switch content {
        case .parts(let parts): parts
        case .stored(let id, let type): [Part(sources: [(id, type)], fieldCount: 1, positions: 0..<1, valueMap: [])]
        default: []
        }
    }

    /// The entry's own address: what it is named by.
    @_lifetime(copy record)
    func address(_ record: borrowing EntryRecord) -> RawSpan? {
        var delivery = record.values(of: deliveryAddress)
        if let address = delivery.next() { return address }
        var mail = record.values(of: mail)
        return mail.next()
    }
}
