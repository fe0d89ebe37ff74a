#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where the schema and the entries of a new directory are.
///
/// Looked for in this order: the configured folder (it must be right); the folder of that name in the folder of the program or
/// one above it, up to the root; `/usr/share/muster`.
public enum DataFiles {
    /// The schema files to load: all `*.schema` of the schema folder in order of their names, then the further ones.
    public static func schemaFiles(_ configuration: MusterConfiguration) throws(ConfigurationError) -> [String] {
        let folder = try folder("schema", holding: "core.schema", configured: configuration.schemaDirectory)
        let names = (SmallFile.names(in: folder) ?? []).filter { $0.hasSuffix(".schema") && !$0.hasPrefix(".") }
        guard !names.isEmpty else { throw ConfigurationError("the schema folder \(folder) holds no *.schema file") }
        return names.map { folder + "/" + $0 } + configuration.schemaFiles
    }

    /// The LDIF file with the tree that a new directory starts with.
    public static func initialTree(_ configuration: MusterConfiguration) throws(ConfigurationError) -> String {
        try folder("ldif", holding: "carbonio.ldif", configured: configuration.ldifDirectory) + "/carbonio.ldif"
    }

    /// The LDIF file with the sample organisation.
    public static func sample(_ configuration: MusterConfiguration) throws(ConfigurationError) -> String {
        try folder("ldif", holding: "sample.ldif", configured: configuration.ldifDirectory) + "/sample.ldif"
    }

    /// The file with Carbonio's access rules.
    static func carbonioAccess(_ configuration: MusterConfiguration) throws(ConfigurationError) -> String {
        if let configured = configuration.ldifDirectory, SmallFile.exists(configured + "/carbonio.access") { return configured + "/carbonio.access" }
        return try folder("ldif", holding: "carbonio.access", configured: nil) + "/carbonio.access"
    }

    /// The file of common passwords; nil: there is none.
    static func commonPasswords(_ configuration: MusterConfiguration) throws(ConfigurationError) -> String? {
        if let file = configuration.commonPasswordFile { return file }
        let file = try folder("ldif", holding: "carbonio.ldif", configured: configuration.ldifDirectory) + "/common.passwords"
        return SmallFile.exists(file) ? file : nil
    }

    static func folder(_ name: String, holding file: String, configured: String?) throws(ConfigurationError) -> String {
        if let configured {
            guard SmallFile.exists(configured + "/" + file) else {
                throw ConfigurationError("the configured \(name) folder \(configured) does not hold \(file)")
            }
            return configured
        }
        var searched: [String] = []
        var path = executableFolder()
        while let current = path {
            searched.append(current + "/" + name)
            path = current.isEmpty ? nil : String(current[..<(current.lastIndex(of: "/") ?? current.startIndex)])
        }
        searched.append("/usr/share/muster/" + name)
        for candidate in searched where SmallFile.exists(candidate + "/" + file) { return candidate }
        throw ConfigurationError(
            "cannot find the folder '\(name)' with \(file); looked in \(searched.joined(separator: ", ")); "
                + "set \(name)Dir (MUSTER_\(name.uppercased())_DIR)")
    }

    /// The folder of the running program, without a final slash; empty for the root.
    private static func executableFolder() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink("/proc/self/exe", $0, text.count) } ?? -1
            }
        }
        guard count > 0, let path = String(validating: buffer[0..<count], as: UTF8.self), let slash = path.lastIndex(of: "/") else {
            return nil
        }
        return String(path[..<slash])
    }
}
