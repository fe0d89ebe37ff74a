import EntryStore

/// Entries by their effective statuses, in terms of the store's sets.
extension InheritanceTable {
    /// Accounts that have one of some statuses themselves.
    private func own(_ statuses: [AccountStatus]) -> CandidateSet {
        statuses.count == 1 ? accountsByStatus[statuses[0].rawValue] : .union(statuses.map { accountsByStatus[$0.rawValue] })
    }

    /// Whether what belongs to some domains is all that stands below them: not where other domains do.
    private func mayBeNamed(_ domains: [EntryID]) -> Bool {
        domains.count <= Self.domainLimit && !domains.contains { outerDomains.contains($0) }
    }

    /// Exactly the accounts whose effective status is among some that are known (table 3.2); nil if that cannot be said cheaply.
    /// - Parameter admitsActive: the administration guide's reading of locked domains (3.11).
    func accounts(withStatus wanted: [AccountStatus], admitsActive: Bool) -> CandidateSet? {
        var imposing: [(status: DomainStatus, domains: [EntryID])] = []
        for (status, domains) in domainsByStatus where !(status == .locked && admitsActive) {
            guard mayBeNamed(domains) else { return nil }
            imposing.append((status, domains))
        }
        if imposing.isEmpty { return wanted.isEmpty ? .union([]) : .intersection([own(wanted), accounts]) }
        // 3.3: global administrators are not subject to the domain's status.
        let free = CandidateSet.union([globalAdministrators, .except(.union(imposing.map { below($0.domains) }))])
        var sets: [CandidateSet] = []
        if !wanted.isEmpty { sets.append(.intersection([own(wanted), free])) }
        for (status, domains) in imposing {
            let here = CandidateSet.intersection([below(domains), .except(globalAdministrators)])
            var kept: [AccountStatus] = []
            var imposed: AccountStatus?
            for own in AccountStatus.allCases {
                if let other = AccountStatus.imposed(on: own, by: status, admitsActive: admitsActive) { imposed = other } else { kept.append(own) }
            }
            let stays = kept.filter { wanted.contains($0) }
            if !stays.isEmpty { sets.append(.intersection([own(stays), here])) }
            // Also on accounts that have no status of their own.
            guard let imposed, wanted.contains(imposed) else { continue }
            sets.append(kept.isEmpty ? here : .intersection([here, .except(own(kept))]))
        }
        return .intersection([.union(sets), accounts])
    }

    /// Exactly the recipients that take mail (3.5, 3.9), or that do not; nil if that cannot be said cheaply.
    func recipients(takingMail takes: Bool) -> CandidateSet? {
        guard mayBeNamed(refusingDomains) else { return nil }
        var refused = [CandidateSet.intersection([own([.pending, .closed]), accounts])]
        if !refusingDomains.isEmpty { refused.append(below(refusingDomains)) }
        let closed = domainsByStatus.first { $0.status == .closed }?.domains ?? []
        if !closed.isEmpty { refused.append(.ids(closed)) }
        if takes { return .intersection([mailEnabled, recipients, .except(.union(refused))]) }
        return .intersection([recipients, .union([.except(mailEnabled)] + refused)])
    }
}
