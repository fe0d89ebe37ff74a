import Directory
import EntryStore
import LDAP
import LDAPServer
import MailDirectory
import Schema
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Puts a directory together from its parts: schema, store, operations. The one place that knows how they are made.
struct Assembly: Sendable {
    let directory: Directory
    private let warming: Warming?

    /// Opens the data directory with the schema and the indexes of the configuration. Indexes that are new are built meanwhile.
    static func open(_ configuration: MusterConfiguration, log: OperationLog) throws -> Assembly {
        let store = try openStore(configuration)
        let mail = try mailSettings(configuration)
        let directory = try Directory(store: store, settings: try settings(configuration, store.schema), log: log) {
            (store, catalogue) throws(DirectoryError) in try MailDirectory.directoryExtension(store, catalogue, mail)
        }
        store.buildMissingIndexes(directory.writer) { error in
            if let error { complain("indexes could not be built: \(error.message)") }
        }
        let warming = configuration.warmsDatabase ? Warming(store) : nil
        warming?.waitUntilPopulated(milliseconds: 100)
        return Assembly(directory: directory, warming: warming)
    }

    /// Whether the data directory holds no database yet.
    static func isNew(_ configuration: MusterConfiguration) -> Bool {
        !SmallFile.exists(EntryStore.file(in: configuration.dataDirectory))
    }

    /// Flushes and closes. To be called after the last operation has ended.
    func close() {
        warming?.stop()
        directory.close()
    }

    /// The certificates that the server shows; nil if none is configured.
    func certificates(_ configuration: MusterConfiguration) throws -> TLSContexts? {
        guard let settings = configuration.tls else { return nil }
        let source = VirtualHosts(directory.store).map { VirtualHostCertificates(hosts: $0) }
        do { return try TLSContexts(settings, source: source) { Self.complain($0) } } catch {
            throw ConfigurationError(error.message)
        }
    }

    /// A password as it is stored.
    static func hash(_ password: String, _ configuration: MusterConfiguration) throws -> [UInt8] {
        try configuration.passwords.hash(Array(password.utf8))
    }

    /// - Returns: the number of entries loaded.
    static func importFiles(
        _ files: [String], _ configuration: MusterConfiguration, progress: (ImportProgress) -> Void
    ) throws -> Int {
        let sizes = files.map(size)
        let total = max(1, sizes.reduce(0, +))
        do {
            return try EntryStore.replacing(
                directory: configuration.dataDirectory, schema: try schema(configuration), options: options(configuration),
                indexes: indexes(configuration)
            ) { store in
                var load = try LDIFImport(store, settings: try settings(configuration, store.schema))
                var before = 0
                for (file, size) in zip(files, sizes) {
                    try load.read(file) { entries, bytes in
                        progress(ImportProgress(stage: "reading", entries: entries, fraction: Double(before + bytes) / Double(total)))
                    }
                    before += size
                }
                progress(ImportProgress(stage: "writing indexes", entries: load.count, fraction: nil))
                return try load.finish()
            }
        } catch let error as ImportError {
            throw InputError(file: error.file, line: error.line, dn: error.dn, reason: error.reason)
        }
    }

    static func export(
        _ configuration: MusterConfiguration, base: String, filter: String?, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        do {
            return try LDIFExport(try reader(configuration)).run(base: base, filter: filter, write: write)
        } catch let error as LDAPError {
            throw ConfigurationError(error.message)
        }
    }

    static func explainAccess(_ configuration: MusterConfiguration, _ question: AccessQuestion) throws -> [AccessExplanation] {
        let store = try reader(configuration)
        let directory = try Directory(
            store: store, settings: try settings(configuration, store.schema),
            extension: MailDirectory.directoryExtension(store, store.catalogue, mailSettings(configuration)))
        defer { directory.close() }
        var client = AccessClient(name: question.client)
        client.peer = question.peer
        client.listener = ListenerFacts(name: question.listenerName, url: question.listenerURL)
        client.strength = question.strength
        do {
            return try directory.explainAccess(client, entry: question.entry, attribute: question.attribute, value: question.value)
        } catch {
            throw ConfigurationError(error.message.isEmpty ? "\(error.code)" : error.message)
        }
    }

    /// Writes changes; with `waiting` goes on with those that come, until it throws or returns false.
    static func changes(
        _ configuration: MusterConfiguration, _ selection: LDIFChanges.Selection, waiting: () -> Bool, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        do {
            var changes = try LDIFChanges(try reader(configuration), selection)
            repeat { try changes.advance(write) } while waiting()
            return changes.count
        } catch let error as LDAPError {
            throw ConfigurationError(error.message)
        }
    }

