import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Who wants to exercise a right: an entry of the directory, or an address from elsewhere.
struct RightActor: Sendable {
    /// nil: an address that is no entry's.
    var entry: EntryID?
    /// In lower case: of a guest, and of an account or list its own.
    var addresses: [String] = []
    /// In lower case; nil: without one.
    var id: String?
    /// The kind of entry; nil: none that rights are about.
    var kind: RightTarget?
    var domain: EntryID?
    var domainID: String?
    /// All groups it is in, however far, by `zimbraId`; whether they count for administrators' rights, and whether it is in them directly.
    var groups: [String: InGroup] = [:]
    /// Groups of another directory that its domain asks, as grantees.
    var outsideGroups: Set<String> = []
    var isDelegatedAdmin = false
    var isGlobalAdmin = false

    struct InGroup: Sendable {
        let isAdminGroup: Bool
        let isDirect: Bool
    }

    /// Whether a grant is for this actor (10.1).
    func matches(_ grant: Grant, asAdmin: Bool) -> Bool {
        switch grant.type {
        case .user: return id == grant.grantee && kind != nil
        case .group:
            // A list itself, too, when it is the actor.
            if id == grant.grantee, kind == .list || kind == .group { return !asAdmin }
            guard let membership = groups[grant.grantee] else { return false }
            return !asAdmin || membership.isAdminGroup
        // They have no flag by which they would count for administrators' rights or not: all do.
        case .externalGroup: return outsideGroups.contains(grant.grantee)
        case .domain: return kind != nil && domainID == grant.grantee
        case .externalDomain: return entry == nil && addresses.contains { $0.hasSuffix("@" + grant.grantee) }
        case .guest, .key: return entry == nil && addresses.contains(grant.grantee)
        case .email: return addresses.contains(grant.grantee)
        case .all: return kind == .account || kind == .resource
        case .everybody: return true
        }
    }
}

/// The entries whose grants concern a target, from the most specific (10.2, 10.3.4).
struct RightPath: Sendable {
    struct Level: Sendable {
        enum Kind: String, Sendable { case target = "the entry itself", groups = "its groups", domain = "its domain", parentDomain = "a domain above", global = "all" }
        let kind: Kind
        let entries: [EntryID]
    }
    let kind: RightTarget
    let levels: [Level]
}

/// Follows grants from targets to what they inherit from.
struct RightWalk: Sendable {
    let types: RightTypes
    let tree: MailTree
    let grants: Grants
    let membership: Membership
    let outsideGroups: OutsideGroups
    /// The entry with grants for everything, `cn=globalgrant,cn=zimbra`.
    static let globalName = try? DistinguishedName("cn=globalgrant,cn=zimbra")

    /// What was decided about a preset right, and why (10.3).
    struct Decision: Sendable {
        let isAllowed: Bool
        let reason: String
    }

    // MARK: Actors

