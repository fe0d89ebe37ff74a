import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// How a client is connected, as far as access rules ask.
struct AccessOrigin: Sendable {
    /// `IP=127.0.0.1:4711` or `PATH=/run/muster.sock`.
    var peer = ""
    var listener = ListenerFacts()
    var protection = Protection.none

    init(peer: String = "", listener: ListenerFacts = ListenerFacts(), _ protection: Protection = .none) {
        self.peer = peer
        self.listener = listener
        self.protection = protection
    }

    func strength(_ kind: SubjectCondition.Strength) -> Int {
        switch kind {
        case .any: protection.strength
        case .transport: protection == .local ? protection.strength : 0
        case .tls: protection.tls?.strength ?? 0
        // No mechanism has a layer of its own.
        case .sasl: 0
        }
    }
}

/// A client as access rules see it. Made once per bind.
final class AccessSubject: Sendable {
    let identity: Identity
    let origin: AccessOrigin
    /// Canonical name; empty for anonymous clients.
    let name: [UInt8]
    /// Above all rules.
    let isRoot: Bool
    /// Conditions that hold, but for membership of groups.
    private let conditions: UInt64
    private let known = Mutex<Known?>(nil)

    /// What holds of a client as of one commit.
    struct Standing: Sendable {
        /// Conditions that hold, groups included.
        let conditions: UInt64
        /// What it holds beside the rules.
        let holder: (any RightsHolder)?
    }

    /// A class, because it is copied for each search.
    private final class Known: Sendable {
        let commit: Int
        /// Of the rights beside the rules.
        let revision: Int
        let standing: Standing

        init(_ commit: Int, _ revision: Int, _ standing: Standing) {
            self.commit = commit
            self.revision = revision
            self.standing = standing
        }
    }

    /// Above all rules, and nobody in particular.
    static let unlimited = AccessSubject()

    private init() {
        identity = .root
        origin = AccessOrigin()
        name = []
        isRoot = true
        conditions = 0
    }

    init(_ identity: Identity, _ origin: AccessOrigin, _ directory: Directory) {
        self.identity = identity
        self.origin = origin
        var canonical: [UInt8] = []
        switch identity {
        case .anonymous: isRoot = false
        case .root:
            isRoot = true
            canonical = directory.rootName
        case .entry(_, let text, _):
            isRoot = false
            // It was good when the client was bound.
            if let name = try? DistinguishedName(parsing: text.rawSpan) { try? directory.schema.normalizeDN(name, into: &canonical) }
        }
        name = canonical
        var conditions: UInt64 = 0
        for (bit, condition) in directory.accessRules.subjectConditions.enumerated() {
            let holds: Bool =
                switch condition {
                case .anonymous: identity.isAnonymous
                case .users: !identity.isAnonymous
                case .name(let style, let base): style.holds(canonical, base)
                case .pattern(let pattern): pattern.matches(canonical) != nil
                case .peer(let pattern): pattern.holds(Array(origin.peer.utf8))
                case .listener(let pattern): pattern.holds(Array(origin.listener.name.utf8))
                case .listenerURL(let pattern): pattern.holds(Array(origin.listener.url.utf8))
                case .strength(let kind, let least): origin.strength(kind) >= least
                case .group: false
                }
            if holds { conditions |= 1 << UInt64(bit) }
        }
        self.conditions = conditions
    }

    /// The same client, of whom nothing was found yet that depends on a commit.
    init(again other: AccessSubject) {
        (identity, origin, name, isRoot, conditions) = (other.identity, other.origin, other.name, other.isRoot, other.conditions)
    }

    /// What holds of the client. Groups and rights are looked at once per commit, and when rights have changed without one.
    func standing(_ directory: Directory, _ snapshot: borrowing Snapshot) -> Standing {
        standing(directory, revision: directory.rights?.revision ?? 0, snapshot)
    }

    /// - Parameter revision: of the rights.
    func standing(_ directory: Directory, revision: Int, _ snapshot: borrowing Snapshot) -> Standing {
        let rules = directory.accessRules
        if rules.groups == 0, directory.rights == nil || identity.isAnonymous { return Standing(conditions: conditions, holder: nil) }
        // What was found in the midst of a transaction is not for those who read its commit: it may change groups and rights afterwards.
        let commit = snapshot.isUncommitted ? ~snapshot.commit : snapshot.commit
        if let known = known.withLock({ $0 }), known.commit == commit, known.revision == revision { return known.standing }
        let standing = Standing(
            conditions: directory.accessConditions(of: self, conditions, snapshot),
            // Rights that cannot be read are none.
            holder: identity.isAnonymous || isRoot ? nil : (try? directory.rights?.holder(
                identity, snapshot, VirtualContext(catalogue: snapshot.catalogue, access: directory.unlimited))) ?? nil)
        let new = Known(commit, revision, standing)
        known.withLock { $0 = new }
        return standing
    }
}
