import ArgumentParser
import Muster

/// `muster reindex`
struct Reindex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put indexes right that 'check' finds fault with.",
        discussion: """
            Without --index all names and indexes are made anew from the entries; the directory must not be served. With --index \
            the index of an attribute is held against the entries and what differs is put right; a server that serves the directory \
            does it itself while it goes on, and the index stays in use.
            """)

    @OptionGroup var common: ConfigurationOptions

    @Option(help: ArgumentHelp("An indexed attribute. May be repeated.", valueName: "attribute"))
    var index: [String] = []

    @Option(help: ArgumentHelp("How long to wait for a server.", valueName: "seconds"))
    var timeout = 3600

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            if index.isEmpty {
                var meter = ProgressMeter()
                let count: Int
                do {
                    count = try Maintenance.reindex(configuration) { meter.show($0) }
                } catch {
                    meter.clear()
                    throw error
                }
                meter.clear()
                Console.line("made all names and indexes of \(count) entries in \(meter.elapsedText)")
            } else {
                let lines = try await Maintenance.mend(configuration, attributes: index, timeout: .seconds(timeout))
                for line in lines { Console.line(line.text) }
                if lines.contains(where: \.isFailure) { throw ExitCode.failure }
            }
        }
    }
}
