import BER
import Directory
import LDAPServer
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct OperationLogTests {
    /// The lines that a body makes, without the time before them.
    private func lines(_ body: (OperationLog) async throws -> Void) async throws -> [String] {
        let path = "/tmp/muster-log-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(path) }
        let log = try OperationLog(to: .file(path))
        try await body(log)
        log.finish()
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var text: [UInt8] = []
        while case let byte = fgetc(file), byte >= 0 { text.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map { line in
            String(line[(line.firstIndex(of: " ").map { line.index(after: $0) } ?? line.startIndex)...])
        }
    }

    @Test func linesHaveTheFormThatSlapdAdministratorsSearch() async throws {
        let lines = try await lines { log in
            let dn = Array("uid=a,dc=example".utf8)
            log.accepted(connection: 1000, descriptor: 12, peer: "IP=127.0.0.1:41234", listener: "IP=127.0.0.1:389")
            log.bind(connection: 1000, operation: 0, dn: dn.rawSpan, method: 128)
            log.bound(connection: 1000, operation: 0, dn: dn.rawSpan, mechanism: "SIMPLE")
            log.result(connection: 1000, operation: 0, tag: 97, code: 0, text: "")
            log.search(connection: 1000, operation: 1, base: dn.rawSpan, scope: 2, dereference: 0) {
                $0.escaped("(uid=x)")
            } attributes: {
                $0.escaped("cn mail")
            }
            log.searchResult(connection: 1000, operation: 1, code: 32, entries: 3, text: "no", elapsed: .microseconds(1_000_040))
            log.abandon(connection: 1000, operation: 2, messageID: 7)
            log.unbind(connection: 1000, operation: 3)
            log.closed(connection: 1000, descriptor: 12, reason: nil)
        }
        #expect(
            lines == [
                "conn=1000 fd=12 ACCEPT from IP=127.0.0.1:41234 (IP=127.0.0.1:389)",
                #"conn=1000 op=0 BIND dn="uid=a,dc=example" method=128"#,
                #"conn=1000 op=0 BIND dn="uid=a,dc=example" mech=SIMPLE bind_ssf=0 ssf=0"#,
                "conn=1000 op=0 RESULT tag=97 err=0 text=",
                #"conn=1000 op=1 SRCH base="uid=a,dc=example" scope=2 deref=0 filter="(uid=x)""#,
                "conn=1000 op=1 SRCH attr=cn mail",
                "conn=1000 op=1 SEARCH RESULT tag=101 err=32 etime=1.000040 nentries=3 text=no",
                "conn=1000 op=2 ABANDON msg=7",
                "conn=1000 op=3 UNBIND",
                "conn=1000 fd=12 closed",
            ])
    }

    @Test func aClientCannotMakeLinesOfItsOwn() async throws {
        let lines = try await lines { log in
            let dn = Array("a\"\nconn=1 op=1 RESULT\u{0}".utf8)
            log.delete(connection: 1, operation: 2, dn: dn.rawSpan)
        }
        #expect(lines == [#"conn=1 op=2 DEL dn="a\22\0aconn=1 op=1 RESULT\00""#])
    }

    @Test func linesOfManyThreadsDoNotMix() async throws {
        let lines = try await lines { log in
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for operation in 0..<500 { log.unbind(connection: UInt64(task), operation: UInt64(operation)) }
                    }
                }
            }
        }
        #expect(lines.count == 4000)
        #expect(Set(lines).count == 4000)
        #expect(lines.allSatisfy { $0.hasSuffix(" UNBIND") })
    }

    @Test func connectionsAreLogged() async throws {
        let lines = try await lines { log in
            try await TestServer.run(log: log) { server in
                let client = try TestClient(server.addresses[0])
                client.send(TestClient.unbind(1))
                #expect(try client.receive() == nil)
            }
        }
        #expect(lines.first?.hasPrefix("conn=1000 fd=") == true)
        #expect(lines.first?.contains(" ACCEPT from IP=127.0.0.1:") == true)
        #expect(lines.contains("conn=1000 op=0 UNBIND"))
        #expect(lines.last?.hasSuffix(" closed (unbind)") == true)
    }
}
