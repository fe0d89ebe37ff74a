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
    /// Of the type without options: the number is for ever.
    private let attribute: AttributeID
    private let kept = Mutex<ItemMemo?>(nil)

    init(
        tree: MailTree, type: AttributeTypeID, attribute: AttributeID, levels: InheritedTypes.Levels, kind: Filter.Kind, own: CompiledFilter
    ) {
        self.attribute = attribute
        self.tree = tree
        self.type = type
        self.levels = levels
        self.kind = kind
        self.own = own
    }

    var isTwoValued: Bool { true }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        if record.contains(attribute) { return test(id, record, snapshot) }
        var memo = kept.withLock { $0.take() } ?? ItemMemo()
        let result = (try? inherited(record, snapshot, &memo)) ?? .no
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
        _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ memo: inout ItemMemo
    ) throws(EntryStoreError) -> Ternary {
        let table = try memo.prepare(tree, snapshot)
        let types = tree.types
        if !levels.isDisjoint(with: [.account, .classThenDomain]), types.account.matches(record) {
            var place = table.ownClassOfService(record)
            if place == nil {
                try memo.visit(record.parent, table, snapshot)
                place = table.defaultClassOfService(record, in: memo.domain)
            }
            if let place {
                let verdict = try memo.verdict(of: place) { () throws(EntryStoreError) in
                    try self.verdict(of: table.classes[place].entry, snapshot)
                }
                // Undefined stands for: the class of service has no value.
                if verdict != .undefined { return verdict }
            }
            guard levels.contains(.classThenDomain) else { return .no }
            try memo.visit(record.parent, table, snapshot)
            guard let domain = memo.domainEntry else { return .no }
            let verdict = try self.verdict(of: domain, snapshot)
            if verdict != .undefined { return verdict }
            return levels.contains(.domain) ? try global(table, snapshot, &memo) : .no
        }
        let comesFromGlobal =
            levels.contains(.domain) && types.domain.matches(record)
            || levels.contains(.server) && types.server.matches(record)
        return comesFromGlobal ? try global(table, snapshot, &memo) : .no
    }

    private func global(
        _ table: InheritanceTable, _ snapshot: borrowing Snapshot, _ memo: inout ItemMemo
    ) throws(EntryStoreError) -> Ternary {
        guard let config = table.config else { return .no }
        let verdict = try memo.verdict(of: nil) { () throws(EntryStoreError) in try self.verdict(of: config, snapshot) }
        return Ternary(verdict == .yes)
    }

    /// Whether the values of an entry that others inherit from satisfy the item; Undefined: it has none.
    private func verdict(
        of id: EntryID, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> Ternary {
        guard let record = try snapshot.record(id), record.contains(attribute) else { return .undefined }
        return test(id, record, snapshot)
    }

    // MARK: Sets

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { tree.isReady(snapshot, budget: &budget) }

    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        let catalogue = snapshot.catalogue
        guard let table = try? tree.table(snapshot) else { return nil }
        let usable = catalogue.usable.kinds(of: type)
        if levels == .account, usable.contains([.presence, .equality]), kind != .substrings, kind != .extensible,
            let exact = try? exact(table, snapshot)
        {
            return Candidates(negated ? .except(exact) : exact, isExact: true)
        }
        guard let heirs = try? heirs(negated: negated, table, snapshot) else { return nil }
        let needed: IndexDefinition.Kinds =
            switch kind {
            case .present: .presence
            case .substrings: .substring
            default: .equality
            }
        let isIndexed = usable.contains(needed)
        if !negated, isIndexed { return Candidates(.union([.matching(own)] + heirs)) }
        let holders = CandidateSet.matching(StoredItems.present(type, catalogue))
        return Candidates(.union([negated && isIndexed ? .intersection([holders, .except(.matching(own))]) : holders] + heirs))
    }

    /// Exactly the entries that satisfy the item, for what accounts have from their class of service only.
    private func exact(_ table: InheritanceTable, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> CandidateSet? {
        var wanted: [Bool] = []
        for known in table.classes { wanted.append(try verdict(of: known.entry, snapshot) == .yes) }
        guard let heirs = table.exactAccounts(ofClasses: wanted, snapshot) else { return nil }
        let holders = CandidateSet.matching(StoredItems.present(type, snapshot.catalogue))
        return .union([.matching(own), .intersection([heirs, .except(holders)])])
    }

    /// Entries that satisfy (or fail) the item by what they inherit, and perhaps more; each is tested.
    private func heirs(
        negated: Bool, _ table: InheritanceTable, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> [CandidateSet] {
        let isGlobal =
            try table.config.map { id throws(EntryStoreError) in try verdict(of: id, snapshot) == .yes } ?? false
        var sets: [CandidateSet] = []
        // Who inherits at all.
        var family: [CandidateSet] = []
        if !levels.isDisjoint(with: [.account, .classThenDomain]) {
            family.append(table.accounts)
            var wanted: [Bool] = []
            var silent: [Bool] = []
            for known in table.classes {
                let verdict = try verdict(of: known.entry, snapshot)
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
        for (level, all) in [(InheritedTypes.Levels.domain, table.allDomains), (.server, table.servers)] where levels.contains(level) {
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
