import EntryStore
import LDAP
import Schema

/// What a thread remembers of access rules: profiles of clients and entries, and which rules' subtrees hold which containers.
/// Judging an entry of a known kind is a look at its parent and at the attributes that rules' filters name.
struct AccessCache: ~Copyable {
    private var tables: [AccessTable] = []
    /// That of the request being handled; nil: it is above all rules.
    private(set) var table: AccessTable?
    /// Whom ``table`` and ``holder`` are about, and as of which commit and revision of rights; nil: of nobody's.
    private var subject: AccessSubject?
    private var commit = 0
    private var revision = 0
    /// What the client holds beside the rules.
    private(set) var holder: (any RightsHolder)?
    /// Conditions of entries to be looked at for this request.
    private var tests: UInt64 = 0
    private var lastConditions: UInt64 = 0
    private var lastGrant: AccessGrant?
    private(set) var profile = AccessProfile.unlimited
    private var nextNumber = 1
    private var places = AccessPlaces()
    /// Profiles that grants widen.
    private var widened: [(table: AccessTable, conditions: UInt64, grant: AccessGrant, profile: AccessProfile)] = []
    /// For filters about single entries.
    var scratch = FilterScratch()

    init() {}

    /// Whether the client may do the same with every entry.
    var isUniform: Bool { table == nil || tests == 0 && holder == nil }

    /// To be called before the entries of a request are judged, and again with each new snapshot.
    mutating func begin(_ subject: AccessSubject, _ directory: Directory, _ snapshot: borrowing Snapshot) {
        if subject.isRoot {
            table = nil
            self.subject = nil
            holder = nil
            profile = .unlimited
            return
        }
        let rules = directory.accessRules
        places.begin(directory, snapshot)
        let revision = directory.rights?.revision ?? 0
        if self.subject === subject, commit == snapshot.commit, self.revision == revision { return }
        self.subject = subject
        commit = snapshot.commit
        self.revision = revision
        let standing = subject.standing(directory, revision: revision, snapshot)
        holder = standing.holder
        if let table, table.subject == standing.conditions { return }
        for place in tables.indices where tables[place].subject == standing.conditions { return choose(tables[place], rules) }
        if tables.count >= 64 { tables.removeAll() }
        let table = AccessTable(rules, subject: standing.conditions)
        tables.append(table)
        choose(table, rules)
    }

    private mutating func choose(_ table: AccessTable, _ rules: AccessRules) {
        self.table = table
        tests = table.tests
        lastConditions = 0
        lastGrant = nil
        profile = table.profile(0, rules, number: &nextNumber)
    }

    /// Whether an attribute may be named in filters: of no entry, whatever it is.
    func neverSearches(_ datum: AccessDatum) -> Bool {
        guard let table, table.searchesNever[datum.index] else { return false }
        return holder.map { !$0.most[datum].contains(.search) } ?? true
    }

    /// Whether it may in all entries.
    func alwaysSearches(_ datum: AccessDatum) -> Bool { table.map { $0.searchesAlways[datum.index] } ?? true }

    /// Finds ``profile`` for an entry.
    mutating func judge(
        _ id: EntryID, _ record: borrowing EntryRecord, _ subject: AccessSubject, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) {
        guard let table else { return }
        let conditions = tests == 0 ? 0 : places.holding(tests, id, record, subject, directory, snapshot)
        let grant = holder?.grant(id, record, snapshot)
        if conditions == lastConditions, grant === lastGrant { return }
        profile = table.profile(conditions, directory.accessRules, number: &nextNumber)
        if let grant { profile = widen(profile, table, conditions, grant) }
        lastConditions = conditions
        lastGrant = grant
    }

    private mutating func widen(
        _ profile: AccessProfile, _ table: AccessTable, _ conditions: UInt64, _ grant: AccessGrant
    ) -> AccessProfile {
        for known in widened where known.conditions == conditions && known.grant === grant && known.table === table { return known.profile }
        let made = AccessProfile(profile, number: nextNumber, grant)
        nextNumber += 1
        if widened.count >= 64 { widened.removeAll(keepingCapacity: true) }
        widened.append((table, conditions, grant, made))
        return made
    }
}
