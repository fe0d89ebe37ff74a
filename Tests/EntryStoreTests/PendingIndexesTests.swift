@testable import EntryStore
import BER
import LDAP
import Schema
import SeededRandom
import Testing

/// The index changes of a group wait for its end; who reads in the transaction before sees all that was changed, and afterwards the indexes
/// are what the entries say. Random changes in groups, some of which are given up, against looking at every entry.
struct PendingIndexesTests {
    private struct Tree {
        let small: SmallStore
        let cn: AttributeID
        let mail: AttributeID
        var random: SeededGenerator
        var number = 0

        private mutating func name() -> [UInt8] {
            let syllables = ["an", "be", "ca", "Ä", "do", "é", "fu", "na"]
            return Array((0..<(1 + random.below(4))).map { _ in syllables[random.below(syllables.count)] }.joined().utf8)
        }

        private mutating func address() -> [UInt8] { Array("a\(random.below(80))@example.com".utf8) }

        private func ids(_ snapshot: borrowing Snapshot) throws -> [EntryID] { try snapshot.entryIDs(from: EntryID(rawValue: 1), count: .max) }

        private func rdn(_ snapshot: borrowing Snapshot, _ id: EntryID) throws -> [UInt8] { try snapshot.record(id)?.rdn.array ?? [] }

        /// Makes one random change.
        mutating func change(_ transaction: inout StoreTransaction) throws {
            let ids = try ids(transaction.snapshot)
            let kind = ids.count < 20 ? 0 : random.below(8)
            number += 1
            if kind < 3 || ids.isEmpty {
                var entry = Entry()
                for _ in 0..<random.below(3) { entry.append(name(), to: cn) }
                if random.below(4) > 0 { entry.append(address(), to: mail) }
                let rdn = Array("cn=n\(number)".utf8)
                let parent = ids.isEmpty || random.below(3) == 0 ? .root : ids[random.below(ids.count)]
                _ = try transaction.add(entry, parent: parent, rdn: rdn, canonicalRDN: rdn, flags: [])
                return
            }
            let id = ids[random.below(ids.count)]
            let old: Entry
            let rdn = try rdn(transaction.snapshot, id)
            do {
                guard let record = try transaction.snapshot.record(id) else { return }
                old = Entry(record)
            }
            var new = old
            switch random.below(3) {
            case 0: new[cn] = (0..<random.below(3)).map { _ in name() }
            case 1: new[mail] = random.below(2) == 0 ? [] : [address()]
            default: new.append(name(), to: cn)
            }
            if kind < 6 {
                try transaction.replace(id, old, with: new, flags: [])
            } else if kind == 6, try !transaction.snapshot.hasChildren(id) {
                try transaction.remove(id, old, canonicalRDN: rdn)
            } else {
                let parent = random.below(2) == 0 ? .root : ids[random.below(ids.count)]
                guard try !transaction.snapshot.isInSubtree(parent, of: id) else { return }
                let to = Array("cn=n\(number)".utf8)
                try transaction.rename(
                    id, old, to: new, parent: parent, rdn: to, canonicalRDN: to, oldCanonicalRDN: rdn, flags: [], deletesOldRDN: true)
            }
        }

