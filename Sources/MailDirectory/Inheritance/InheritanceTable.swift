import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// Where the entries stand that hold inherited values: classes of service, domains, global configuration. Immutable; made anew when one
/// of them has changed. It holds no values: those are read from the entries themselves.
final class InheritanceTable: Sendable {
    /// A class of service.
    struct ClassOfService: Sendable {
        let entry: EntryID
        /// As stored; empty if the entry has none.
        let id: [UInt8]
        /// In the canonical form of the attribute's equality rule.
        let canonical: [UInt8]
    }

    /// A domain.
    struct Domain: Sendable {
        /// The classes of service of its accounts that have none of their own, and of its external virtual accounts: places in
        /// ``classes``. The steps 2 and 3 of rule 2.6 are taken already.
        let classOfService: Int?
        let externalClassOfService: Int?
        /// Own, else from global configuration (2.11), else active (3.1).
        let status: DomainStatus
        /// Whether its own mail status is enabled (3.9).
        let acceptsMail: Bool
    }

    /// The commit it was made from.
    let commit: Int
    let types: MailTypes
    /// `cn=config,cn=zimbra`.
    let config: EntryID?
    let classes: [ClassOfService]
    let domains: [EntryID: Domain]
    /// The classes of service named `default` and `defaultExternal` (2.6, 2.7).
    let defaultClass: Int?
    let defaultExternalClass: Int?
    /// By class of service, the last for none: the domains whose accounts, or external accounts, have it by default.
    let domainsByDefault: [[EntryID]]
    /// Domains in which the status of accounts is not simply their own, ascending.
    let restrictedDomains: [EntryID]
    /// Whether a domain is suspended or shut down (3.10).
    let hasRestingDomains: Bool
    /// Domains by status, without the active ones; ascending.
    let domainsByStatus: [(status: DomainStatus, domains: [EntryID])]
    /// Domains that are closed or whose mail status is not enabled, ascending.
    let refusingDomains: [EntryID]
    /// Domains that have others below them: not all that stands below is theirs.
    let outerDomains: Set<EntryID>
    var hasNestedDomains: Bool { !outerDomains.isEmpty }
    /// Entries that are no domains but have domains below them, the root among them, without those below another domain.
    let frontier: [EntryID]
    /// The indexes that there were.
    let catalogue: Catalogue
    /// All accounts, domains, servers.
    let accounts: CandidateSet
    let allDomains: CandidateSet
    let servers: CandidateSet
    /// External virtual accounts.
    let externals: CandidateSet
    /// Those that are above their domain's status (3.3).
    let globalAdministrators: CandidateSet
    /// What can receive mail; what has a mail status that lets it.
    let recipients: CandidateSet
    let mailEnabled: CandidateSet
    /// By ``AccountStatus``: entries that have it themselves.
    let accountsByStatus: [CandidateSet]
    /// By class of service: the accounts that name it themselves.
    let claimants: [CandidateSet]
    /// Those that name none that exists; nil if that cannot be said cheaply.
    let unclaimed: CandidateSet?
    /// Canonical ids one after the other, in their order.
    private let ids: [UInt8]
    private let idRanges: [ByteRange]
    /// Places in ``classes``, in the same order.
    private let byID: [Int]
    private let rule: MatchingRule

