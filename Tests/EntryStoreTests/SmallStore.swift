@testable import EntryStore
import BER
import LDAP
import LMDB
import Schema
import Synchronization
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A store in a folder of its own, with indexes of `cn` and `mail`.
struct SmallStore {
    static let schema = Result {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/schema/"
        return try Schema(["system", "core", "cosine", "inetorgperson"].map { try SchemaSource(path: folder + $0 + ".schema") })
    }

    let folder: String
    let schema: Schema
    let mail: AttributeTypeID
    let cn: AttributeTypeID

    init() throws {
        folder = "/tmp/muster-store-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(folder, 0o700)
        schema = try Self.schema.get()
        mail = try #require(schema.attributeType(named: "mail"))
        cn = try #require(schema.attributeType(named: "cn"))
    }

    var indexes: [IndexDefinition] {
        [IndexDefinition(type: mail, kinds: [.equality]), IndexDefinition(type: cn, kinds: [.presence, .equality, .substring])]
    }

    var files: [String] {
        var names: [String] = []
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    func remove() {
        for name in files { unlink(folder + "/" + name) }
        rmdir(folder)
    }

    func open(_ durability: EntryStore.Durability = .none, mapSize: Int = 1 << 28, questionsInVain: Int = 100) throws -> EntryStore {
        var options = EntryStore.Options()
        options.questionsInVain = questionsInVain
        options.mapSize = mapSize
        options.durability = durability
        return try EntryStore(directory: folder, schema: schema, indexes: indexes, options: options)
    }

    /// Adds `cn=NAME` below an entry.
    func add(_ name: String, below parent: EntryID = .root, size: Int = 0, _ transaction: inout StoreTransaction) throws(EntryStoreError) -> EntryID {
        var entry = Entry()
        let cn = try transaction.attributeID(cn, options: [])
        let mail = try transaction.attributeID(mail, options: [])
        entry.append(Array(name.utf8), to: cn)
        entry.append(Array("\(name)@example.com".utf8), to: mail)
        if size > 0, let description = schema.attributeType(named: "description") {
            entry.append(Array(repeating: 0x78, count: size), to: try transaction.attributeID(description, options: []))
        }
        let rdn = Array("cn=\(name)".utf8)
        return try transaction.add(entry, parent: parent, rdn: rdn, canonicalRDN: rdn, flags: [])
    }

    /// A tree of a few dozen entries.
    func fill(_ store: EntryStore, count: Int = 40) throws {
        var transaction = try StoreTransaction(store)
        var parents = [EntryID.root]
        for number in 0..<count {
            let id = try add("p\(number)", below: parents[number % parents.count], &transaction)
            if number % 7 == 0 { parents.append(id) }
        }
        try transaction.commit()
    }

    func problems(_ store: EntryStore) throws -> [String] {
        let snapshot = try store.snapshot()
        var problems: [String] = []
        let count = try snapshot.check { problems.append($0) }
        #expect(count == problems.count)
        return problems
    }
}

extension Snapshot {
    /// Calls `body` with all entries that a filter finds.
    borrowing func forEachEntry(
        _ filter: CompiledFilter, from position: EntryID = EntryID(rawValue: 1), _ body: (EntryID) -> Void
    ) throws {
        var search = EntrySearch(filter: filter, base: .root, scope: .wholeSubtree, from: position)
        var budget = Int.max
        var scratch = FilterScratch()
        _ = try search.run(self, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
            body(id)
            return true
        }
    }
}
