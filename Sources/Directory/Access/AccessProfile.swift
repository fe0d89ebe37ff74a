import EntryStore
import Schema

/// What one kind of client may do with one kind of entry: the rules' decision for every attribute. Clients and entries of which the
/// same conditions hold share one.
final class AccessProfile: Sendable {
    /// Tells profiles of a thread apart. 0: everything is allowed.
    let number: Int
    private let privileges: [AccessPrivileges]
    private let valueDependent: [Bool]
    /// Whether all attributes and all their values may be read.
    let readsAll: Bool
    let entry: AccessPrivileges

    /// - Parameters:
    ///   - subject: conditions of the client.
    ///   - entry: conditions of the entry.
    ///   - valueDependent: by attribute, whether the value makes a difference.
    init(_ rules: AccessRules, number: Int, subject: UInt64, entry: UInt64, valueDependent: [Bool]) {
        self.number = number
        self.valueDependent = valueDependent
        var privileges: [AccessPrivileges] = []
        privileges.reserveCapacity(AccessDatum.count(rules.schema))
        for datum in AccessDatum.all(rules.schema) {
            privileges.append(rules.privileges(datum, value: nil, subject: subject, own: [], entry: entry))
        }
        self.privileges = privileges
        self.entry = privileges[AccessDatum.entry.index]
        readsAll = !valueDependent.contains(true) && privileges.allSatisfy { $0.contains(.read) }
    }

    /// A profile and what is granted beside it.
    /// - Parameter entryIndex: the place of the pseudo attribute `entry`.
    init(_ profile: AccessProfile, number: Int, _ grant: AccessGrant) {
        self.number = number
        valueDependent = profile.valueDependent
        privileges = profile.privileges.indices.map { profile.privileges[$0].union(grant[$0]) }
        entry = privileges[AccessDatum.entry.index]
        readsAll = !valueDependent.contains(true) && privileges.allSatisfy { $0.contains(.read) }
    }

    /// For whom is above all rules.
    static let unlimited = AccessProfile()

    private init() {
        number = 0
        privileges = []
        valueDependent = []
        readsAll = true
        entry = .all
    }

    /// What is allowed with an attribute, values aside.
    func privileges(_ datum: AccessDatum) -> AccessPrivileges {
        datum.index < privileges.count ? privileges[datum.index] : number == 0 ? .all : []
    }

    /// Whether something is allowed with an attribute, values aside.
    func allows(_ wanted: AccessPrivileges, _ datum: AccessDatum) -> Bool {
        datum.index < privileges.count ? privileges[datum.index].isSuperset(of: wanted) : number == 0
    }

    /// Whether values of an attribute are judged one by one.
    func dependsOnValue(_ datum: AccessDatum) -> Bool { datum.index < valueDependent.count && valueDependent[datum.index] }
}

/// What is common to the clients of which the same conditions hold. Confined to a thread.
final class AccessTable {
    // Unchecked, here and below: confined to one thread, and no access lasts longer than a load or a store.
    let subject: UInt64
    /// Conditions of entries that make a difference to these clients.
    let tests: UInt64
    /// By attribute: may it be searched for whatever the entry; may it never.
    let searchesAlways: [Bool]
    let searchesNever: [Bool]
    let valueDependent: [Bool]
    @exclusivity(unchecked) private var profiles: [(conditions: UInt64, profile: AccessProfile)] = []

    init(_ rules: AccessRules, subject: UInt64) {
        self.subject = subject
        var tests: UInt64 = 0
        var always: [Bool] = []
        var never: [Bool] = []
        var valueDependent: [Bool] = []
        for datum in AccessDatum.all(rules.schema) {
            let bounds = rules.bounds(datum, subject: subject)
            tests |= bounds.tests
            always.append(bounds.least.contains(.search) && !bounds.dependsOnValue)
            never.append(!bounds.most.contains(.search))
            valueDependent.append(bounds.dependsOnValue)
        }
        self.tests = tests
        searchesAlways = always
        searchesNever = never
        self.valueDependent = valueDependent
    }

    /// The profile for entries of which just these conditions hold.
    /// - Parameter number: given to it if it is new.
    func profile(_ conditions: UInt64, _ rules: AccessRules, number: inout Int) -> AccessProfile {
        for place in profiles.indices where profiles[place].conditions == conditions { return profiles[place].profile }
        let profile = AccessProfile(rules, number: number, subject: subject, entry: conditions, valueDependent: valueDependent)
        number += 1
        // Rules with many conditions: what was known first is as likely to be asked for as any.
        if profiles.count >= 256 { profiles.removeAll(keepingCapacity: true) }
        profiles.append((conditions, profile))
        return profile
    }
}
