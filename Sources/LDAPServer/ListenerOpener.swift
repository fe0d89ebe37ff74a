import Directory
import NIOCore
import NIOPosix
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Opens listeners and gives each accepted connection its handler.
struct ListenerOpener {
    let group: MultiThreadedEventLoopGroup
    let loops: [NIOLoopBound<LoopContext>]
    let limits: ServerLimits
    let unixSocketMode: UInt32
    /// Whether there is a certificate.
    let hasTLS: Bool

    enum Transport { case tcp, tls, unix }

    /// Opens one address: several listeners if the host name means several addresses.
    /// - Parameter isForAdministrators: whether nobody else may log in there.
    func open(_ address: ListenAddress, isForAdministrators: Bool) async throws -> [Listener] {
        switch address {
        case .tcp(let host, let port): try await openTCP(host, port, .tcp, isForAdministrators)
        case .tls(let host, let port): try await openTCP(host, port, .tls, isForAdministrators)
        case .unix(let path): [try await openUnix(path, isForAdministrators)]
        }
    }

    private func openTCP(_ host: String, _ port: Int, _ transport: Transport, _ isForAdministrators: Bool) async throws -> [Listener] {
        func made(_ host: String, _ port: Int) -> ListenAddress {
            transport == .tls ? .tls(host: host, port: port) : .tcp(host: host, port: port)
        }
        if transport == .tls, !hasTLS {
            throw ListenError(made(host, port), "no certificate is configured")
        }
        var opened: [Listener] = []
        var failure = "the name means no address"
        for address in try SocketAddress.listening(host: host, port: port) {
            // Any free port, and all addresses, are one listener.
            if !opened.isEmpty && (port == 0 || host.isEmpty) { break }
            do {
                let shown = host.isEmpty ? "" : address.ipAddress ?? host
                let facts = ListenerFacts(
                    name: Self.name(address, port: port), url: made(shown, port).description, isForAdministrators: isForAdministrators)
                let channel = try await bootstrap(facts, transport).bind(to: address).get()
                let real = channel.localAddress
                opened.append(Listener(channel: channel, address: made(shown, real?.port ?? port), isForAdministrators: isForAdministrators))
            } catch {
                // A name may mean an address that this machine lacks (::1); one that works is enough.
                failure = Self.reason(error)
            }
        }
        guard !opened.isEmpty else { throw ListenError(made(host, port), failure) }
        return opened
    }

    private func openUnix(_ path: String, _ isForAdministrators: Bool) async throws -> Listener {
        let address = ListenAddress.unix(path: path)
        if let other = try? await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get() {
            try? await other.close()
            throw ListenError(address, "another server listens there")
        }
        do {
            let facts = ListenerFacts(name: "PATH=\(path)", url: address.description, isForAdministrators: isForAdministrators)
            let channel = try await bootstrap(facts, .unix)
                .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            guard chmod(path, mode_t(unixSocketMode)) == 0 else {
                let reason = String(cString: strerror(errno))
                try? await channel.close()
                unlink(path)
                throw ListenError(address, "cannot set the mode of the socket: \(reason)")
            }
            return Listener(channel: channel, address: address, isForAdministrators: isForAdministrators)
        } catch let error as ListenError {
            throw error
        } catch {
            throw ListenError(address, Self.reason(error))
        }
    }

    private func bootstrap(_ listener: ListenerFacts, _ transport: Transport) -> ServerBootstrap {
        let loops = loops
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65_536)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(low: max(1, limits.writeBuffer / 2), high: max(1, limits.writeBuffer))
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.prepare(channel, listener, transport, loops) }
            }
        guard transport != .unix else { return bootstrap }
        return
            bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    /// A connection beyond the limits; its channel is closed.
    private struct Refused: Error {}

    private static func prepare(
        _ channel: any Channel, _ listener: ListenerFacts, _ transport: Transport, _ loops: [NIOLoopBound<LoopContext>]
    ) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop })?.value else { throw Refused() }
        let server = loop.server
        let remote = channel.remoteAddress
        let peer = transport != .unix ? remote.map { name($0, port: $0.port ?? 0) } ?? "IP=unknown" : listener.name
        let id = server.nextConnectionID()
        let address = server.admission.key(of: remote)
        if let reason = server.admission.admit(address) {
            server.log.closed(connection: id, descriptor: -1, reason: "\(reason): \(peer)")
            throw Refused()
        }
        let connection = LDAPConnection(
            id: id, peer: peer, listener: listener, address: address, protection: transport == .unix ? .local : .none,
            beginsWithTLS: transport == .tls, loop: loop)
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    /// As the log shows it: `IP=127.0.0.1:389`, `IP=[::1]:389`.
    private static func name(_ address: SocketAddress, port: Int) -> String {
        let host = address.ipAddress ?? ""
        return "IP=" + (address.protocol == .inet6 ? "[\(host)]" : host) + ":\(port)"
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}
