import ArgumentParser
import Muster
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The options of every subcommand.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The data directory. Made if it does not exist.", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("A configuration file in JSON.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("A further schema file, in OpenLDAP's syntax or as LDIF. May be repeated.", valueName: "file"))
    var schema: [String] = []

    @Option(help: ArgumentHelp("The folder with the schema files to load.", valueName: "dir"))
    var schemaDir: String?

    @Option(help: ArgumentHelp("The folder with the entries of a new directory.", valueName: "dir"))
    var ldifDir: String?

    /// The configuration: these options and `further` ones over environment and file.
    func load(_ further: [String: MusterConfiguration.Flag] = [:]) async throws -> MusterConfiguration {
        var flags = further
        if let data { flags["data"] = .string(data) }
        if !schema.isEmpty { flags["schema"] = .strings(schema) }
        if let schemaDir { flags["schemaDir"] = .string(schemaDir) }
        if let ldifDir { flags["ldifDir"] = .string(ldifDir) }
        return try await MusterConfiguration.load(flags: flags, environment: Self.environment(), file: config)
    }

    /// The variables of the process. Read once, before other threads could change them.
    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let variable = next.pointee {
            let text = String(cString: variable)
            if text.hasPrefix("MUSTER_"), let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}
