import EntryStore
import LDAP
import Schema

extension ChangeRecord {
    /// The entry that was added, or removed, as the attributes of a request.
    /// - Parameter includes: which attributes are wanted.
    func attributes(_ table: AttributeTable, _ includes: (AttributeID) -> Bool = { _ in true }) -> [PartialAttribute] {
        (image?.entry.attributes ?? []).compactMap { attribute in
            guard includes(attribute.id), let name = table[attribute.id]?.name else { return nil }
            return PartialAttribute(description: name, values: attribute.values)
        }
    }

    /// What was modified, as a request would modify it again.
    func modifications(_ table: AttributeTable, _ includes: (AttributeID) -> Bool = { _ in true }) -> [ModifyRequest.Change] {
        changes.flatMap { change -> [ModifyRequest.Change] in
            guard includes(change.id), let name = table[change.id]?.name else { return [] }
            func request(_ operation: ModifyRequest.Operation, _ values: [[UInt8]]) -> ModifyRequest.Change {
                ModifyRequest.Change(operation, PartialAttribute(description: name, values: values))
            }
            if change.isWhole {
                if change.added.isEmpty { return [request(.delete, [])] }
                return [request(change.removed.isEmpty ? .add : .replace, change.added)]
            }
            return (change.removed.isEmpty ? [] : [request(.delete, change.removed)])
                + (change.added.isEmpty ? [] : [request(.add, change.added)])
        }
    }

    /// Attribute numbers that the record uses.
    var attributeIDs: [AttributeID] { (image?.entry.attributes.map(\.id) ?? []) + changes.map(\.id) }

    /// How `changeType` names it (RFC 2849).
    var typeName: String {
        switch kind {
        case .add: "add"
        case .modify: "modify"
        case .modifyDN: "modrdn"
        case .delete: "delete"
        case .load: "load"
        }
    }

    /// When it was made, in whole seconds: `YYYYMMDDHHMMSSZ`.
    var timestamp: [UInt8] { ChangeClock.Moment(microseconds: time).timestamp }
}