    static func show(
        _ configuration: MusterConfiguration, _ time: Int64, _ name: String, subtree: Bool, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        do {
            return try PastExport(try reader(configuration)).run(at: time, name: name, subtree: subtree, write: write)
        } catch let error as LDAPError {
            throw ConfigurationError(error.message)
        }
    }

    func restore(_ name: String, _ time: Int64, subtree: Bool) async throws -> RestorationReport {
        do { return try await directory.current.restore(name, at: time, subtree: subtree) } catch { throw ConfigurationError(error.message) }
    }

    static func check(_ configuration: MusterConfiguration, problem: (String) -> Void) throws -> (entries: Int, problems: Int) {
        let snapshot = try reader(configuration).snapshot()
        return (try snapshot.entryCount(), try snapshot.check(problem: problem))
    }

    static func backUp(_ configuration: MusterConfiguration, to target: String, replaces: Bool) throws -> BackupSummary {
        try reader(configuration).backUp(to: target, replaces: replaces)
    }

    static func restoreBackup(
        _ configuration: MusterConfiguration, from backup: String, keepsOld: Bool
    ) throws -> (summary: BackupSummary, old: String?) {
        try EntryStore.restoreBackup(
            from: backup, directory: configuration.dataDirectory, schema: schema(configuration), mapSize: configuration.mapSize,
            keepsOld: keepsOld)
    }

    static func reindex(_ configuration: MusterConfiguration, progress: (ImportProgress) -> Void) throws -> Int {
        try EntryStore.replacing(
            directory: configuration.dataDirectory, schema: try schema(configuration), options: options(configuration),
            indexes: indexes(configuration)
        ) { store in
            let total = max(1, try store.snapshot().entryCount())
            return try store.rebuild { count in
                progress(ImportProgress(stage: "indexing", entries: count, fraction: Double(count) / Double(total)))
            }
        }
    }

    /// Mends indexes of a directory that nobody serves. The caller holds it.
    static func mend(_ configuration: MusterConfiguration, _ attributes: [String]) async throws -> [MendingReport] {
        let store = try openStore(configuration)
        let writer = try Writer(store)
        var reports: [MendingReport] = []
        for attribute in attributes { reports.append(await mend(attribute, store, writer)) }
        writer.stop()
        return reports
    }

    /// Mends an index while the server runs.
    func mend(_ attribute: String) async -> MendingReport { await Self.mend(attribute, directory.store, directory.writer) }