    init(_ types: MailTypes, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        let catalogue = snapshot.catalogue
        let schema = catalogue.schema
        commit = snapshot.commit
        self.types = types
        let rule = schema[types.classOfServiceID.type].equality ?? .caseIgnoreMatch
        self.rule = rule
        func first(_ type: MailTypes.Stored, _ record: borrowing EntryRecord) -> [UInt8]? {
            var values = record.values(of: type.id)
            return values.next()?.array
        }
        func canonical(_ value: [UInt8]) -> [UInt8] {
            var canonical: [UInt8] = []
            return schema.normalize(value.rawSpan, by: rule, into: &canonical) ? canonical : []
        }

        var config: EntryID?
        var globalStatus: DomainStatus?
        var globalRests = false
        try snapshot.forEach(types.globalConfig.filter(catalogue)) { id, record throws(EntryStoreError) in
            guard config == nil else { return }
            config = id
            let value = first(types.domainStatus, record)
            globalStatus = value.map { DomainStatus($0.rawSpan) }
            globalRests = value.map { DomainStatus.rests($0.rawSpan) } ?? false
        }
        self.config = config

        var classes: [ClassOfService] = []
        var defaultClass: Int?
        var defaultExternalClass: Int?
        try snapshot.forEach(types.classOfService.filter(catalogue)) { id, record throws(EntryStoreError) in
            var names = record.values(of: types.commonName.id)
            while let name = names.next() {
                if defaultClass == nil, name.equalsIgnoringCase(Self.defaultName.rawSpan) { defaultClass = classes.count }
                if defaultExternalClass == nil, name.equalsIgnoringCase(Self.defaultExternalName.rawSpan) { defaultExternalClass = classes.count }
            }
            let own = first(types.id, record) ?? []
            classes.append(ClassOfService(entry: id, id: own, canonical: canonical(own)))
        }
        self.classes = classes
        self.defaultClass = defaultClass
        self.defaultExternalClass = defaultExternalClass
        let byID = classes.indices.filter { !classes[$0].canonical.isEmpty }
            .sorted { classes[$0].canonical.lexicographicallyPrecedes(classes[$1].canonical) }
        var ids: [UInt8] = []
        var idRanges: [ByteRange] = []
        for place in byID {
            idRanges.append(ByteRange(start: ids.count, count: classes[place].canonical.count))
            ids += classes[place].canonical
        }
        (self.ids, self.idRanges, self.byID) = (ids, idRanges, byID)
        self.catalogue = catalogue
        accounts = .matching(types.account.filter(catalogue))
        allDomains = .matching(types.domain.filter(catalogue))
        servers = .matching(types.server.filter(catalogue))
        externals = .matching(StoredItems.equal(types.isExternalVirtualAccount.type, toAnyOf: [Array("TRUE".utf8)], catalogue))
        func stored(_ type: MailTypes.Stored, _ value: [UInt8]) -> CandidateSet {
            .matching(StoredItems.equal(type.type, toAnyOf: [value], catalogue))
        }
        let yes = Array("TRUE".utf8)
        globalAdministrators = .intersection([stored(types.isAdminAccount, yes), .except(stored(types.isDomainAdminAccount, yes))])
        recipients = .matching(types.recipient.filter(catalogue))
        mailEnabled = stored(types.mailStatus, MailStatus.enabled)
        accountsByStatus = AccountStatus.allCases.map { stored(types.accountStatus, $0.value) }
        claimants = classes.map { known in
            known.id.isEmpty
                ? .union([]) : .matching(StoredItems.equal(types.classOfServiceID.type, toAnyOf: [known.id], catalogue))
        }
        let named = classes.map(\.id).filter { !$0.isEmpty }
        unclaimed =
            named.isEmpty || named.count > Self.claimLimit || Set(named).count != named.count
            ? nil : .except(.matching(StoredItems.equal(types.classOfServiceID.type, toAnyOf: named, catalogue)))

        var domains: [EntryID: Domain] = [:]
        var byDefault: [[EntryID]] = Array(repeating: [], count: classes.count + 1)
        var restricted: [EntryID] = []
        var byStatus: [(status: DomainStatus, domains: [EntryID])] = []
        var refusing: [EntryID] = []
        var parents: [EntryID] = []
        var hasRestingDomains = false
        try snapshot.forEach(types.domain.filter(catalogue)) { id, record throws(EntryStoreError) in
            func named(_ type: MailTypes.Stored) -> Int? {
                first(type, record).flatMap { Self.place(of: canonical($0).rawSpan, ids, idRanges, byID) }
            }
            let ownStatus = first(types.domainStatus, record)
            if ownStatus.map({ DomainStatus.rests($0.rawSpan) }) ?? globalRests { hasRestingDomains = true }
            let domain = Domain(
                classOfService: named(types.defaultClassOfServiceID) ?? defaultClass,
                externalClassOfService: named(types.defaultExternalClassOfServiceID) ?? defaultExternalClass,
                status: ownStatus.map { DomainStatus($0.rawSpan) } ?? globalStatus ?? .active,
                acceptsMail: record.first(of: types.mailStatus, equals: MailStatus.enabled))
            domains[id] = domain
            byDefault[domain.classOfService ?? classes.count].append(id)
            if domain.externalClassOfService != domain.classOfService { byDefault[domain.externalClassOfService ?? classes.count].append(id) }
            if domain.status != .active || !domain.acceptsMail { restricted.append(id) }
            if domain.status == .closed || !domain.acceptsMail { refusing.append(id) }
            if domain.status != .active {
                if let place = byStatus.firstIndex(where: { $0.status == domain.status }) {
                    byStatus[place].domains.append(id)
                } else {
                    byStatus.append((domain.status, [id]))
                }
            }
            if parents.last != record.parent { parents.append(record.parent) }
        }
        self.domains = domains
        domainsByDefault = byDefault
        restrictedDomains = restricted
        self.hasRestingDomains = hasRestingDomains
        domainsByStatus = byStatus
        refusingDomains = refusing
        (frontier, outerDomains) = try Self.frontier(above: parents, domains, snapshot)
    }

    /// More classes than this are not subtracted one by one.
    private static let claimLimit = 64
    private static let defaultName = Array("default".utf8)
    private static let defaultExternalName = Array("defaultexternal".utf8)

