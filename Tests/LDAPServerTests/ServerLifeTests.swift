import LDAP
import LDAPServer
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.serialized)
struct ServerLifeTests {
    @Test func aFreePortIsReported() async throws {
        try await TestServer.run([.tcp(host: "127.0.0.1", port: 0), .tcp(host: "127.0.0.1", port: 0)]) { server in
            #expect(server.addresses.count == 2)
            #expect(Set(server.addresses).count == 2)
            for address in server.addresses {
                guard case .tcp("127.0.0.1", let port) = address else {
                    Issue.record("\(address)")
                    continue
                }
                #expect(port > 0)
                _ = try TestClient(address)
            }
        }
    }

    /// Semantics, rule 4.1.2: which one it is does not depend on the port.
    @Test func whereNobodyButAdministratorsMayLogIn() async throws {
        let free = ListenAddress.tcp(host: "127.0.0.1", port: 0)
        try await TestServer.run([free], administration: [free]) { server in
            try #require(server.addresses.count == 2)
            let client = try TestClient(server.addresses[0])
            try client.bindAsRoot()
            client.send(
                TestClient.add(
                    2, "cn=someone", [
                        PartialAttribute("objectClass", ["person"]), PartialAttribute("cn", ["someone"]), PartialAttribute("sn", ["someone"]),
                        PartialAttribute("userPassword", ["secret"]),
                    ]))
            #expect(try client.finish(2).answer.code == 0)
            for (address, code) in zip(server.addresses, [0, 50]) {
                let client = try TestClient(address)
                client.send(TestClient.bind(1, name: "cn=someone", password: "secret"))
                #expect(try client.finish(1).answer.code == code)
                client.send(TestClient.bind(2, name: "cn=someone", password: "wrong"))
                #expect(try client.finish(2).answer.code == 49)
                client.send(TestClient.bind(3))
                #expect(try client.finish(3).answer.code == 0)
            }
        }
    }

    /// Also where what has come waits for what has come to other connections.
    @Test(arguments: [0, 5]) func whatAClientAsksForRightBeforeItGoesIsDone(others: Int) async throws {
        try await TestServer.run { server in
            let others = try (0..<others + 1).map { _ in try TestClient(server.addresses[0]) }
            for number in 1...20 {
                do {
                    let client = try TestClient(server.addresses[0])
                    try client.bindAsRoot()
                    client.send(
                        TestClient.add(2, "cn=device\(number)", [PartialAttribute("objectClass", ["device"]), PartialAttribute("cn", ["device\(number)"])]))
                }
                let deadline = ContinuousClock.now + .seconds(5)
                try others[0].bindAsRoot()
                repeat { others[0].send(TestClient.search(number, base: "cn=device\(number)")) } while try others[0].finish(number).entries == 0
                    && ContinuousClock.now < deadline
                #expect(ContinuousClock.now < deadline)
            }
        }
    }

    @Test func aPortInUseIsRefusedWithAReason() async throws {
        try await TestServer.run { server in
            let error = await #expect(throws: ListenError.self) { try await TestServer.run([server.addresses[0]]) { _ in } }
            #expect(error?.description.contains("\(server.addresses[0])") == true)
        }
    }

    @Test func aStaleLocalSocketIsReplacedAndALiveOneIsNot() async throws {
        let path = "/tmp/muster-test-\(getpid()).socket"
        defer { unlink(path) }
        try await TestServer.run([.unix(path: path)]) { server in
            #expect(server.addresses == [.unix(path: path)])
            _ = try TestClient(.unix(path: path))
            await #expect(throws: ListenError.self) { try await TestServer.run([.unix(path: path)]) { _ in } }
            _ = try TestClient(.unix(path: path))
        }
        #expect(access(path, F_OK) != 0)
        // One that a killed process has left.
        let left = socket(AF_UNIX, 1, 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { target in
            for (index, byte) in path.utf8.enumerated() { target[index] = byte }
        }
        withUnsafePointer(to: &name) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        close(left)
        #expect(access(path, F_OK) == 0)
        try await TestServer.run([.unix(path: path)]) { _ in _ = try TestClient(.unix(path: path)) }
    }

    /// Each is told, and closed at once: the stop would wait an hour for operations.
    @Test(.timeLimit(.minutes(2))) func idleConnectionsDoNotHoldUpTheStop() async throws {
        var clients: [TestClient] = []
        try await TestServer.run(limits: TestServer.quick { $0.stopTimeout = .seconds(3600) }) { server in
            for _ in 0..<50 { clients.append(try TestClient(server.addresses[0])) }
            while server.counters.values.connectionsOpen < 50 { try await Task.sleep(for: .milliseconds(10)) }
        }
        for client in clients {
            #expect(
                try client.answer() == .init(messageID: 0, operation: OperationTag.extendedResponse, code: ResultCode.unavailable.rawValue))
            #expect(try client.receive() == nil)
        }
    }

    @Test func theStopLetsOperationsEndAndSaysGoodbye() async throws {
        let client: TestClient
        do {
            var kept: TestClient?
            try await TestServer.run(limits: TestServer.quick()) { server in
                let client = try TestClient(server.addresses[0])
                kept = client
                try client.bindAsRoot()
                try client.addEntries(0, size: 0)
                client.send(
                    TestClient.add(
                        500, "cn=last,dc=test", [.init("objectClass", ["top", "device"]), .init("cn", ["last"])]))
                // Wait until the request has been read.
                while server.counters.values.requests < 3 { try await Task.sleep(for: .milliseconds(1)) }
            }
            client = try #require(kept)
        }
        #expect(try client.answer() == .init(messageID: 500, operation: OperationTag.addResponse, code: 0))
        #expect(
            try client.answer()
                == .init(messageID: 0, operation: OperationTag.extendedResponse, code: ResultCode.unavailable.rawValue))
        #expect(try client.receive() == nil)
    }
}
