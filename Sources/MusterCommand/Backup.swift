import ArgumentParser
import Muster

/// `muster backup`
struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a backup of the directory to a file; also while it is being served.",
        discussion: """
            The backup is the state of one moment, without free space. It is checked in all its parts and on disk before it has \
            its name. 'muster restore-backup' makes it a directory's database again.
            """)

    @OptionGroup var common: ConfigurationOptions

    @Argument(help: ArgumentHelp("The file to write.", valueName: "target"))
    var target: String

    @Flag(help: "Replace the file if it exists.")
    var replace = false

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            let summary = try Maintenance.backUp(configuration, to: target, replaces: replace)
            Console.line("\(target): \(summary), checked")
        }
    }
}

/// `muster restore-backup`
struct RestoreBackup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore-backup",
        abstract: "Make a backup the database of a directory that is not being served.",
        discussion: "The backup is checked first. The database that is there is kept beside the new one, under a name that is shown.")

    @OptionGroup var common: ConfigurationOptions

    @Argument(help: ArgumentHelp("The backup.", valueName: "file"))
    var file: String

    @Flag(help: "Do not keep the database that is there.")
    var discardOld = false

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            let (summary, old) = try Maintenance.restoreBackup(configuration, from: file, keepsOld: !discardOld)
            Console.line("restored \(summary) in \(configuration.dataDirectory)")
            if let old { Console.line("the database that was there is now \(old)") }
        }
    }
}
