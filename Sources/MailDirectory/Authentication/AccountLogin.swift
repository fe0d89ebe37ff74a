import BER
import Directory
import EntryStore
import KerberosClient
import LDAP
import Schema
import Synchronization

/// Who may log in to an account: statuses (3.5), who knows the password (4.1), lockout (4.4), passwords that must be changed (4.5.8), last
/// logons (4.5.10).
final class AccountLogin: LoginPolicy {
    private let tree: MailTree
    private let statuses: StatusRules
    private let types: LoginTypes
    private let names: LoginNames
    /// Whether wrong passwords are counted.
    private let countsFailures: Bool
    private let outsideTypes: OutsideLoginTypes?
    private let outsideGroups: OutsideGroups
    private let outsideGroupAge: Duration
    /// Nil: nothing is granted to anybody.
    private let grants: Grants?
    private let servers = OutsideConnections()
    private let kerberos = KerberosClient()
    /// Gets what an administrator should see.
    private let warn: @Sendable (String) -> Void
    /// What classes of service and global configuration say, as long as they do not change.
    private let kept = Mutex<Kept?>(nil)

    private struct Kept {
        let table: InheritanceTable
        var settings: [Origin: Settings] = [:]
    }

    /// Whom an account has what it does not say itself from.
    private struct Origin: Hashable {
        let classOfService: EntryID?
        let domain: EntryID?

        /// One number: each bind looks its settings up.
        func hash(into hasher: inout Hasher) {
            hasher.combine((classOfService?.rawValue ?? 0) &* 0x9e37_79b9_7f4a_7c15 ^ (domain?.rawValue ?? 0))
        }
    }

    /// What holds of all accounts with one class of service in one domain.
    private final class Settings: Sendable {
        /// Seconds; 0: last logons are not noted.
        let lastLogonFrequency: Int
        /// Days; 0: no limit.
        let maxAge: Int
        let domain: InheritanceTable.Domain?
        /// Nil: the accounts prove themselves here.
        let outside: OutsideLogin?
        /// The same, where administrators log in.
        let administratorsOutside: OutsideLogin?

        init(
            lastLogonFrequency: Int, maxAge: Int, domain: InheritanceTable.Domain?, outside: OutsideLogin?, administratorsOutside: OutsideLogin?
        ) {
            self.lastLogonFrequency = lastLogonFrequency
            self.maxAge = maxAge
            self.domain = domain
            self.outside = outside
            self.administratorsOutside = administratorsOutside
        }
    }

    init(
        _ tree: MailTree, _ statuses: StatusRules, _ types: LoginTypes, countsFailures: Bool, outside: OutsideLoginTypes?,
        groups: OutsideGroups, groupAge: Duration, _ grants: Grants?, warn: @escaping @Sendable (String) -> Void
    ) {
        self.tree = tree
        self.statuses = statuses
        self.types = types
        self.countsFailures = countsFailures
        outsideTypes = outside
        outsideGroups = groups
        outsideGroupAge = groupAge
        self.grants = grants
        self.warn = warn
        names = LoginNames(tree: tree, types: types)
    }

    func entry(
        named name: [UInt8], serverName: String?, _ snapshot: borrowing Snapshot, scratch: inout FilterScratch
    ) throws(EntryStoreError) -> EntryID? {
        try names.entry(named: name, serverName: serverName, snapshot, scratch: &scratch)
    }

