import Directory
import EntryStore
import LDAP
import Schema

/// Puts a directory together from its parts: schema, store, operations. The one place that knows how they are made.
struct Assembly: Sendable {
    let directory: Directory

    /// Opens the data directory with the schema and the indexes of the configuration.
    static func open(_ configuration: MusterConfiguration, log: OperationLog) throws -> Assembly {
        let store = try store(configuration)
        var settings = DirectorySettings()
        settings.rootName = MusterConfiguration.rootName
        settings.rootPassword = configuration.rootPassword.map { Array($0.utf8) }
        settings.uniqueness = configuration.uniqueAttributes
        settings.limits.size = configuration.searchSizeLimit
        settings.limits.time = configuration.searchTimeLimit
        return Assembly(directory: try Directory(store: store, settings: settings, log: log))
    }

    /// Lets the changes that were handed in end, and flushes. To be called after the last operation has ended.
    func close() { directory.writer.stop() }

    /// Whether the data directory holds no database yet.
    static func isNew(_ configuration: MusterConfiguration) -> Bool {
        !SmallFile.exists(EntryStore.file(in: configuration.dataDirectory))
    }

    static func schema(_ configuration: MusterConfiguration) throws -> Schema {
        try Schema(DataFiles.schemaFiles(configuration).map { try SchemaSource(path: $0) })
    }

    static func store(_ configuration: MusterConfiguration) throws -> EntryStore {
        let schema = try schema(configuration)
        var options = EntryStore.Options()
        options.mapSize = configuration.mapSize
        options.durability =
            switch configuration.durability {
            case .full: .full
            case .interval(let milliseconds): .groupInterval(milliseconds: milliseconds)
            case .none: .none
            }
        return try EntryStore(
            directory: configuration.dataDirectory, schema: schema, indexes: indexes(configuration, schema), options: options)
    }

    /// The indexes by attribute type. A default that the schema does not know is left out; one that was asked for is an error.
    private static func indexes(
        _ configuration: MusterConfiguration, _ schema: Schema
    ) throws(ConfigurationError) -> [IndexDefinition] {
        var definitions: [IndexDefinition] = []
        for index in configuration.allIndexes {
            guard let type = schema.attributeType(named: index.attribute) else {
                guard configuration.indexes.contains(index) else { continue }
                throw ConfigurationError("index of \(index.attribute): the schema has no such attribute type")
            }
            var kinds: IndexDefinition.Kinds = []
            if index.presence { kinds.insert(.presence) }
            if index.equality { kinds.insert(.equality) }
            if index.substring { kinds.insert(.substring) }
            definitions.append(IndexDefinition(type: type, kinds: kinds))
        }
        return definitions
    }

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
