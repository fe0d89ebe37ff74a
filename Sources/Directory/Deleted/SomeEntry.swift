import BER
public import EntryStore
public import LDAP
public import Schema

extension Snapshot {
    /// Some entry with a value of a type; the planner takes an index if there is one, else all entries are looked at.
    public borrowing func someEntry(with type: AttributeTypeID, _ value: [UInt8]) throws(LDAPError) -> EntryID? {
        do { if try lacks(value, of: type) { return nil } } catch { throw LDAPError(storage: error) }
        var bytes = schema[type].nameBytes
        var node = Filter.Node(kind: .equality, end: 1)
        node.attribute = ByteRange(start: 0, count: bytes.count)
        node.value = ByteRange(start: bytes.count, count: value.count)
        bytes += value
        var search = EntrySearch(
            filter: CompiledFilter(Filter(bytes: bytes, nodes: [node]), catalogue), base: .root, scope: .wholeSubtree)
        var budget = Int.max
        var scratch = FilterScratch()
        var found: EntryID?
        do {
            _ = try search.run(self, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
                found = id
                return false
            }
        } catch { throw LDAPError(storage: error) }
        return found
    }
}
