import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// Checks values that a change brings against the whole tree, for the types that must be unique (semantics 1.7).
    /// - Parameters:
    ///   - values: canonical ones of a type.
    ///   - exempt: the entry that is changed.
    /// - Throws: `constraintViolation`, naming the value but not who has it; `unavailable` while the type's index is being built.
    func checkUnique(
        _ type: AttributeTypeID, _ values: CanonicalValues, otherThan exempt: EntryID?, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard uniqueTypes.contains(type), values.count > 0 else { return }
        guard snapshot.catalogue.usable.kinds(of: type).contains(.equality) else {
            throw LDAPError(
                .unavailable, "values of \(schema[type].name) must be unique, and the index that tells is still being built: try again")
        }
        for number in 0..<values.count {
            let found: EntryID?
            do { found = try snapshot.firstEntry(with: type, equalTo: values[number], otherThan: exempt) } catch {
                throw LDAPError(storage: error)
            }
            if found != nil {
                throw LDAPError(
                    .constraintViolation,
                    "some attributes not unique: \(schema[type].name)=\(String(decoding: values[number].array.prefix(200), as: UTF8.self))")
            }
        }
    }
}
