@testable import LMDB
import Testing

/// What was found in a state that is kept stays where it was found, whatever is written.
struct KeptPagesTests {
    private func withDatabase(_ body: (Environment, Database) throws -> Void) throws {
        try withEnvironment(flags: .noSync) { environment, _ in
            var transaction = try environment.beginWrite()
            let database = try environment.database("d", in: transaction, create: true)
            try transaction.commit()
            try write(0, environment, database)
            try body(environment, database)
        }
    }

    /// Gives all keys another value, so that all pages are freed, and earlier ones used again.
    private func write(_ value: UInt8, _ environment: Environment, _ database: Database) throws {
        var transaction = try environment.beginWrite()
        for key in UInt8(0)..<100 { try transaction.put([key].span.bytes, Array(repeating: value, count: 300).span.bytes, in: database) }
        try transaction.commit()
    }

    private func places(_ environment: Environment, _ database: Database) throws -> [MapPlace] {
        let transaction = try environment.beginRead()
        return try (UInt8(0)..<100).map { key in
            guard let value = try transaction.get([key].span.bytes, in: database) else { return .none }
            return transaction.place(of: value)
        }
    }

    /// The values of which every octet is there. Of places whose pages are not kept any more, too: they are read, but say something else.
    private func whole(_ places: [MapPlace], _ value: UInt8, _ environment: Environment) throws -> Int {
        let transaction = try environment.beginRead()
        return places.count { place in
            unsafe transaction.value(at: place)?.withUnsafeBytes { bytes in unsafe bytes.count == 300 && bytes.allSatisfy { $0 == value } } ?? false
        }
    }

    @Test func whatIsHeldIsNotWrittenOver() throws {
        try withDatabase { environment, database in
            let kept = KeptPages(environment)
            #expect(kept.hold().since == .max && kept.commits == [])
            #expect(kept.advance())
            let first = environment.information.lastTransaction
            func holding() throws {
                let hold = kept.hold()
                #expect(hold.since == first && hold.isNewest && kept.commits == [first])
                try write(1, environment, database)
                // Found later than what is held began.
                let found = try places(environment, database)
                for value in UInt8(2)..<40 {
                    try write(value, environment, database)
                    if value % 10 == 0 { kept.advance() }
                }
                #expect(!hold.isNewest && !kept.letGo())
                #expect(try whole(found, 1, environment) == 100)
                // Only one further state is kept while it is held.
                #expect(kept.commits.count == 2 && !kept.advance() && kept.hold().since > first)
            }
            try holding()
            #expect(kept.letGo() && kept.commits.count == 1)
            #expect(kept.advance() && kept.commits == [environment.information.lastTransaction])
        }
    }

    /// Or else the test above could not fail.
    @Test func whatIsNotHeldIsWrittenOver() throws {
        try withDatabase { environment, database in
            let kept = KeptPages(environment)
            kept.advance()
            try write(1, environment, database)
            let found = try places(environment, database)
            for value in UInt8(2)..<40 {
                try write(value, environment, database)
                if value % 10 == 0 { #expect(kept.advance()) }
            }
            #expect(try whole(found, 1, environment) < 100)
        }
    }

    @Test func nothingIsKeptAfterTheEnd() throws {
        try withDatabase { environment, database in
            let kept = KeptPages(environment)
            kept.advance()
            func holding() throws {
                let hold = kept.hold()
                try write(1, environment, database)
                let found = try places(environment, database)
                kept.end()
                #expect(kept.hold().since == .max && kept.commits == [hold.since])
                for value in UInt8(2)..<40 { try write(value, environment, database) }
                #expect(try whole(found, 1, environment) == 100)
            }
            try holding()
            #expect(kept.letGo() && kept.commits == [])
            // It may begin anew.
            #expect(kept.advance() && kept.hold().since == environment.information.lastTransaction)
            kept.end()
            #expect(kept.commits == [] && kept.hold().since == .max)
        }
    }
}
