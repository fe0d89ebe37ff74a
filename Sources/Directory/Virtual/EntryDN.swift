import BER
import EntryStore
import LDAP
import Schema

/// `entryDN` (RFC 5020): the entry's own name. Filters on it are scopes: equality, and the relations of OpenLDAP's extensible rules
/// (`entryDN:dnSubtreeMatch:=…`, semantics 1.15).
struct EntryDN: VirtualAttribute {
    let type: AttributeTypeID
    var types: [AttributeTypeID] { [type] }
    var isInAllOperational: Bool { true }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        body(name)
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        switch item.kind {
        case .present: return .constant(.yes)
        case .equality, .approximate, .extensible:
            guard let name = try? DistinguishedName(parsing: item.value) else { return .constant(.undefined) }
            switch item.rule {
            case .distinguishedNameMatch?, .dnSubtreeMatch?, .dnOneLevelMatch?, .dnSubordinateMatch?, .dnSuperiorMatch?:
                return .predicate(Relation(name: name, rule: item.rule ?? .distinguishedNameMatch))
            default: return .constant(.undefined)
            }
        default: return .constant(.undefined)
        }
    }

    /// How an entry stands to a named one.
    struct Relation: EntryPredicate {
        let name: DistinguishedName
        let rule: MatchingRule

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            guard let base = try? snapshot.resolve(name) else { return .undefined }
            if rule == .dnSuperiorMatch {
                // The assertion need not exist itself: its existing superiors match.
                return Ternary((try? snapshot.isInSubtree(base.id, of: id)) ?? false)
            }
            guard base.isComplete else { return .no }
            switch rule {
            case .dnSubtreeMatch: return Ternary((try? snapshot.isInSubtree(id, of: base.id)) ?? false)
            case .dnSubordinateMatch: return Ternary(id != base.id && ((try? snapshot.isInSubtree(id, of: base.id)) ?? false))
            case .dnOneLevelMatch: return Ternary(record.parent == base.id)
            default: return Ternary(id == base.id)
            }
        }

        var isTwoValued: Bool { true }

        func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
            guard let set = set(snapshot) else { return nil }
            return Candidates(negated ? .except(set) : set, isExact: true)
        }

        /// Exactly the entries that stand so; nil if the store cannot tell.
        private func set(_ snapshot: borrowing Snapshot) -> CandidateSet? {
            guard let base = try? snapshot.resolve(name) else { return nil }
            if rule == .dnSuperiorMatch {
                var ids: [EntryID] = []
                var id = base.id
                while id != .root, let record = try? snapshot.record(id) {
                    ids.append(id)
                    id = record.parent
                }
                return .ids(ids.sorted())
            }
            guard base.isComplete else { return .ids([]) }
            switch rule {
            case .dnSubtreeMatch: return base.id == .root ? .below(.root) : .union([.ids([base.id]), .below(base.id)])
            case .dnSubordinateMatch: return .below(base.id)
            case .dnOneLevelMatch: return .directlyBelow(base.id)
            default: return .ids(base.id == .root ? [] : [base.id])
            }
        }
    }
}
