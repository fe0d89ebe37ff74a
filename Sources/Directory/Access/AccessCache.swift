import BER
import EntryStore
import LDAP
import Schema

/// What a thread remembers of access rules: profiles of clients and entries, and which rules' subtrees hold which containers.
/// Judging an entry of a known kind is a look at its parent and at the attributes that rules' filters name.
struct AccessCache: ~Copyable {
    private var tables: [AccessTable] = []
    /// That of the request being handled; nil: it is above all rules.
    private(set) var table: AccessTable?
    /// Conditions of entries to be looked at for this request.
    private var tests: UInt64 = 0
    private var lastConditions: UInt64 = 0
    private(set) var profile = AccessProfile.unlimited
    private var nextNumber = 1

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

    /// Whether the client may do the same with every entry.
    var isUniform: Bool { table == nil || tests == 0 }

    /// To be called before the entries of a request are judged, and again with each new snapshot.
    mutating func begin(_ subject: AccessSubject, _ directory: Directory, _ snapshot: borrowing Snapshot) {
        if subject.isRoot {
            table = nil
            profile = .unlimited
            return
        }
        let rules = directory.accessRules
        if snapshot.commit != commit { renew(rules, snapshot) }
        if catalogue !== snapshot.catalogue { compile(rules, directory, snapshot.catalogue) }
        let conditions = rules.groups == 0 ? subject.conditions : directory.accessConditions(of: subject, snapshot)
        if let table, table.subject == conditions { return }
        for place in tables.indices where tables[place].subject == conditions { return choose(tables[place], rules) }
        if tables.count >= 64 { tables.removeAll() }
        let table = AccessTable(rules, subject: conditions)
        tables.append(table)
        choose(table, rules)
    }

    private mutating func choose(_ table: AccessTable, _ rules: AccessRules) {
        self.table = table
        tests = table.tests
        lastConditions = 0
        profile = table.profile(0, rules, number: &nextNumber)
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

    /// Finds ``profile`` for an entry.
    mutating func judge(
        _ id: EntryID, _ record: borrowing EntryRecord, _ subject: AccessSubject, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) {
        guard let table else { return }
        var conditions: UInt64 = 0
        if tests & nameTests != 0 { conditions |= names(id, record, snapshot) }
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
        if conditions == lastConditions { return }
        profile = table.profile(conditions, directory.accessRules, number: &nextNumber)
        lastConditions = conditions
    }

    /// The conditions about names that hold of an entry.
    private mutating func names(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> UInt64 {
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
