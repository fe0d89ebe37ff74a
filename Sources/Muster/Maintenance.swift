public import Directory
public import EntryStore
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How far an import has come.
public struct ImportProgress: Sendable, Hashable {
    /// What is being done, such as `reading` or `building indexes`.
    public var stage: String
    /// Entries done in this stage.
    public var entries: Int
    /// The part of the stage that is done, from 0 to 1, if known.
    public var fraction: Double?

    public init(stage: String, entries: Int, fraction: Double?) {
        self.stage = stage
        self.entries = entries
        self.fraction = fraction
    }
}

/// Input that is not acceptable: where it stands and why.
public struct InputError: Error, Hashable, CustomStringConvertible {
    public var file: String
    /// The line where the record begins or the fault is; 0 if it is about the whole file.
    public var line: Int
    /// The record's name; empty if it is not known.
    public var dn: String
    public var reason: String

    public init(file: String, line: Int, dn: String, reason: String) {
        self.file = file
        self.line = line
        self.dn = dn
        self.reason = reason
    }

    /// `file:line: dn: reason`
    public var description: String {
        file + (line > 0 ? ":\(line)" : "") + ": " + (dn.isEmpty ? "" : "\(dn): ") + reason
    }
}

/// What access is to be explained.
public struct AccessQuestion: Sendable {
    /// Name of the client's entry; nil: an anonymous client.
    public var client: String?
    /// Name of the entry that is looked at.
    public var entry: String
    /// One attribute; nil: all that the entry has.
    public var attribute: String?
    /// One value of it.
    public var value: String?
    /// Where the client is, as slapd writes it: `IP=192.0.2.1:4711` or `PATH=/run/muster.sock`.
    public var peer = ""
    /// The address of the listener that it is connected to: `IP=0.0.0.0:389` or `PATH=/run/muster.sock`.
    public var listenerName = ""
    /// The listener's URL: `ldap://:389`.
    public var listenerURL = ""
    /// Strength of its connection's encryption in bits.
    public var strength = 0

    public init(client: String?, entry: String) {
        self.client = client
        self.entry = entry
    }
}

/// What is done to a data directory without a server in front of it.
public enum Maintenance {
    /// Loads LDIF files, a whole tree or entries added to what is there. Nothing is changed if any of them is refused.
    ///
    /// - Parameter progress: called now and then, on the caller's thread.
    /// - Returns: the number of entries loaded.
    /// - Throws: ``InputError`` for the input, ``DataDirectory/InUse`` while a server runs.
    public static func importFiles(
        _ files: [String], into configuration: MusterConfiguration, progress: (ImportProgress) -> Void = { _ in }
    ) throws -> Int {
        let lock = try DataDirectory(configuration.dataDirectory)
        return try withExtendedLifetime(lock) {
            try Assembly.importFiles(files, configuration, progress: progress)
        }
    }

    /// Writes the entries at and below `base` that match a filter as LDIF, parents first; also while a server runs, from one snapshot.
    ///
    /// - Parameters:
    ///   - base: a DN; empty for the whole tree.
    ///   - filter: in the form of RFC 4515; nil for all entries.
    /// - Returns: the number of entries written.
    public static func export(
        _ configuration: MusterConfiguration, base: String = "", filter: String? = nil, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        try existing(configuration)
        return try Assembly.export(configuration, base: base, filter: filter, write: write)
    }

    /// Explains by which access rules, and by which rights that entries grant, somebody may do what with an entry; also while a server
    /// runs.
    ///
    /// - Returns: one explanation for each attribute.
    public static func explainAccess(_ configuration: MusterConfiguration, _ question: AccessQuestion) throws -> [AccessExplanation] {
        try existing(configuration)
        return try Assembly.explainAccess(configuration, question)
    }

