import BER
import EntryStore
import LDAP
import Schema

/// What a change of the schema means for the entries that there are: it must leave none invalid that was valid before.
///
/// What only adds definitions concerns no entry. What removes or changes them has all entries looked at, once, on the writer's thread.
struct SchemaImpact {
    private let old: Schema
    private let new: Schema
    private var removedTypes: [AttributeTypeID] = []
    /// Types whose values would be read or compared in another way.
    private var alteredTypes: [AttributeTypeID] = []
    /// Types that may have one value from now on.
    private var narrowedTypes: [AttributeTypeID] = []
    /// Names by which types are not found any more, in lower case.
    private var lostNames: [[UInt8]] = []
    private var removedClasses: Set<ObjectClassID> = []
    /// Classes whose entries have to be checked, by place; those derived from them included.
    private var concernedClasses: [Bool]
    private var concernsAnyEntry = false

    init(_ old: Schema, _ new: Schema) {
        self.old = old
        self.new = new
        concernedClasses = Array(repeating: false, count: old.objectClasses.count)
        for type in old.attributeTypes where !type.isRemoved { note(type) }
        for objectClass in old.objectClasses where !objectClass.isRemoved { note(objectClass) }
        notePlacement()
        concernsAnyEntry = !removedTypes.isEmpty || !alteredTypes.isEmpty || !narrowedTypes.isEmpty || !lostNames.isEmpty
            || concernedClasses.contains(true)
    }

    private mutating func note(_ type: AttributeType) {
        let after = new[type.id]
        for name in [type.oid] + type.names where after.isRemoved || new.attributeType(named: name) != type.id {
            lostNames.append(Array(name.lowercased().utf8))
        }
        if after.isRemoved { return removedTypes.append(type.id) }
        if type.syntax != after.syntax || type.equality != after.equality || type.ordering != after.ordering
            || type.substring != after.substring || type.isOperational != after.isOperational
        {
            alteredTypes.append(type.id)
        }
        if after.isSingleValue, !type.isSingleValue { narrowedTypes.append(type.id) }
    }

    private mutating func note(_ objectClass: ObjectClass) {
        let after = new[objectClass.id]
        if after.isRemoved { removedClasses.insert(objectClass.id) }
        // With what it inherits: a change of a superior is one of all classes below.
        let isSame =
            !after.isRemoved && objectClass.kind == after.kind && objectClass.isObsolete == after.isObsolete
            && objectClass.allMust == after.allMust && objectClass.allMay == after.allMay
            && old.superiors(of: objectClass.id) == new.superiors(of: objectClass.id)
            && objectClass.names.allSatisfy { new.objectClass(named: $0) == objectClass.id }
        if !isSame { concernedClasses[Int(objectClass.id.rawValue)] = true }
    }

    /// Content rules, name forms and structure rules: whose structural class they are about has its entries checked.
    private mutating func notePlacement() {
        func concern(_ id: ObjectClassID) {
            if Int(id.rawValue) < concernedClasses.count { concernedClasses[Int(id.rawValue)] = true }
        }
        func about(_ schema: Schema) -> [String: ObjectClassID] {
            var list: [String: ObjectClassID] = [:]
            for (rule, text) in zip(schema.contentRules, schema.contentRuleDescriptions) { list["content " + text] = rule.structuralClass }
            for (form, text) in zip(schema.nameForms, schema.nameFormDescriptions) { list["form " + text] = form.objectClass }
            for (rule, text) in zip(schema.structureRules, schema.structureRuleDescriptions) {
                list["structure " + text] = schema.nameForms[rule.form].objectClass
            }
            return list
        }
        let (before, after) = (about(old), about(new))
        for (text, id) in before where after[text] == nil { concern(id) }
        for (text, id) in after where before[text] == nil { concern(id) }
        // A structure rule that is gone, or of another form, may be the superior of any other.
        if old.structureRuleDescriptions != new.structureRuleDescriptions {
            for form in old.nameForms + new.nameForms { concern(form.objectClass) }
        }
    }

    /// - Throws: `unwillingToPerform` for types that an index needs as they are.
    func checkIndexes(_ catalogue: Catalogue) throws(LDAPError) {
        for id in removedTypes + alteredTypes where !catalogue.maintained.kinds(of: id).isEmpty {
            throw LDAPError(.unwillingToPerform, "an index needs attribute type '\(old[id].name)' as it is")
        }
    }

    /// - Throws: `unwillingToPerform`, with the first entry that would become invalid.
    func checkEntries(by directory: Directory, _ next: Directory, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard concernsAnyEntry else { return }
        let check = EntryCheck(self, directory, next, snapshot.catalogue.table)
        var first = EntryID(rawValue: 1)
        while true {
            let ids = try stored { () throws(EntryStoreError) in try snapshot.entryIDs(from: first, count: 1000) }
            for id in ids {
                guard let record = try directory.record(id, snapshot), let reason = try check.reason(against: id, record, snapshot) else { continue }
                let name = try stored { () throws(EntryStoreError) in try snapshot.name(of: id) }
                throw LDAPError(.unwillingToPerform, "\(reason): \(String(decoding: name.prefix(500), as: UTF8.self))")
            }
            guard let last = ids.last else { return }
            first = EntryID(rawValue: last.rawValue + 1)
        }
    }

