import BER
import Directory
import EntryStore
import LDAP
import Schema

/// An entry that a rule has found.
struct FoundEntry {
    let id: EntryID
    let parent: EntryID
    let entry: Entry
}

extension Snapshot {
    /// The entries that have one of some values of a type; by an index, if there is one.
    borrowing func entries(with type: AttributeTypeID, anyOf values: [[UInt8]]) throws(LDAPError) -> [FoundEntry] {
        var found: [FoundEntry] = []
        do {
            var present: [[UInt8]] = []
            for value in values where try !lacks(value, of: type) { present.append(value) }
            if present.isEmpty { return [] }
            try forEach(StoredItems.equal(type, toAnyOf: present, catalogue)) { id, record throws(EntryStoreError) in
                found.append(FoundEntry(id: id, parent: record.parent, entry: Entry(record)))
            }
        } catch { throw LDAPError(storage: error) }
        return found
    }

    /// An entry by its number; nil if there is none.
    borrowing func found(_ id: EntryID) throws(LDAPError) -> FoundEntry? {
        do {
            guard let record = try record(id) else { return nil }
            return FoundEntry(id: id, parent: record.parent, entry: Entry(record))
        } catch { throw LDAPError(storage: error) }
    }

    /// The name of an entry, for people.
    borrowing func text(_ id: EntryID) throws(LDAPError) -> String {
        do { return String(decoding: try name(of: id), as: UTF8.self) } catch { throw LDAPError(storage: error) }
    }
}

/// Addresses and ids are compared without regard to the case of ASCII letters.
enum CaselessText {
    static func lower(_ text: [UInt8]) -> [UInt8] { text.map(\.asciiLowercased) }

    static func equal(_ left: [UInt8], _ right: String) -> Bool { lower(left) == Array(right.utf8) }
}
