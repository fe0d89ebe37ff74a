import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// The address list of a domain: the branch `cn=gal` below it (section 6).
final class AddressBook: VirtualBranch {
    /// Its own name in string form.
    let name: [UInt8]
    let types: AddressListTypes
    let configuration: AddressListConfiguration
    let layout: AddressBookLayout
    let domain: EntryID
    private let top: Entry
    /// What every entry must be: not hidden, no system resource (rule 6.3.1).
    private let visible: [Filter]
    /// What shows when no named filter is asked for: the same as a synchronisation delivers.
    private let listed: Filter
    /// Where entries are looked for (rule 6.3.2): for searches, for synchronisation.
    private let searchPlace: Place
    private let syncPlace: Place
    private let outside: OutsideAddressList?

    /// A part of the tree.
    struct Place: Sendable {
        var base: EntryID
        /// What restricts it further.
        var filter: Filter?
        /// Whether the configured base does not exist: nothing is found.
        var isMissing = false
        /// Whether it is the one of synchronisation, and another than that of searches.
        var isForSync = false
    }

    init(
        name: [UInt8], rdn: AttributeTypeAndValue, domain: EntryID, _ configuration: AddressListConfiguration, _ layout: AddressBookLayout,
        _ types: AddressListTypes, searchPlace: Place, syncPlace: Place, outside: OutsideAddressList?, _ catalogue: Catalogue
    ) throws(LDAPError) {
        self.name = name
        end = [UInt8(ascii: ",")] + name
        top = Self.top(name, rdn, catalogue)
        self.domain = domain
        self.configuration = configuration
        self.layout = layout
        self.types = types
        self.searchPlace = searchPlace
        var sync = syncPlace
        sync.isForSync = true
        self.syncPlace = sync
        self.outside = outside
        // One by one: an `and` of nothing but negations is no set.
        visible = [try Filter("(!(zimbraHideInGal=TRUE))"), try Filter("(!(zimbraIsSystemResource=TRUE))")]
        listed = try configuration.filters.template(.sync, .all).filter(key: [UInt8]())
    }

    /// Appends the name of the entry with an address.
    func appendName(of address: RawSpan, to out: inout [UInt8]) {
        let (beginning, end) = (Self.beginning, self.end)
        out.append(beginning.rawSpan)
        if Self.isPlain(address) { out.append(address) } else { AttributeTypeAndValue.escape(address, into: &out) }
        out.append(end.rawSpan)
    }

    /// Whether a value needs no escapes in a name: letters, digits and what mostly stands in addresses.
    private static func isPlain(_ value: RawSpan) -> Bool {
        for index in 0..<value.byteCount {
            switch value[at: index] {
            case 0x2d...0x39, 0x40...0x5a, 0x5f, 0x61...0x7a: continue
            default: return false
            }
        }
        return true
    }

    private static let beginning = Array("mail=".utf8)
    /// ``name`` after a comma.
    private let end: [UInt8]

    func admit(
        _ identity: Identity, _ filter: Filter?, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int
    ) throws(LDAPError) -> Bool {
        // Rule 6.1.3: administrators bypass the switches; who is no account has none.
        guard case .entry(let id, _, let isAdministrator) = identity, !isAdministrator else { return true }
        let switches = try FeatureSwitches(id, types, snapshot, context)
        guard let switches else { return true }
        var demanded = ["zimbraFeatureGalEnabled"]
        if let filter {
            switch FilterTranslation(self, context).operation(filter) {
            case .search: break
            case .autoComplete: demanded.append("zimbraFeatureGalAutoCompleteEnabled")
            case .sync: demanded.append("zimbraFeatureGalSyncEnabled")
            }
        }
        for name in demanded {
            guard let isOn = try switches.isOn(name, snapshot, budget: &budget) else { return false }
            if !isOn { throw LDAPError(.insufficientAccessRights, "the address list is switched off for this account (\(name))") }
        }
        return true
    }

    func makeTop(_ context: BranchContext, into made: inout MadeEntry) {
        made.name = name
        made.begin()
        for attribute in top.attributes where made.wants(attribute.id) {
            made.beginAttribute(attribute.id)
            for value in attribute.values { made.appendValue(value.rawSpan) }
            made.endAttribute()
        }
        made.finish()
    }

