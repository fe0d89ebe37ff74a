import BER
import EntryStore
import LDAP
import Schema

/// Name forms and DIT structure rules (RFC 4512 section 4.1.7): how entries are named, and below which they stand. A schema that has none
/// leaves both free, and looks at nothing.
extension Directory {
    /// Checks the name and the place that an entry is about to have.
    /// - Throws: `namingViolation`.
    func checkPlacement(
        _ rules: ClassRules, _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard !rules.nameForms.isEmpty else { return }
        let forms = try followed(rules.nameForms, rdn)
        guard !forms.isEmpty else {
            let names = rules.nameForms.map { schema.nameForms[$0].name }.joined(separator: ", ")
            throw LDAPError(.namingViolation, "the attributes of the RDN are not those of the name form \(names)")
        }
        let possible = schema.structureRules.filter { !$0.isObsolete && forms.contains($0.form) }
        if possible.isEmpty || possible.contains(where: { $0.superiors.isEmpty }) { return }
        let superior = try structureRules(governing: parent, snapshot)
        guard possible.contains(where: { rule in rule.superiors.contains { superior.contains($0) } }) else {
            throw LDAPError(.namingViolation, "no structure rule lets an entry of class '\(schema[rules.structural].name)' stand below its parent")
        }
    }

    /// Those of some name forms that an RDN follows.
    private func followed(_ forms: [Int], _ rdn: RelativeDistinguishedName) throws(LDAPError) -> [Int] {
        var types: [AttributeTypeID] = []
        for naming in try checker.namingValues(rdn) { types.append(naming.type) }
        return forms.filter { schema.nameForms[$0].allows(types) }
    }

    /// The numbers of the structure rules that may govern an entry. Whether its own superiors are in place was looked at when it was
    /// put there.
    private func structureRules(governing id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> [Int] {
        guard id != .root, let record = try record(id, snapshot), let classes = snapshot.catalogue.table.id(of: known.objectClass) else { return [] }
        var list: [[UInt8]] = []
        var values = record.values(of: classes)
        while let value = values.next() { list.append(value.array) }
        let forms = try followed(checker.classRules(list).nameForms, RelativeDistinguishedName(parsing: record.rdn))
        return schema.structureRules.filter { !$0.isObsolete && forms.contains($0.form) }.map(\.id)
    }
}
