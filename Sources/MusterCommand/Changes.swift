import ArgumentParser
import Muster
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `muster changes`
struct Changes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write changes as LDIF change records on standard output; also while the directory is being served.",
        discussion: """
            Each record says in a comment which change it is, when it was made and by whom. Another server takes the records with \
            ldapmodify. Passwords and other secrets are in them as they are stored.
            """)

    @OptionGroup var common: ConfigurationOptions

    @Option(help: ArgumentHelp("The number of the first change.", valueName: "number"))
    var from: UInt64 = 1

    @Option(help: ArgumentHelp("Only changes since, such as 2026-01-02T03:04:05Z (UTC) or '2h ago'.", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Only entries at and below this one. (default: all)", valueName: "dn"))
    var base = ""

    @Flag(help: "Also attributes that only a server sets, such as entryUUID and modifyTimestamp.")
    var operational = false

    @Flag(help: "Go on with the changes that come.")
    var follow = false

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            let since = try since.map { text throws(ConfigurationError) in try PointInTime(text) }
            let follow = self.follow
            _ = try Maintenance.changes(
                configuration, from: from, since: since, base: base, operational: operational,
                waiting: {
                    if follow { usleep(200_000) }
                    return follow
                }
            ) { bytes in
                guard Console.write(bytes, to: STDOUT_FILENO) else {
                    throw ConfigurationError("cannot write the output: \(String(cString: strerror(errno)))")
                }
            }
        }
    }
}
