import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// Gives every domain its address list, and remembers what was worked out for it until a domain or the global configuration changes.
final class AddressBooks: BranchProvider {
    private struct Kept {
        let book: AddressBook
        let commit: Int
        let catalogue: Catalogue
    }

    private let types: AddressListTypes
    /// The branch's first RDN, as configured and in canonical form.
    private let rdn: AttributeTypeAndValue
    private let canonicalRDN: [UInt8]
    private let watch: ClassWatch
    private let store: EntryStore
    private let schema: Schema
    private let connections = OutsideConnections()
    private let timeout: Int
    private let kept = Mutex<[EntryID: Kept]>([:])
    /// Address lists that are remembered.
    private static let limit = 1024

    /// - Returns: nil for a schema that is not a mail system's.
    /// - Throws: for a name that a branch cannot have.
    init?(_ store: EntryStore, _ schema: Schema, _ settings: MailDirectory.AddressListSettings) throws(DirectoryError) {
        guard let types = AddressListTypes(schema) else { return nil }
        self.types = types
        self.store = store
        self.schema = schema
        timeout = settings.timeout
        var canonical: [UInt8] = []
        do throws(LDAPError) {
            let name = try DistinguishedName(settings.name)
            guard name.rdns.count == 1, let rdn = name.rdns.first, rdn.values.count == 1, let value = rdn.values.first,
                let type = schema.attributeType(named: value.type),
                [schema.attributeType(named: "cn"), schema.attributeType(named: "ou")].contains(type)
            else { throw LDAPError(.namingViolation, "not of the form cn=NAME or ou=NAME") }
            try schema.normalizeRDN(rdn, into: &canonical)
            self.rdn = value
        } catch { throw DirectoryError("name of the address list \"\(settings.name)\": \(error.message)") }
        canonicalRDN = canonical
        watch = store.watch(["zimbraDomain", "zimbraGlobalConfig"].compactMap { schema.objectClass(named: $0) }, schema)
    }

    /// Whether a name is that of an address list, if there is a domain above it.
    private func hasName(_ rdn: RelativeDistinguishedName, below parent: EntryID) throws(LDAPError) -> Bool {
        guard parent != .root, rdn.values.count == 1 else { return false }
        var canonical: [UInt8] = []
        try schema.normalizeRDN(rdn, into: &canonical)
        return canonical == canonicalRDN
    }

    func hasBranch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> Bool {
        guard try hasName(rdn, below: parent) else { return false }
        do {
            guard let record = try snapshot.record(parent) else { return false }
            return types.isOf(types.domain, record, context.catalogue)
        } catch { throw LDAPError(storage: error) }
    }

    func branch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> (any VirtualBranch)? {
        guard try hasName(rdn, below: parent) else { return nil }
        if let known = kept.withLock({ $0[parent] }), known.catalogue === context.catalogue, snapshot.serves(watch, madeAt: known.commit),
            store.lastRename <= min(known.commit, snapshot.commit)
        {
            return known.book
        }
        guard let book = try open(parent, snapshot, context) else { return nil }
        let entry = Kept(book: book, commit: snapshot.commit, catalogue: context.catalogue)
        kept.withLock { kept in
            if kept.count >= Self.limit { kept.removeAll() }
            kept[parent] = entry
        }
        return book
    }

    private func open(_ domain: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext) throws(LDAPError) -> AddressBook? {
        let catalogue = context.catalogue
        let place = try snapshot.resolve(.globalConfiguration)
        do {
            guard let record = try snapshot.record(domain), types.isOf(types.domain, record, catalogue) else { return nil }
            var global: Entry?
            if place.isComplete, let record = try snapshot.record(place.id) { global = Entry(record) }
            let configuration = AddressListConfiguration(domain: Entry(record), global: global, catalogue)
            guard let layout = AddressBookLayout(configuration.rules, configuration.valueMap, types, catalogue) else { return nil }
            let domainName = try snapshot.name(of: domain)
            var name: [UInt8] = []
            rdn.write(into: &name)
            name.append(UInt8(ascii: ","))
            name += domainName
            var outside: OutsideAddressList?
            if configuration.mode != .internal, let source = configuration.outside {
                outside = OutsideAddressList(
                    source: source, syncSource: configuration.outsideSync ?? source, rules: configuration.rules, valueMap: configuration.valueMap,
                    connections: connections, timeout: timeout)
            }
            let searchPlace = try basePlace(configuration.searchBase, domain, domainName, snapshot, context)
            let syncPlace = try configuration.syncBase.map { base throws(LDAPError) in
                try basePlace(base, domain, domainName, snapshot, context)
            }
            return try AddressBook(
                name: name, rdn: rdn, domain: domain, configuration, layout, types, searchPlace: searchPlace,
                syncPlace: syncPlace ?? searchPlace, outside: outside, catalogue)
        } catch let error as EntryStoreError {
            throw LDAPError(storage: error)
        } catch let error as LDAPError {
            throw error
        } catch {
            throw LDAPError(.other, "\(error)")
        }
    }

    /// Rule 6.3.2.
    private func basePlace(
        _ base: String, _ domain: EntryID, _ domainName: [UInt8], _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> AddressBook.Place {
        switch base {
        case "ROOT": return AddressBook.Place(base: .root)
        case "SUBDOMAINS": return AddressBook.Place(base: domain)
        case "DOMAIN":
            // Without domains below it the domain's subtree is the domain; else its two containers are (rule 1.15).
            guard try hasSubdomains(domain, snapshot, context) else { return AddressBook.Place(base: domain) }
            var builder = FilterBuilder()
            let either = builder.begin(.or)
            for container in ["ou=people,", "cn=groups,"] {
                try builder.append(Filter("(entryDN:dnSubtreeMatch:=x)"), value: Array(container.utf8) + domainName)
            }
            builder.end(either)
            return AddressBook.Place(base: domain, filter: builder.filter)
        default:
            let found = try snapshot.resolve(DistinguishedName(base))
            return AddressBook.Place(base: found.id, isMissing: !found.isComplete)
        }
    }

    private func hasSubdomains(_ domain: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext) throws(LDAPError) -> Bool {
        var search = EntrySearch(
            filter: context.compile(try Filter("(objectClass=zimbraDomain)")), base: domain, scope: .subordinateSubtree)
        var budget = Int.max
        var scratch = FilterScratch()
        do {
            return try search.run(snapshot, budget: &budget, scratch: &scratch) { _, _ throws(EntryStoreError) in false } == .stopped
        } catch { throw LDAPError(storage: error) }
    }
}
