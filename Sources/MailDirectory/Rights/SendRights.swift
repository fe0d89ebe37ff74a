import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// Look-ups for policy services (10.4, 10.5): `musterSendAs`, `musterSendOnBehalfOf` on accounts and lists, `musterSendTo` on lists. The
/// asserted value is somebody, by address or name; the item is true of the entries as or to which they may send.
///
/// Asked for as values, each tells which grants decide, in the order in which they are tested, in words.
struct SendRights: VirtualAttribute {
    enum Kind: Sendable { case sendAs, sendOnBehalfOf, sendTo }

    let kind: Kind
    let type: AttributeTypeID
    let walk: RightWalk
    var types: [AttributeTypeID] { [type] }

    /// The right on an entry of a kind.
    private func right(on target: RightTarget?) -> RightDefinition? {
        let isList = target == .list || target == .group
        guard isList || target == .account || target == .resource else { return nil }
        let name: String? =
            switch kind {
            case .sendAs: isList ? "sendAsDistList" : "sendAs"
            case .sendOnBehalfOf: isList ? "sendOnBehalfOfDistList" : "sendOnBehalfOf"
            case .sendTo: isList ? "sendToDistList" : nil
            }
        return name.flatMap { RightDefinition.named($0) }
    }

    func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        right(on: walk.types.kind(record)) != nil
    }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        guard let right = right(on: walk.types.kind(record)) else { return }
        for line in try walk.explain(right, id, record, snapshot, context.unlimited) {
            let text = Array(line.utf8)
            body(text.rawSpan)
        }
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        switch item.kind {
        case .present: .predicate(Test(rights: self, context: context.unlimited, value: nil))
        case .equality, .approximate: .predicate(Test(rights: self, context: context.unlimited, value: item.value.array))
        default: .constant(.undefined)
        }
    }

    /// `(musterSendAs=somebody)`.
    private final class Test: EntryPredicate {
        private let rights: SendRights
        private let context: VirtualContext
        /// nil: whether the entry is one that the right is about.
        private let value: [UInt8]?
        private let known = Mutex<(commit: Int, actor: RightActor)?>(nil)

        init(rights: SendRights, context: VirtualContext, value: [UInt8]?) {
            self.rights = rights
            self.context = context
            self.value = value
        }

        private func actor(_ value: [UInt8], _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> RightActor {
            if let known = known.withLock({ $0 }), known.commit == snapshot.commit, !snapshot.isUncommitted { return known.actor }
            let found = try rights.walk.actor(named: value, snapshot, context)
            let commit = snapshot.commit
            if !snapshot.isUncommitted { known.withLock { $0 = (commit, found) } }
            return found
        }

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            guard let right = rights.right(on: rights.walk.types.kind(record)) else { return .no }
            guard let value else { return .yes }
            guard let actor = try? actor(value, snapshot) else { return .undefined }
            // Nobody needs a grant to send as themselves.
            if rights.kind != .sendTo, actor.entry == id { return .yes }
            guard let decision = try? rights.walk.decide(right, actor, id, record, snapshot, context) else { return .undefined }
            return Ternary(decision.isAllowed)
        }

        /// Where such a right is granted at all, and the actor itself; of lists to send to all: without a grant everybody may.
        func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? {
            guard rights.kind != .sendTo, let value, let table = try? rights.walk.grants.table(snapshot),
                let actor = try? actor(value, snapshot)
            else { return nil }
            var ids = table.entries.keys.filter { id in
                table.grants(on: id).contains { grant in
                    grant.right.hasPrefix(rights.kind == .sendAs ? "sendAs" : "sendOnBehalfOf") && actor.matches(grant, asAdmin: false)
                }
            }
            if let own = actor.entry, !ids.contains(own) { ids.append(own) }
            return ids.sorted()
        }
    }
}

extension RightWalk {
    /// Who a name in string form or an address is: an entry, else a guest (10.4).
    func actor(named value: [UInt8], _ snapshot: borrowing Snapshot, _ context: VirtualContext) throws(EntryStoreError) -> RightActor {
        let address = String(decoding: value, as: UTF8.self).lowercased()
        let needsGroups = try grants.table(snapshot).grantsAnything(to: .group)
        if value.contains(UInt8(ascii: "=")), let name = try? DistinguishedName(parsing: value.rawSpan) {
            // A name that leads nowhere is nobody's.
            guard let found = try? snapshot.resolve(name), found.isComplete else { return RightActor() }
            return try actor(found.id, needsGroups: needsGroups, snapshot, context) ?? RightActor()
        }
        if let mail = membership.types.mail {
            let owners = try membership.entries(having: mail.addresses, value.rawSpan, snapshot, context)
            for owner in owners {
                guard let actor = try actor(owner, needsGroups: needsGroups, snapshot, context), actor.kind != nil else { continue }
                return actor
            }
        }
        return RightActor(addresses: [address])
    }

    /// The grants that decide about a right on an entry, in the order in which they are tested, and what holds for everybody else.
    func explain(
        _ right: RightDefinition, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> [String] {
        let isList = types.kind(record).map { $0 == .list || $0 == .group } ?? false
        guard let path = try path(id, record, withGroups: isList, snapshot, context) else { return [] }
        let table = try grants.table(snapshot)
        var lines: [String] = []
        for level in path.levels where !right.isForTargetOnly || level.kind == .target {
            var found: [(Grant, EntryID)] = []
            for entry in level.entries {
                for grant in table.grants(on: entry) where covers(grant, right, path.kind, level.kind) { found.append((grant, entry)) }
            }
            found.sort { ($0.0.type.precedence, $0.0.isDenied ? 0 : 1) < ($1.0.type.precedence, $1.0.isDenied ? 0 : 1) }
            for (grant, entry) in found {
                let place = String(decoding: try snapshot.name(of: entry), as: UTF8.self)
                lines.append("\(lines.count + 1). \(grant.isDenied ? "deny" : "allow") \(try who(grant, snapshot, context)): on \(place) (\(level.kind.rawValue))")
            }
        }
        let others = lines.isEmpty && right.isAllowedByDefault
        lines.append("\(lines.count + 1). \(others ? "allow" : "deny") everybody\(lines.isEmpty ? "" : " else"): \(lines.isEmpty ? "nobody has granted \(right.name)" : "it is granted to some")")
        return lines
    }

    /// A grantee for people: by address where it has one.
    private func who(_ grant: Grant, _ snapshot: borrowing Snapshot, _ context: VirtualContext) throws(EntryStoreError) -> String {
        switch grant.type {
        case .all: return "all"
        case .everybody: return "pub"
        case .user, .group, .domain:
            let id = Array(grant.grantee.utf8)
            for entry in try membership.entries(having: [types.id.type], id.rawSpan, snapshot, context) {
                guard let record = try snapshot.record(entry) else { continue }
                if let mail = membership.types.mail {
                    for type in mail.addresses {
                        guard let attribute = context.catalogue.table.id(of: type) else { continue }
                        var values = record.values(of: attribute)
                        if let value = values.next() { return "\(grant.type.rawValue) \(String(decoding: value.array, as: UTF8.self))" }
                    }
                }
                if grant.type == .domain, let name = text(record, types.domainName) { return "dom \(name)" }
            }
            return "\(grant.type.rawValue) \(grant.grantee)"
        default: return "\(grant.type.rawValue) \(grant.grantee)"
        }
    }
}
