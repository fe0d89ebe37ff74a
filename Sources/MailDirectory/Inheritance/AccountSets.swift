import EntryStore
import Schema

/// Accounts by their class of service, in terms of the store's sets: the cost grows with the number of classes, and of domains that must
/// be named one by one, not with that of accounts.
extension InheritanceTable {
    /// More domains than this are not named one by one.
    static let domainLimit = 1024
    /// To say exactly which accounts are in more domains than this costs more than to test them.
    private static let exactDomainLimit = 256
    /// More classes of service than this are not named one by one.
    private static let classLimit = 1024
    /// More entries beside the domains than this are not named one by one.
    private static let outsiderLimit = 256

    /// At least the accounts whose class of service is among some.
    /// - Parameters:
    ///   - wanted: by class.
    ///   - none: whether accounts are wanted that have no class of service at all.
    func accounts(ofClasses wanted: [Bool], none: Bool, _ snapshot: borrowing Snapshot) -> CandidateSet {
        func isWanted(_ place: Int?) -> Bool { place.map { wanted[$0] } ?? none }
        let classCount = wanted.count { $0 }
        if classCount == wanted.count, none || defaultClass != nil && defaultExternalClass != nil { return accounts }
        if classCount > Self.classLimit { return accounts }
        // 2.6, step 1: those that name one of the classes.
        var sets: [CandidateSet] = []
        for place in wanted.indices where wanted[place] { sets.append(claimants[place]) }

        // Steps 2 and 3: those that name no class that exists, in a domain whose default is wanted, or outside the domains.
        let defaults = domainsByDefault.indices.filter { isWanted($0 < wanted.count ? $0 : nil) }
        let count = defaults.reduce(0) { $0 + domainsByDefault[$1].count }
        let wantsOutsiders = isWanted(defaultClass) || isWanted(defaultExternalClass)
        guard wantsOutsiders || count > 0 else { return .union(sets) }
        // Naming domains pays when they are few beside all.
        var places: CandidateSet?
        if count <= 8 || count <= Self.domainLimit && count * 4 <= domains.count {
            let named = defaults.flatMap { domainsByDefault[$0] }
            if !wantsOutsiders {
                places = below(named)
            } else if let others = outsiders(snapshot) {
                places = .union([below(named), others])
            }
        }
        let somewhere = places ?? accounts
        sets.append(unclaimed.map { .intersection([somewhere, $0]) } ?? somewhere)
        return .union(sets)
    }

    /// Exactly the accounts whose class of service is among some; nil if that cannot be said cheaply.
    func exactAccounts(ofClasses wanted: [Bool], _ snapshot: borrowing Snapshot) -> CandidateSet? {
        guard !hasNestedDomains, let unclaimed, let defaultClass, let defaultExternalClass else { return nil }
        let count = wanted.count { $0 }
        if count == wanted.count { return accounts }
        if count == 0 { return .union([]) }
        if count * 2 > wanted.count {
            guard let others = exactAccounts(ofClasses: wanted.map { !$0 }, snapshot) else { return nil }
            return .intersection([accounts, .except(others)])
        }
        var sets: [CandidateSet] = []
        for place in wanted.indices where wanted[place] { sets.append(claimants[place]) }
        for isExternal in [false, true] {
            // There are few external accounts, or none: then nothing else is looked up.
            let kind = isExternal ? externals : .except(externals)
            var named: [EntryID] = []
            for place in wanted.indices where wanted[place] {
                for id in domainsByDefault[place] {
                    guard let domain = domains[id], (isExternal ? domain.externalClassOfService : domain.classOfService) == place else { continue }
                    named.append(id)
                }
                if named.count > Self.exactDomainLimit { return nil }
            }
            var places = named.isEmpty ? [] : [below(named)]
            if wanted[isExternal ? defaultExternalClass : defaultClass] {
                guard let others = outsiders(snapshot) else { return nil }
                places.append(others)
            }
            if !places.isEmpty { sets.append(.intersection([kind, unclaimed, .union(places)])) }
        }
        return .intersection([accounts, .union(sets)])
    }

    /// Everything below some entries.
    func below(_ entries: [EntryID]) -> CandidateSet { .union(entries.map { .below($0) }) }

    /// Everything that is in no domain; nil if that is too many to name.
    private func outsiders(_ snapshot: borrowing Snapshot) -> CandidateSet? {
        var ids: [EntryID] = []
        for entry in frontier {
            guard let children = try? snapshot.children(of: entry) else { return nil }
            for child in children where domains[child] == nil && !isFrontier(child) {
                ids.append(child)
                if ids.count > Self.outsiderLimit { return nil }
            }
        }
        ids += frontier.filter { $0 != .root }
        ids.sort()
        return .union([.ids(ids), below(ids.filter { !isFrontier($0) })])
    }

    private func isFrontier(_ id: EntryID) -> Bool {
        var low = 0
        var high = frontier.count
        while low < high {
            let middle = (low + high) >> 1
            if frontier[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < frontier.count && frontier[low] == id
    }
}
