import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// Rights that accounts hold by `zimbraACE` of entries, and over themselves (section 10): they widen what access rules give.
final class AccountRights: GrantedRights {
    let walk: RightWalk
    private let cache: HolderCache
    /// What every account may do with itself, as far as nothing is switched off.
    private let own: AccessGrant

    init(_ walk: RightWalk, _ cache: HolderCache, _ schema: Schema) {
        self.walk = walk
        self.cache = cache
        own = AccessGrant(schema) { HeldRights.allowOwn(&$0, walk.types, []) }
    }

    var revision: Int { walk.outsideGroups.revision() }

    func holder(
        _ identity: Identity, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> (any RightsHolder)? {
        guard case .entry(let id, _, _) = identity, id.rawValue != .max, let record = try snapshot.record(id),
            let kind = walk.types.kind(record), kind == .account || kind == .resource
        else { return nil }
        let outsideGroups = walk.outsideGroups.groups(of: id)
        if let known = try cache.item(id, snapshot), known.outsideGroups == outsideGroups { return known.held }
        let table = try walk.grants.table(snapshot)
        guard let actor = try walk.actor(id, needsGroups: table.grantsAnything(to: .group), snapshot, context) else { return nil }
        let made = try HeldRights(actor, walk, table, own, snapshot, context)
        // The mail system's own identities, which stand in no domain, are judged by the rules alone unless they are granted something.
        let held = actor.domain == nil && made.isEmpty ? nil : made
        cache.keep(
            id, .init(
                held: held, outsideGroups: outsideGroups, table: table, catalogue: snapshot.catalogue, path: try Self.path(id, snapshot)), snapshot)
        return held
    }
}

extension AccountRights {
    /// An entry and all that it stands below, but for the root.
    private static func path(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [EntryID] {
        var path: [EntryID] = []
        var current = id
        while current != .root, let record = try snapshot.record(current) {
            path.append(current)
            current = record.parent
        }
        return path
    }
}

/// What one account holds, as of one commit.
final class HeldRights: RightsHolder {
    let most: AccessGrant
    let actor: RightActor
    let walk: RightWalk
    let table: GrantTable
    let schema: Schema
    private let context: VirtualContext
    /// Entries with grants that are for this account, or that deny it something.
    let concerned: Set<EntryID>
    /// What it may do with itself.
    private let own: AccessGrant
    private let global: EntryID?
    /// Those of them that are lists or groups.
    private let groups: [EntryID]
    /// Where entries stand that may be deleted or renamed by a grant on themselves.
    private let parents: Set<EntryID>
    private let kept: Mutex<Kept>

    private struct Kept {
        var grants: [Key: AccessGrant?] = [:]
        /// By group: everything in it, however far; directly.
        var members: [EntryID: (all: Set<EntryID>, direct: Set<EntryID>)] = [:]
    }

    /// What a grant depends on.
    struct Key: Hashable {
        let kind: RightTarget?
        let isOwn: Bool
        let isNew: Bool
        let isParent: Bool
        let levels: [Level]
    }

    /// Entries with grants that concern a target, at one step of its path.
    struct Level: Hashable {
        let kind: RightPath.Level.Kind
        let entries: [EntryID]
        /// Whether the target is in the group directly.
        let isDirect: Bool
        /// Whether the target is of another domain, to whose entries only users' rights, and denials, reach (10.3.7).
        var isForeign = false
    }