    /// Its own entry.
    private static func top(_ name: [UInt8], _ rdn: AttributeTypeAndValue, _ catalogue: Catalogue) -> Entry {
        let schema = catalogue.schema
        let isUnit = schema.attributeType(named: rdn.type) == schema.attributeType(named: "ou")
        let structural = isUnit ? "organizationalUnit" : "organizationalRole"
        var top = Entry()
        for (type, values) in [
            ("objectClass", ["top", structural]), (rdn.type, [String(decoding: rdn.value, as: UTF8.self)]), ("description", ["Address list"]),
            ("structuralObjectClass", [structural]), ("hasSubordinates", ["TRUE"]), ("subschemaSubentry", ["cn=Subschema"]),
            ("entryDN", [String(decoding: name, as: UTF8.self)]),
        ] {
            guard let type = schema.attributeType(named: type), let id = catalogue.table.id(of: type) else { continue }
            top[id] = values.map { Array($0.utf8) }
        }
        return top
    }

    func find(
        _ rdn: RelativeDistinguishedName, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> EntryID? {
        guard rdn.values.count == 1, let value = rdn.values.first,
            context.catalogue.schema.attributeType(named: value.type) == types.mail
        else { return nil }
        return try find(value.value, snapshot, context)
    }

    /// The stored entry whose own address is this.
    func find(_ address: [UInt8], _ snapshot: borrowing Snapshot, _ context: BranchContext) throws(LDAPError) -> EntryID? {
        let schema = context.catalogue.schema
        var filter = FilterBuilder()
        let all = filter.begin(.and)
        let either = filter.begin(.or)
        for type in [types.deliveryAddress, types.mail] { filter.equality(schema[type].nameBytes, address.rawSpan) }
        filter.end(either)
        for item in visible { try filter.append(item) }
        if let restriction = searchPlace.filter { try filter.append(restriction) }
        filter.end(all)
        var canonical: [UInt8] = []
        guard !searchPlace.isMissing, let rule = schema[types.mail].equality, schema.normalize(address.rawSpan, by: rule, into: &canonical)
        else { return nil }
        var search = EntrySearch(filter: context.compile(filter.filter), base: searchPlace.base, scope: .wholeSubtree)
        var budget = Int.max
        var scratch = FilterScratch()
        var found: EntryID?
        do {
            _ = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
                var own: [UInt8] = []
                if let address = layout.address(record), schema.normalize(address, by: rule, into: &own), own == canonical { found = id }
                return found == nil
            }
        } catch { throw LDAPError(storage: error) }
        return found
    }

