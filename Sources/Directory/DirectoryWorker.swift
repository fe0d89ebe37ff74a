import BER
import EntryStore
import LDAP

/// What one thread (an event loop or a search thread) needs to read the directory: a reader transaction, caches, scratch space.
/// Confined to its thread.
public final class DirectoryWorker {
    let directory: Directory
    /// Taken out while lent, so that each is looked after once per operation.
    private var snapshot: Snapshot?
    private var state: WorkerState? = WorkerState()
    private var filterScratch: FilterScratch? = FilterScratch()

    public init(_ directory: Directory) { self.directory = directory }

    /// Runs `body` with the snapshot of the burst, taken now if this is its first read, and with what the thread keeps between reads.
    func read<T>(
        _ body: (borrowing Snapshot, inout WorkerState, inout FilterScratch) throws(LDAPError) -> T
    ) throws(LDAPError) -> T {
        var lent = snapshot.take()
        do throws(EntryStoreError) {
            if lent == nil { lent = try directory.store.snapshot() } else { try lent?.renew() }
        } catch { throw LDAPError(storage: error) }
        guard let held = lent.take(), var state = state.take(), var scratch = filterScratch.take() else {
            throw LDAPError(.other, "the reader of this thread is in use")
        }
        state.names.validate(held)
        let outcome: Result<T, LDAPError>
        do throws(LDAPError) { outcome = .success(try body(held, &state, &scratch)) } catch { outcome = .failure(error) }
        snapshot = consume held
        self.state = consume state
        filterScratch = consume scratch
        return try outcome.get()
    }

    /// The snapshot taken by the first read since the last call is given back. To be called at the end of each read burst:
    /// a snapshot that stays makes the file grow.
    public func releaseSnapshot() { snapshot?.release() }
}

/// What a thread keeps from one read to the next.
struct WorkerState: ~Copyable {
    var names = NameCache()
    var selection = SelectionScratch()
    var selections = SelectionCache()
    var resolution = NameResolution()
}
