import EntryStore
import LDAP
import Schema

/// An entry that is being changed: the attributes touched so far beside the rest, until all checks are passed.
struct EntryRevision {
    private let directory: Directory
    private let table: AttributeTable
    private let before: Entry
    private var touched: [ModifiedAttribute] = []
    private var places: [EntryChecker.Description: Int] = [:]
    /// The types of what is touched: most of an entry is told from it by them.
    private var types: TypeSet
    private let leniency: WriteLeniency

    init(_ before: Entry, _ directory: Directory, _ table: AttributeTable, _ leniency: WriteLeniency = WriteLeniency()) {
        self.leniency = leniency
        self.before = before
        self.directory = directory
        self.table = table
        types = TypeSet(count: directory.schema.attributeTypes.count)
    }

    /// The place of a description in ``touched``.
    private func touchedPlace(_ type: AttributeTypeID, _ options: [[UInt8]] = []) -> Int? {
        types.contains(type) ? places[EntryChecker.Description(type: type, options: options)] : nil
    }

    /// The place of a description in ``touched``, where it is put if need be.
    private mutating func place(_ description: EntryChecker.Description) -> Int {
        if let place = touchedPlace(description.type, description.options) { return place }
        let values = table.id(of: description.type, options: description.options).map { before[$0] } ?? []
        places[description] = touched.count
        types.insert(description.type)
        touched.append(ModifiedAttribute(description, directory.schema[description.type], values))
        return touched.count - 1
    }

    /// - Throws: as ``ModifiedAttribute/apply(_:permissive:_:)``.
    mutating func apply(_ change: Modification) throws(LDAPError) {
        let place = place(change.description)
        try touched[place].apply(change, permissive: leniency.isPermissive, directory.schema)
    }

    /// The values of a type without options as they are now.
    func values(of type: AttributeTypeID) -> [[UInt8]] {
        if let place = touchedPlace(type) { return touched[place].values }
        return table.id(of: type).map { before[$0] } ?? []
    }

    /// Checks the entry as a whole, in slapd's order: single values, classes, the structural class (which stays for ever, RFC 4512
    /// section 2.4.2), naming values, what the classes demand and allow.
    /// - Throws: `constraintViolation`, `objectClassViolation`, `objectClassModsProhibited`, `notAllowedOnRDN`.
    func check(rdn: RelativeDistinguishedName) throws(LDAPError) -> ClassRules {
        let schema = directory.schema
        let known = directory.known
        for attribute in touched {
            try directory.checker.checkSingleValue(attribute.count, schema[attribute.description.type])
        }
        let rules = try directory.checker.classRules(values(of: known.objectClass))
        if let stored = values(of: known.structuralObjectClass).first, let old = schema.objectClass(stored.span.bytes), old != rules.structural, !leniency.isRelaxed {
            throw LDAPError(
                .objectClassModsProhibited,
                "structural object class modification from '\(schema[old].name)' to '\(schema[rules.structural].name)' not allowed")
        }
        try directory.checker.checkNaming(rdn) { values(of: $0) }
        try rules.check(present(), schema)
        return rules
    }

    private func present() -> TypeSet {
        var set = TypeSet(count: directory.schema.attributeTypes.count)
        before.forEachID { id in
            guard let type = table.type(of: id) else { return }
            if !types.contains(type) || table[id].map({ touchedPlace(type, $0.options) == nil }) ?? true { set.insert(type) }
        }
        for attribute in touched where attribute.count > 0 { set.insert(attribute.description.type) }
        return set
    }

    /// The changed entry; descriptions that the store has not met are left out.
    var entry: Entry {
        var entry = before
        for attribute in touched {
            if let id = table.id(of: attribute.description.type, options: attribute.description.options) { entry[id] = attribute.values }
        }
        return entry
    }

    /// The changed entry, with who changed it and when. Numbers descriptions that the store has not met.
    consuming func finish(modifier: [UInt8], _ transaction: inout StoreTransaction) throws(LDAPError) -> Entry {
        var entry = before
        for attribute in touched {
            let values = attribute.values
            let description = attribute.description
            if values.isEmpty {
                if let id = table.id(of: description.type, options: description.options) { entry[id] = [] }
                continue
            }
            let id = try stored { () throws(EntryStoreError) in
                try transaction.attributeID(description.type, options: description.options)
            }
            entry[id] = values
        }
        let brought = leniency.isRelaxed ? directory.known.manageable.filter { touchedPlace($0) != nil } : []
        try directory.checker.noteChange(
            of: &entry, modifier: modifier, moment: ChangeClock.shared.next(), except: brought, table: transaction.catalogue.table)
        if leniency.isRelaxed { try directory.checker.noteStructuralClass(of: &entry, transaction.catalogue.table) }
        return entry
    }
}

/// What an entry's change need not keep to.
struct WriteLeniency: Sendable {
    /// Values to be added that are there, and values to be deleted that are not, are passed over.
    var isPermissive = false
    /// The structural class may change, and what the server keeps may be given (draft-zeilenga-ldap-relax).
    var isRelaxed = false
}
