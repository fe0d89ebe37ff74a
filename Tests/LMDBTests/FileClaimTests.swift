import Dispatch
import LMDB
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A second environment of a file would, once closed, take the first one's locks and reader slots with it.
struct FileClaimTests {
    @Test func aFileIsOpenOnceInAProcess() throws {
        try withEnvironment { environment, path in
            for other in [path, "/tmp/../\(path)"] {
                let error = #expect(throws: LMDBError.self) { try Environment(path: other, mapSize: 1 << 26, flags: .readOnly) }
                #expect(error?.code == EBUSY)
            }
            #expect(!environment.isBroken)
        }
    }

    @Test func oneThatIsBeingClosedIsWaitedFor() throws {
        try withEnvironment { _, path in
            let copy = path + "-copy"
            defer {
                unlink(copy)
                unlink(copy + "-lock")
            }
            let isOpen = DispatchSemaphore(value: 0)
            DispatchQueue.global().async {
                let first = try? Environment(path: copy, mapSize: 1 << 26)
                withExtendedLifetime(first) {
                    isOpen.signal()
                    usleep(100_000)
                }
            }
            isOpen.wait()
            #expect(throws: Never.self) { try Environment(path: copy, mapSize: 1 << 26) }
        }
    }

    @Test func whatWasClosedCanBeOpened() throws {
        try withEnvironment { environment, path in
            try environment.copy(to: path + "-copy", compact: false)
            defer {
                unlink(path + "-copy")
                unlink(path + "-copy-lock")
            }
            for _ in 0..<2 { _ = try Environment(path: path + "-copy", mapSize: 1 << 26).information }
            // Without LMDB's lock file there is nothing to lose.
            let first = try Environment(path: path + "-copy", mapSize: 1 << 26, flags: [.readOnly, .noLock])
            let second = try Environment(path: path + "-copy", mapSize: 1 << 26, flags: [.readOnly, .noLock])
            #expect(first.information.lastTransaction == second.information.lastTransaction)
        }
    }
}
