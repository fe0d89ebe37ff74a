import BER
import Directory
import EntryStore
import LDAP
import LDAPClient
import Schema
import Synchronization

/// The connections to all external address lists: one pool per server and identity, whoever asks.
final class OutsideConnections: Sendable {
    private let pools = Mutex<[LDAPClientServer: LDAPClientPool]>([:])
    /// More are forgotten: their servers were reconfigured.
    private static let limit = 256

    func pool(_ server: LDAPClientServer) -> LDAPClientPool {
        pools.withLock { pools in
            if let pool = pools[server] { return pool }
            if pools.count >= Self.limit { pools.removeAll() }
            let pool = LDAPClientPool(server)
            pools[server] = pool
            return pool
        }
    }
}

/// The external part of a domain's address list (modes `ldap` and `both`).
struct OutsideAddressList: Sendable {
    let source: OutsideSource
    let syncSource: OutsideSource
    let rules: [AttributeMapRule]
    let valueMap: [ValueMapRule]
    let connections: OutsideConnections
    /// Milliseconds that a search may take.
    let timeout: Int

    /// The search of the other server for a client's filter.
    func search(
        _ filter: Filter, _ operation: AddressListOperation, limit: Int, _ book: AddressBook, _ context: BranchContext
    ) throws(LDAPError) -> OutsideAddressListSearch {
        let source = operation == .sync ? syncSource : source
        var translation = OutsideTranslation(source, rules, book, context)
        let translated = try translation.translate(filter)
        var search = LDAPClientSearch(base: source.base, filter: translated.description)
        var names = Set(["objectclass", "mail"])
        for rule in rules { names.formUnion(rule.sources) }
        search.attributes = names.sorted()
        search.sizeLimit = limit
        search.pageSize = limit == 0 || source.pageSize < limit ? source.pageSize : 0
        search.timeout = timeout
        return OutsideAddressListSearch(
            list: self, source: source, pool: connections.pool(source.server), search: search, kind: translation.kind,
            test: translation.hasQuery ? nil : context.compileForMade(filter), book: book)
    }
}

/// A search of an external address list.
struct OutsideAddressListSearch: OutsideSearch {
    let list: OutsideAddressList
    let source: OutsideSource
    let pool: LDAPClientPool
    let search: LDAPClientSearch
    let kind: AddressListKind
    /// The client's filter, if entries must be tested by it: the other server's may say less.
    let test: CompiledFilter?
    let book: AddressBook

    func run(deadline: ContinuousClock.Instant?) -> OutsideAnswer {
        var answer = OutsideAnswer()
        if let problem = source.problem {
            answer.diagnostic = Self.diagnostic(problem)
            return answer
        }
        var search = search
        if let deadline {
            let left = deadline - ContinuousClock.now
            search.timeout = max(0, min(search.timeout, Int(left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000)))
        }
        do throws(LDAPClientError) {
            let found = try pool.search(search)
            answer.isTruncated = found.isTruncated
            answer.entries = found.entries.map { entry in entry.attributes.map { ($0.name.lowercased(), $0.values) } }
        } catch { answer.diagnostic = Self.diagnostic(error.message) }
        return answer
    }

    private static func diagnostic(_ reason: String) -> String { "the external address list could not be asked: \(reason)" }

    /// Classes of groups, in lower case.
    private static let groupClasses: Set<String> = [
        "group", "groupofnames", "groupofuniquenames", "groupofmembers", "groupofurls", "zimbradistributionlist", "zimbragroup",
        "msexchdynamicdistributionlist", "nismailalias",
    ]

