import BER
import EntryStore
import LDAP

/// What one thread (an event loop or a search thread) needs to read the directory: a reader transaction, caches, scratch space.
/// Confined to its thread.
public final class DirectoryWorker {
    /// The directory that it works for just now.
    @exclusivity(unchecked) private(set) var directory: Directory
    // Unchecked: one thread has the worker, and ``isLent`` sees to it that no two accesses meet.
    @exclusivity(unchecked) private var reader = Reader()
    @exclusivity(unchecked) private var isLent = false
    /// The search of the request being handled; when it has ended the next one uses its memory.
    @exclusivity(unchecked) var search: SearchExecution

    /// The kind of the last request.
    @exclusivity(unchecked) public private(set) var kind = OperationKind.abandon
    private let counters = OperationCounters()

    public init(_ directory: Directory) {
        self.directory = directory
        directory.monitor.register(counters)
        search = SearchExecution(directory)
    }

    /// Runs `body` with the snapshot of the burst, taken now if this is its first read, and with what the thread keeps between reads.
    func read<T>(
        _ body: (borrowing Snapshot, inout WorkerState, inout FilterScratch) throws(LDAPError) -> T
    ) throws(LDAPError) -> T {
        guard !isLent else { throw LDAPError(.other, "the reader of this thread is in use") }
        isLent = true
        defer { isLent = false }
        return try reader.read(directory, body)
    }

    /// Has it work for a directory, which may be another than before when the schema has changed. What it kept is forgotten then.
    @inline(__always)
    func adopt(_ directory: Directory) {
        if directory !== self.directory { change(to: directory) }
    }

    @inline(never)
    private func change(to directory: Directory) {
        self.directory = directory
        search = SearchExecution(directory)
        reader.forget()
    }

    func begin(_ kind: OperationKind) {
        self.kind = kind
        counters.begin(kind)
    }

    /// Counts the end of an operation: it was answered, or given up.
    public func complete(_ kind: OperationKind) { counters.complete(kind) }

    /// Counts entries that were sent.
    func countEntries(_ count: Int) { if count > 0 { counters.addEntries(count) } }

    /// The snapshot taken by the first read since the last call is given back: one that stays makes the file grow.
    public func releaseSnapshot() {
        if !isLent { reader.snapshot?.release() }
    }

    /// The next read sees what is committed until then. To be called at the end of each read burst by threads that also call
    /// ``releaseSnapshot()`` every second or so: while nothing is committed they need not take a new snapshot for each burst.
    public func endBurst() {
        if !isLent { reader.snapshot?.putAside() }
    }
}

/// What a worker lends to whoever reads.
private struct Reader: ~Copyable {
    var snapshot: Snapshot?
    private var state = WorkerState()
    private var scratch = FilterScratch()

    init() {}

    /// Forgets what was kept by another schema.
    mutating func forget() {
        snapshot?.release()
        state = WorkerState()
    }

    mutating func read<T>(
        _ directory: Directory, _ body: (borrowing Snapshot, inout WorkerState, inout FilterScratch) throws(LDAPError) -> T
    ) throws(LDAPError) -> T {
        do throws(EntryStoreError) {
            if snapshot == nil { snapshot = try directory.store.snapshot() } else { try snapshot?.renew() }
        } catch { throw LDAPError(storage: error) }
        if directory.succession.hasBegun, let newest = snapshot?.catalogue,
            let own = directory.succession.catalogue(of: directory.schema, inPlaceOf: newest)
        {
            snapshot?.use(own)
        }
        // Taken out while lent.
        guard let held = snapshot.take() else { throw LDAPError(.other, "no snapshot") }
        state.names.validate(held)
        let outcome: Result<T, LDAPError>
        do throws(LDAPError) { outcome = .success(try body(held, &state, &scratch)) } catch { outcome = .failure(error) }
        snapshot = consume held
        return try outcome.get()
    }
}

/// What a thread keeps from one read to the next.
struct WorkerState: ~Copyable {
    var names = NameCache()
    var selection = SelectionScratch()
    var selections = SelectionCache()
    var resolution = NameResolution()
    var logins = KnownLogins()
    var access = AccessCache()
    /// Aliases and referral entries, once looked for.
    var special: SpecialEntries?
}
