import ArgumentParser
import Muster
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `muster export`
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write entries as LDIF on standard output; also while the directory is being served.")

    @OptionGroup var common: ConfigurationOptions

    @Option(help: ArgumentHelp("The entry at the top. (default: the whole tree)", valueName: "dn"))
    var base = ""

    @Option(help: ArgumentHelp("Only entries that match.", valueName: "filter"))
    var filter: String?

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            _ = try Maintenance.export(configuration, base: base, filter: filter) { bytes in
                guard Console.write(bytes, to: STDOUT_FILENO) else {
                    throw ConfigurationError("cannot write the output: \(String(cString: strerror(errno)))")
                }
            }
        }
    }
}
