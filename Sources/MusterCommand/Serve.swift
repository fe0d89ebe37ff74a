import ArgumentParser
import Dispatch
import Muster
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `muster serve`
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a directory.",
        discussion: """
            Writes 'listening on URL' on standard output for each listener when it is open. A data directory without a database \
            gets the initial tree, and the password of its administrator uid=zimbra,cn=admins,cn=zimbra is made up and shown once \
            unless it is given. SIGTERM and SIGINT stop the server when the running operations have ended. \
            SIGHUP has it read its certificate and key anew.
            """)

    @OptionGroup var common: ConfigurationOptions

    @Option(help: ArgumentHelp(
        "Where to listen: ldap://HOST:PORT, ldaps://HOST:PORT or ldapi://PATH; port 0 is any free port. May be repeated. (default: ldap://127.0.0.1:1389)",
        valueName: "url"))
    var listen: [String] = []

    @Option(help: ArgumentHelp(
        "Where to listen besides, for administrators: nobody else may log in there. Forms as of --listen. May be repeated.", valueName: "url"))
    var administrationListen: [String] = []

    @Option(help: ArgumentHelp("The file with the password of cn=config. (or MUSTER_ROOT_PASSWORD)", valueName: "file"))
    var rootPasswordFile: String?

    @Option(help: ArgumentHelp("The file with the administrator's password for a new directory.", valueName: "file"))
    var adminPasswordFile: String?

    @Flag(help: "A new directory also gets the sample organisation.")
    var sample = false

    @Option(help: ArgumentHelp("none, or stats: a line per connection and operation, in slapd's form.", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("The file for log lines instead of standard error.", valueName: "file"))
    var logFile: String?

    @Option(help: ArgumentHelp("When an acknowledged change is on disk: full, 'group-interval MILLISECONDS' or none.", valueName: "mode"))
    var durability: String?

    @Option(help: ArgumentHelp("Event loops. (default: one less than the processors)", valueName: "number"))
    var loops: Int?

    func run() async throws {
        try await reportingErrors {
            var flags: [String: MusterConfiguration.Flag] = [:]
            if !listen.isEmpty { flags["listen"] = .strings(listen) }
            if !administrationListen.isEmpty { flags["administrationListen"] = .strings(administrationListen) }
            if let rootPasswordFile { flags["rootPasswordFile"] = .string(rootPasswordFile) }
            if let adminPasswordFile { flags["administratorPasswordFile"] = .string(adminPasswordFile) }
            if let logLevel { flags["log.level"] = .string(logLevel) }
            if let logFile { flags["log.file"] = .string(logFile) }
            if let durability { flags["durability"] = .string(durability) }
            if let loops { flags["threads.loops"] = .int(loops) }
            let configuration = try await common.load(flags)

            let stop = StopSignals()
            // It must not end the process, not even while it starts.
            signal(SIGHUP, SIG_IGN)
            Self.raiseFileLimit()
            let server = try await MusterServer.start(configuration, sample: sample)
            if let password = server.initialPassword {
                Console.line("new directory; password of \(MusterConfiguration.administratorName): \(password)")
                Console.line("(it is shown this once)")
            }
            for address in server.addresses { Console.line("listening on \(address)") }
            let hangUp = HangUpSignal { server.reloadCertificates() }
            await stop.wait()
            hangUp.stop()
            await server.stop()
        }
    }

    /// As many open files as the system lets this process have: each connection is one.
    private static func raiseFileLimit() {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }
}

/// SIGHUP as something that is done each time.
private struct HangUpSignal {
    private let source: any DispatchSourceSignal

    init(_ body: @escaping @Sendable () -> Void) {
        source = DispatchSource.makeSignalSource(signal: SIGHUP)
        source.setEventHandler(handler: body)
        source.activate()
    }

    func stop() { source.cancel() }
}

/// SIGTERM and SIGINT as something to wait for. A second signal while the server stops does nothing: stopping takes a bounded time.
private struct StopSignals {
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        signal(SIGPIPE, SIG_IGN)
    }

    func wait() async {
        for await _ in stream { break }
        withExtendedLifetime(sources) {}
    }
}
