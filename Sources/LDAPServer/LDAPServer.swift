public import Directory
import NIOCore
import NIOPosix
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A running server: listeners, event loops and thread pools in front of a directory.
///
/// The server does not close the directory; its owner does, after ``shutdown()``.
///
/// Every connection belongs to one event loop for its life. Requests that only read a little are answered on the loop; long searches,
/// password hashing and changes leave it and come back (see ``Directory``'s dispositions).
public final class LDAPServer: Sendable {
    /// Where the server listens: real ports, in the order in which the listeners were asked for, those for administrators last.
    public var addresses: [ListenAddress] { openAddresses + administrationAddresses }
    /// Those that are open to everybody.
    public let openAddresses: [ListenAddress]
    /// Those for administrators.
    public let administrationAddresses: [ListenAddress]
    /// What the server has counted.
    public let counters: ServerCounters

    private let context: ServerContext
    private let group: MultiThreadedEventLoopGroup
    let loops: [NIOLoopBound<LoopContext>]
    /// Real numbers.
    let threadCounts: Threads
    private let listeners: [any Channel]
    private let isStopped = Atomic<Bool>(false)

    /// Threads on which searches wait for other servers, and so many on which binds do: they use hardly any processor time.
    private static let waitingThreads = 8

    private init(
        _ context: ServerContext, _ group: MultiThreadedEventLoopGroup, _ loops: [NIOLoopBound<LoopContext>],
        _ listeners: [Listener], _ threadCounts: Threads
    ) {
        self.threadCounts = threadCounts
        self.context = context
        self.group = group
        self.loops = loops
        self.listeners = listeners.map(\.channel)
        openAddresses = listeners.filter { !$0.isForAdministrators }.map(\.address)
        administrationAddresses = listeners.filter(\.isForAdministrators).map(\.address)
        counters = context.counters
    }

    /// How many threads a server has; 0 stands for the number of processors, for event loops less one: the kernel's network work, the
    /// writer and the search threads need a processor too, and a loop that is seldom idle handles several connections per wake-up.
    public struct Threads: Sendable, Hashable {
        /// Event loops.
        public var loops = 0
        /// Threads for long searches.
        public var searches = 0
        /// Threads for password hashing and other work that takes long.
        public var work = 0
        public init() {}
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - administrationListeners: further listeners, where nobody but administrators may log in.
    ///   - tls: certificates; nil: neither `ldaps` listeners nor StartTLS.
    ///   - unixSocketMode: permissions of `ldapi` sockets. Everybody may connect by default, as with slapd.
    /// - Returns: when all listeners are open.
    /// - Throws: ``ListenError`` if one cannot be opened; then none is.
    public static func start(
        directory: Directory, listeners: [ListenAddress], administrationListeners: [ListenAddress] = [],
        limits: ServerLimits = ServerLimits(), threads: Threads = Threads(), unixSocketMode: UInt32 = 0o777, tls: TLSContexts? = nil,
        log: OperationLog = .disabled
    ) async throws -> LDAPServer {
        func count(_ wanted: Int) -> Int { wanted > 0 ? wanted : max(1, System.coreCount) }
        var real = threads
        real.loops = threads.loops > 0 ? threads.loops : max(1, System.coreCount - 1)
        real.searches = count(threads.searches)
        real.work = count(threads.work)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: real.loops)
        let eventLoops = Array(group.makeIterator())
        let loopCounters = eventLoops.map { _ in LoopCounters() }
        let counters = ServerCounters(loopCounters)
        let context = ServerContext(
            directory: directory, limits: limits, counters: counters, log: log,
            searches: SearchPool(directory, threads: real.searches, chunk: limits.searchChunk),
            waits: SearchPool(directory, threads: Self.waitingThreads, chunk: limits.searchChunk),
            work: WorkPool(threads: real.work, limit: limits.maximumQueuedWork, counters: counters),
            waitingWork: WorkPool(threads: Self.waitingThreads, limit: limits.maximumQueuedWork, counters: counters), tls: tls)
        var loops: [NIOLoopBound<LoopContext>] = []
        var opened: [Listener] = []
        do {
            for (loop, counters) in zip(eventLoops, loopCounters) {
                loops.append(
                    try await loop.submit {
                        let mailbox = LoopMailbox(loop)
                        let made = LoopContext(context, loop: loop, mailbox: mailbox, counters: counters)
                        mailbox.connect(to: made)
                        return NIOLoopBound(made, eventLoop: loop)
                    }.get())
            }
            let opener = ListenerOpener(group: group, loops: loops, limits: limits, unixSocketMode: unixSocketMode, hasTLS: tls != nil)
            for address in listeners { opened += try await opener.open(address, isForAdministrators: false) }
            for address in administrationListeners { opened += try await opener.open(address, isForAdministrators: true) }
        } catch {
            await LDAPServer(context, group, loops, opened, real).shutdown()
            throw error
        }
        let server = LDAPServer(context, group, loops, opened, real)
        directory.monitor.register(server)
        return server
    }

    var limits: ServerLimits { context.limits }
    /// Certificates that are shown to clients.
    var certificates: [MonitorFacts.Certificate] { context.tls?.certificates ?? [] }

    /// Stops accepting, lets running operations end (for at most ``ServerLimits/stopTimeout``), closes all connections and frees
    /// the threads. Further calls return at once.
    public func shutdown() async {
        guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for listener in listeners { try? await listener.close() }
        for case .unix(let path) in addresses { unlink(path) }
        let stops = loops.map { bound in bound.eventLoop.flatSubmit { bound.value.stop() } }
        for stop in stops { try? await stop.get() }
        await context.searches.shutdown()
        await context.waits.shutdown()
        await context.work.shutdown()
        await context.waitingWork.shutdown()
        for bound in loops { try? await bound.eventLoop.submit { bound.value.tearDown() }.get() }
        try? await group.shutdownGracefully()
    }
}

/// An open listener.
struct Listener {
    let channel: any Channel
    let address: ListenAddress
    let isForAdministrators: Bool
}