    private static func mend(_ attribute: String, _ store: EntryStore, _ writer: Writer) async -> MendingReport {
        guard let type = store.schema.attributeType(named: attribute) else {
            return MendingReport(text: "\(attribute): the schema has no such attribute type", isFailure: true)
        }
        let result = await withCheckedContinuation { continuation in
            store.mendIndex(of: type, writer) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let mended):
            let changes = mended.removed + mended.added
            return MendingReport(
                text: "\(attribute): "
                    + (changes == 0 ? "no differences" : "\(changes) differences put right (\(mended.added) missing, \(mended.removed) too many)"),
                isFailure: false)
        case .failure(let error): return MendingReport(text: "\(attribute): \(error.message)", isFailure: true)
        }
    }

    /// What happens behind the scenes and needs an administrator goes to standard error.
    static func complain(_ text: String) {
        let line = Array("muster: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    // MARK: Parts

    private static func schema(_ configuration: MusterConfiguration) throws -> Schema {
        try Schema(try DataFiles.schemaFiles(configuration).map { file throws(SchemaError) in try SchemaSource(path: file) })
    }

    private static func reader(_ configuration: MusterConfiguration) throws -> EntryStore {
        try EntryStore(reading: configuration.dataDirectory, schema: try schema(configuration), mapSize: configuration.mapSize)
    }

    private static func openStore(_ configuration: MusterConfiguration) throws -> EntryStore {
        try EntryStore(
            directory: configuration.dataDirectory, schema: try schema(configuration), options: options(configuration),
            indexes: indexes(configuration))
    }

    /// The indexes by the schema that the store has.
    private static func indexes(_ configuration: MusterConfiguration) -> (Schema) throws(EntryStoreError) -> [IndexDefinition] {
        { schema throws(EntryStoreError) in
            do throws(ConfigurationError) { return try indexes(configuration, schema) } catch {
                throw EntryStoreError(.input, error.description)
            }
        }
    }

    private static func indexes(_ configuration: MusterConfiguration, _ schema: Schema) throws(ConfigurationError) -> [IndexDefinition] {
        var definitions: [IndexDefinition] = []
        for index in configuration.allIndexes {
            guard let type = schema.attributeType(named: index.attribute) else {
                // A default may be of a type that another schema does not have; one that was asked for may not.
                guard configuration.indexes.contains(index) else { continue }
                throw ConfigurationError("index of \(index.attribute): the schema has no such attribute type")
            }
            var kinds: IndexDefinition.Kinds = []
            if index.presence { kinds.insert(.presence) }
            if index.equality {
                guard let rule = schema[type].equality else {
                    throw ConfigurationError("index \(index.attribute) eq: the attribute type has no equality rule")
                }
                // Each change gives an entry new values of these.
                let isOfLastChange = rule == .csnMatch || type == schema.attributeType(named: "modifyTimestamp")
                kinds.insert(isOfLastChange ? .hour : .equality)
            }
            if index.substring {
                guard schema[type].substring != nil else {
                    throw ConfigurationError("index \(index.attribute) sub: the attribute type has no substrings rule")
                }
                kinds.insert(.substring)
            }
            definitions.append(IndexDefinition(type: type, kinds: kinds))
        }
        return configuration.usesDefaultIndexes ? definitions + MailDirectory.indexes(schema) : definitions
    }

    private static func options(_ configuration: MusterConfiguration) -> EntryStore.Options {
        var options = EntryStore.Options()
        options.mapSize = configuration.mapSize
        options.log.maxAge = configuration.changeLogAge
        options.log.maxSize = configuration.changeLogSize
        options.log.keepDeleted = configuration.keepsDeleted
        options.durability =
            switch configuration.durability {
            case .full: .full
            case .groupInterval(let milliseconds): .groupInterval(milliseconds: milliseconds)
            case .none: .none
            }
        return options
    }

    private static func settings(_ configuration: MusterConfiguration, _ schema: Schema) throws -> DirectorySettings {
        var settings = DirectorySettings()
        settings.rootName = MusterConfiguration.rootName
        settings.writer = configuration.writes
        settings.rootPassword = configuration.rootPassword.map { Array($0.utf8) }
        settings.passwords = configuration.passwords
        settings.rehashesPasswords = configuration.rehashesPasswords
        settings.refusesExpiredPasswords = configuration.refusesExpiredPasswords
        settings.identityMap = try IdentityMap(configuration.identityMap)
        settings.systemRootIsRoot = configuration.systemRootIsRoot
        settings.uniqueness = configuration.uniqueAttributes
        settings.changeReaders = configuration.changeLogReaders
        settings.storedViewIdentities = configuration.storedViewIdentities
        settings.offersStartTLS = configuration.tls != nil
        settings.requiresConfidentiality = configuration.requiresConfidentiality
        settings.limits.size = configuration.searchSizeLimit
        settings.limits.time = configuration.searchTimeLimit
        settings.limits.rules = configuration.searchLimitRules
        settings.referrals = configuration.referrals
        settings.limits.candidates = configuration.searchCandidateLimit
        settings.decoding = configuration.decoding
        settings.bindLimits = configuration.bindLimits
        settings.accessRules = try accessRules(configuration, schema)
        return settings
    }

    /// The configured rules; without any, Carbonio's for a schema that has all they name, and nil for another.
    private static func accessRules(_ configuration: MusterConfiguration, _ schema: Schema) throws -> [AccessRuleText]? {
        if let file = configuration.accessFile { return try AccessRuleText.rules(inFile: SmallFile.contents(file), named: file) }
        if !configuration.accessRules.isEmpty {
            return configuration.accessRules.map { AccessRuleText($0, place: "setting access") }
        }
        guard ["zimbraAccount", "amavisAccount", "DKIM"].allSatisfy({ schema.objectClass(named: $0) != nil }),
            schema.attributeType(named: "musterSendAs") != nil
        else { return nil }
        let file = try DataFiles.carbonioAccess(configuration)
        return try AccessRuleText.rules(inFile: SmallFile.contents(file), named: file)
    }

    private static func mailSettings(_ configuration: MusterConfiguration) throws -> MailDirectory.Settings {
        var settings = MailDirectory.Settings()
        if let file = try DataFiles.commonPasswords(configuration) { settings.commonPasswords = CommonPasswords(try SmallFile.contents(file)) }
        settings.warn = { complain("warning: \($0)") }
        settings.admitsActiveInLockedDomains = configuration.admitsActiveInLockedDomains
        settings.deliveryIdentities = configuration.deliveryIdentities
        settings.addressList.isEnabled = configuration.hasAddressLists
        settings.addressList.name = configuration.addressListName
        settings.addressList.timeout = configuration.addressListTimeout
        settings.grantsRights = configuration.grantsRights
        settings.externalGroupAge = .seconds(configuration.externalGroupAge)
        settings.locksOut = configuration.locksOut
        settings.keepsOrder = configuration.keepsOrder
        return settings
    }

    private static func size(_ file: String) -> Int {
        var status = stat()
        return stat(file, &status) == 0 ? Int(status.st_size) : 0
    }
}
