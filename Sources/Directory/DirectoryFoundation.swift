import EntryStore
import LDAP
import Schema
import Synchronization

/// What a directory keeps when its schema changes: the store and its writer, what is on its way, counters.
final class DirectoryFoundation: Sendable {
    /// Makes the extension by a catalogue, which need not be the store's yet.
    typealias ExtensionMaker = @Sendable (EntryStore, Catalogue) throws(DirectoryError) -> DirectoryExtension

    let store: EntryStore
    let settings: DirectorySettings
    let log: OperationLog
    let makeExtension: ExtensionMaker
    let writer: Writer
    let ephemeral: EphemeralValues
    let decoy: Decoy
    let throttle: BindThrottle
    let counters = DirectoryCounters()
    let monitor: Monitor
    let sortMemory = SortMemory()
    let trimming: LogTrimming
    /// The directory by the schema as it is now; nil: it has not changed since the start. Until ``close()`` they hold each other.
    private let successor = Mutex<Directory?>(nil)

    init(
        _ store: EntryStore, _ settings: DirectorySettings, _ log: OperationLog, _ makeExtension: @escaping ExtensionMaker
    ) throws(DirectoryError) {
        self.store = store
        self.settings = settings
        self.log = log
        self.makeExtension = makeExtension
        let schema = store.schema
        let known = try KnownTypes(schema)
        let monitor = Monitor(schema)
        self.monitor = monitor
        do { writer = try Writer(store, limits: settings.writer) { monitor.lookups } } catch { throw DirectoryError(error.message) }
        ephemeral = EphemeralValues(store, writer, known)
        throttle = BindThrottle(settings.bindLimits, counters)
        do { decoy = try Decoy(settings.passwords) } catch { throw DirectoryError(error.message) }
        trimming = LogTrimming(store, writer)
    }

    /// The directory that follows the first; nil: there is none.
    var latest: Directory? { successor.withLock { $0 } }

    func follow(with directory: Directory) { successor.withLock { $0 = directory } }

    func close() {
        trimming.stop()
        ephemeral.close()
        writer.stop()
        successor.withLock { $0 = nil }
    }
}

/// How one directory gives way to the next when the schema changes. What is under way ends as it began; what comes later is the next one's.
final class Succession: Sendable {
    private let isEnding = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)
    /// The last catalogue of the store that was asked about, and what is read with in its place.
    private let kept = Mutex<(newest: Catalogue, own: Catalogue)?>(nil)

    /// Whether requests are for the next directory. To be asked before each.
    @inline(__always)
    var isSuperseded: Bool { isOver.load(ordering: .acquiring) }

    /// Whether snapshots may have the catalogue of another schema. To be asked after one was taken.
    @inline(__always)
    var hasBegun: Bool { isEnding.load(ordering: .acquiring) }

    /// What is to be read with in place of a snapshot's catalogue: nil if that is of the schema.
    func catalogue(of schema: Schema, inPlaceOf newest: Catalogue) -> Catalogue? {
        if newest.schema.isIdentical(to: schema) { return nil }
        return kept.withLock { kept in
            if let kept, kept.newest === newest { return kept.own }
            let own = newest.read(by: schema)
            kept = (newest, own)
            return own
        }
    }

    /// Before another catalogue can be seen.
    func begin() { isEnding.store(true, ordering: .releasing) }

    /// When the next directory is there.
    func end() { isOver.store(true, ordering: .releasing) }
}