    /// Writes changes of the log as LDIF change records (RFC 2849); also while a server runs.
    ///
    /// - Parameters:
    ///   - from: the number of the first change.
    ///   - since: only changes made at or after it.
    ///   - base: only entries at and below it; empty for all.
    ///   - operational: whether attributes that only a server sets are written too.
    ///   - waiting: called when all that there is has been written; false: that was all. It should wait a little.
    /// - Returns: the number of changes written.
    public static func changes(
        _ configuration: MusterConfiguration, from: UInt64 = 1, since: PointInTime? = nil, base: String = "", operational: Bool = false,
        waiting: () -> Bool = { false }, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        try existing(configuration)
        var selection = LDIFChanges.Selection()
        selection.from = from
        selection.since = since?.microseconds
        selection.base = base
        selection.includesOperational = operational
        return try Assembly.changes(configuration, selection, waiting: waiting, write: write)
    }

    /// What ``restore(_:at:name:subtree:)`` did, in entries.
    public struct Restored: Sendable, Hashable {
        /// That came back.
        public var added: Int
        /// That got their former values or names.
        public var changed: Int
        /// That were as they had been.
        public var unchanged: Int
        /// That could not be restored: name and reason.
        public var failures: [String]
    }

    /// Writes an entry as it was at a moment as LDIF; also while a server runs.
    ///
    /// - Parameters:
    ///   - name: the name that it had then.
    ///   - subtree: whether with everything that stood below it.
    /// - Returns: the number of entries written.
    public static func show(
        _ configuration: MusterConfiguration, at time: PointInTime, name: String, subtree: Bool = false, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        try existing(configuration)
        return try Assembly.show(configuration, time.microseconds, name, subtree: subtree, write: write)
    }

    /// Makes an entry, or a subtree, what it was at a moment: what has gone comes back, what has changed gets its former name and
    /// values; what has come since stays.
    ///
    /// - Parameter name: the name that it had then.
    /// - Throws: ``DataDirectory/InUse`` while a server runs.
    public static func restore(
        _ configuration: MusterConfiguration, at time: PointInTime, name: String, subtree: Bool = false
    ) async throws -> Restored {
        let lock = try DataDirectory(configuration.dataDirectory)
        try existing(configuration)
        var configuration = configuration
        configuration.warmsDatabase = false
        let assembly = try Assembly.open(configuration, log: .disabled)
        let outcome: Result<Restored, any Error>
        do {
            let report = try await assembly.restore(name, time.microseconds, subtree: subtree)
            outcome = .success(
                Restored(added: report.added, changed: report.changed, unchanged: report.unchanged, failures: report.notes))
        } catch { outcome = .failure(error) }
        assembly.close()
        return try withExtendedLifetime(lock) { try outcome.get() }
    }

    /// Holds every index, name and count against the entries, in one snapshot; also while a server runs.
    ///
    /// - Parameter problem: gets each difference in words (the first thousand of them).
    /// - Returns: the number of entries checked, and of differences.
    public static func check(
        _ configuration: MusterConfiguration, problem: (String) -> Void
    ) throws -> (entries: Int, problems: Int) {
        try existing(configuration)
        return try Assembly.check(configuration, problem: problem)
    }

    /// Writes the state of one moment to a file; also while a server runs. It appears under its name when it has been checked and is on disk.
    ///
    /// - Parameter replaces: whether a file of that name may be replaced.
    public static func backUp(_ configuration: MusterConfiguration, to target: String, replaces: Bool) throws -> BackupSummary {
        try existing(configuration)
        return try Assembly.backUp(configuration, to: target, replaces: replaces)
    }

    /// Makes a backup the database of a directory.
    ///
    /// - Parameter keepsOld: whether the database that is there is kept.
    /// - Returns: what was restored, and under which name the old database was kept.
    /// - Throws: ``DataDirectory/InUse`` while a server runs.
    public static func restoreBackup(
        _ configuration: MusterConfiguration, from backup: String, keepsOld: Bool
    ) throws -> (summary: BackupSummary, old: String?) {
        let lock = try DataDirectory(configuration.dataDirectory)
        return try withExtendedLifetime(lock) {
            try Assembly.restoreBackup(configuration, from: backup, keepsOld: keepsOld)
        }
    }

