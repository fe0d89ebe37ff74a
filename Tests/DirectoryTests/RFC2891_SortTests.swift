@testable import Directory
import BER
import EntryStore
import LDAP
import Schema
import SeededRandom
import Testing

@Suite struct RFC2891_SortTests {
    private func sort(_ keys: ServerSideSort.Key..., isCritical: Bool = true) -> Control { ServerSideSort(keys).control(isCritical: isCritical) }
    private func key(_ name: String, reversed: Bool = false) -> ServerSideSort.Key {
        ServerSideSort.Key(attribute: Array(name.utf8), isReversed: reversed)
    }

    private static let people: [(cn: String, sn: [String], title: String?)] = [
        ("a", ["m"], "z"), ("b", ["B", "z"], nil), ("c", ["y", "a"], "Y"), ("d", ["b"], nil), ("e", ["ä"], "x"),
    ]

    private func directory() async throws -> TestDirectory {
        let directory = try TestDirectory()
        try await directory.plant()
        for person in Self.people {
            try await directory.add(
                "cn=\(person.cn),ou=people,dc=com",
                [("objectClass", ["inetOrgPerson"]), ("cn", [person.cn]), ("sn", person.sn)] + (person.title.map { [("title", [$0])] } ?? []))
        }
        return directory
    }

    private func letters(_ found: TestDirectory.Found) -> String { found.names.map { String($0.dropFirst(3).prefix(1)) }.joined() }

    @Test func orderOfValuesAndMissingOnes() async throws {
        let directory = try await directory()
        func order(_ keys: ServerSideSort.Key...) throws -> String {
            let found = try directory.search("ou=people,dc=com", .singleLevel, controls: [ServerSideSort(keys).control(isCritical: true)])
            let result = try SortResult(decoding: #require(found.control(SortResult.oid)))
            #expect(found.code == .success && result.code == .success)
            return letters(found)
        }
        #expect(try order(key("sn")) == "cbdae")
        #expect(try order(key("sn", reversed: true)) == "eabdc")
        #expect(try order(key("title")) == "ecabd")
        #expect(try order(key("title", reversed: true)) == "bdace")
        #expect(try order(key("title"), key("sn", reversed: true)) == "ecabd")
        #expect(try order(key("sn"), key("cn", reversed: true)) == "cdbae")
    }

    @Test func whatCannotBeSorted() async throws {
        let directory = try await directory()
        let critical = try directory.search("ou=people,dc=com", .singleLevel, controls: [sort(key("noSuchType"))])
        #expect(critical.code == .unavailableCriticalExtension && critical.names.isEmpty)
        let lenient = try directory.search("ou=people,dc=com", .singleLevel, controls: [sort(key("noSuchType"), isCritical: false)])
        #expect(lenient.code == .success && lenient.names.count == 5)
        #expect(try SortResult(decoding: #require(lenient.control(SortResult.oid))) == SortResult(.noSuchAttribute, attribute: Array("noSuchType".utf8)))
    }

    /// More than may be sorted is told (RFC 2891 section 2), and nothing is kept of it.
    @Test func memoryIsBounded() async throws {
        let memory = SortMemory()
        #expect(memory.reserve(10, 20) && memory.reserve(10, 20) && !memory.reserve(1, 20))
        memory.release(10)
        #expect(memory.reserve(5, 20))
    }

    @Test func pagesAndViews() async throws {
        let directory = try await directory()
        var cookie: [UInt8] = []
        var pages: [String] = []
        repeat {
            let found = try directory.search(
                "ou=people,dc=com", .singleLevel, controls: [sort(key("sn")), PagedResults(size: 2, cookie: cookie).control(isCritical: true)])
            pages.append(letters(found))
            cookie = try PagedResults(decoding: #require(found.control(PagedResults.oid))).cookie
        } while !cookie.isEmpty
        #expect(pages == ["cb", "da", "e"])
        func view(_ before: Int, _ after: Int, _ target: VirtualListView.Target) throws -> (String, VirtualListViewResult) {
            let found = try directory.search(
                "ou=people,dc=com", .singleLevel, controls: [sort(key("sn")), VirtualListView(before: before, after: after, target: target).control()])
            return (letters(found), try VirtualListViewResult(decoding: #require(found.control(VirtualListViewResult.oid))))
        }
        #expect(try view(1, 1, .offset(3, contentCount: 5)) == ("bda", VirtualListViewResult(position: 3, contentCount: 5)))
        #expect(try view(1, 1, .value(Array("C".utf8))) == ("dae", VirtualListViewResult(position: 4, contentCount: 5)))
        #expect(try view(0, .max >> 33, .offset(1, contentCount: 0)).0 == "cbdae")
    }

    /// The walk through an index gives what sorting gives, whatever is asked for, from wherever it goes on.
    @Test(arguments: 1...4) func anIndexGivesTheOrderThatSortingGives(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let directory = try TestDirectory()
        try await directory.plant()
        for number in 0..<120 {
            let count = Int.random(in: 0...2, using: &random)
            let mails = (0..<count).map { _ in String("abAB0".randomElement(using: &random) ?? "a") + "\(Int.random(in: 0...40, using: &random))@x" }
            let unique = Array(Set(mails.map { $0.lowercased() }))
            try await directory.addPerson("p\(number)", unique.isEmpty ? [] : [("cn", unique)])
        }
        let snapshot = try directory.directory.store.snapshot()
        let catalogue = snapshot.catalogue
        let type = try #require(catalogue.schema.attributeType(named: "cn"))
        let rule = try #require(catalogue.schema[type].equality)
        var search = EntrySearch(filter: CompiledFilter(try Filter("(objectClass=person)"), catalogue), base: .root, scope: .wholeSubtree)
        search.filter = CompiledFilter(try Filter("(sn=*)"), catalogue)
        search.begin(base: .root, scope: .wholeSubtree)
        let members = try search.candidates(snapshot)
        for reversed in [false, true] {
            let order = try SortOrder(
                ServerSideSort([ServerSideSort.Key(attribute: Array("cn".utf8), isReversed: reversed)]), catalogue, .realOnly, directory.directory.virtual)
            var keyed: [(key: [UInt8], id: EntryID)] = []
            let context = VirtualContext(catalogue: catalogue, access: directory.directory.unlimited)
            var id = EntryID.root
            while let next = members.first(from: EntryID(rawValue: id.rawValue + 1)) {
                id = next
                guard let record = try snapshot.record(id) else { continue }
                var key: [UInt8] = []
                try order.append(id, record, .unlimited, snapshot, context, to: &key)
                keyed.append((key, id))
            }
            let expected = keyed.sorted { $0.key == $1.key ? $0.id < $1.id : $0.key.lexicographicallyPrecedes($1.key) }.map(\.id)
            for batch in [1, 3, 1000] {
                var found: [EntryID] = []
                var position: OrderedWalk.Position?
                repeat {
                    var walk = try #require(OrderedWalk(type, by: rule, reversed: reversed, members: members, from: position, catalogue))
                    var steps: [OrderedWalk.Step] = []
                    try walk.next(batch, snapshot, into: &steps)
                    found += steps.map(\.id)
                    position = steps.count < batch ? .end : steps.last.map { walk.position(after: $0) }
                } while position != .end
                #expect(found == expected)
            }
        }
    }
}