    func state(
        of id: EntryID, _ record: borrowing EntryRecord, pending: EphemeralValues, asAdministrator: Bool, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> LoginState? {
        let table = try tree.table(snapshot)
        guard tree.types.account.matches(record) else { return nil }
        let domain = try table.domain(above: record.parent, snapshot)
        let classOfService = table.classOfService(of: record, in: domain).map { table.classes[$0].entry }
        let settings = try settings(Origin(classOfService: classOfService, domain: domain), table, snapshot)
        let catalogue = snapshot.catalogue
        let now = Moments.now
        let isAnythingPending = !pending.isEmpty
        func first<T>(_ type: AttributeTypeID, _ body: (RawSpan) -> T) -> T? {
            if isAnythingPending, let values = pending.values(of: type, id) { return values.first.map { body($0.rawSpan) } }
            return record.first(type, catalogue, body)
        }
        func isTrue(_ type: AttributeTypeID) -> Bool { first(type) { $0.equalsIgnoringCase(Self.yes.rawSpan) } ?? false }
        func moment(_ type: AttributeTypeID) -> Int? { first(type) { Moments.parse($0) } ?? nil }

        let own = first(tree.types.accountStatus.type) { AccountStatus($0) }
        let isLockedOut = own == .lockout
        var state = LoginState(standing: .open)
        // An account without a status is an active one; an unknown status is none that lets anybody in.
        if let own {
            switch statuses.effective(own, record, domain: settings.domain) {
            case .active: break
            case .maintenance: state.standing = .maintenance
            case .lockout:
                // 4.4.2; also where lockout was switched off meanwhile (pitfall 26).
                let since = moment(types.lockedTime)
                let values = try InheritedValues([types.lockoutDuration], record, classOfService: classOfService, snapshot)
                if !isExpired(since, values, now) { state.standing = .closed }
                state.until = now
            case .locked, .pending, .closed, nil: state.standing = .closed
            }
        }
        state.isAdministrator = isTrue(types.isAdmin) || isTrue(types.isDelegatedAdmin)
        state.countsFailures = countsFailures

        if isTrue(types.mustChange) {
            state.mustChange = .changeAfterReset
        } else if case let days = (first(types.maxAge) { Int(String(decoding: $0.array, as: UTF8.self)) } ?? nil) ?? settings.maxAge, days > 0,
            days <= 1_000_000, let changed = first(types.modifiedTime, { Moments.parse($0) }) ?? moment(types.createTimestamp)
        {
            // 4.5.8.
            let left = changed / 1000 + days * 86_400 - now / 1000
            if left < 0 {
                state.mustChange = .passwordExpired
            } else {
                state.timeBeforeExpiration = left
                state.until = now
            }
        }
        if let outside = asAdministrator ? settings.administratorsOutside : settings.outside {
            state.outside = try outsideAccount(id, record, outside, asAdministrator: isTrue(types.isDelegatedAdmin), snapshot)
            state.until = now
        }
        // 4.5.10: at most once in a while.
        if settings.lastLogonFrequency > 0 {
            let due = moment(types.lastLogon).map { ($0 / 1000 + settings.lastLogonFrequency) * 1000 }
            state.isLogonDue = due.map { $0 <= now } ?? true
            if let due, !state.isLogonDue { state.until = min(state.until, due) }
        }
        state.endsFailures = isLockedOut || first(types.failureTimes) { _ in true } ?? false
        return state
    }

    func stillApplies(_ state: LoginState, from commit: Int, _ snapshot: borrowing Snapshot) -> Bool {
        // Where an account stands says which domain is its own.
        snapshot.lastRename <= commit && tree.serves(snapshot, madeAt: commit) && Moments.now < state.until
    }

    /// 4.1: the account's domain says who knows its password; of external virtual accounts we always do.
    /// - Parameter asAdministrator: whether rights of administrators can matter for it.
    private func outsideAccount(
        _ id: EntryID, _ record: borrowing EntryRecord, _ login: OutsideLogin, asAdministrator: Bool, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> OutsideAccount? {
        let catalogue = snapshot.catalogue
        guard let outsideTypes,
            !(record.first(outsideTypes.isVirtualAccount, catalogue).map { $0.rawSpan.equalsIgnoringCase(Self.yes.rawSpan) } ?? false)
        else { return nil }
        var groups: [String] = []
        if let grants, let search = login.groups {
            groups = try grants.table(snapshot).outsideGroups(of: search.domainID, asAdministrator: asAdministrator)
        }
        return OutsideAccount(
            login: login, names: OutsideAccount.Names(record, address: types.address, outsideTypes, catalogue), id: id, groups: groups,
            known: outsideGroups, groupAge: outsideGroupAge, warn: warn)
    }

    /// Longer times are as good as this one; in seconds.
    private static let longest = 1 << 40

    private static let yes = Array("true".utf8)
    private static let active = AccountStatus.active.value
    private static let lockout = AccountStatus.lockout.value

    private func isExpired(_ lockedSince: Int?, _ values: InheritedValues, _ now: Int) -> Bool {
        let duration = values.duration(types.lockoutDuration, default: 3600)
        guard let lockedSince, duration > 0 else { return false }
        return now / 1000 - lockedSince / 1000 > duration
    }

    private func settings(
        _ origin: Origin, _ table: InheritanceTable, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> Settings {
        if let known = kept.withLock({ kept in kept.flatMap { $0.table === table ? $0.settings[origin] : nil } }) { return known }
        let catalogue = snapshot.catalogue
        func text(_ type: AttributeTypeID, _ id: EntryID?) throws(EntryStoreError) -> String? {
            guard let id, let record = try snapshot.record(id) else { return nil }
            return record.first(type, catalogue).map { String(decoding: $0, as: UTF8.self) }
        }
        func login(asAdministrator: Bool) throws(EntryStoreError) -> OutsideLogin? {
            guard let outsideTypes, let domain = origin.domain else { return nil }
            return try OutsideLogin(domain, config: table.config, asAdministrator: asAdministrator, outsideTypes, servers, kerberos, snapshot)
        }
        let settings = Settings(
            lastLogonFrequency: min(try text(types.lastLogonFrequency, table.config).flatMap { Durations.seconds($0) } ?? 86_400, Self.longest),
            maxAge: try text(types.maxAge, origin.classOfService).flatMap { Int($0) } ?? 0,
            domain: origin.domain.flatMap { table.domains[$0] }, outside: try login(asAdministrator: false),
            administratorsOutside: try login(asAdministrator: true))
        if !snapshot.isUncommitted {
            kept.withLock { kept in
                var new = kept.take().flatMap { $0.table === table ? $0 : nil } ?? Kept(table: table)
                new.settings[origin] = settings
                kept = new
            }
        }
        return settings
    }

    // MARK: Outcomes

    func noteFailure(of id: EntryID, _ state: LoginState, _ pending: EphemeralValues) {
        let now = Moments.now
        pending.update(id) { draft, record, snapshot throws(EntryStoreError) in
            guard case .account(let classOfService, _, _, _) = try tree.lineage(id, record, snapshot) else { return }
            let values = try InheritedValues(
                [types.lockoutEnabled, types.maxFailures, types.lockoutDuration, types.failureLifetime], record,
                classOfService: classOfService, snapshot)
            let limit = values.number(types.maxFailures, default: 10)
            // 4.4.1.
            guard values.isTrue(types.lockoutEnabled), limit > 0, limit <= 10_000 else { return }
            let lifetime = values.duration(types.failureLifetime, default: 3600)
            var times = draft[types.failureTimes].compactMap { Moments.parse($0) }.sorted()
            if draft[tree.types.accountStatus.type].first.flatMap({ AccountStatus($0.rawSpan) }) == .lockout {
                // Somebody else's failure has locked it a moment ago.
                guard isExpired(draft[types.lockedTime].first.flatMap { Moments.parse($0) }, values, now) else { return }
                // Pitfall 25: the lock is over, and the count begins anew.
                draft[tree.types.accountStatus.type] = [Self.active]
                draft[types.lockedTime] = []
                times = []
                draft.note()
            }
            if lifetime > 0 { times.removeAll { now / 1000 - $0 / 1000 > lifetime } }
            times = times.suffix(limit - 1)
            // Two failures in one moment are two (pitfall 29).
            times.append(max(now, (times.last ?? 0) + 1))
            draft[types.failureTimes] = times.map { Moments.format($0) }
            if times.count >= limit {
                draft[types.lockedTime] = [Moments.format(now)]
                draft[tree.types.accountStatus.type] = [Self.lockout]
                draft.note()
            }
        }
    }

    func noteSuccess(of id: EntryID, _ state: LoginState, _ pending: EphemeralValues) {
        let now = Moments.now
        // Nothing else to note: whoever has noted a logon a moment ago has noted this one.
        if !state.endsFailures { return pending.set(types.lastLogon, to: Moments.format(now), of: id) }
        pending.update(id) { draft, _, _ in
            if !draft[types.failureTimes].isEmpty { draft[types.failureTimes] = [] }
            if draft[tree.types.accountStatus.type].first.flatMap({ AccountStatus($0.rawSpan) }) == .lockout {
                draft[tree.types.accountStatus.type] = [Self.active]
                draft[types.lockedTime] = []
                draft.note()
            }
            if state.isLogonDue { draft[types.lastLogon] = [Moments.format(now)] }
        }
    }
}
