import BER
import EntryStore
import LDAP
import Schema

/// Finds which conditions on entries hold, for one entry after the other. What it remembers of names makes an entry of a known
/// container a look at its parent. Confined to a thread.
struct AccessPlaces: ~Copyable {
    /// The conditions that are about names, with the entries meant as of ``commit``; nil: there is none.
    private var bases: [(bit: UInt64, style: AccessNameStyle, id: EntryID?)] = []
    private var nameTests: UInt64 = 0
    /// The conditions that are filters, ready for ``catalogue``.
    private var filters: [(bit: UInt64, filter: CompiledFilter)] = []
    private var filterTests: UInt64 = 0
    private var catalogue: Catalogue?
    private var commit = -1
    /// For filters about single entries.
    var scratch = FilterScratch()

    /// Of an entry that has entries below it: the names among ``bases`` that it is or stands below.
    private struct Superior {
        var id: UInt64 = .max
        var bases: UInt64 = 0
    }
    private var superiors: [Superior] = []
    private static let superiorCount = 1024

    init() {}

    /// To be called with each new snapshot.
    mutating func begin(_ directory: Directory, _ snapshot: borrowing Snapshot) {
        let rules = directory.accessRules
        if snapshot.commit != commit || snapshot.isUncommitted { renew(rules, snapshot) }
        if catalogue !== snapshot.catalogue { compile(rules, directory, snapshot.catalogue) }
    }

    /// Which of some conditions hold of an entry.
    mutating func holding(
        _ tests: UInt64, _ id: EntryID, _ record: borrowing EntryRecord, _ subject: AccessSubject, _ directory: Directory,
        _ snapshot: borrowing Snapshot
    ) -> UInt64 {
        var conditions: UInt64 = 0
        if tests & nameTests != 0 { conditions |= names(tests, id, record, snapshot) }
        if tests & filterTests != 0 {
            for place in filters.indices where filters[place].bit & tests != 0 {
                if filters[place].filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes { conditions |= filters[place].bit }
            }
        }
        let others = tests & ~(nameTests | filterTests)
        if others != 0 {
            var further = AccessTests()
            conditions |= further.holding(others, id, record, subject, directory, snapshot)
        }
        return conditions
    }

    /// Finds the entries that rules name. Names of other entries change only when some entry is renamed.
    private mutating func renew(_ rules: AccessRules, _ snapshot: borrowing Snapshot) {
        var found: [(bit: UInt64, style: AccessNameStyle, id: EntryID?)] = []
        nameTests = 0
        for (number, condition) in rules.entryConditions.enumerated() {
            guard case .name(let style, let name, _) = condition else { continue }
            // So many levels above are looked for by the name.
            if case .level = style { continue }
            let bit: UInt64 = 1 << UInt64(number)
            let resolution = try? snapshot.resolve(name)
            found.append((bit, style, resolution.flatMap { $0.isComplete ? $0.id : nil }))
            nameTests |= bit
        }
        if snapshot.lastRename > commit || snapshot.commit < commit || found.map(\.id) != bases.map(\.id) { superiors = [] }
        bases = found
        commit = snapshot.commit
    }

    private mutating func compile(_ rules: AccessRules, _ directory: Directory, _ catalogue: Catalogue) {
        filters = []
        filterTests = 0
        for (number, condition) in rules.entryConditions.enumerated() {
            guard case .filter(let filter) = condition else { continue }
            filters.append((1 << UInt64(number), directory.compileForAccess(filter, catalogue)))
            filterTests |= 1 << UInt64(number)
        }
        self.catalogue = catalogue
    }

    /// The conditions about names that hold of an entry.
    private mutating func names(
        _ tests: UInt64, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) -> UInt64 {
        let parent = record.parent
        let above = id == .root ? 0 : superior(parent, snapshot)
        var conditions: UInt64 = 0
        for place in bases.indices {
            guard bases[place].bit & tests != 0, let base = bases[place].id else { continue }
            let holds: Bool =
                switch bases[place].style {
                case .base: id == base
                case .one: id != .root && parent == base
                case .subtree: id == base || above & bases[place].bit != 0
                case .children: above & bases[place].bit != 0
                case .level: false
                }
            if holds { conditions |= bases[place].bit }
        }
        return conditions
    }

    /// The names that an entry is or stands below.
    private mutating func superior(_ id: EntryID, _ snapshot: borrowing Snapshot) -> UInt64 {
        let place = Int(truncatingIfNeeded: id.rawValue) & (Self.superiorCount - 1)
        if place < superiors.count, superiors[place].id == id.rawValue { return superiors[place].bases }
        var found: UInt64 = 0
        var current = id
        while true {
            for place in bases.indices where bases[place].id == current { found |= bases[place].bit }
            guard current != .root, let record = try? snapshot.record(current) else { break }
            current = record.parent
        }
        if superiors.isEmpty { superiors = Array(repeating: Superior(), count: Self.superiorCount) }
        superiors[place] = Superior(id: id.rawValue, bases: found)
        return found
    }
}
