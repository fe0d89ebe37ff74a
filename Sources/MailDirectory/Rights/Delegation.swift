import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Who may pass rights on, by writing `zimbraACE` of an entry (10.3.3, 10.3.5). Grants may be added and taken away by
/// - an account on itself: of users' rights;
/// - the owner of a list on the list: of users' rights;
/// - a delegated administrator: of users' rights where he or she may write the attributes of domain administrators, and of those rights that he or she holds
///   with the modifier `+` there, whole or in part, unless a part of them is denied to him or her further down.
extension HeldRights {
    /// Why changes of an entry's grants are not for this account; nil: they are.
    func delegationProblem(
        _ values: [[UInt8]], _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> String? {
        guard let kind = walk.types.kind(record) else { return "the entry is none that rights are about" }
        let levels = try levels(id, record, kind, snapshot)
        let key = Key(kind: kind, isOwn: id == actor.entry, isNew: false, isParent: false, levels: levels)
        for value in values {
            let grant: Grant
            // Without the value: it may hold a guest's password.
            do throws(Grant.Problem) { grant = try Grant(value) } catch { return error.reason }
            if let reason = try problem(grant, id, key, snapshot) { return "\"\(grant.description)\": \(reason)" }
        }
        return nil
    }

    /// Whether there is any grant that the account could write on such an entry.
    func delegates(_ key: Key, _ snapshot: borrowing Snapshot) -> Bool {
        if key.isNew { return false }
        if key.isOwn { return true }
        for level in key.levels {
            for (grant, right, _) in matching(level, key, snapshot) where !grant.isDenied {
                if actor.isDelegatedAdmin && (grant.modifiers.contains(.delegate) || right.parts.contains(where: \.administersDomain)) { return true }
                if right.name == RightDefinition.owner { return true }
            }
        }
        return false
    }

    private func problem(_ grant: Grant, _ id: EntryID, _ key: Key, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> String? {
        guard let right = RightDefinition.named(grant.right), let kind = key.kind else { return "a right that is not known here" }
        if right.isUserRight, right.targets.contains(kind) {
            // The account itself, and owners, as in the mail system's own client: to allow and to deny.
            let isPlain = grant.modifiers.allSatisfy { $0 == .deny }
            if key.isOwn, isPlain { return nil }
            if kind == .list || kind == .group, isPlain, let owner = RightDefinition.named(RightDefinition.owner),
                holds(owner, key, snapshot, withDelegation: false)
            {
                return nil
            }
            // 10.3.3.
            if actor.isDelegatedAdmin, let kindsRight = RightDefinition.domainAdmin(kind), holds(kindsRight, key, snapshot, withDelegation: false) {
                return nil
            }
        }
        guard actor.isDelegatedAdmin else { return "rights on it are not for this account to give" }
        for part in right.parts {
            // From where grants for sub-domains come, no right of this entry's own reaches.
            guard holds(part, key, snapshot, withDelegation: true, onlyGlobal: grant.isForSubdomains) else {
                return "\(part.name) is not held with the modifier +"
            }
        }
        if let place = try denial(of: right, below: id, kind, snapshot) { return "a part of it is denied on \(place)" }
        return nil
    }

    /// Whether the account has a right on an entry by the first grant that decides about it.
    /// - Parameter withDelegation: whether only grants count that may be passed on; denials always do (10.3.5).
    private func holds(
        _ wanted: RightDefinition, _ key: Key, _ snapshot: borrowing Snapshot, withDelegation: Bool, onlyGlobal: Bool = false
    ) -> Bool {
        for level in key.levels {
            for (grant, right, _) in matching(level, key, snapshot) {
                for part in right.parts {
                    if grant.isDenied {
                        if part.overlaps(wanted, walk.types, schema) { return false }
                    } else if !withDelegation || grant.modifiers.contains(.delegate), !onlyGlobal || level.kind == .global,
                        part.covers(wanted, walk.types, schema)
                    {
                        return true
                    }
                }
            }
        }
        return false
    }

    /// Where the account is denied a part of a right, among the entries that grants on an entry reach: whom it passes the right on to would have more than itself.
    private func denial(
        of right: RightDefinition, below id: EntryID, _ kind: RightTarget, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> String? {
        for entry in concerned.sorted() where entry != id {
            let isDenied = table.grants(on: entry).contains { grant in
                guard grant.isDenied, let denied = RightDefinition.named(grant.right), actor.matches(grant, asAdmin: !denied.isUserRight) else { return false }
                return denied.parts.contains { part in right.parts.contains { part.overlaps($0, walk.types, schema) } }
            }
            guard isDenied else { continue }
            let isBelow: Bool =
                switch kind {
                case .global: true
                case .domain: try snapshot.isInSubtree(entry, of: id)
                case .list, .group: try members(of: id, snapshot).all.contains(entry)
                default: false
                }
            if isBelow { return String(decoding: try snapshot.name(of: entry), as: UTF8.self) }
        }
        return nil
    }
}

extension RightDefinition {
    static let owner = "ownDistList"

    /// The right by which a domain administrator is known on entries of a kind (10.8).
    static func domainAdmin(_ kind: RightTarget) -> RightDefinition? {
        let name: String? =
            switch kind {
            case .account: "setDomainAdminAccountAttributes"
            case .resource: "setDomainAdminCalendarResourceAttributes"
            case .list: "setDomainAdminDistributionListAttributes"
            case .group: "setDomainAdminGroupAttributes"
            case .domain: "setDomainAdminDomainAttributes"
            default: nil
            }
        return name.flatMap { named($0) }
    }

    /// Whether it writes the attributes of domain administrators, or all.
    var administersDomain: Bool {
        switch meaning {
        case .setDomainAdminAttributes, .set(nil): true
        default: false
        }
    }

    /// The attributes that it reads or writes; nil: it is about none in particular. An empty list: all.
    private func attributes(_ types: RightTypes, _ schema: Schema) -> (writes: Bool, types: [AttributeTypeID])? {
        func resolve(_ names: [String]?) -> [AttributeTypeID] { names.map { $0.compactMap { schema.attributeType(named: $0) } } ?? [] }
        return switch meaning {
        case .get(let names): (false, resolve(names))
        case .set(let names): (true, resolve(names))
        case .setDomainAdminAttributes: (true, types.domainAdminModifiable)
        default: nil
        }
    }

    /// Whether who has it has another one too. Neither is a combination.
    func covers(_ other: RightDefinition, _ types: RightTypes, _ schema: Schema) -> Bool {
        if name == other.name { return true }
        guard targets.isSuperset(of: other.targets), let own = attributes(types, schema), let others = other.attributes(types, schema),
            own.writes || !others.writes
        else { return false }
        if own.types.isEmpty { return meaning.isForAll }
        return !others.types.isEmpty && others.types.allSatisfy(own.types.contains)
    }

    /// Whether who is denied it lacks a part of another one. Neither is a combination.
    func overlaps(_ other: RightDefinition, _ types: RightTypes, _ schema: Schema) -> Bool {
        if name == other.name { return true }
        // Who may write may read: a denial of either takes a part of it.
        guard !targets.isDisjoint(with: other.targets), let own = attributes(types, schema), let others = other.attributes(types, schema),
            others.writes || !own.writes
        else { return false }
        return own.types.isEmpty || others.types.isEmpty || own.types.contains(where: others.types.contains)
    }
}

extension RightDefinition.Meaning {
    /// Whether it is about all attributes, not about named ones of which the schema has none.
    fileprivate var isForAll: Bool {
        switch self {
        case .get(nil), .set(nil): true
        default: false
        }
    }
}