    /// Makes all names and indexes anew from the entries. Nothing is changed if it does not come to its end.
    ///
    /// - Returns: the number of entries.
    /// - Throws: ``DataDirectory/InUse`` while a server runs.
    public static func reindex(_ configuration: MusterConfiguration, progress: (ImportProgress) -> Void = { _ in }) throws -> Int {
        try existing(configuration)
        let lock = try DataDirectory(configuration.dataDirectory)
        return try withExtendedLifetime(lock) { try Assembly.reindex(configuration, progress: progress) }
    }

    /// Holds the indexes of some attributes against the entries and puts right what differs. If a server runs it is asked to do it.
    ///
    /// - Returns: what was done, in words.
    public static func mend(
        _ configuration: MusterConfiguration, attributes: [String], timeout: Duration
    ) async throws -> [MendingReport] {
        try existing(configuration)
        let directory = configuration.dataDirectory
        let deadline = ContinuousClock.now + timeout
        var isAsked = false
        while true {
            // A server that ends meanwhile leaves the work to us.
            if let lock = try? DataDirectory(directory) {
                defer { withExtendedLifetime(lock) {} }
                if isAsked, let reports = IndexRequests.answer(directory: directory) { return reports }
                unlink(IndexRequests.requestPath(directory))
                return try await Assembly.mend(configuration, attributes)
            }
            if !isAsked { try IndexRequests.ask(attributes, directory: directory) }
            isAsked = true
            if let reports = IndexRequests.answer(directory: directory) { return reports }
            guard ContinuousClock.now < deadline else {
                unlink(IndexRequests.requestPath(directory))
                throw ConfigurationError("the server of \(directory) did not answer in time")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Makes the database of a new data directory: the initial tree, the administrator's password, and the sample organisation if
    /// it is wanted. The caller holds the directory.
    ///
    /// - Returns: the password that was made up; nil if the configuration gives one.
    static func create(_ configuration: MusterConfiguration, sample: Bool) throws -> String? {
        let (password, isGenerated) = configuration.administratorPassword.map { ($0, false) } ?? (generatedPassword(), true)
        let source = try DataFiles.initialTree(configuration)
        let tree = try InitialTree.adding(
            password: try Assembly.hash(password, configuration), of: MusterConfiguration.administratorName, to: SmallFile.contents(source), file: source)
        let prepared = configuration.dataDirectory + "/initial.ldif"
        try SmallFile.write(tree, to: prepared)
        defer { unlink(prepared) }
        do {
            _ = try Assembly.importFiles(
                [prepared] + (sample ? [DataFiles.sample(configuration)] : []), configuration, progress: { _ in })
        } catch {
            // A directory that was not made is not there, so that the next start tries again.
            unlink(configuration.dataDirectory + "/data.mdb")
            unlink(configuration.dataDirectory + "/data.mdb-lock")
            throw error
        }
        return isGenerated ? password : nil
    }

    /// Makes the database of a new data directory, as `serve` does when there is none.
    ///
    /// - Returns: the administrator's password if it was made up; it is not stored in clear anywhere.
    /// - Throws: ``ConfigurationError`` if there is a database already.
    public static func initialize(_ configuration: MusterConfiguration, sample: Bool) throws -> String? {
        let lock = try DataDirectory(configuration.dataDirectory)
        return try withExtendedLifetime(lock) {
            guard Assembly.isNew(configuration) else {
                throw ConfigurationError("\(configuration.dataDirectory) holds a directory already")
            }
            return try create(configuration, sample: sample)
        }
    }

    private static func existing(_ configuration: MusterConfiguration) throws(ConfigurationError) {
        guard !Assembly.isNew(configuration) else {
            throw ConfigurationError("\(configuration.dataDirectory) holds no directory")
        }
    }

    /// Twenty letters and digits that are not mistaken for each other: 115 bits.
    private static func generatedPassword() -> String {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789".utf8)
        var generator = SystemRandomNumberGenerator()
        return String(
            decoding: (0..<20).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }, as: UTF8.self)
    }
}