    init(
        _ actor: RightActor, _ walk: RightWalk, _ table: GrantTable, _ own: AccessGrant, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) {
        kept = Mutex(Kept())
        self.actor = actor
        self.walk = walk
        self.table = table
        self.context = context
        schema = snapshot.schema
        var switchedOff: [AttributeTypeID] = []
        if let own = actor.entry {
            for (type, feature) in walk.types.switches where try walk.isOff(feature, of: own, snapshot) { switchedOff.append(type) }
        }
        self.own = switchedOff.isEmpty ? own : AccessGrant(snapshot.schema) { Self.allowOwn(&$0, walk.types, switchedOff) }
        global = walk.global(snapshot)
        var concerned = Set<EntryID>()
        if let id = actor.id { concerned.formUnion(table.entries(grantingTo: .user, id)) }
        for group in actor.outsideGroups { concerned.formUnion(table.entries(grantingTo: .externalGroup, group)) }
        for group in actor.groups.keys { concerned.formUnion(table.entries(grantingTo: .group, group)) }
        if let domain = actor.domainID { concerned.formUnion(table.entries(grantingTo: .domain, domain)) }
        for address in actor.addresses { concerned.formUnion(table.entries(grantingTo: .email, address)) }
        concerned.formUnion(table.entries(grantingTo: .all, Grant.allID))
        concerned.formUnion(table.entries(grantingTo: .everybody, Grant.everybodyID))
        // Those only by which something can be done here.
        concerned = concerned.filter { id in
            table.grants(on: id).contains { grant in
                guard let right = RightDefinition.named(grant.right) else { return false }
                if right.parts.allSatisfy({ if case .nothing = $0.meaning { true } else { false } }) { return false }
                return actor.isDelegatedAdmin || right.isUserRight
            }
        }
        self.concerned = concerned
        var groups: [EntryID] = []
        var parents = Set<EntryID>()
        for id in concerned.sorted() {
            guard let record = try snapshot.record(id), let kind = walk.types.kind(record) else { continue }
            if kind == .list || kind == .group { groups.append(id) }
            let removes = table.grants(on: id).contains { grant in
                RightDefinition.named(grant.right)?.parts.contains { part in
                    switch part.meaning {
                    case .delete, .rename: !grant.isDenied
                    default: false
                    }
                } ?? false
            }
            if removes { parents.insert(record.parent) }
        }
        self.groups = actor.isDelegatedAdmin ? groups : []
        self.parents = actor.isDelegatedAdmin ? parents : []
        let (types, schema) = (walk.types, self.schema)
        let hasOwner = !concerned.isEmpty
        let isDelegatedAdmin = actor.isDelegatedAdmin && !concerned.isEmpty
        let mine = self.own
        most = concerned.isEmpty ? mine : AccessGrant(schema) { draft in
            draft.allow(mine)
            if hasOwner { for type in types.listSettings + types.names { draft.allow(Self.reading, type) } }
            if isDelegatedAdmin { for type in types.all { draft.allow(Self.reading, type) } }
        }
    }

    /// The same rights, for a state of the directory in which groups may have other members.
    init(again other: HeldRights) {
        most = other.most
        actor = other.actor
        walk = other.walk
        table = other.table
        schema = other.schema
        context = other.context
        concerned = other.concerned
        own = other.own
        global = other.global
        groups = other.groups
        parents = other.parents
        kept = Mutex(Kept())
    }

    /// Whether it matters where entries with grants stand.
    var dependsOnPlaces: Bool { !parents.isEmpty }

    /// Whether nothing is granted to the account.
    var isEmpty: Bool { concerned.isEmpty }

    private static let reading: AccessPrivileges = [.disclose, .compare, .search, .read]

    // MARK: Grants

