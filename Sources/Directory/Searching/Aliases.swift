import BER
import EntryStore
import LDAP
import Schema

extension DereferencePolicy {
    /// Whether an alias that is the base, or above it, is followed (RFC 4511 section 4.5.1.3).
    var followsBase: Bool { self == .findingBase || self == .always }
    /// Whether aliases in the scope are.
    var followsEntries: Bool { self == .inSearching || self == .always }
}

extension Directory {
    /// Aliases one after the other at most, as slapd's `maxderefdepth`.
    private static let aliasDepth = 15

    /// The entry that an alias stands for; from alias to alias if need be.
    /// - Throws: `aliasProblem` for one that leads nowhere or back to itself, `aliasDereferencingProblem` for too many in a row; with
    ///   the alias where it went wrong.
    func followAlias(_ alias: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> EntryID {
        var current = alias
        var seen: [EntryID] = []
        while current != .root {
            guard let record = try record(current, snapshot) else { break }
            guard record.flags.contains(.alias) else { break }
            guard !seen.contains(current) else { throw try aliasProblem("circular alias", current, snapshot) }
            guard seen.count < Self.aliasDepth else {
                throw try aliasProblem("more than \(Self.aliasDepth) aliases one after the other", current, code: .aliasDereferencingProblem, snapshot)
            }
            seen.append(current)
            guard let attribute = snapshot.catalogue.table.id(of: known.aliasedObjectName) else { break }
            var values = record.values(of: attribute)
            guard let value = values.next(), let name = try? DistinguishedName(parsing: value), let found = try? snapshot.resolve(name) else {
                throw try aliasProblem("alias without a valid aliasedObjectName", current, snapshot)
            }
            guard found.isComplete else { throw try aliasProblem("aliasedObject not found", current, snapshot) }
            current = found.id
        }
        return current
    }

    private func aliasProblem(
        _ message: String, _ id: EntryID, code: ResultCode = .aliasProblem, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> LDAPError {
        LDAPError(code, message, matchedDN: try stored { () throws(EntryStoreError) in try snapshot.name(of: id) })
    }

    /// Where the base of a search leads when aliases on the way are followed.
    /// - Parameters:
    ///   - found: where the name leads without.
    ///   - name: the base's; afterwards the one that was looked for last.
    /// - Throws: as ``followAlias(_:_:)``; what that tells of an entry is for those to whom it may be disclosed.
    func followBase(
        _ found: Snapshot.Resolution, _ name: inout DistinguishedName, _ access: AccessControl, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Snapshot.Resolution {
        var found = found
        // Each alias on the way takes at least one level of the name: what it leads to is none itself.
        while found.id != .root {
            guard let record = try record(found.id, snapshot) else { break }
            guard record.flags.contains(.alias) else { break }
            let target: EntryID
            do { target = try followAlias(found.id, snapshot) } catch { throw try access.refusal(found.id, error, snapshot) }
            if found.isComplete { return Snapshot.Resolution(id: target, depth: 0, isComplete: true) }
            let above = try stored { () throws(EntryStoreError) in try snapshot.name(of: target) }
            name = DistinguishedName(rdns: name.rdns.dropLast(found.depth) + (try DistinguishedName(parsing: above.rawSpan)).rdns)
            found = try snapshot.resolve(name)
        }
        return found
    }

    /// The entries at which a search also begins because aliases in its scope lead there, and the base. None of them is below another
    /// unless only they themselves are searched.
    ///
    /// Aliases that lead nowhere are passed over, as in slapd.
    func vertices(
        base: EntryID, scope: SearchScope, _ aliases: [EntryID], deadline: ContinuousClock.Instant?, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> [EntryID] {
        var vertices: Set<EntryID> = [base]
        if scope == .singleLevel {
            for alias in aliases where try record(alias, snapshot)?.parent == base {
                guard let target = try? followAlias(alias, snapshot), target != base else { continue }
                // What stands directly below the base is found anyway.
                if try record(target, snapshot)?.parent != base { vertices.insert(target) }
            }
            return vertices.sorted()
        }
        var waiting = aliases
        var hasGrown = true
        while hasGrown, !waiting.isEmpty {
            hasGrown = false
            var rest: [EntryID] = []
            for alias in waiting {
                if let deadline, ContinuousClock.now >= deadline { throw LDAPError(.timeLimitExceeded, "") }
                guard try isBelow(alias, vertices, snapshot) else {
                    rest.append(alias)
                    continue
                }
                guard let target = try? followAlias(alias, snapshot), try !isBelow(target, vertices, snapshot) else { continue }
                vertices.insert(target)
                hasGrown = true
            }
            waiting = rest
        }
        var highest: [EntryID] = []
        for id in vertices {
            if id != .root, let parent = try record(id, snapshot)?.parent, try isBelow(parent, vertices, snapshot) { continue }
            highest.append(id)
        }
        return highest.sorted()
    }

    /// Whether an entry is one of some or stands below one.
    fileprivate func isBelow(_ id: EntryID, _ superiors: Set<EntryID>, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Bool {
        var current = id
        while true {
            if superiors.contains(current) { return true }
            guard current != .root, let record = try record(current, snapshot) else { return false }
            current = record.parent
        }
    }
}

/// Several places of the tree as the scope of one search: a filter item that the planner has sets for.
struct ScopePredicate: EntryPredicate {
    let base: EntryID
    let scope: SearchScope
    /// The base and the others.
    let vertices: [EntryID]
    private let members: Set<EntryID>

    init(base: EntryID, scope: SearchScope, vertices: [EntryID]) {
        self.base = base
        self.scope = scope
        self.vertices = vertices
        members = Set(vertices)
    }

    var isTwoValued: Bool { true }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        switch scope {
        case .singleLevel: return Ternary(record.parent == base || id != base && members.contains(id))
        case .wholeSubtree where members.contains(id): return .yes
        default: break
        }
        var current = record.parent
        while true {
            if members.contains(current) { return .yes }
            guard current != .root, let record = try? snapshot.record(current) else { return .no }
            current = record.parent
        }
    }

    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        if negated { return nil }
        let set: CandidateSet
        switch scope {
        case .singleLevel: set = .union([.directlyBelow(base), .ids(vertices.filter { $0 != base })])
        case .subordinateSubtree: set = .union(vertices.map { .below($0) })
        case .wholeSubtree: set = .union([.ids(vertices)] + vertices.map { .below($0) })
        case .baseObject: set = .ids([base])
        }
        return Candidates(set, isExact: true)
    }
}
