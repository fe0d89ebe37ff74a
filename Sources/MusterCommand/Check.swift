import ArgumentParser
import Muster

/// `muster check`
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hold every index, name and count against the entries; also while the directory is being served.",
        discussion: "Names each difference on standard output; the exit status is 1 if there is any.")

    @OptionGroup var common: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            let (entries, problems) = try Maintenance.check(configuration) { Console.line($0) }
            Console.line("checked \(entries) entries: \(problems == 0 ? "no differences" : "\(problems) differences")")
            if problems > 0 { throw ExitCode.failure }
        }
    }
}
