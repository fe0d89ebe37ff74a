import ArgumentParser
import Muster

/// `muster init`
struct Initialize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a new directory with the initial tree.",
        discussion: "The password of uid=zimbra,cn=admins,cn=zimbra is made up and shown once unless it is given.")

    @OptionGroup var common: ConfigurationOptions

    @Flag(help: "Also load the sample organisation.")
    var sample = false

    @Option(help: ArgumentHelp("The file with the administrator's password.", valueName: "file"))
    var adminPasswordFile: String?

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load(
                adminPasswordFile.map { ["administratorPasswordFile": .string($0)] } ?? [:])
            let password = try Maintenance.initialize(configuration, sample: sample)
            Console.line("made a new directory in \(configuration.dataDirectory)")
            if let password {
                Console.line("password of \(MusterConfiguration.administratorName): \(password)")
                Console.line("(it is shown this once)")
            }
        }
    }
}
