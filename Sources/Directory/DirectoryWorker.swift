import BER
import EntryStore
import LDAP

/// What one thread (an event loop or a search thread) needs to read the directory: a reader transaction, name caches, scratch space.
/// Confined to its thread.
public final class DirectoryWorker {
    let directory: Directory
    private var held: Snapshot?
    var names = NameCache()
    var filterScratch = FilterScratch()
    var selectionScratch = SelectionScratch()
    var selections = SelectionCache()
    var resolution = NameResolution()

    public init(_ directory: Directory) { self.directory = directory }

    /// Runs `body` with the snapshot of the burst, taken now if this is its first read.
    func read<T>(_ body: (borrowing Snapshot) throws(LDAPError) -> T) throws(LDAPError) -> T {
        do {
            if held == nil { held = try directory.store.snapshot() } else { try held?.renew() }
        } catch { throw LDAPError(storage: error) }
        // Taken out of the property while it is lent.
        guard let snapshot = held.take() else { throw LDAPError(.other, "no snapshot") }
        names.validate(snapshot)
        do {
            let result = try body(snapshot)
            held = consume snapshot
            return result
        } catch {
            held = consume snapshot
            throw error
        }
    }

    /// The snapshot taken by the first read since the last call is given back. To be called at the end of each read burst:
    /// a snapshot that stays makes the file grow.
    public func releaseSnapshot() { held?.release() }
}
