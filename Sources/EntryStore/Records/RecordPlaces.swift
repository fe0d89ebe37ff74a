import BER
import LMDB
import Synchronization

/// About where records lie, so that they are fetched from memory while the way to them is looked up. Of an entry that was not read before, or has
/// been changed, nothing or a wrong place is known, which costs nothing but the time that could have been saved.
///
/// Shared by all threads.
final class RecordPlaces: Sendable {
    private let places: SharedWords<UInt32>

    private static let leastBits = 14
    private static let mostBits = 22

    /// Nil if there is no memory for it.
    /// - Parameter entries: about so many: there are twice as many places, of 4 octets, from 16,384 to four million. Entries with the same last bits
    ///   share one.
    init?(entries: Int) {
        var bits = Self.leastBits
        while bits < Self.mostBits, 1 << bits < entries * 2 { bits += 1 }
        guard let places = SharedWords<UInt32>(count: 1 << bits) else { return nil }
        self.places = places
    }

    private func index(_ id: EntryID) -> Int { Int(truncatingIfNeeded: id.rawValue) & (places.count - 1) }

    /// Where the record of an entry was, perhaps.
    subscript(_ id: EntryID) -> MapPlace { MapPlace(rawValue: Int32(bitPattern: places[index(id)].load(ordering: .relaxed))) }

    /// Notes where it is.
    func note(_ place: MapPlace, of id: EntryID) { places[index(id)].store(UInt32(bitPattern: place.rawValue), ordering: .relaxed) }
}
