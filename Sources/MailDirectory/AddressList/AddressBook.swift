import BER
import Directory
import EntryStore
import LDAP
import Schema

/// The address list of a domain: the branch `cn=gal` below it (section 6).
final class AddressBook: VirtualBranch {
    /// Its own name in string form.
    let name: [UInt8]
    let types: AddressListTypes
    let configuration: AddressListConfiguration
    let layout: AddressBookLayout
    let domain: EntryID
    /// The first RDN of ``name``.
    private let rdn: AttributeTypeAndValue
    /// What every entry must be: not hidden, no system resource (rule 6.3.1).
    private let visible: Filter
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
    }

    init(
        name: [UInt8], rdn: AttributeTypeAndValue, domain: EntryID, _ configuration: AddressListConfiguration, _ layout: AddressBookLayout,
        _ types: AddressListTypes, searchPlace: Place, syncPlace: Place, outside: OutsideAddressList?
    ) throws(LDAPError) {
        self.name = name
        self.rdn = rdn
        self.domain = domain
        self.configuration = configuration
        self.layout = layout
        self.types = types
        self.searchPlace = searchPlace
        self.syncPlace = syncPlace
        self.outside = outside
        visible = try Filter("(&(!(zimbraHideInGal=TRUE))(!(zimbraIsSystemResource=TRUE)))")
        listed = try configuration.filters.template(.sync, .all).filter(key: [UInt8]())
    }

    /// Appends the name of the entry with an address.
    func appendName(of address: RawSpan, to out: inout [UInt8]) {
        out.append(contentsOf: "mail=".utf8)
        AttributeTypeAndValue.escape(address, into: &out)
        out.append(UInt8(ascii: ","))
        out += name
    }

    func admit(_ identity: Identity, _ filter: Filter?, _ snapshot: borrowing Snapshot, _ context: BranchContext) throws(LDAPError) {
        // Rule 6.1.3: administrators bypass the switches; who is no account has none.
        guard case .entry(let id, _, let isAdministrator) = identity, !isAdministrator else { return }
        let switches = try FeatureSwitches(id, types, snapshot, context)
        guard let switches else { return }
        func demand(_ name: String) throws(LDAPError) {
            if try !switches.isOn(name, snapshot) {
                throw LDAPError(.insufficientAccessRights, "the address list is switched off for this account (\(name))")
            }
        }
        try demand("zimbraFeatureGalEnabled")
        guard let filter else { return }
        switch FilterTranslation(self, context).operation(filter) {
        case .search: break
        case .autoComplete: try demand("zimbraFeatureGalAutoCompleteEnabled")
        case .sync: try demand("zimbraFeatureGalSyncEnabled")
        }
    }

    func makeTop(_ context: BranchContext, into made: inout MadeEntry) {
        made.name = name
        let schema = context.catalogue.schema
        var values: [(AttributeID, [[UInt8]])] = []
        func set(_ name: String, _ list: [String]) {
            if let type = schema.attributeType(named: name), let id = context.catalogue.table.id(of: type) {
                values.append((id, list.map { Array($0.utf8) }))
            }
        }
        let isUnit = schema.attributeType(named: rdn.type) == schema.attributeType(named: "ou")
        let structural = isUnit ? "organizationalUnit" : "organizationalRole"
        set("objectClass", ["top", structural])
        set(rdn.type, [String(decoding: rdn.value, as: UTF8.self)])
        set("description", ["Address list"])
        set("structuralObjectClass", [structural])
        set("hasSubordinates", ["TRUE"])
        set("subschemaSubentry", ["cn=Subschema"])
        set("entryDN", [String(decoding: name, as: UTF8.self)])
        values.sort { $0.0 < $1.0 }
        made.record.begin()
        for (id, list) in values {
            made.record.beginAttribute(id)
            for value in list { made.record.appendValue(value.rawSpan) }
            made.record.endAttribute()
        }
        made.record.finish()
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
        try filter.append(visible)
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
        var stored: Filter?
        if !place.isMissing, configuration.mode != .external || configuration.alwaysIncludesResources {
            var builder = FilterBuilder()
            let all = builder.begin(.and)
            try translation.append(filter, to: &builder, snapshot)
            if !translation.demandsNamedFilter(filter) { try builder.append(listed) }
            try builder.append(visible)
            if let restriction = place.filter { try builder.append(restriction) }
            if configuration.mode == .external {
                // Rule 6.7.3: of the directory's own entries the resources only.
                try builder.append(configuration.filters.template(.sync, .resource).filter(key: [UInt8]()))
            }
            builder.end(all)
            stored = builder.filter
        }
        return BranchQuery(
            filter: stored, base: place.base, scope: .wholeSubtree, storedLimit: share, sizeLimit: limit,
            outside: try outside?.search(filter, operation, limit: share, self, context))
    }

    func maker(_ selection: EntrySelection?, _ filters: [Filter], _ context: BranchContext) -> any BranchEntryMaker {
        AddressBookEntries(self, selection, filters, context.catalogue)
    }

    // MARK: Members

    /// The members of a list as names in this branch (rules 6.7.1, 6.7.2): stored addresses and computed members, one level. An address that is
    /// none of an entry's stands for itself.
    func members(
        of id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(EntryStoreError) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var seen = Set<[UInt8]>()
        func add(_ address: RawSpan) {
            var name: [UInt8] = []
            appendName(of: address, to: &name)
            let key = name.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
            if seen.insert(key).inserted { names.append(name) }
        }
        var addresses: [[UInt8]] = []
        var values = record.values(of: layout.forwardingAddress)
        while let value = values.next() { addresses.append(value.array) }
        if let url = context.catalogue.table.id(of: types.memberURL), record.contains(url) {
            var members: [[UInt8]] = []
            try context.forEachValue(of: types.member, id, record, snapshot) { members.append($0.array) }
            for member in members {
                guard let name = try? DistinguishedName(parsing: member.rawSpan), let found = try? snapshot.resolve(name), found.isComplete,
                    let entry = try snapshot.record(found.id)
                else { continue }
                if let address = layout.address(entry) {
                    add(address)
                } else {
                    // The unit with a dynamic list's external members (rule 7.5).
                    var values = entry.values(of: layout.forwardingAddress)
                    while let value = values.next() { addresses.append(value.array) }
                }
            }
        }
        for address in addresses {
            guard let owner = try owner(of: address.rawSpan, snapshot, context), let entry = try snapshot.record(owner),
                let own = layout.address(entry)
            else {
                add(address.rawSpan)
                continue
            }
            add(own)
        }
        return names
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
