import ArgumentParser
import Muster

/// `muster check`
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hold every index, name and count against the entries.",
        discussion: "Names each difference on standard output; the exit status is 1 if there is any.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            var problems = 0
            let entries = try Maintenance.check(configuration) {
                problems += 1
                Console.line($0)
            }
            Console.line("checked \(entries) entries: \(problems == 0 ? "no differences" : "\(problems) differences")")
            if problems > 0 { throw ExitCode.failure }
        }
    }
}
