import LDAP
import LDAPServer
import Testing

/// What clients may cost: hostile clients are bounded and do not disturb others.
@Suite(.serialized)
struct ServerLimitsTests {
    private func eventually(_ condition: () throws -> Bool) async throws -> Bool {
        for _ in 0..<200 {
            if try condition() { return true }
            try await Task.sleep(for: .milliseconds(25))
        }
        return false
    }

    @Test func connectionsInAll() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumConnections = 3 }) { server in
            var clients = try (0..<3).map { _ in try TestClient(server.addresses[0]) }
            for client in clients {
                client.send(TestClient.search(1))
                #expect(try client.finish(1).answer.code == 0)
            }
            #expect(try TestClient(server.addresses[0]).receive() == nil)
            #expect(server.counters.values.connectionsRefused == 1)
            clients.removeLast()
            #expect(try await eventually { server.counters.values.connectionsOpen == 2 })
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1))
            #expect(try client.finish(1).answer.code == 0)
        }
    }

    @Test func connectionsPerAddress() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumConnectionsPerAddress = 1 }) { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1))
            #expect(try client.finish(1).answer.code == 0)
            #expect(try TestClient(server.addresses[0]).receive() == nil)
        }
    }

    @Test func newConnectionsOfAnAddress() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumConnectionRate = 3 }) { server in
            for _ in 1...3 {
                // Ended ones count too.
                let client = try TestClient(server.addresses[0])
                client.send(TestClient.search(1))
                #expect(try client.finish(1).answer.code == 0)
            }
            #expect(try TestClient(server.addresses[0]).receive() == nil)
            #expect(server.counters.values.connectionsTooFrequent == 1)
            #expect(server.counters.values.connectionsRefused == 1)
        }
    }

    @Test func anIdleConnectionIsClosedIfSoConfigured() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.idleTimeout = .milliseconds(200) }) { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1))
            #expect(try client.finish(1).answer.code == 0)
            #expect(try client.receive() == nil)
        }
    }

    @Test func aRequestThatDoesNotEndIsCutOff() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.slowSenderTimeout = .milliseconds(200) }) { server in
            let idle = try TestClient(server.addresses[0])
            let client = try TestClient(server.addresses[0])
            client.send(Array(TestClient.search(1).dropLast()))
            #expect(try client.receive() == nil)
            #expect(server.counters.values.timeouts == 1)
            #expect(try await eventually { server.counters.values.bufferedRequestBytes == 0 })
            idle.send(TestClient.search(1))
            #expect(try idle.finish(1).answer.code == 0)
        }
    }

    @Test func halfReceivedRequestsAreBoundedInAll() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumBufferedRequests = 300_000 }) { server in
            let clients = try (0..<8).map { _ in try TestClient(server.addresses[0]) }
            for client in clients { client.send(Array(TestClient.search(1, padding: 200_000).prefix(100_000))) }
            #expect(try await eventually { server.counters.values.connectionsOpen < 8 })
            #expect(server.counters.values.bufferedRequestBytes <= 300_000 + 262_144)
        }
    }

    @Test func aClientThatReadsNothingIsBoundedAndCutOff() async throws {
        let limits = TestServer.quick {
            $0.slowReaderTimeout = .milliseconds(500)
            $0.writeBuffer = 64 << 10
            $0.searchChunk = 32 << 10
        }
        try await TestServer.run(limits: limits) { server in
            let writer = try TestClient(server.addresses[0])
            try writer.bindAsRoot()
            try writer.addEntries(400, size: 10_000)
            let before = server.counters.values.bytesSent

            let client = try TestClient(server.addresses[0], receiveBuffer: 4096)
            try client.bindAsRoot()
            for id in 2..<40 { client.send(TestClient.search(id, base: "dc=test", scope: 2)) }
            #expect(try await eventually { server.counters.values.timeouts == 1 })
            // 38 searches of 4 MB each were asked for; what was made is what sockets and buffers take.
            #expect(server.counters.values.bytesSent - before < 12_000_000)
            #expect(try await eventually { server.counters.values.searchesInFlight == 0 })

            writer.send(TestClient.search(1000))
            #expect(try writer.finish(1000).answer.code == 0)
        }
    }

    @Test func aSlowClientGetsEverything() async throws {
        let limits = TestServer.quick {
            $0.writeBuffer = 16 << 10
            $0.searchChunk = 16 << 10
        }
        try await TestServer.run(limits: limits) { server in
            let client = try TestClient(server.addresses[0], receiveBuffer: 4096)
            try client.bindAsRoot()
            try client.addEntries(200, size: 10_000)
            for id in 1000..<1003 { client.send(TestClient.search(id, base: "dc=test", scope: 2)) }
            try await Task.sleep(for: .milliseconds(300))
            var entries = 0
            var done = 0
            while done < 3, let answer = try client.answer() {
                if answer.operation == OperationTag.searchResultDone { done += 1 } else { entries += 1 }
            }
            #expect(entries == 3 * 201)
        }
    }

    /// What the system does not take at once waits in the channel, and what follows waits behind it.
    @Test func answersToASlowClientKeepTheirOrder() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.writeBuffer = 16 << 10 }) { server in
            let client = try TestClient(server.addresses[0], receiveBuffer: 4096)
            try client.bindAsRoot()
            try client.addEntries(1, size: 10_000)
            let count = 1000
            client.send((0..<count).flatMap { TestClient.search(1000 + $0, base: "cn=entry0,dc=test") })
            for id in 0..<count {
                // Now and then everything that was made is sent before the client goes on.
                if id % 250 == 0 { try await Task.sleep(for: .milliseconds(200)) }
                #expect(try client.answer() == .init(messageID: 1000 + id, operation: OperationTag.searchResultEntry, code: -1))
                #expect(try client.answer() == .init(messageID: 1000 + id, operation: OperationTag.searchResultDone, code: 0))
            }
        }
    }

    @Test func operationsInFlightHoldBackTheRest() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumOperationsPerConnection = 2 }) { server in
            let client = try TestClient(server.addresses[0])
            try client.bindAsRoot()
            try client.addEntries(500, size: 10)
            client.send(TestClient.search(1000, base: "dc=test", scope: 2))
            #expect(try client.finish(1000).entries == 501)
        }
    }

    /// RFC 4511 section 4.11: no answer to an abandoned search, none to the abandon.
    @Test func anAbandonedSearchStops() async throws {
        let limits = TestServer.quick {
            $0.writeBuffer = 16 << 10
            $0.searchChunk = 16 << 10
        }
        try await TestServer.run(limits: limits) { server in
            let client = try TestClient(server.addresses[0])
            try client.bindAsRoot()
            try client.addEntries(1000, size: 10_000)
            client.send(TestClient.search(2000, base: "dc=test", scope: 2) + TestClient.abandon(2001, 2000))
            client.send(TestClient.search(2002))
            let (answer, _) = try client.finish(2002)
            #expect(answer.code == 0)
            #expect(try await eventually { server.counters.values.searchesInFlight == 0 })
        }
    }

    @Test func aConnectionThatGoesTakesItsOperationsAlong() async throws {
        try await TestServer.run { server in
            var client: TestClient? = try TestClient(server.addresses[0])
            try client?.bindAsRoot()
            try client?.addEntries(500, size: 10_000)
            for id in 1000..<1050 { client?.send(TestClient.search(id, base: "dc=test", scope: 2)) }
            client = nil
            #expect(try await eventually { server.counters.values.connectionsOpen == 0 })
            #expect(try await eventually { server.counters.values.searchesInFlight == 0 })
        }
    }
}
