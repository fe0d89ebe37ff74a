import EntryStore
import LDAP
import Schema
import Synchronization

/// A filter item on an inherited attribute: true of entries whose own values satisfy it, and of entries without own values that inherit
/// one that does.
final class InheritedItem: EntryPredicate {
    private let tree: MailTree
    private let type: AttributeTypeID
    private let levels: InheritedTypes.Levels
    private let kind: Filter.Kind
    /// The item on stored values.
    private let own: CompiledFilter
    private let kept = Mutex<ItemMemo?>(nil)

    init(tree: MailTree, type: AttributeTypeID, levels: InheritedTypes.Levels, kind: Filter.Kind, own: CompiledFilter) {
        self.tree = tree
        self.type = type
        self.levels = levels
        self.kind = kind
        self.own = own
    }

    var isTwoValued: Bool { true }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        guard let attribute = snapshot.catalogue.table.id(of: type) else { return .no }
        if record.contains(attribute) { return test(id, record, snapshot) }
        var memo = kept.withLock { $0.take() } ?? ItemMemo()
        let result = (try? inherited(attribute, record, snapshot, &memo)) ?? .no
        kept.withLock { $0 = memo }
        return result
    }

    /// Whether own values satisfy the item.
    private func test(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        var scratch = FilterScratch()
        return Ternary(own.evaluate(id, record, snapshot, scratch: &scratch) == .yes)
    }

    /// Whether the values that an entry without own ones inherits satisfy the item.
    private func inherited(
        _ attribute: AttributeID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ memo: inout ItemMemo
    ) throws(EntryStoreError) -> Ternary {
        let table = try memo.prepare(tree, snapshot)
        let catalogue = snapshot.catalogue
        let types = tree.types
        if !levels.isDisjoint(with: [.account, .classThenDomain]), types.account.matches(record, catalogue) {
            var domain: EntryID?
            var place = table.ownClassOfService(record, catalogue)
            if place == nil || levels.contains(.classThenDomain) {
                domain = try memo.domain(above: record.parent, table, snapshot)
                place = place ?? table.defaultClassOfService(record, in: domain, catalogue)
            }
            if let place {
                let verdict = try memo.verdict(of: place) { () throws(EntryStoreError) in
                    try self.verdict(of: table.classes[place].entry, attribute, snapshot)
                }
                // Undefined stands for: the class of service has no value.
                if verdict != .undefined { return verdict }
            }
            guard levels.contains(.classThenDomain), let domain else { return .no }
            let verdict = try self.verdict(of: domain, attribute, snapshot)
            if verdict != .undefined { return verdict }
            return levels.contains(.domain) ? try global(table, attribute, snapshot, &memo) : .no
        }
        let comesFromGlobal =
            levels.contains(.domain) && types.domain.matches(record, catalogue)
            || levels.contains(.server) && types.server.matches(record, catalogue)
        return comesFromGlobal ? try global(table, attribute, snapshot, &memo) : .no
    }

    private func global(
        _ table: InheritanceTable, _ attribute: AttributeID, _ snapshot: borrowing Snapshot, _ memo: inout ItemMemo
    ) throws(EntryStoreError) -> Ternary {
        guard let config = table.config else { return .no }
        let verdict = try memo.verdict(of: nil) { () throws(EntryStoreError) in try self.verdict(of: config, attribute, snapshot) }
        return Ternary(verdict == .yes)
    }

    /// Whether the values of an entry that others inherit from satisfy the item; Undefined: it has none.
    private func verdict(
        of id: EntryID, _ attribute: AttributeID, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> Ternary {
        guard let record = try snapshot.record(id), record.contains(attribute) else { return .undefined }
        return test(id, record, snapshot)
    }

    // MARK: Sets

    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> CandidateSet? {
        let catalogue = snapshot.catalogue
        guard let attribute = catalogue.table.id(of: type), let table = try? tree.table(snapshot),
            let heirs = try? heirs(negated: negated, table, attribute, snapshot)
        else { return nil }
        let holders = CandidateSet.matching(StoredItems.present(type, catalogue))
        let needed: IndexDefinition.Kinds =
            switch kind {
            case .present: .presence
            case .substrings: .substring
            default: .equality
            }
        let isIndexed = catalogue.usable.kinds(of: type).contains(needed)
        if negated { return .union([isIndexed ? .intersection([holders, .except(.matching(own))]) : holders] + heirs) }
        return .union([isIndexed ? .matching(own) : holders] + heirs)
    }

    /// Entries that satisfy (or fail) the item by what they inherit, and perhaps more; each is tested.
    private func heirs(
        negated: Bool, _ table: InheritanceTable, _ attribute: AttributeID, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> [CandidateSet] {
        let catalogue = snapshot.catalogue
        let types = tree.types
        let isGlobal =
            try table.config.map { id throws(EntryStoreError) in try verdict(of: id, attribute, snapshot) == .yes } ?? false
        var sets: [CandidateSet] = []
        // Who inherits at all.
        var family: [CandidateSet] = []
        if !levels.isDisjoint(with: [.account, .classThenDomain]) {
            family.append(table.accounts(catalogue))
            var wanted: [Bool] = []
            var silent: [Bool] = []
            for known in table.classes {
                let verdict = try verdict(of: known.entry, attribute, snapshot)
                wanted.append(verdict == (negated ? .no : .yes))
                silent.append(verdict == .undefined)
            }
            if levels.contains(.classThenDomain) {
                sets.append(table.accounts(ofClasses: wanted, none: false, snapshot))
                let heirs = table.accounts(ofClasses: silent, none: true, snapshot)
                if negated || isGlobal && levels.contains(.domain) {
                    sets.append(heirs)
                } else {
                    let domains = try domainsThatSatisfy(snapshot)
                    if !domains.isEmpty {
                        sets.append(
                            domains.count > InheritanceTable.domainLimit ? heirs : .intersection([table.below(domains), heirs]))
                    }
                }
            } else {
                if negated { for place in wanted.indices where silent[place] { wanted[place] = true } }
                sets.append(table.accounts(ofClasses: wanted, none: negated, snapshot))
            }
        }
        for (level, test) in [(InheritedTypes.Levels.domain, types.domain), (.server, types.server)] where levels.contains(level) {
            let all = CandidateSet.matching(test.filter(catalogue))
            family.append(all)
            if isGlobal != negated { sets.append(all) }
        }
        // Whoever does not inherit and has no value fails the item.
        if negated { sets.append(.except(.union(family))) }
        return sets
    }

    /// The domains whose own values satisfy the item.
    private func domainsThatSatisfy(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [EntryID] {
        let catalogue = snapshot.catalogue
        var ids: [EntryID] = []
        try snapshot.forEach(tree.types.domain.filter(catalogue, holding: type)) { id, record throws(EntryStoreError) in
            if test(id, record, snapshot) == .yes { ids.append(id) }
        }
        return ids
    }
}