    func grant(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> AccessGrant? {
        let isOwn = id == actor.entry
        if concerned.isEmpty { return isOwn ? own : nil }
        let kind = walk.types.kind(record)
        // Containers matter for what can be added to them or taken away.
        guard kind != nil || actor.isDelegatedAdmin else { return nil }
        guard let levels = try? levels(id, record, kind, snapshot) else { return nil }
        let isParent = parents.contains(id)
        if !isOwn, levels.isEmpty, !isParent { return nil }
        // 10.3.2: nobody but a global administrator acts on one.
        if !isOwn, kind == .account || kind == .resource, walk.isGlobalAdmin(record) { return nil }
        let key = Key(kind: kind, isOwn: isOwn, isNew: id.rawValue == .max, isParent: isParent, levels: levels)
        if let known = kept.withLock({ $0.grants[key] }) { return known }
        let made = make(key, snapshot)
        return kept.withLock { kept in
            // Another thread may have made it meanwhile: all are to get the same.
            if let known = kept.grants[key] { return known }
            if kept.grants.count >= 1024 { kept.grants.removeAll() }
            kept.grants[key] = .some(made)
            return made
        }
    }

    /// The steps of an entry's path with grants that concern this account.
    func levels(
        _ id: EntryID, _ record: borrowing EntryRecord, _ kind: RightTarget?, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> [Level] {
        if concerned.isEmpty { return [] }
        var levels: [Level] = []
        if concerned.contains(id) { levels.append(Level(kind: .target, entries: [id], isDirect: true)) }
        if kind?.hasDomain == true, kind != .group, id.rawValue != .max {
            let isForeign = groups.isEmpty ? false : try isOfOtherDomain(record, snapshot)
            for group in groups {
                let members = try members(of: group, snapshot)
                guard members.all.contains(id) else { continue }
                levels.append(Level(kind: .groups, entries: [group], isDirect: members.direct.contains(id), isForeign: isForeign))
            }
        }
        if kind == .domain || kind?.hasDomain == true || kind == nil {
            // A container stands for the domain it is in.
            var above = try walk.domains(above: kind == nil && id.rawValue != .max ? id : record.parent, snapshot)
            if kind != .domain { above = Array(above.prefix(1)) }
            for domain in above where concerned.contains(domain) {
                levels.append(Level(kind: kind == .domain ? .parentDomain : .domain, entries: [domain], isDirect: true))
            }
        }
        if let global, id != global, concerned.contains(global) { levels.append(Level(kind: .global, entries: [global], isDirect: true)) }
        // All groups together are one step (10.3.4).
        let ofGroups = levels.filter { $0.kind == .groups }
        if ofGroups.count > 1, let first = levels.firstIndex(where: { $0.kind == .groups }) {
            let direct = ofGroups.filter(\.isDirect).flatMap(\.entries), far = ofGroups.filter { !$0.isDirect }.flatMap(\.entries)
            levels.removeAll { $0.kind == .groups }
            let isForeign = ofGroups.contains(where: \.isForeign)
            if !far.isEmpty { levels.insert(Level(kind: .groups, entries: far, isDirect: false, isForeign: isForeign), at: first) }
            if !direct.isEmpty { levels.insert(Level(kind: .groups, entries: direct, isDirect: true, isForeign: isForeign), at: first) }
        }
        return levels
    }

    func members(of group: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> (all: Set<EntryID>, direct: Set<EntryID>) {
        if let known = kept.withLock({ $0.members[group] }) { return known }
        var effort = Membership.Effort(budget: Membership.Effort.unlimited)
        let direct = try walk.membership.members(of: group, snapshot, context, &effort)
        let found = (all: try walk.membership.membersInChain(of: group, snapshot, context, &effort), direct: direct)
        kept.withLock { $0.members[group] = found }
        return found
    }

    /// 10.3.7: whether a target is of another domain, which does not admit administrators of this account's.
    private func isOfOtherDomain(_ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
        guard let own = actor.domain, let domain = try walk.domains(above: record.parent, snapshot).first, domain != own else { return false }
        return !table.grants(on: domain).contains { grant in
            grant.right == Grant.crossDomainAdmin && grant.type == .domain && grant.grantee == actor.domainID && !grant.isDenied
        }
    }

    private func make(_ key: Key, _ snapshot: borrowing Snapshot) -> AccessGrant? {
        var decided = Decided()
        for level in key.levels {
            for (grant, right, _) in matching(level, key, snapshot) { decided.take(right, isDenied: grant.isDenied, on: key.kind, walk.types, schema) }
            decided.finishLevel()
        }
        let types = walk.types
        let isDelegating = delegates(key, snapshot)
        var isEmpty = true
        let made = AccessGrant(schema) { draft in
            if let kind = key.kind {
                decided.write(&draft, kind, isNew: key.isNew, types)
            } else {
                // What is added or taken away must be allowed on the entry too.
                if decided.allows(\.creates) { draft.allowChildren(.add) }
                if decided.allows(\.removes) { draft.allowChildren(.write) }
            }
            if key.kind == .domain {
                if decided.allows(\.creates) { draft.allowChildren(.add) }
                if decided.allows(\.removes) { draft.allowChildren(.write) }
            }
            if key.isParent { draft.allowChildren(.write) }
            if key.isOwn { draft.allow(own) }
            if isDelegating {
                draft.allow(Self.reading.union(.write), walk.grants.type)
                draft.allowEntry(Self.reading)
            }
            isEmpty = draft.isEmpty
        }
        return isEmpty ? nil : made
    }

    /// The grants of a step that are for this account, in the order in which they are tested.
    func matching(
        _ level: Level, _ key: Key, _ snapshot: borrowing Snapshot
    ) -> [(Grant, RightDefinition, EntryID)] {
        var found: [(grant: Grant, right: RightDefinition, entry: EntryID)] = []
        for entry in level.entries {
            for grant in table.grants(on: entry) {
                guard let right = RightDefinition.named(grant.right), right.isUserRight || actor.isDelegatedAdmin && grant.type.mayAdminister,
                    actor.matches(grant, asAdmin: !right.isUserRight)
                else { continue }
                if let kind = key.kind, !walk.counts(grant, kind, level.kind) { continue }
                if grant.isWithoutSubgroups, level.kind == .groups, !level.isDirect { continue }
                if level.isForeign, !grant.isDenied, !right.isUserRight { continue }
                if right.isForTargetOnly, level.kind != .target { continue }
                found.append((grant, right, entry))
            }
        }
        found.sort { ($0.grant.type.precedence, $0.grant.isDenied ? 0 : 1) < ($1.grant.type.precedence, $1.grant.isDenied ? 0 : 1) }
        return found
    }

    /// What accounts may do with themselves: read what the mail system shows them of themselves, set their preferences and their password.
    static func allowOwn(_ draft: inout AccessGrant.Draft, _ types: RightTypes, _ switchedOff: [AttributeTypeID]) {
        draft.allowEntry(reading)
        for type in types.accountInfo { draft.allow(reading, type) }
        for type in types.delegated { draft.allow(reading.union(.write), type) }
        for type in types.preferences { draft.allow(switchedOff.contains(type) ? reading : reading.union(.write), type) }
        if !switchedOff.contains(types.userPassword) { draft.allow(.write, types.userPassword) }
    }

    // MARK: Values

    func check(
        _ values: [[UInt8]], removed: [[UInt8]], of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        if type == walk.grants.type {
            let problem: String?
            do throws(EntryStoreError) { problem = try delegationProblem(values + removed, id, record, snapshot) } catch { throw LDAPError(storage: error) }
            if let problem { throw LDAPError(.insufficientAccessRights, "zimbraACE: \(problem)") }
            return
        }
        if values.isEmpty { return }
        if id == actor.entry, grant(id, record, snapshot) != nil, walk.types.preferences.contains(type) || type == walk.types.userPassword { return }
        let quota: String?
        let constraint: String?
        do throws(EntryStoreError) {
            quota = type == walk.types.mailQuota.type ? try quotaProblem(values, snapshot) : nil
            constraint = try constraintProblem(values, type, record, snapshot)
        } catch { throw LDAPError(storage: error) }
        if let quota { throw LDAPError(.insufficientAccessRights, quota) }
        if let constraint { throw LDAPError(.constraintViolation, "\(schema[type].name): \(constraint)") }
    }

    /// 9.3: how much an administrator may give; unset or -1: nothing, 0: anything.
    private func quotaProblem(_ values: [[UInt8]], _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> String? {
        guard let own = actor.entry, let record = try snapshot.record(own) else { return nil }
        let limit = walk.text(record, walk.types.maxMailQuota).flatMap { Int($0) } ?? -1
        if limit == 0 { return nil }
        if limit < 0 { return "zimbraMailQuota: not to be set without zimbraDomainAdminMaxMailQuota" }
        for value in values {
            guard let number = Int(String(decoding: value, as: UTF8.self)), (1...limit).contains(number) else {
                return "zimbraMailQuota: more than zimbraDomainAdminMaxMailQuota, \(limit), may not be given"
            }
        }
        return nil
    }

    /// 10.3.8: limits of global configuration, for accounts also of their class of service.
    private func constraintProblem(
        _ values: [[UInt8]], _ type: AttributeTypeID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> String? {
        var holders: [EntryID] = []
        let inheritance = try walk.tree.table(snapshot)
        if case .account(let classOfService?, _, _, _) = try Lineage(record, inheritance, snapshot) { holders.append(classOfService) }
        if let config = inheritance.config { holders.append(config) }
        for holder in holders {
            guard let record = try snapshot.record(holder) else { continue }
            var stored = record.values(of: walk.types.constraint.id)
            while let value = stored.next() {
                guard let constraint = Constraint(String(decoding: value.array, as: UTF8.self)),
                    schema.attributeType(named: constraint.attribute) == type
                else { continue }
                // The more specific one decides.
                return constraint.problem(values)
            }
        }
        return nil
    }

    // MARK: For people

    func reasons(
        _ type: AttributeTypeID?, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) -> [String] {
        let kind = walk.types.kind(record)
        var reasons: [String] = []
        if id == actor.entry { reasons.append("an account's rights over itself") }
        guard let levels = try? levels(id, record, kind, snapshot) else { return reasons }
        let key = Key(kind: kind, isOwn: id == actor.entry, isNew: false, isParent: false, levels: levels)
        for level in levels {
            for (grant, right, entry) in matching(level, key, snapshot) {
                var decided = Decided()
                decided.take(right, isDenied: false, on: kind, walk.types, schema)
                let isAbout = kind.map { kind in
                    let alone = AccessGrant(schema) { decided.write(&$0, kind, isNew: false, walk.types) }
                    return type.map { !alone.privileges($0).isEmpty } ?? true
                } ?? true
                guard isAbout else { continue }
                let place = (try? snapshot.name(of: entry)).map { String(decoding: $0, as: UTF8.self) } ?? ""
                reasons.append("\(grant.isDenied ? "not: " : "")zimbraACE \"\(grant.description)\" on \(place) (\(level.kind.rawValue))")
            }
        }
        return reasons
    }
}
