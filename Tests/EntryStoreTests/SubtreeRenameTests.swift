@testable import EntryStore
import BER
import Testing

/// Hostile input, group 10: a subtree of 100,000 entries gets another name, another place, and goes back. No entry below the top is
/// written; names, scopes and indexes are those that they would be had the tree been made so.
struct SubtreeRenameTests {
    @Test func aSubtreeOfAHundredThousand() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(mapSize: 1 << 30)
        var filling = try StoreTransaction(store)
        let top = try small.add("top", &filling)
        let other = try small.add("other", &filling)
        var parents = [top]
        var deepest = top
        for number in 0..<100_000 {
            deepest = try small.add("e\(number)", below: parents[number % parents.count], &filling)
            if number % 1000 == 0, parents.count < 60 { parents.append(deepest) }
        }
        try filling.commit()
        let usedBefore = store.information.usedSize

        func move(to parent: EntryID, _ rdn: String, from oldRDN: String) throws {
            var transaction = try StoreTransaction(store)
            let entry: Entry
            do {
                guard let record = try transaction.snapshot.record(top) else {
                    Issue.record("no record")
                    return
                }
                entry = Entry(record)
            }
            try transaction.rename(
                top, entry, to: entry, parent: parent, rdn: Array(rdn.utf8), canonicalRDN: Array(rdn.utf8), oldCanonicalRDN: Array(oldRDN.utf8),
                flags: [], deletesOldRDN: false)
            #expect(try transaction.commit() == .made)
        }
        func expectTree(below parent: EntryID, _ suffix: String) throws {
            let snapshot = try store.snapshot()
            #expect(String(decoding: try snapshot.name(of: deepest), as: UTF8.self).hasSuffix(suffix))
            #expect(try snapshot.descendants(of: top).count == 100_000)
            #expect(try snapshot.isInSubtree(deepest, of: top))
            #expect(try snapshot.isInSubtree(deepest, of: other) == (parent == other))
            #expect(try snapshot.descendants(of: other).count == (parent == other ? 100_001 : 0))
            #expect(try snapshot.children(of: .root).count == (parent == other ? 1 : 2))
        }
        try move(to: .root, "cn=renamed", from: "cn=top")
        try expectTree(below: .root, "cn=renamed")
        try move(to: other, "cn=renamed", from: "cn=renamed")
        try expectTree(below: other, "cn=renamed,cn=other")
        #expect(try small.problems(store) == [])
        try move(to: .root, "cn=top", from: "cn=renamed")
        try expectTree(below: .root, "cn=top")
        #expect(try small.problems(store) == [])
        #expect(store.information.usedSize < usedBefore * 2, "the entries were not written again")
    }
}