    func make(
        _ index: Int, of answer: OutsideAnswer, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> Bool {
        let given = answer.entries[index]
        let schema = context.catalogue.schema
        let table = context.catalogue.table
        func values(_ name: String) -> [[UInt8]] { given.first { $0.name == name }?.values ?? [] }
        let isGroup = values("objectclass").contains { Self.groupClasses.contains(String(decoding: $0, as: UTF8.self).lowercased()) }
        switch kind {
        case .all: break
        case .account: if isGroup { return false }
        case .group: if !isGroup { return false }
        // What is a resource elsewhere is not known.
        case .resource: return false
        }
        var attributes: [AttributeID: [[UInt8]]] = [:]
        func add(_ value: [UInt8], to name: String) {
            guard let type = schema.attributeType(named: name), let id = table.id(of: type), type != book.types.objectClass, type != book.types.member
            else { return }
            var list = attributes[id] ?? []
            if schema[type].isSingleValue, !list.isEmpty { return }
            if !list.contains(where: { $0.rawSpan.equalsIgnoringCase(value.rawSpan) }) { list.append(value) }
            attributes[id] = list
        }
        // Rule 6.6.2.
        for rule in list.rules where rule.form != .certificate {
            var placed: [[UInt8]] = []
            sources: for source in rule.sources {
                for value in values(source) {
                    if rule.fields.count > 1, placed.count >= rule.fields.count { break sources }
                    if placed.contains(where: { $0.rawSpan.equalsIgnoringCase(value.rawSpan) }) { continue }
                    let field = rule.fields[rule.fields.count > 1 ? placed.count : 0]
                    placed.append(value)
                    let mapped = list.valueMap.reduce(value) { $1.field == field ? $1.apply($0) : $0 }
                    for name in AttributeMapRule.attributes(of: field) { add(mapped, to: name) }
                }
                if rule.fields.count == 1, !placed.isEmpty { break }
            }
        }
        guard let address = attributes[book.layout.mail]?.first else { return false }
        // An entry of the directory's own goes first.
        if book.configuration.mode == .both {
            let known: EntryID?
            do throws(LDAPError) { known = try book.find(address, snapshot, context) } catch { known = nil }
            if known != nil { return false }
        }
        made.name.removeAll(keepingCapacity: true)
        book.appendName(of: address.rawSpan, to: &made.name)
        attributes[book.layout.objectClass] =
            (isGroup ? ["top", "groupOfNames", "extensibleObject"] : ["top", "person", "organizationalPerson", "inetOrgPerson", "extensibleObject"])
            .map { Array($0.utf8) }
        if let test {
            var entry = Entry()
            for (id, list) in attributes { entry[id] = list }
            let bytes = entry.record(parent: .root, rdn: [], flags: [])
            var scratch = FilterScratch()
            guard let record = EntryRecord(bytes.rawSpan), test.evaluate(.root, record, snapshot, scratch: &scratch) == .yes else { return false }
        }
        made.begin()
        for (id, list) in attributes.sorted(by: { $0.key < $1.key }) where made.wants(id) {
            made.beginAttribute(id)
            for value in list { made.appendValue(value.rawSpan) }
            made.endAttribute()
        }
        made.finish()
        return true
    }
}

/// Turns a client's filter on the address list into one for another server, which may find more: what the other
/// server cannot judge is left out.
struct OutsideTranslation {
    private let source: OutsideSource
    private let rules: [AttributeMapRule]
    private let book: AddressBook
    private let context: BranchContext
    private var builder = FilterBuilder()
    /// What kind of entries the filter asks for: other servers' filters do not tell kinds apart, so the answer is sifted.
    private(set) var kind = AddressListKind.all
    /// Whether a query of the address list is in it: then it cannot be tested on entries.
    private(set) var hasQuery = false

    init(_ source: OutsideSource, _ rules: [AttributeMapRule], _ book: AddressBook, _ context: BranchContext) {
        self.source = source
        self.rules = rules
        self.book = book
        self.context = context
    }

    mutating func translate(_ filter: Filter) throws(LDAPError) -> Filter {
        let all = builder.begin(.and)
        var index = 0
        while index < filter.nodes.count { index = try append(filter, index, isNegated: false) }
        // Who has no address is no entry.
        let either = builder.begin(.or)
        for rule in rules where rule.fields.contains(where: { AttributeMapRule.attributes(of: $0) == ["mail"] }) {
            for source in rule.sources { builder.present(Array(source.utf8)) }
        }
        builder.present(Array("mail".utf8))
        builder.end(either)
        if !FilterTranslation(book, context).demandsNamedFilter(filter) { try builder.append(source.search.filter(key: [UInt8]())) }
        builder.end(all)
        return builder.filter
    }

