import LMDB

/// Where records lie: read there again, one needs no descent in the database, and most of what a look-up waits for is memory that a descent touches.
///
/// A ``FoundTable`` by the entries' numbers. A record is where it was found until the entry is changed, as far as the pages are kept (``KeptPages``).
/// What is not good to read is at least good to be fetched ahead.
final class RecordPlaces: Sendable {
    /// What is known of an entry.
    struct Finding {
        /// Where its record was, perhaps.
        var place: MapPlace { MapPlace(rawValue: found.word) }
        /// The commit at which it was just there, and since which it was not changed; nil if that is not known.
        let foundAt: Int?
        fileprivate let found: FoundTable.Finding
    }

    private let table: FoundTable

    /// Nil if there is no memory for it.
    /// - Parameters:
    ///   - entries: about so many: there are twice as many places, from 16,384 to four million. Entries with the same last bits share one.
    ///   - commit: the last one.
    init?(entries: Int, commit: Int) {
        guard let table = FoundTable(places: entries * 2, bounds: 14...22, commit: commit) else { return nil }
        self.table = table
    }

    /// What is known of an entry at a commit.
    func look(_ id: EntryID, at commit: Int) -> Finding {
        let found = table.look(id.rawValue, at: commit)
        return Finding(foundAt: found.entry == id && id != .root ? found.foundAt : nil, found: found)
    }

    /// Notes where a record was found at a commit.
    /// - Parameter finding: what was known before it was looked for.
    func note(_ place: MapPlace, of id: EntryID, at commit: Int, _ finding: Finding) {
        if place != .none { table.note(id, place.rawValue, id.rawValue, at: commit, finding.found) }
    }

    /// Notes that a commit changes an entry, before it is made.
    func noteChange(of id: EntryID, by commit: Int) { table.noteChange(id.rawValue, by: commit) }
}
