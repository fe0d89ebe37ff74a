import ArgumentParser
import Muster
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `muster show`
struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write an entry as it was at a moment, as LDIF on standard output; also while the directory is being served.",
        discussion: "As far back as the change log reaches (changeLog.maxAge, changeLog.maxSize), and not beyond an import.")

    @OptionGroup var common: ConfigurationOptions

    @Option(help: ArgumentHelp("The moment, such as 2026-01-02T03:04:05Z (UTC) or '2h ago'.", valueName: "time"))
    var at: String

    @Flag(help: "Also everything that stood below it.")
    var subtree = false

    @Argument(help: ArgumentHelp("The entry, by the name that it had then.", valueName: "dn"))
    var name: String

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            _ = try Maintenance.show(configuration, at: try PointInTime(at), name: name, subtree: subtree) { bytes in
                guard Console.write(bytes, to: STDOUT_FILENO) else {
                    throw ConfigurationError("cannot write the output: \(String(cString: strerror(errno)))")
                }
            }
        }
    }
}