    private static let everything = Array("objectClass".utf8)

    /// Not all servers know `(&)` and `(|)` (RFC 4526).
    private mutating func constant(_ value: Bool) {
        let not = value ? nil : builder.begin(.not)
        builder.present(Self.everything)
        if let not { builder.end(not) }
    }

    private mutating func append(_ filter: Filter, _ index: Int, isNegated: Bool) throws(LDAPError) -> Int {
        let node = filter.nodes[index]
        let end = Int(node.end)
        let name = filter.bytes.rawSpan.slice(node.attribute)
        switch node.kind {
        case .and, .or, .not:
            guard end > index + 1 else {
                constant(node.kind == .and)
                return end
            }
            let place = builder.begin(node.kind)
            var child = index + 1
            while child < end { child = try append(filter, child, isNegated: isNegated != (node.kind == .not)) }
            builder.end(place)
        case .undefined, .initial, .any, .final: constant(false)
        default:
            guard let type = context.catalogue.table.parse(name)?.type else {
                // The other server judges it.
                try builder.append(filter, at: index)
                break
            }
            if let query = book.types.queries[type] {
                try append(query, filter, index)
            } else if type == book.types.objectClass {
                // Other servers have other classes: what an entry is shows when it is there.
                constant(node.kind == .present || !isNegated)
            } else {
                try append(type, filter, index)
            }
        }
        return end
    }

    private mutating func append(_ type: AttributeTypeID, _ filter: Filter, _ index: Int) throws(LDAPError) {
        let schema = context.catalogue.schema
        var sources: [String] = []
        for rule in rules where rule.form != .certificate {
            let isMeant = rule.fields.contains { field in
                AttributeMapRule.attributes(of: field).contains { name in
                    schema.attributeType(named: name).map { schema.isSubtype($0, of: type) } ?? false
                }
            }
            if isMeant { sources += rule.sources.filter { !sources.contains($0) } }
        }
        guard !sources.isEmpty, type != book.types.member else { return constant(false) }
        let either = builder.begin(.or)
        for source in sources { try builder.append(filter, item: index, attribute: Array(source.utf8)) }
        builder.end(either)
    }

    private mutating func append(_ query: AddressListTypes.Query, _ filter: Filter, _ index: Int) throws(LDAPError) {
        hasQuery = true
        var key = try FilterTranslation.key(filter, index)
        let isExact = key.first == UInt8(ascii: "=")
        if isExact { key.removeFirst() }
        let configuration = book.configuration
        switch query {
        case .filter:
            guard let colon = key.firstIndex(of: UInt8(ascii: ":")), let template = configuration.filters[Array(key[..<colon])] else {
                return constant(false)
            }
            try builder.append(template, key: Array(key[(colon + 1)...]), configuration.searchTokenizing, isExact: isExact)
        case .named(.sync, let kind):
            self.kind = kind
            let format = source.timestampFormat
            let place = builder.begin(.and)
            if let token = SyncToken(key) {
                // Active Directory has its own names for the times (rule 6.4.4).
                let either = builder.begin(.or)
                for (created, modified) in [("createTimestamp", "modifyTimestamp"), ("whenCreated", "whenChanged")] {
                    try builder.append(
                        token.filter(created: created, modified: modified) { time in format.map { formatTime(time, $0) } ?? time })
                }
                builder.end(either)
            }
            try builder.append(source.search.filter(key: [UInt8]()))
            builder.end(place)
        case .named(.search, let kind):
            self.kind = kind
            if key == [UInt8(ascii: ".")] { key = [] }
            try builder.append(source.search, key: key, configuration.searchTokenizing, isExact: isExact)
        case .named(.autoComplete, let kind):
            self.kind = kind
            try builder.append(source.autoComplete, key: key, configuration.autoCompleteTokenizing, isExact: isExact)
        }
    }
}