    func query(
        _ filter: Filter, sizeLimit: Int, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> BranchQuery {
        let translation = FilterTranslation(self, context)
        let operation = translation.operation(filter)
        let place = operation == .sync && configuration.syncBase != nil ? syncPlace : searchPlace
        // Rules 6.5 and 6.4.5.
        let most = operation == .sync ? configuration.syncLimit : configuration.searchLimit
        let limit = sizeLimit == 0 ? most : most == 0 ? sizeLimit : min(sizeLimit, most)
        let share = configuration.mode == .both && operation != .sync && limit > 0 ? max(1, limit / 2) : limit
        var stored: CompiledFilter?
        if !place.isMissing, configuration.mode != .external || configuration.alwaysIncludesResources {
            var builder = FilterBuilder()
            try translation.append(filter, to: &builder, snapshot)
            var compiled = CompiledFilter(context.catalogue)
            context.compile(builder.filter, into: &compiled)
            compiled.restrict(
                to: try bounds(isSync: place.isForSync, isNamed: translation.demandsNamedFilter(filter), context))
            stored = compiled
        }
        return BranchQuery(
            filter: stored, base: place.base, scope: .wholeSubtree, storedLimit: share, sizeLimit: limit,
            outside: try outside?.search(filter, operation, limit: share, self, context))
    }

    /// What all entries must be that a search may find, whatever the client's filter says. Made once: an address list is for one catalogue.
    /// - Parameters:
    ///   - isSync: whether the base of synchronisation counts.
    ///   - isNamed: whether the client's filter holds a named one, which says by itself what may be found.
    private func bounds(isSync: Bool, isNamed: Bool, _ context: BranchContext) throws(LDAPError) -> RememberedFilter {
        let index = (isSync ? 1 : 0) | (isNamed ? 2 : 0)
        if let known = kept.withLock({ $0.bounds[index] }) { return known }
        var builder = FilterBuilder()
        let all = builder.begin(.and)
        if !isNamed { try builder.append(listed) }
        for item in visible { try builder.append(item) }
        if let restriction = (isSync ? syncPlace : searchPlace).filter { try builder.append(restriction) }
        if configuration.mode == .external {
            // Rule 6.7.3: of the directory's own entries the resources only.
            try builder.append(configuration.filters.template(.sync, .resource).filter(key: [UInt8]()))
        }
        builder.end(all)
        let made = RememberedFilter(
            context.compile(builder.filter), base: (isSync ? syncPlace : searchPlace).base, scope: .wholeSubtree)
        kept.withLock { $0.bounds[index] = made }
        return made
    }

    func maker(_ wanted: WantedAttributes, _ context: BranchContext) -> any BranchEntryMaker {
        guard case .selected(let selection) = wanted else { return AddressBookEntries(self, wanted, context.catalogue) }
        if let known = kept.withLock({ kept in kept.makers.first { $0.selection === selection }?.maker }) { return known }
        let made = AddressBookEntries(self, wanted, context.catalogue)
        kept.withLock { kept in
            if kept.makers.count >= Self.makerLimit { kept.makers.removeFirst() }
            kept.makers.append((selection, made))
        }
        return made
    }

    /// What was worked out once.
    private struct Kept {
        var bounds: [RememberedFilter?] = [nil, nil, nil, nil]
        /// What makes entries, by what clients asked for: they ask for the same again and again.
        var makers: [(selection: EntrySelection, maker: AddressBookEntries)] = []
    }

    private let kept = Mutex(Kept())
    private static let makerLimit = 16

    // MARK: Members

    /// Calls one of the closures with each member of a list, once (rules 6.7.1, 6.7.2): stored addresses and computed members, one level.
    /// - Parameters:
    ///   - budget: members that may be looked at; what is left of it afterwards.
    ///   - entry: gets members that are entries, and their addresses.
    ///   - other: gets addresses that are no entry's, or an entry's that has none of its own: they stand for themselves.
    /// - Returns: false if the budget was not enough.
    func forEachMember(
        of id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int,
        entry: (EntryID, RawSpan) -> Void, other: (RawSpan) -> Void
    ) throws(EntryStoreError) -> Bool {
        var seen = Set<EntryID>()
        var others = Set<[UInt8]>()
        func take(_ member: EntryID, _ address: RawSpan) { if seen.insert(member).inserted { entry(member, address) } }
        // The units with a dynamic list's external members (rule 7.5).
        var units: [EntryID] = []
        func take(_ member: EntryID) throws(EntryStoreError) {
            guard let record = try snapshot.record(member) else { return }
            if let address = layout.address(record) { take(member, address) } else { units.append(member) }
        }
        if let url = context.catalogue.table.id(of: types.memberURL), record.contains(url) {
            if let stored = context.catalogue.table.id(of: types.member) {
                var values = record.values(of: stored)
                while let value = values.next() {
                    budget -= 1
                    guard budget >= 0 else { return false }
                    guard let name = try? DistinguishedName(parsing: value), let found = try? snapshot.resolve(name), found.isComplete
                    else { continue }
                    try take(found.id)
                }
            }
            guard let found = try context.entries(named: types.member, of: id, record, snapshot, budget: &budget) else { return false }
            for member in found { try take(member) }
        }
        for list in [id] + units {
            guard let record = try snapshot.record(list) else { continue }
            var values = record.values(of: layout.forwardingAddress)
            while let value = values.next() {
                budget -= 1
                guard budget >= 0 else { return false }
                if let owner = try owner(of: value, snapshot, context), let record = try snapshot.record(owner),
                    let address = layout.address(record)
                {
                    take(owner, address)
                } else if others.insert(value.array.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }).inserted {
                    other(value)
                }
            }
        }
        return true
    }

    /// Writes members as names in this branch.
    struct MemberNaming: EntryNaming {
        let book: AddressBook
        private var name: [UInt8] = []

        init(_ book: AddressBook) { self.book = book }

        private mutating func write(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
            name.removeAll(keepingCapacity: true)
            guard let record = try snapshot.record(id), let address = book.layout.address(record) else { return }
            book.appendName(of: address, to: &name)
        }

        mutating func size(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Int {
            try write(id, snapshot)
            return name.count
        }

        mutating func append(_ id: EntryID, _ snapshot: borrowing Snapshot, to output: inout BERBuffer) throws(EntryStoreError) {
            try write(id, snapshot)
            output.append(BERTag.octetString, contents: name)
        }
    }

    /// The entry that an address leads to.
    private func owner(
        of address: RawSpan, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(EntryStoreError) -> EntryID? {
        let schema = context.catalogue.schema
        var canonical: [UInt8] = []
        guard context.catalogue.usable.kinds(of: types.mail).contains(.equality), let rule = schema[types.mail].equality,
            schema.normalize(address, by: rule, into: &canonical)
        else { return nil }
        return try snapshot.firstEntry(with: types.mail, equalTo: canonical.rawSpan)
    }
}
