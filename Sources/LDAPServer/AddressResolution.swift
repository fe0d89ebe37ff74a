import NIOCore
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SocketAddress {
    /// The addresses a host name or literal means, to listen on; an empty name means all addresses of the machine.
    ///
    /// - Throws: ``ListenError`` with what the system's resolver says.
    static func listening(host: String, port: Int) throws(ListenError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host.isEmpty ? nil : host, String(port), &hints, &list)
        guard result == 0 else {
            throw ListenError(.tcp(host: host, port: port), String(cString: gai_strerror(result)))
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            next = info.ai_next
            // Sound: the resolver says which structure ai_addr points to.
            guard let raw = info.ai_addr else { continue }
            let address: SocketAddress
            switch info.ai_family {
            case AF_INET: address = SocketAddress(raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee })
            case AF_INET6: address = SocketAddress(raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee })
            default: continue
            }
            if !addresses.contains(address) { addresses.append(address) }
        }
        // An IPv6 socket for all addresses takes IPv4 too, so it comes first and the other is only for machines without IPv6.
        if host.isEmpty { addresses.sort { $0.protocol == .inet6 && $1.protocol != .inet6 } }
        return addresses
    }
}

/// A listener could not be opened.
public struct ListenError: Error, CustomStringConvertible {
    public let address: ListenAddress
    public let reason: String
    public var description: String { "cannot listen on \(address): \(reason)" }

    init(_ address: ListenAddress, _ reason: String) {
        self.address = address
        self.reason = reason
    }
}
