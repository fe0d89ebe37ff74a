@testable import EntryStore
import BER
import LDAP
import Schema
import SeededRandom
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A bulk load leaves the directory that single changes would leave, however often it writes in between.
struct BulkLoadTests {
    static let schema = Result {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/schema/"
        return try Schema(["system", "core", "cosine", "inetorgperson"].map { try SchemaSource(path: folder + $0 + ".schema") })
    }

    /// - Parameters:
    ///   - memoryLimit: 0 writes after nearly every entry; of many entries some are put aside and merged in the end with the least that allows it.
    @Test(arguments: [(0, 300), (1 << 20, 6000), (768 << 20, 300)])
    func loadsAsSingleChangesDo(_ memoryLimit: Int, count: Int) throws {
        let schema = try Self.schema.get()
        let folder = "/tmp/muster-load-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(folder, 0o700)
        defer {
            for name in ["data.mdb", "data.mdb-lock"] { unlink(folder + "/" + name) }
            rmdir(folder)
        }
        var options = EntryStore.Options()
        options.mapSize = 1 << 30
        options.durability = .none
        let mail = try #require(schema.attributeType(named: "mail"))
        let cn = try #require(schema.attributeType(named: "cn"))
        let store = try EntryStore(
            directory: folder, schema: schema,
            indexes: [
                IndexDefinition(type: mail, kinds: [.equality, .presence]),
                IndexDefinition(type: cn, kinds: [.equality, .presence, .substring]),
            ], options: options)
        var random = SeededGenerator(seed: 7)
        var expected: [String: EntryID] = [:]
        // Twice: into an empty directory, and into one that has entries.
        for round in 0..<2 {
            var load = try BulkLoad(store, memoryLimit: memoryLimit)
            let cnID = try load.attributeID(cn, options: [])
            let cnGerman = try load.attributeID(cn, options: [Array("lang-de".utf8)])
            let mailID = try load.attributeID(mail, options: [])
            var parents = [EntryID.root]
            for index in 0..<count {
                let name = "\(round)-\(index)"
                var entry = Entry()
                entry.append(Array(name.utf8), to: cnID)
                entry.append(Array((0..<random.below(40)).map { _ in UInt8(97 + random.below(26)) }) + [0x61], to: cnGerman)
                let address = Array("\(name)@example.com".utf8)
                entry.append(address, to: mailID)
                #expect(try !load.isTaken(mail, address))
                load.take(mail, address)
                #expect(try load.isTaken(mail, address))
                if let (other, _) = expected.randomElement(using: &random) { #expect(try load.isTaken(mail, Array("\(other)@example.com".utf8))) }
                let rdn = Array("cn=\(name)".utf8)
                let parent = parents[random.below(parents.count)]
                let id = try #require(try load.add(entry, parent: parent, rdn: rdn, canonicalRDN: rdn, flags: []))
                if random.below(10) == 0 { parents.append(id) }
                expected[name] = id
            }
            try load.finish()
        }
        let snapshot = try store.snapshot()
        var problems: [String] = []
        #expect(try snapshot.check { problems.append($0) } == 0)
        #expect(problems == [])
        #expect(try snapshot.entryCount() == count * 2)
        for (name, id) in expected {
            #expect(try snapshot.firstEntry(with: mail, equalTo: Array("\(name)@example.com".utf8).rawSpan) == id)
        }
    }

    /// A load that is given up leaves nothing waiting.
    @Test func canBeGivenUp() throws {
        let schema = try Self.schema.get()
        let indexer = try BulkIndexer(schema: schema)
        _ = consume indexer
    }

    @Test func aQueueHandsOverInOrderAndEndsWhenClosed() async {
        let queue = BoundedQueue<Int>(limit: 3)
        async let sum = Task.detached {
            var expected = 0
            while let number = queue.take() {
                #expect(number == expected)
                expected += 1
                if expected == 1000 { queue.close() }
            }
            return expected
        }.value
        await Task.detached { for number in 0..<1000 { #expect(queue.put(number)) } }.value
        #expect(await sum == 1000)
        #expect(!queue.put(0))
        #expect(queue.take() == nil)
    }
}
