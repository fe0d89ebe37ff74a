import BER
import EntryStore
import LDAP
import Schema

/// Finds entries by name, and remembers where superiors lead: most names of a mail system are one RDN below a container that was
/// asked for a moment ago. Confined to a thread.
struct NameResolution {
    /// An entry and the string form of its name, as a client spelled it.
    private struct Superior {
        var name: [UInt8] = []
        var id = EntryID.root

        func isNamed(_ other: RawSpan) -> Bool { name.rawSpan.elementsEqual(other) }
    }

    /// By a hash of the name: a name takes the place of another with the same, so that nobody can make it slow or large.
    private var superiors: [Superior] = []
    private var entries = ResolvedNames()
    /// The commit for which they are right.
    private var commit = -1
    /// The last commit that removed or renamed an entry, as far as known then.
    private var lastChange = -1
    private static let count = 1024
    /// Longer names are not kept.
    private static let nameLimit = 512
    private var canonical: [UInt8] = []
    /// The container of administrators, once looked for.
    private var administrators: EntryID??
    /// Whether what stands directly below an entry stands below ``rankedBelow``.
    private struct Rank {
        var parent = EntryID(rawValue: .max)
        var isBelow = false
    }
    private var ranks: [Rank] = []
    private var rankedBelow: EntryID?

    /// Where a name in string form leads.
    /// - Throws: `invalidDNSyntax`.
    mutating func resolve(_ name: RawSpan, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Snapshot.Resolution {
        if name.byteCount == 0 { return Snapshot.Resolution(id: .root, depth: 0, isComplete: true) }
        validate(snapshot)
        guard let (type, value) = Self.firstRDN(name), value.upperBound + 1 < name.byteCount else {
            return try snapshot.resolve(DistinguishedName(parsing: name))
        }
        let above = name.extracting((value.upperBound + 1)..<name.byteCount)
        let place = Self.place(above)
        guard superiors.count == Self.count, superiors[place].isNamed(above) else {
            let whole = try DistinguishedName(parsing: name)
            let found = try snapshot.resolve(whole)
            if found.isComplete, above.byteCount <= Self.nameLimit, let parent = whole.parent {
                if superiors.isEmpty { superiors = Array(repeating: Superior(), count: Self.count) }
                superiors[place] = Superior(name: above.array, id: try snapshot.resolve(parent).id)
            }
            return found
        }
        let superior = superiors[place].id
        let rdn = name.extracting(0..<value.upperBound)
        // What a transaction has done so far is not noted before its commit.
        let isNoted = !snapshot.isUncommitted
        if isNoted, let entry = entries.entry(rdn, below: superior, at: commit, since: lastChange) {
            return Snapshot.Resolution(id: entry, depth: 0, isComplete: true)
        }
        canonical.removeAll(keepingCapacity: true)
        try snapshot.schema.normalizeRDN(type: name.extracting(0..<type), value: name.extracting(value), into: &canonical)
        let child: EntryID?
        do { child = try snapshot.child(of: superior, rdn: canonical.rawSpan) } catch { throw LDAPError(storage: error) }
        guard let child else { return try snapshot.resolve(DistinguishedName(parsing: name)) }
        if isNoted {
            if !entries.isPrepared { entries.prepare(for: (try? snapshot.entryCount()) ?? 0, from: commit) }
            entries.note(child, rdn, below: superior, at: commit)
        }
        return Snapshot.Resolution(id: child, depth: 0, isComplete: true)
    }

    /// Forgets what may be different in a snapshot.
    private mutating func validate(_ snapshot: borrowing Snapshot) {
        if snapshot.commit == commit { return }
        // An entry that has gone, perhaps for another of its name, has nothing below it: then the whole name is resolved anew.
        if snapshot.lastRename > commit || snapshot.commit < commit {
            superiors = []
            ranks = []
        }
        lastChange = max(snapshot.lastRename, snapshot.lastRemoval)
        administrators = nil
        commit = snapshot.commit
    }

    private static func place(_ name: RawSpan) -> Int { Int(truncatingIfNeeded: OctetHash.hash(name)) & (count - 1) }

    /// Whether an entry stands below the container of administrators.
    /// - Parameter name: the container's; the same each time.
    mutating func isBelow(
        _ name: DistinguishedName, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> Bool {
        validate(snapshot)
        let container: EntryID?
        if let administrators {
            container = administrators
        } else {
            let found = try? snapshot.resolve(name)
            container = found.flatMap { $0.isComplete ? $0.id : nil }
            administrators = .some(container)
            if container != rankedBelow { ranks = [] }
            rankedBelow = container
        }
        guard let container else { return false }
        let parent = record.parent
        let place = Int(truncatingIfNeeded: parent.rawValue) & (Self.count - 1)
        if place < ranks.count, ranks[place].parent == parent { return ranks[place].isBelow }
        let isBelow = try snapshot.isInSubtree(parent, of: container)
        if ranks.isEmpty { ranks = Array(repeating: Rank(), count: Self.count) }
        ranks[place] = Rank(parent: parent, isBelow: isBelow)
        return isBelow
    }

    /// The end of the type and the place of the value of the first RDN, if it is a plain one: one value, nothing escaped or quoted, no
    /// spaces at its ends.
    private static func firstRDN(_ name: RawSpan) -> (type: Int, value: Range<Int>)? {
        var equals: Int?
        var index = 0
        let count = min(name.byteCount, 300)
        while index < count {
            switch name[at: index] {
            case UInt8(ascii: ","):
                guard let equals, index > equals + 1, name[at: index - 1] != 0x20 else { return nil }
                return (equals, equals + 1..<index)
            case UInt8(ascii: "="):
                if equals == nil {
                    guard index > 0, index + 1 < count, name[at: index + 1] != 0x20, name[at: index + 1] != UInt8(ascii: "#") else { return nil }
                    equals = index
                }
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ">"), 0,
                0x80...:
                return nil
            case 0x20 where equals == nil: return nil
            case UInt8(ascii: ".") where equals == nil: return nil
            default: break
            }
            index += 1
        }
        return nil
    }
}
