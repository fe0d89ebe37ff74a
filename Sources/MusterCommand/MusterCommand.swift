import ArgumentParser
import Muster

/// The program `muster`.
struct MusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster",
        abstract: "An LDAP directory server for mail systems.",
        discussion: """
            A setting is taken from the command line, else from a MUSTER_… environment variable, else from the configuration \
            file, else it has its default.

            Exit status: 0 success, 1 failure (or differences found by check), 64 wrong usage, 75 the data directory is in use.
            """,
        version: "muster \(MusterServer.version)",
        subcommands: [
            Serve.self, Initialize.self, Import.self, Export.self, Check.self, Changes.self, Show.self, Restore.self,
            Backup.self, RestoreBackup.self, Reindex.self, Access.self,
        ])
}
