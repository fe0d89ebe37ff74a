import LMDB
import Dispatch
import Synchronization
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the store relies on: snapshots, all or nothing, order, and errors that say what failed.
struct TransactionTests {
    private func read(_ key: String, _ transaction: borrowing Transaction, _ database: Database) throws -> String? {
        let key = Array(key.utf8)
        guard let value = try transaction.get(key.span.bytes, in: database) else { return nil }
        return value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private func put(_ key: String, _ value: String, _ transaction: inout Transaction, _ database: Database) throws {
        let (key, value) = (Array(key.utf8), Array(value.utf8))
        try transaction.put(key.span.bytes, value.span.bytes, in: database)
    }

    @Test func aValueHasAPlaceAndAnyPlaceMayBeFetched() throws {
        try withEnvironment { environment, _ in
            var write = try environment.beginWrite()
            let database = try environment.database("one", in: write, create: true)
            for number in 0..<200 { try put("key\(number)", String(repeating: "v", count: 500), &write, database) }
            try write.commit()
            let transaction = try environment.beginRead()
            func place(_ number: Int) throws -> MapPlace {
                let key = Array("key\(number)".utf8)
                guard let value = try transaction.get(key.span.bytes, in: database) else { return .none }
                return transaction.place(of: value)
            }
            let places = try (0..<200).map { try place($0) }
            // Each its own, and the same each time.
            #expect(Set(places).count == 200 && !places.contains(.none))
            #expect(try (0..<200).map { try place($0) } == places)
            // There it is read again.
            for (number, place) in places.enumerated() {
                let key = Array("key\(number)".utf8)
                let value = try #require(unsafe transaction.value(at: place)?.withUnsafeBytes { Array($0) })
                #expect(try transaction.get(key.span.bytes, in: database)?.withUnsafeBytes { Array($0) } == value && value.count == 500)
            }
            // What has no room has no place, and a wrong place is fetched as little as none.
            #expect(transaction.place(of: RawSpan()) == .none)
            let long = [UInt8](repeating: 0, count: 1 << 17)
            #expect(transaction.place(of: long.span.bytes) == .none)
            #expect(unsafe transaction.value(at: .none) == nil)
            for place in places + [.none, MapPlace(rawValue: .max), MapPlace(rawValue: 1 << 40)] { transaction.fetchAhead(place) }
            #expect(try read("key7", transaction, database)?.count == 500)
        }
    }

    /// However many commits are made while it is being taken.
    @Test func aSnapshotIsOfTheCommitItIsSaidToBe() throws {
        try withEnvironment(flags: .noSync, inMemory: true) { environment, _ in try takeSnapshots(environment) }
    }

    private func takeSnapshots(_ environment: Environment) throws {
        let key = Array("number".utf8)
        @Sendable func write() throws {
            var transaction = try environment.beginWrite()
            let number = Array(String(transaction.id).utf8)
            let database = try environment.database("one", in: transaction, create: true)
            try transaction.put(key.span.bytes, number.span.bytes, in: database)
            try transaction.commit()
        }
        try write()
        let database: Database
        do {
            let transaction = try environment.beginRead()
            database = try environment.database("one", in: transaction, create: false)
            try transaction.commit()
        }
        let isOver = Atomic<Bool>(false)
        let wrong = Atomic<Int>(0)
        let taken = Atomic<Int>(0)
        // More threads than processors, so that they are interrupted in the middle of everything; a queue each has a thread each.
        let group = DispatchGroup()
        for number in 0..<4 {
            DispatchQueue(label: "reader \(number)").async(group: group) {
                do {
                    var snapshot = try environment.beginRead()
                    while !isOver.load(ordering: .relaxed) {
                        if try read("number", snapshot, database) != String(snapshot.id) { wrong.add(1, ordering: .relaxed) }
                        taken.add(1, ordering: .relaxed)
                        snapshot.reset()
                        try snapshot.renew()
                    }
                } catch { Issue.record(error) }
            }
        }
        defer { group.wait() }
        defer { isOver.store(true, ordering: .relaxed) }
        for _ in 0..<15_000 { try write() }
        for _ in 0..<1000 where taken.load(ordering: .relaxed) < 1000 { usleep(10_000) }
        #expect(wrong.load(ordering: .relaxed) == 0 && taken.load(ordering: .relaxed) >= 1000)
    }

    @Test func aSnapshotSeesNoLaterCommit() throws {
        try withEnvironment { environment, _ in
            var write = try environment.beginWrite()
            let database = try environment.database("one", in: write, create: true)
            try put("a", "1", &write, database)
            try write.commit()
            var snapshot = try environment.beginRead()
            var next = try environment.beginWrite()
            try put("a", "2", &next, database)
            try next.commit()
            #expect(try read("a", snapshot, database) == "1")
            snapshot.reset()
            try snapshot.renew()
            #expect(try read("a", snapshot, database) == "2")
        }
    }

    @Test func whatIsNotCommittedIsNotThere() throws {
        try withEnvironment { environment, _ in
            var write = try environment.beginWrite()
            let database = try environment.database("one", in: write, create: true)
            try put("a", "1", &write, database)
            try write.commit()
            func abandon() throws {
                var lost = try environment.beginWrite()
                try put("a", "2", &lost, database)
                try put("b", "3", &lost, database)
            }
            try abandon()
            let snapshot = try environment.beginRead()
            #expect(try read("a", snapshot, database) == "1")
            #expect(try read("b", snapshot, database) == nil)
        }
    }

    @Test func keysComeInOrder() throws {
        try withEnvironment { environment, _ in
            var write = try environment.beginWrite()
            let database = try environment.database("one", in: write, create: true)
            for key in ["c", "a", "b", "aa"] { try put(key, key, &write, database) }
            #expect(try write.count(of: database) == 4)
            try write.commit()
            let snapshot = try environment.beginRead()
            var keys: [String] = []
            var pair = try snapshot.first(in: database)
            while let current = pair {
                keys.append(current.key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
                pair = try snapshot.next(in: database)
            }
            #expect(keys == ["a", "aa", "b", "c"])
            let wanted = Array("ab".utf8)
            #expect(try snapshot.seek(wanted.span.bytes, in: database)?.key.byteCount == 1)
        }
    }

    @Test func integerKeysSortAsNumbers() throws {
        try withEnvironment { environment, _ in
            var write = try environment.beginWrite()
            let database = try environment.database("numbers", in: write, create: true, integerKeys: true)
            for number: UInt64 in [256, 1, 70_000, 2] {
                let key = withUnsafeBytes(of: number) { Array($0) }
                try write.put(key.span.bytes, key.span.bytes, in: database)
            }
            try write.commit()
            let snapshot = try environment.beginRead()
            var numbers: [UInt64] = []
            var pair = try snapshot.first(in: database)
            while let current = pair {
                numbers.append(current.key.unsafeLoadUnaligned(as: UInt64.self))
                pair = try snapshot.next(in: database)
            }
            #expect(numbers == [1, 2, 256, 70_000])
        }
    }

    @Test func aFullMapIsToldApart() throws {
        try withEnvironment { environment, _ in
            var write = try environment.beginWrite()
            let database = try environment.database("one", in: write, create: true)
            let value = [UInt8](repeating: 1, count: 1 << 20)
            do throws(LMDBError) {
                for number in 0..<200 {
                    let key = Array("\(number)".utf8)
                    try write.put(key.span.bytes, value.span.bytes, in: database)
                }
                Issue.record("the map should be full")
            } catch {
                #expect(error.isMapFull)
                #expect(error.description.contains("mdb_put"))
            }
        }
    }

    @Test func aFileThatIsNoDatabaseIsRefused() throws {
        let path = "/tmp/muster-lmdb-\(getpid())-none"
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
        let text = [UInt8](repeating: 0x61, count: 8192)
        #expect(write(descriptor, text, text.count) == text.count)
        close(descriptor)
        defer {
            unlink(path)
            unlink(path + "-lock")
        }
        #expect(throws: LMDBError.self) { try Environment(path: path, mapSize: 1 << 26) }
    }

    @Test func aCopyIsWhole() throws {
        try withEnvironment { environment, path in
            var write = try environment.beginWrite()
            let database = try environment.database("one", in: write, create: true)
            try put("a", "1", &write, database)
            try write.commit()
            let copyPath = path + ".copy"
            defer {
                unlink(copyPath)
                unlink(copyPath + "-lock")
            }
            try environment.copy(to: copyPath, compact: true)
            let copy = try Environment(path: copyPath, mapSize: 1 << 26, flags: [.readOnly])
            let snapshot = try copy.beginRead()
            let same = try copy.database("one", in: snapshot, create: false)
            #expect(try read("a", snapshot, same) == "1")
        }
    }
}
