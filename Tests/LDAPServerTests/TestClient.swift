import BER
import LDAP
import LDAPServer
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An LDAP client with nothing between the test and the socket: it can send any bytes, in any portions, and stop reading.
final class TestClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: Int32
    private var received: [UInt8] = []

    /// - Parameter receiveBuffer: size of the socket's receive buffer in bytes, to see back-pressure early.
    init(_ address: ListenAddress, receiveBuffer: Int32? = nil) throws {
        switch address {
        case .tcp(let host, let port), .tls(let host, let port):
            let isIPv6 = host.contains(":")
            descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Self.stream, 0)
            if var size = receiveBuffer {
                setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            }
            var hints = addrinfo()
            hints.ai_socktype = Self.stream
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(host, String(port), &hints, &list) == 0, let info = list else {
                throw Failure(description: "cannot resolve \(host)")
            }
            defer { freeaddrinfo(list) }
            guard connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
                throw Failure(description: "connect: \(errno)")
            }
        case .unix(let path):
            descriptor = socket(AF_UNIX, Self.stream, 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { target in
                for (index, byte) in path.utf8.enumerated() where index < target.count - 1 { target[index] = byte }
            }
            let result = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard result == 0 else { throw Failure(description: "connect: \(errno)") }
        }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    #if canImport(Glibc)
    private static let stream = Int32(SOCK_STREAM.rawValue)
    #else
    private static let stream = SOCK_STREAM
    #endif

    /// - Returns: false if the server has closed the connection.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { Self.send(descriptor, $0, offset) }
            if count <= 0 { return false }
            offset += count
        }
        return true
    }

    private static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        #if canImport(Glibc)
        Glibc.send(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
        #else
        write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
        #endif
    }

    /// The next whole message; nil when the server has closed the connection.
    func receive() throws -> [UInt8]? {
        while true {
            let waiting = received
            if let length = try LDAPEnvelope.frameLength(waiting.rawSpan, limit: 1 << 30), length <= waiting.count {
                received.removeFirst(length)
                return Array(waiting[..<length])
            }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 || (count < 0 && errno == ECONNRESET) { return nil }
            guard count > 0 else { throw Failure(description: "nothing received: \(errno)") }
            received.append(contentsOf: buffer[0..<count])
        }
    }

    /// The next message's number, operation and (of results) result code.
    func answer() throws -> Answer? {
        guard let message = try receive() else { return nil }
        let envelope = try LDAPEnvelope(decoding: message.rawSpan)
        var code = -1
        if envelope.operation != OperationTag.searchResultEntry {
            code = try LDAPResult(decoding: message.rawSpan, envelope.contents).code.rawValue
        }
        return Answer(messageID: envelope.messageID, operation: envelope.operation, code: code)
    }

    struct Answer: Equatable {
        var messageID: Int
        var operation: UInt8
        var code: Int
    }

    /// Answers until the one that ends a message's operation; how many came before it.
    func finish(_ messageID: Int) throws -> (answer: Answer, entries: Int) {
        var entries = 0
        while let answer = try answer() {
            guard answer.messageID == messageID else { continue }
            if answer.operation != OperationTag.searchResultEntry { return (answer, entries) }
            entries += 1
        }
        throw Failure(description: "connection closed before the answer to \(messageID)")
    }

    // MARK: Requests

    static func search(_ messageID: Int, base: String = "", scope: Int = 0, padding: Int = 0) -> [UInt8] {
        var buffer = BERBuffer()
        let outer = buffer.begin(BERTag.sequence)
        buffer.append(integer: messageID)
        let operation = buffer.begin(OperationTag.searchRequest)
        buffer.append(string: base)
        buffer.append(BERTag.enumerated, integer: scope)
        buffer.append(BERTag.enumerated, integer: 0)
        buffer.append(integer: 0)
        buffer.append(integer: 0)
        buffer.append(boolean: false)
        if padding > 0 {
            let equality = buffer.begin(0xa3)
            buffer.append(string: "cn")
            buffer.append(string: String(repeating: "x", count: padding))
            buffer.end(equality)
        } else {
            buffer.append(0x87, string: "objectClass")
        }
        let attributes = buffer.begin(BERTag.sequence)
        buffer.end(attributes)
        buffer.end(operation)
        buffer.end(outer)
        return buffer.bytes.array
    }

    static func bind(_ messageID: Int, name: String = TestServer.rootName, password: String = TestServer.rootPassword) -> [UInt8] {
        var buffer = BERBuffer()
        BindRequest(name: Array(name.utf8), authentication: .simple(Array(password.utf8))).encode(messageID: messageID, into: &buffer)
        return buffer.bytes.array
    }

    static func add(_ messageID: Int, _ dn: String, _ attributes: [PartialAttribute]) -> [UInt8] {
        var buffer = BERBuffer()
        AddRequest(entry: Array(dn.utf8), attributes: attributes).encode(messageID: messageID, into: &buffer)
        return buffer.bytes.array
    }

    static func unbind(_ messageID: Int) -> [UInt8] {
        var buffer = BERBuffer()
        UnbindRequest().encode(messageID: messageID, into: &buffer)
        return buffer.bytes.array
    }

    static func abandon(_ messageID: Int, _ target: Int) -> [UInt8] {
        var buffer = BERBuffer()
        AbandonRequest(messageID: target).encode(messageID: messageID, into: &buffer)
        return buffer.bytes.array
    }

    /// Binds as root; the next requests are authenticated.
    func bindAsRoot() throws {
        send(Self.bind(1))
        guard try answer()?.code == 0 else { throw Failure(description: "bind failed") }
    }

    /// Adds `dc=test` and entries below it, each with a description of `size` bytes.
    func addEntries(_ count: Int, size: Int) throws {
        var bytes = Self.add(10, "dc=test", [.init("objectClass", ["top", "domain"]), .init("dc", ["test"])])
        for index in 0..<count {
            bytes += Self.add(
                11 + index, "cn=entry\(index),dc=test",
                [
                    .init("objectClass", ["top", "device"]), .init("cn", ["entry\(index)"]),
                    .init("description", [String(repeating: "d", count: size)]),
                ])
        }
        send(bytes)
        for _ in 0...count {
            guard let answer = try answer(), answer.code == 0 else { throw Failure(description: "add failed") }
        }
    }
}