    /// The actor that an entry is.
    /// - Parameter needsGroups: whether its groups are to be found.
    func actor(
        _ id: EntryID, needsGroups: Bool, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> RightActor? {
        guard let record = try snapshot.record(id) else { return nil }
        let catalogue = snapshot.catalogue
        var actor = RightActor(entry: id)
        actor.id = text(record, types.id)
        actor.kind = types.kind(record)
        let table = try tree.table(snapshot)
        if actor.kind?.hasDomain == true {
            actor.domain = try table.domain(above: record.parent, snapshot)
            if let domain = actor.domain, let holder = try snapshot.record(domain) { actor.domainID = text(holder, types.id) }
        }
        for type in membership.types.mail?.addresses ?? [] {
            guard let attribute = catalogue.table.id(of: type) else { continue }
            var values = record.values(of: attribute)
            while let value = values.next() { actor.addresses.append(String(decoding: value.array, as: UTF8.self).lowercased()) }
        }
        let isAccount = actor.kind == .account || actor.kind == .resource
        // 10.7: the global flag with the old one for domains makes no global administrator.
        actor.isGlobalAdmin = isAccount && isGlobalAdmin(record)
        actor.isDelegatedAdmin = isAccount && record.isTrue(types.isDelegatedAdmin) && !actor.isGlobalAdmin
        // Only those that the domain that it is in now has asked for.
        if isAccount, let domain = actor.domainID { actor.outsideGroups = outsideGroups.groups(of: id).filter { $0.hasPrefix(domain + ":") } }
        guard needsGroups else { return actor }
        var effort = Membership.Effort(budget: Membership.Effort.unlimited)
        let direct = try membership.groups(of: id, snapshot, context, &effort)
        for group in try membership.groupsInChain(of: id, snapshot, context, &effort) {
            guard let record = try snapshot.record(group), let name = text(record, types.id) else { continue }
            actor.groups[name] = RightActor.InGroup(isAdminGroup: record.isTrue(types.isAdminGroup), isDirect: direct.contains(group))
        }
        return actor
    }

    func isGlobalAdmin(_ record: borrowing EntryRecord) -> Bool {
        record.isTrue(tree.types.isAdminAccount) && !record.isTrue(tree.types.isDomainAdminAccount) && !record.isTrue(types.isDelegatedAdmin)
    }

    /// Whether a switch of an account is off: its own value, else the one it inherits.
    func isOff(_ feature: AttributeTypeID, of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
        guard let record = try snapshot.record(id), let attribute = snapshot.catalogue.table.id(of: feature) else { return false }
        let holder = record.contains(attribute) ? id : try tree.lineage(id, record, snapshot).source(attribute, types.inherited[feature], snapshot)
        guard let holder, let held = try snapshot.record(holder) else { return false }
        return held.first(of: MailTypes.Stored(type: feature, id: attribute), equals: Self.off)
    }

    private static let off = Array("false".utf8)

    func text(_ record: borrowing EntryRecord, _ type: MailTypes.Stored) -> String? {
        var values = record.values(of: type.id)
        guard let value = values.next() else { return nil }
        return String(decoding: value.array, as: UTF8.self).lowercased()
    }

    // MARK: Paths

    /// The entry with grants for everything.
    func global(_ snapshot: borrowing Snapshot) -> EntryID? {
        guard let name = Self.globalName, let found = try? snapshot.resolve(name), found.isComplete else { return nil }
        return found.id
    }

    /// The domains above an entry, nearest first.
    func domains(above id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [EntryID] {
        let table = try tree.table(snapshot)
        var domains: [EntryID] = []
        var current = id
        while let domain = try table.domain(above: current, snapshot), let record = try snapshot.record(domain) {
            domains.append(domain)
            current = record.parent
        }
        return domains
    }

    /// The path of a target.
    /// - Parameter withGroups: whether grants on groups that the target is in count: for users' rights on accounts they do not (10.2).
    func path(
        _ id: EntryID, _ record: borrowing EntryRecord, withGroups: Bool, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> RightPath? {
        guard let kind = types.kind(record) else { return nil }
        var levels = [RightPath.Level(kind: .target, entries: [id])]
        if kind == .domain {
            for domain in try domains(above: record.parent, snapshot) { levels.append(RightPath.Level(kind: .parentDomain, entries: [domain])) }
        } else if kind.hasDomain {
            // Of dynamic lists no groups are looked at.
            if withGroups, kind != .group {
                var effort = Membership.Effort(budget: Membership.Effort.unlimited)
                let groups = try membership.groupsInChain(of: id, snapshot, context, &effort).sorted()
                if !groups.isEmpty { levels.append(RightPath.Level(kind: .groups, entries: groups)) }
            }
            if let domain = try domains(above: record.parent, snapshot).first { levels.append(RightPath.Level(kind: .domain, entries: [domain])) }
        }
        if kind != .global, let global = global(snapshot) { levels.append(RightPath.Level(kind: .global, entries: [global])) }
        return RightPath(kind: kind, levels: levels)
    }

    // MARK: Decisions

    /// Decides about a user right (10.3). Administrators' rights are judged all together, see ``HeldRights``.
    func decide(
        _ right: RightDefinition, _ actor: RightActor, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext
    ) throws(EntryStoreError) -> Decision {
        let isList = types.kind(record).map { $0 == .list || $0 == .group } ?? false
        guard let path = try path(id, record, withGroups: isList, snapshot, context), right.targets.contains(path.kind) else {
            return Decision(isAllowed: false, reason: "\(right.name) is no right on such an entry")
        }
        let table = try grants.table(snapshot)
        var isSeen = false
        for level in path.levels {
            if right.isForTargetOnly, level.kind != .target { break }
            var found: [(Grant, EntryID)] = []
            for entry in level.entries {
                for grant in table.grants(on: entry) where covers(grant, right, path.kind, level.kind) {
                    isSeen = true
                    if try applies(grant, on: entry, level.kind, to: id, snapshot, context) { found.append((grant, entry)) }
                }
            }
            // Individuals, groups, domains, all, everybody; of each, what is denied first (10.3.4).
            found.sort { ($0.0.type.precedence, $0.0.isDenied ? 0 : 1) < ($1.0.type.precedence, $1.0.isDenied ? 0 : 1) }
            for (grant, entry) in found where actor.matches(grant, asAdmin: false) {
                let place = String(decoding: try snapshot.name(of: entry), as: UTF8.self)
                return Decision(
                    isAllowed: !grant.isDenied,
                    reason: "\(grant.isDenied ? "denied" : "granted") by \"\(grant.description)\" on \(place) (\(level.kind.rawValue))")
            }
        }
        if isSeen { return Decision(isAllowed: false, reason: "\(right.name) is granted to others, and so to nobody else") }
        return Decision(
            isAllowed: right.isAllowedByDefault, reason: "nobody has granted \(right.name): \(right.isAllowedByDefault ? "allowed" : "denied") by default")
    }

    /// Whether a grant is of a right, or of one that it is a part of, and counts at a level (10.3.5).
    func covers(_ grant: Grant, _ right: RightDefinition, _ kind: RightTarget, _ level: RightPath.Level.Kind) -> Bool {
        guard let granted = RightDefinition.named(grant.right), granted.parts.contains(where: { $0.name == right.name }) else { return false }
        return counts(grant, kind, level)
    }

    /// Denials count everywhere; those for sub-domains only from a domain above, and no others from there (10.3.5).
    func counts(_ grant: Grant, _ kind: RightTarget, _ level: RightPath.Level.Kind) -> Bool {
        if grant.isDenied { return true }
        if level == .parentDomain { return grant.isForSubdomains }
        return !grant.isForSubdomains
    }

    /// A grant on a group with `^` reaches what is directly in it (10.1).
    func applies(
        _ grant: Grant, on entry: EntryID, _ level: RightPath.Level.Kind, to id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> Bool {
        guard grant.isWithoutSubgroups, level == .groups else { return true }
        var effort = Membership.Effort(budget: Membership.Effort.unlimited)
        return try membership.groups(of: id, snapshot, context, &effort).contains(entry)
    }
}
