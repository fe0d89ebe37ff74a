import BER
import LDAP
import LDAPServer
import Testing

/// RFC 4511 section 5.1 over a real socket.
@Suite(.serialized)
struct FramingTests {
    @Test func aRequestMayComeOneByteAtATime() async throws {
        try await TestServer.run { server in
            let client = try TestClient(server.addresses[0])
            for byte in TestClient.search(7) { client.send([byte]) }
            let (answer, entries) = try client.finish(7)
            #expect(answer == .init(messageID: 7, operation: OperationTag.searchResultDone, code: 0))
            #expect(entries == 1)
        }
    }

    @Test func manyRequestsMayComeAtOnce() async throws {
        try await TestServer.run { server in
            let client = try TestClient(server.addresses[0])
            let count = 2000
            client.send((1...count).flatMap { TestClient.search($0) })
            for id in 1...count { #expect(try client.finish(id).answer.code == 0) }
            #expect(server.counters.values.requests == UInt64(count))
        }
    }

    /// Answers of several connections wait for each other for a moment.
    @Test(arguments: [1, 2, 17, 50]) func answersOfManyConnectionsGoEachToItsOwnInOrderAndBeforeTheEnd(count: Int) async throws {
        try await TestServer.run { server in
            let clients = try (0..<count).map { _ in try TestClient(server.addresses[0]) }
            let unbind: [UInt8] = [0x30, 0x05, 0x02, 0x01, 0x63, 0x42, 0x00]
            for round in 0..<10 { for (number, client) in clients.enumerated() { client.send(TestClient.search(1000 + round * 100 + number)) } }
            for client in clients { client.send((1...5).flatMap { TestClient.search($0) } + unbind) }
            for (number, client) in clients.enumerated() {
                for id in (0..<10).map({ 1000 + $0 * 100 + number }) + Array(1...5) {
                    let (answer, entries) = try client.finish(id)
                    #expect(answer == .init(messageID: id, operation: OperationTag.searchResultDone, code: 0))
                    #expect(entries == 1)
                }
                #expect(try client.receive() == nil)
            }
        }
    }

    /// With other connections what has come waits for what has come to them, but for long requests.
    @Test(arguments: [0, 5], [7, 97]) func requestsInPortionsOfEverySize(others: Int, growth: Int) async throws {
        try await TestServer.run { server in
            let others = try (0..<others).map { _ in try TestClient(server.addresses[0]) }
            let client = try TestClient(server.addresses[0])
            let bytes = (1...40).flatMap { TestClient.search($0, padding: $0 * growth) }
            for other in others { other.send(bytes) }
            var rest = bytes[...]
            var size = 1
            while !rest.isEmpty {
                client.send(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
                size = size % (growth * 14) + 1
            }
            for client in others + [client] { for id in 1...40 { #expect(try client.finish(id).answer.messageID == id) } }
        }
    }

    @Test(arguments: [
        [0x31, 0x05, 0x02, 0x01, 0x01, 0x42, 0x00],  // not a sequence
        [0x30, 0x80, 0x02, 0x01, 0x01, 0x42, 0x00, 0x00, 0x00],  // indefinite length
        [0x30, 0x85, 0x01, 0x00, 0x00, 0x00, 0x00],  // five octets, over 4 GiB
        [0x30, 0x84, 0xff, 0xff, 0xff, 0xff],  // 4 GiB
        [0x16, 0x03, 0x01, 0x02, 0x00],  // a TLS client
        Array("GET / HTTP/1.1\r\n".utf8),
    ] as [[UInt8]])
    func brokenBytesGetTheNoticeOfDisconnection(bytes: [UInt8]) async throws {
        try await TestServer.run(limits: TestServer.quick()) { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1) + bytes)
            #expect(try client.finish(1).answer.code == 0)
            #expect(
                try client.answer()
                    == .init(messageID: 0, operation: OperationTag.extendedResponse, code: ResultCode.protocolError.rawValue))
            #expect(try client.receive() == nil)
            #expect(server.counters.values.protocolErrors == 1)
        }
    }

    @Test func aRequestLongerThanTheLimitIsRefusedBeforeItHasCome() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumAnonymousRequest = 1000 }) { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1, padding: 900))
            #expect(try client.finish(1).answer.code == 0)
            client.send(Array(TestClient.search(2, padding: 1000).prefix(10)))
            #expect(try client.answer()?.code == ResultCode.protocolError.rawValue)
            #expect(try client.receive() == nil)
        }
    }

    @Test func theNoticeReachesAClientThatGoesOnSending() async throws {
        try await TestServer.run(limits: TestServer.quick()) { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1, padding: 2_000_000))
            #expect(try client.answer()?.code == ResultCode.protocolError.rawValue)
            #expect(try client.receive() == nil)
        }
    }

    @Test func aBoundClientMaySendMore() async throws {
        try await TestServer.run(limits: TestServer.quick { $0.maximumAnonymousRequest = 1000 }) { server in
            let client = try TestClient(server.addresses[0])
            try client.bindAsRoot()
            client.send(TestClient.search(2, padding: 1_000_000))
            #expect(try client.finish(2).answer.messageID == 2)
            #expect(server.counters.values.bufferedRequestBytes == 0)
        }
    }

    @Test func unbindClosesWithoutAnAnswer() async throws {
        try await TestServer.run { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.search(1) + TestClient.unbind(2) + TestClient.search(3))
            #expect(try client.finish(1).answer.code == 0)
            #expect(try client.receive() == nil)
        }
    }

    /// RFC 4511 section 4.2.1: the bind is done before what follows it.
    @Test func requestsBehindABindAreHandledAfterIt() async throws {
        try await TestServer.run { server in
            let client = try TestClient(server.addresses[0])
            client.send(TestClient.bind(1) + TestClient.search(2) + TestClient.bind(3) + TestClient.search(4))
            #expect(try client.answer() == .init(messageID: 1, operation: OperationTag.bindResponse, code: 0))
            #expect(try client.finish(2).answer.code == 0)
            #expect(try client.answer() == .init(messageID: 3, operation: OperationTag.bindResponse, code: 0))
            #expect(try client.finish(4).answer.code == 0)
        }
    }
}