    /// All superiors of domains that are not domains themselves nor below one; and the domains that a domain is next below.
    private static func frontier(
        above parents: [EntryID], _ domains: [EntryID: Domain], _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> (frontier: [EntryID], outer: Set<EntryID>) {
        var outer: Set<EntryID> = []
        var known: Set<EntryID> = [.root]
        var seen: Set<EntryID> = [.root]
        for parent in parents {
            var path: [EntryID] = []
            var current = parent
            while domains[current] == nil {
                if known.contains(current) {
                    known.formUnion(path)
                    break
                }
                guard seen.insert(current).inserted, let record = try snapshot.record(current) else { break }
                path.append(current)
                current = record.parent
            }
            if domains[current] != nil { outer.insert(current) }
        }
        return (known.sorted(), outer)
    }

    private static func place(of canonical: RawSpan, _ ids: [UInt8], _ ranges: [ByteRange], _ byID: [Int]) -> Int? {
        var low = 0
        var high = byID.count
        while low < high {
            let middle = (low + high) >> 1
            if ids.rawSpan.slice(ranges[middle]).precedes(canonical) { low = middle + 1 } else { high = middle }
        }
        guard low < byID.count, ids.rawSpan.slice(ranges[low]).elementsEqual(canonical) else { return nil }
        return byID[low]
    }

    /// The place of the class of service with an id.
    func classOfService(id: RawSpan) -> Int? {
        // Ids are written in lower case nearly always.
        if let place = Self.place(of: id, ids, idRanges, byID) { return place }
        var canonical: [UInt8] = []
        guard catalogue.schema.normalize(id, by: rule, into: &canonical) else { return nil }
        return Self.place(of: canonical.rawSpan, ids, idRanges, byID)
    }

    /// The nearest superior that is a domain.
    func domain(above parent: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> EntryID? {
        // Where containers stand changes only when some entry is renamed.
        let rename = snapshot.lastRename
        let isKept = !snapshot.isUncommitted && snapshot.commit >= rename
        if isKept, let known = places.withLock({ $0.rename == rename ? $0.domains[parent] : nil }) { return known }
        let found = try nearestDomain(parent, snapshot)
        if isKept {
            places.withLock { places in
                if places.rename != rename || places.domains.count >= Self.placeLimit { places = Places(rename: rename) }
                places.domains[parent] = .some(found)
            }
        }
        return found
    }

    private func nearestDomain(_ parent: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> EntryID? {
        var current = parent
        while current != .root {
            if domains[current] != nil { return current }
            guard let record = try snapshot.record(current) else { return nil }
            current = record.parent
        }
        return nil
    }

    /// The domains of containers that were asked for, as they are since a commit that renamed something.
    private struct Places {
        var rename = -1
        var domains: [EntryID: EntryID?] = [:]
    }
    private let places = Mutex(Places())
    private static let placeLimit = 4096

    /// The class of service that an account names itself, if there is such a one (2.6, step 1).
    func ownClassOfService(_ record: borrowing EntryRecord) -> Int? {
        var values = record.values(of: types.classOfServiceID.id)
        guard let value = values.next() else { return nil }
        return classOfService(id: value)
    }

    /// The class of service of an account (2.6).
    /// - Parameter domain: the account's.
    func classOfService(of record: borrowing EntryRecord, in domain: EntryID?) -> Int? {
        ownClassOfService(record) ?? defaultClassOfService(record, in: domain)
    }

    /// The class of service of an account that names none (2.6, steps 2 and 3).
    /// - Parameter domain: the account's.
    func defaultClassOfService(_ record: borrowing EntryRecord, in domain: EntryID?) -> Int? {
        defaultClassOfService(record, in: domain.flatMap { domains[$0] })
    }

    /// The same; the domain is known.
    func defaultClassOfService(_ record: borrowing EntryRecord, in domain: Domain?) -> Int? {
        let isExternal = record.isTrue(types.isExternalVirtualAccount)
        if let known = domain { return isExternal ? known.externalClassOfService : known.classOfService }
        return isExternal ? defaultExternalClass : defaultClass
    }
}

extension EntryRecord {
    /// Whether an attribute has the value TRUE.
    borrowing func isTrue(_ type: MailTypes.Stored) -> Bool { first(of: type, equals: Self.yes) }

    /// Whether the (first) value of an attribute is the given one, which is in lower case.
    borrowing func first(of type: MailTypes.Stored, equals lower: [UInt8]) -> Bool {
        var values = values(of: type.id)
        guard let value = values.next() else { return false }
        return value.equalsIgnoringCase(lower.rawSpan)
    }

    private static let yes = Array("true".utf8)
}

extension Snapshot {
    /// Calls `body` with all entries that a filter finds.
    borrowing func forEach(
        _ filter: CompiledFilter, _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Void
    ) throws(EntryStoreError) {
        var search = EntrySearch(filter: filter, base: .root, scope: .wholeSubtree)
        var budget = Int.max
        var scratch = FilterScratch()
        _ = try search.run(self, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
            try body(id, record)
            return true
        }
    }
}