        /// Holds what the sets say against the entries.
        mutating func look(_ snapshot: borrowing Snapshot) throws {
            let all = try ids(snapshot)
            var parents: [EntryID: EntryID] = [:]
            for id in all { parents[id] = try snapshot.record(id)?.parent }
            func isBelow(_ id: EntryID, _ base: EntryID) -> Bool {
                var current = id
                while current != base, let parent = parents[current] { current = parent }
                return current == base
            }
            let base = random.below(3) == 0 || all.isEmpty ? .root : all[random.below(all.count)]
            let children = try snapshot.children(of: base)
            let directlyBelow = all.filter { parents[$0] == base }
            #expect(children == directlyBelow)
            let descendants = try snapshot.descendants(of: base)
            let below = all.filter { $0 != base && isBelow($0, base) }
            #expect(descendants == below)
            if !all.isEmpty {
                let id = all[random.below(all.count)]
                let isInSubtree = try snapshot.isInSubtree(id, of: base)
                let isThere = isBelow(id, base)
                #expect(isInSubtree == isThere)
            }

            let value = address()
            var having: Set<EntryID> = []
            for id in all {
                guard let record = try snapshot.record(id) else { continue }
                if Entry(record)[mail].contains(value) { having.insert(id) }
            }
            let found = try snapshot.firstEntry(with: small.mail, equalTo: value.rawSpan)
            let isRight = found.map { having.contains($0) } ?? having.isEmpty
            #expect(isRight)
            let other = try snapshot.firstEntry(with: small.mail, equalTo: value.rawSpan, otherThan: found)
            let isOther = other.map { $0 != found && having.contains($0) } ?? (having.count < 2)
            #expect(isOther)
            let lacks = try snapshot.lacks(value, of: small.mail)
            #expect(lacks == having.isEmpty)

            let piece = String(decoding: name().prefix(2 + random.below(2)), as: UTF8.self)
            let address = String(decoding: value, as: UTF8.self)
            let texts = [
                "(cn=*\(piece)*)", "(cn=\(piece)*)", "(mail=\(address))", "(!(cn=*\(piece)*))", "(cn=*)", "(!(cn=*))", "(&(cn=*)(!(mail=\(address))))",
                "(|(mail=\(address))(cn=\(piece)))", "(objectClass=*)",
            ]
            guard let filter = try? Filter(texts[random.below(texts.count)]) else { return }
            let compiled = CompiledFilter(filter, snapshot.catalogue)
            let scope = [SearchScope.wholeSubtree, .singleLevel, .subordinateSubtree, .baseObject][random.below(4)]
            var scratch = FilterScratch()
            var expected: [EntryID] = []
            for id in all {
                let isInScope = switch scope {
                case .baseObject: id == base
                case .singleLevel: parents[id] == base
                case .wholeSubtree: isBelow(id, base)
                case .subordinateSubtree: id != base && isBelow(id, base)
                }
                guard isInScope, let record = try snapshot.record(id) else { continue }
                if compiled.evaluate(id, record, snapshot, scratch: &scratch) == .yes { expected.append(id) }
            }
            var search = EntrySearch(filter: compiled, base: base, scope: scope)
            var members: [EntryID] = []
            var budget = Int.max
            _ = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ in
                members.append(id)
                return true
            }
            #expect(members == expected)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func readersInATransactionSeeAllAndTheIndexesAreRightAfterwards(_ seed: UInt64) throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        var transaction = try StoreTransaction(store)
        var tree = Tree(
            small: small, cn: try transaction.attributeID(small.cn, options: []), mail: try transaction.attributeID(small.mail, options: []),
            random: SeededGenerator(seed: seed))
        try transaction.commit()
        for _ in 0..<30 {
            var transaction = try StoreTransaction(store)
            // Groups in which nobody looks, and such in which everybody does.
            let looks = tree.random.below(3)
            for _ in 0..<(1 + tree.random.below(60)) {
                try tree.change(&transaction)
                if tree.random.below(2) < looks { try tree.look(transaction.snapshot) }
            }
            if tree.random.below(5) == 0 { transaction.abort() } else { try transaction.commit() }
            try tree.look(store.snapshot())
            #expect(try small.problems(store) == [])
        }
        #expect(try store.snapshot().entryCount() > 100)
    }

    /// Without an index of its own, or with subtypes that have theirs, a type cannot be said to lack a value.
    @Test func onlyAnIndexSaysThatAValueIsLacking() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        let sn = try #require(small.schema.attributeType(named: "sn"))
        let name = try #require(small.schema.attributeType(named: "name"))
        var transaction = try StoreTransaction(store)
        _ = try small.add("there", &transaction)
        try transaction.commit()
        let snapshot = try store.snapshot()
        let answers = try [small.cn, sn, name].map { type in try ["There", "gone"].map { try snapshot.lacks(Array($0.utf8), of: type) } }
        #expect(answers == [[false, true], [false, false], [false, false]])
    }

    @Test func manyEntriesThatWaitAreWrittenInTheMidst() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        var transaction = try StoreTransaction(store)
        let top = try small.add("top", &transaction)
        for number in 0..<3000 {
            _ = try small.add("m\(number)", below: top, &transaction)
            let waiting = transaction.snapshot.pending.entries.count
            #expect(waiting <= 1100)
        }
        let children = try transaction.snapshot.children(of: top)
        #expect(children.count == 3000)
        try transaction.commit()
        #expect(try small.problems(store) == [])
    }
}
