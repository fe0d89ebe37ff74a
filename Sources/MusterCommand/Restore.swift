import ArgumentParser
import Muster

/// `muster restore`
struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make an entry, or a subtree, what it was at a moment.",
        discussion: """
            What has gone since comes back, what has changed gets its former name and values; what has come since stays. Refused while the \
            directory is being served: there, deleted entries are restored with ldapmodrdn from cn=deleted. As far back as the change log \
            reaches, and not beyond an import. Exit status 1 if an entry could not be restored.
            """)

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
            let report = try await Maintenance.restore(configuration, at: try PointInTime(at), name: name, subtree: subtree)
            for note in report.failures { Console.error("muster: not restored: \(note)") }
            Console.line("restored: \(report.added) came back, \(report.changed) changed, \(report.unchanged) were as they had been")
            if !report.failures.isEmpty { throw ExitCode.failure }
        }
    }
}