    /// Looks at entries one by one.
    private struct EntryCheck {
        let impact: SchemaImpact
        let directory: Directory
        let next: Directory
        let removed: [(id: AttributeID, type: AttributeTypeID)]
        let altered: [(id: AttributeID, type: AttributeTypeID)]
        let narrowed: [(id: AttributeID, type: AttributeTypeID)]
        /// Attributes whose values are names.
        let names: [AttributeID]
        /// Numbers by the old schema.
        let table: AttributeTable
        let objectClass: AttributeID?
        let structural: AttributeID?

        init(_ impact: SchemaImpact, _ directory: Directory, _ next: Directory, _ table: AttributeTable) {
            self.impact = impact
            self.directory = directory
            self.next = next
            self.table = table
            // With options as well.
            func numbers(_ types: [AttributeTypeID]) -> [(id: AttributeID, type: AttributeTypeID)] {
                table.all.compactMap { description in
                    guard let type = description.type, types.contains(type) else { return nil }
                    return (description.id, type)
                }
            }
            removed = numbers(impact.removedTypes)
            altered = numbers(impact.alteredTypes)
            narrowed = numbers(impact.narrowedTypes)
            names =
                impact.lostNames.isEmpty
                ? [] : table.all.filter { $0.type.map { [.distinguishedName, .nameAndOptionalUID].contains(impact.old[$0].syntax) } ?? false }.map(\.id)
            objectClass = table.id(of: directory.known.objectClass)
            structural = table.id(of: directory.known.structuralObjectClass)
        }

        /// Why the new schema does not go with an entry; nil if it does.
        func reason(
            against id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
        ) throws(LDAPError) -> String? {
            for (id, type) in removed where record.contains(id) { return "attribute type '\(impact.old[type].name)' is in use" }
            for (id, type) in altered where record.contains(id) {
                return "attribute type '\(impact.old[type].name)' is in use, and its values would be read or compared in another way"
            }
            for (id, type) in narrowed {
                guard let place = record.index(of: id), !record.isOneValue(record.valuesRange(at: place)) else { continue }
                return "attribute '\(impact.old[type].name)' has several values"
            }
            for id in names {
                var values = record.values(of: id)
                while let value = values.next() {
                    if let lost = impact.lostNames.first(where: { value.holdsType($0) }) {
                        return "attribute type '\(String(decoding: lost, as: UTF8.self))' is in use in a name that is a value"
                    }
                }
            }
            guard let objectClass else { return nil }
            var isConcerned = false
            var classes = record.values(of: objectClass)
            while let value = classes.next() {
                guard let held = impact.old.objectClass(value) else { continue }
                if impact.removedClasses.contains(held) { return "object class '\(impact.old[held].name)' is in use" }
                if impact.concernedClasses[Int(held.rawValue)] { isConcerned = true }
            }
            return isConcerned ? try reason(againstConcerned: record, snapshot) : nil
        }

        private func reason(againstConcerned record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) throws(LDAPError) -> String? {
            let entry = Entry(record)
            let rdn = try RelativeDistinguishedName(parsing: record.rdn)
            do throws(LDAPError) {
                try check(entry, rdn, record, next, next.pseudo.catalogue.table, snapshot)
                return nil
            } catch {
                // What is wrong by the old schema as well is no reason.
                do throws(LDAPError) { try check(entry, rdn, record, directory, table, snapshot) } catch { return nil }
                return "an entry would become invalid: \(error.message)"
            }
        }

        private func check(
            _ entry: Entry, _ rdn: RelativeDistinguishedName, _ record: borrowing EntryRecord, _ directory: Directory,
            _ table: AttributeTable, _ snapshot: borrowing Snapshot
        ) throws(LDAPError) {
            let flags = try directory.checker.check(entry, rdn: rdn, table: table)
            guard let objectClass, let structural else { return }
            let rules = try directory.checker.classRules(entry[objectClass])
            if let held = entry[structural].first, directory.schema.objectClass(held.rawSpan) != rules.structural {
                throw LDAPError(.objectClassModsProhibited, "its structural object class would be another")
            }
            guard record.flags.intersection([.alias, .referral, .subentry]) == flags else {
                throw LDAPError(.objectClassModsProhibited, "it would become an alias, a referral or a subentry, or be none any more")
            }
            try directory.checkPlacement(rules, rdn, below: record.parent, snapshot)
        }
    }
}

extension RawSpan {
    /// Whether a name in string form has an attribute type, in whichever case; it is given in lower case.
    fileprivate func holdsType(_ wanted: [UInt8]) -> Bool {
        guard let first = wanted.first, byteCount > wanted.count else { return false }
        func isOfType(_ byte: UInt8) -> Bool {
            switch byte.asciiLowercased {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        for start in 0..<(byteCount - wanted.count) where self[at: start].asciiLowercased == first {
            if start > 0, isOfType(self[at: start - 1]) { continue }
            guard wanted.indices.allSatisfy({ self[at: start + $0].asciiLowercased == wanted[$0] }) else { continue }
            var end = start + wanted.count
            while end < byteCount, self[at: end] == UInt8(ascii: " ") { end += 1 }
            if end < byteCount, self[at: end] == UInt8(ascii: "=") { return true }
        }
        return false
    }
}
