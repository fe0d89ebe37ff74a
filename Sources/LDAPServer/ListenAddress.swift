/// Where to listen, or where a server listens: `ldap://HOST:PORT`, `ldaps://HOST:PORT` or `ldapi://PATH`.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// TCP. An empty host means all addresses of the machine; port 0 means any free port.
    case tcp(host: String, port: Int)
    /// TCP with TLS from the first byte on.
    case tls(host: String, port: Int)
    /// A Unix domain socket.
    case unix(path: String)

    /// The URL cannot be listened on.
    public struct ParseError: Error, Hashable, CustomStringConvertible {
        public let url: String
        public let reason: String
        public var description: String { "cannot listen on '\(url)': \(reason)" }
    }

    /// Reads a URL as OpenLDAP's `-h` option takes it.
    ///
    /// - `ldap://HOST:PORT`, `ldap://HOST` (port 389), `ldap://[::1]:1389`, `ldap://:1389` and `ldap://*:1389` (all addresses).
    /// - `ldaps://HOST` (port 636) in the same forms.
    /// - `ldapi://%2Frun%2Fmuster%2Fldapi` with the path percent-encoded as the host, or `ldapi:///run/muster/ldapi`.
    public init(_ url: String) throws(ParseError) {
        func fail(_ reason: String) -> ParseError { ParseError(url: url, reason: reason) }
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else {
            throw fail("not a URL such as ldap://127.0.0.1:1389")
        }
        let rest = url[url.index(colon, offsetBy: 3)...]
        switch url[..<colon].lowercased() {
        case "ldap":
            let (host, port) = try Self.authority(rest, defaultPort: 389, fail)
            self = .tcp(host: host, port: port)
        case "ldaps":
            let (host, port) = try Self.authority(rest, defaultPort: 636, fail)
            self = .tls(host: host, port: port)
        case "ldapi": self = try Self.unix(rest, fail)
        default: throw fail("the scheme must be ldap, ldaps or ldapi")
        }
    }

    private static func authority(
        _ rest: Substring, defaultPort: Int, _ fail: (String) -> ParseError
    ) throws(ParseError) -> (host: String, port: Int) {
        var authority = rest
        if let slash = rest.firstIndex(of: "/") {
            guard rest[rest.index(after: slash)...].isEmpty else { throw fail("nothing may follow host and port") }
            authority = rest[..<slash]
        }
        let host: Substring
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw fail("']' is missing") }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            let tail = authority[authority.index(after: bracket)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw fail("after ']' comes ':' and the port") }
            if !tail.isEmpty { port = tail.dropFirst() }
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        } else {
            host = authority
        }
        var number = defaultPort
        if let port {
            guard let value = UInt16(port), port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
                throw fail("the port must be a number from 0 to 65535")
            }
            number = Int(value)
        }
        return (host == "*" ? "" : String(host), number)
    }

    private static func unix(_ rest: Substring, _ fail: (String) -> ParseError) throws(ParseError) -> ListenAddress {
        var bytes: [UInt8] = []
        var iterator = rest.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit) else {
                throw fail("'%' must be followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.isEmpty, bytes != [0x2f] else { throw fail("the path of the socket is missing") }
        // sun_path holds 108 bytes with the final NUL.
        guard bytes.count < 108 else { throw fail("the path of the socket is longer than 107 bytes") }
        guard !bytes.contains(0), let path = String(validating: bytes, as: UTF8.self) else { throw fail("the path is not UTF-8") }
        return .unix(path: path)
    }

    private static func authority(_ host: String, _ port: Int) -> String {
        (host.utf8.contains(0x3a) ? "[\(host)]" : host) + ":\(port)"
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// The URL that a client connects to. An empty host is this machine to OpenLDAP's clients.
    public var description: String {
        switch self {
        case .tcp(let host, let port): return "ldap://" + Self.authority(host, port)
        case .tls(let host, let port): return "ldaps://" + Self.authority(host, port)
        case .unix(let path):
            var encoded = "ldapi://"
            for byte in path.utf8 {
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                    encoded.unicodeScalars.append(Unicode.Scalar(byte))
                default:
                    let digits = String(byte, radix: 16, uppercase: true)
                    encoded += "%" + (byte < 16 ? "0" : "") + digits
                }
            }
            return encoded
        }
    }
}
