import BER
import EntryStore

/// Where the names of single entries led a while ago: an entry's superior and its RDN as a client spelled it, and the entry. Who binds or is
/// looked up by name comes again soon, and a descent into the tree of names costs several misses of the processor's caches; this costs one.
/// Confined to a thread.
///
/// What was found is right until an entry is removed or renamed: numbers of entries are not given twice, and a new entry changes nothing here.
struct ResolvedNames {
    /// As long as a line of the processor's cache.
    private struct Slot {
        var superior = EntryID.root
        /// The root, which has no RDN, marks a free place.
        var entry = EntryID.root
        var rdn = RDN()
        /// At which commit, counted from ``base``.
        var commit: UInt32 = 0
    }

    /// An RDN as spelled, in place; the octets after it are 0.
    private struct RDN: Equatable {
        var words: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
        var count: UInt32 = 0

        init() {}

        /// Nil for a longer one.
        init?(_ rdn: RawSpan) {
            guard rdn.byteCount > 0, rdn.byteCount <= Self.longest else { return nil }
            count = UInt32(rdn.byteCount)
            words = (Self.word(rdn, 0), Self.word(rdn, 8), Self.word(rdn, 16), Self.word(rdn, 24), Self.word(rdn, 32))
        }

        static let longest = 40

        private static func word(_ bytes: RawSpan, _ place: Int) -> UInt64 {
            // Sound: any eight octets are a number; the place is checked.
            if place + 8 <= bytes.byteCount { return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self) }
            var word: UInt64 = 0
            var place = place
            while place < bytes.byteCount {
                word = word << 8 | UInt64(bytes[at: place])
                place += 1
            }
            return word
        }

        static func == (a: RDN, b: RDN) -> Bool { a.count == b.count && a.words == b.words }

        func hash(_ seed: UInt64, below superior: EntryID) -> UInt64 {
            var hash = OctetHash.mix(seed, superior.rawValue)
            hash = OctetHash.mix(hash, words.0)
            hash = OctetHash.mix(hash, words.1)
            hash = OctetHash.mix(hash, words.2)
            hash = OctetHash.mix(hash, words.3)
            return OctetHash.mix(hash, words.4)
        }
    }

    /// By a hash: a name takes the place of another, so that nobody can make it slow or large. None before the first name.
    private var slots: [Slot] = []
    private var base = 0
    private static let fewest = 1 << 14
    private static let most = 1 << 16
    private let seed = OctetHash.seed

    private func place(_ rdn: RDN, _ superior: EntryID) -> Int { Int(truncatingIfNeeded: rdn.hash(seed, below: superior)) & (slots.count - 1) }

    /// The entry below another that an RDN leads to.
    /// - Parameters:
    ///   - commit: at which.
    ///   - change: the last commit that removed or renamed an entry.
    func entry(_ rdn: RawSpan, below superior: EntryID, at commit: Int, since change: Int) -> EntryID? {
        guard !slots.isEmpty, let rdn = RDN(rdn) else { return nil }
        let place = place(rdn, superior)
        guard slots[place].entry != .root, slots[place].superior == superior, slots[place].rdn == rdn else { return nil }
        let found = base &+ Int(slots[place].commit)
        return found <= commit && found >= change ? slots[place].entry : nil
    }

    /// Whether there is room for names.
    var isPrepared: Bool { !slots.isEmpty }

    /// Makes room, of 1 to 4 MiB.
    /// - Parameters:
    ///   - entries: so many are in the directory.
    ///   - commit: nothing of an earlier one will be noted.
    mutating func prepare(for entries: Int, from commit: Int) {
        base = commit
        var count = Self.fewest
        while count < Self.most, count < entries { count *= 2 }
        slots = Array(repeating: Slot(), count: count)
    }

    /// Notes where an RDN leads, once there is room.
    mutating func note(_ entry: EntryID, _ rdn: RawSpan, below superior: EntryID, at commit: Int) {
        guard isPrepared, let rdn = RDN(rdn) else { return }
        // Commits further away than four milliards are not told.
        guard let number = UInt32(exactly: commit &- base) else { return }
        slots[place(rdn, superior)] = Slot(superior: superior, entry: entry, rdn: rdn, commit: number)
    }
}
