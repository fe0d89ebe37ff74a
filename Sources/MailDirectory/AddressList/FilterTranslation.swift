import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Turns a client's filter on the address list into one on the stored entries that the list is made of, so that it is answered by the same
/// indexes.
struct FilterTranslation {
    private let book: AddressBook
    private let context: BranchContext
    private var schema: Schema { context.catalogue.schema }

    init(_ book: AddressBook, _ context: BranchContext) {
        self.book = book
        self.context = context
    }

    // MARK: What is asked for

    /// The operation that a filter stands for (rule 6.1.2). Without a query of the address list: who asks for everything, or for what is new
    /// since a time, synchronises (rule 6.4.1); everybody else searches.
    func operation(_ filter: Filter) -> AddressListOperation {
        var isSync = false
        for node in filter.nodes {
            guard let type = type(of: node, filter) else { continue }
            switch book.types.queries[type] {
            case .named(let operation, _)?: return operation
            case .filter?: return .search
            case nil: break
            }
            if node.kind == .greaterOrEqual, type == book.types.createTimestamp || type == book.types.modifyTimestamp { isSync = true }
        }
        if filter.nodes.count == 1, let first = filter.nodes.first, first.kind == .present, type(of: first, filter) == book.types.objectClass {
            isSync = true
        }
        return isSync ? .sync : .search
    }

    /// Whether entries must satisfy a named filter, which says by itself what may be found.
    func demandsNamedFilter(_ filter: Filter) -> Bool {
        var index = 0
        while index < filter.nodes.count {
            let node = filter.nodes[index]
            // Only through ands: what stands below another is not demanded.
            if node.kind == .and {
                index += 1
                continue
            }
            if let type = type(of: node, filter), book.types.queries[type] != nil { return true }
            index = Int(node.end)
        }
        return false
    }

    private func type(of node: Filter.Node, _ filter: Filter) -> AttributeTypeID? {
        node.attribute.isEmpty ? nil : context.catalogue.table.parse(filter.bytes.rawSpan.slice(node.attribute))?.type
    }

    // MARK: Translation

    /// Appends what a client's filter means for stored entries.
    /// - Throws: `adminLimitExceeded`; `other` for a named filter that is not valid.
    func append(_ filter: Filter, to builder: inout FilterBuilder, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        var index = 0
        while index < filter.nodes.count { index = try append(filter, index, to: &builder, snapshot) }
    }

    /// Depth is bounded by the decoder of the filter.
    private func append(
        _ filter: Filter, _ index: Int, to builder: inout FilterBuilder, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Int {
        let node = filter.nodes[index]
        let end = Int(node.end)
        switch node.kind {
        case .and, .or, .not:
            let place = builder.begin(node.kind)
            var child = index + 1
            while child < end { child = try append(filter, child, to: &builder, snapshot) }
            builder.end(place)
        case .undefined, .initial, .any, .final: builder.undefined()
        default:
            guard let type = type(of: node, filter) else {
                builder.undefined()
                break
            }
            if let query = book.types.queries[type] {
                try append(query, filter, index, to: &builder)
            } else if type == book.types.objectClass {
                try appendClass(filter, index, to: &builder)
            } else if type == book.types.member {
                try appendMember(filter, node, to: &builder, snapshot)
            } else {
                try append(type, filter, index, to: &builder)
            }
        }
        return end
    }

    /// An item on an attribute of the address list.
    private func append(_ type: AttributeTypeID, _ filter: Filter, _ index: Int, to builder: inout FilterBuilder) throws(LDAPError) {
        let shown = book.layout.places(of: type)
        let isList = shown.count > 1
        let place = isList ? builder.begin(.or) : 0
        for number in shown {
            let attribute = book.layout.attributes[number]
            switch attribute.content {
            case .copy: try builder.append(filter, item: index, attribute: schema[attribute.type].nameBytes)
            case .stored(_, let type): try builder.append(filter, item: index, attribute: schema[type].nameBytes)
            case .constant(let value):
                let node = filter.nodes[index]
                builder.constant(
                    node.kind == .present || filter.bytes.rawSpan.slice(node.value).equalsIgnoringCase(value.rawSpan))
            case .parts(let parts):
                let isOr = parts.count > 1
                let either = isOr ? builder.begin(.or) : 0
                for part in parts { try append(part, filter, index, to: &builder) }
                if isOr { builder.end(either) }
            case .classes, .structuralClass, .members, .entryDN: builder.undefined()
            }
        }
        // An attribute that no entry has.
        if shown.isEmpty { builder.constant(false) }
        if isList { builder.end(place) }
    }

    /// An item on what a rule of the attribute map gives.
    private func append(
        _ part: AddressBookLayout.Part, _ filter: Filter, _ index: Int, to builder: inout FilterBuilder
    ) throws(LDAPError) {
        let sources = part.sources
        guard sources.count > 1 else {
            return try builder.append(filter, item: index, attribute: schema[sources[0].type].nameBytes)
        }
        let either = builder.begin(.or)
        let isFirstOnly = part.positions.upperBound == 1 && filter.nodes[index].kind != .present
        for (number, source) in sources.enumerated() {
            guard isFirstOnly, number > 0 else {
                try builder.append(filter, item: index, attribute: schema[source.type].nameBytes)
                continue
            }
            // One place: it is another attribute's only while those before have nothing.
            let both = builder.begin(.and)
            for earlier in sources[..<number] {
                let not = builder.begin(.not)
                builder.present(schema[earlier.type].nameBytes)
                builder.end(not)
            }
            try builder.append(filter, item: index, attribute: schema[source.type].nameBytes)
            builder.end(both)
        }
        builder.end(either)
    }

    /// A query of the address list: the named filter takes its place.
    private func append(
        _ query: AddressListTypes.Query, _ filter: Filter, _ index: Int, to builder: inout FilterBuilder
    ) throws(LDAPError) {
        var key = try Self.key(filter, index)
        let isExact = key.first == UInt8(ascii: "=")
        if isExact { key.removeFirst() }
        switch query {
        case .filter:
            guard let colon = key.firstIndex(of: UInt8(ascii: ":")), let template = book.configuration.filters[Array(key[..<colon])] else {
                return builder.undefined()
            }
            try builder.append(template, key: Array(key[(colon + 1)...]), book.configuration.searchTokenizing, isExact: isExact)
        case .named(.sync, let kind):
            let template = book.configuration.filters.template(.sync, kind)
            guard let token = SyncToken(key) else { return try builder.append(template, key: [], .none, isExact: false) }
            let both = builder.begin(.and)
            try builder.append(token.filter())
            try builder.append(template, key: [], .none, isExact: false)
            builder.end(both)
        case .named(let operation, let kind):
            let template = book.configuration.filters.template(operation, kind)
            let isSearch = operation == .search
            // Rule 6.3.5: a dot is everything.
            if isSearch, key == [UInt8(ascii: ".")] { key = [] }
            let tokenizing = isSearch ? book.configuration.searchTokenizing : book.configuration.autoCompleteTokenizing
            try builder.append(template, key: key, tokenizing, isExact: isExact)
        }
    }

    /// The key that an item carries: its value; the parts of a substring with stars between them, none if only presence is asked for.
    static func key(_ filter: Filter, _ index: Int) throws(LDAPError) -> [UInt8] {
        let node = filter.nodes[index]
        let span = filter.bytes.rawSpan
        var key: [UInt8] = []
        if node.kind == .substrings {
            for part in filter.nodes[(index + 1)..<Int(node.end)] {
                if !key.isEmpty { key.append(UInt8(ascii: "*")) }
                key.append(span.slice(part.value))
            }
        } else {
            key = span.slice(node.value).array
        }
        guard key.count <= 1024 else { throw LDAPError(.adminLimitExceeded, "address list: the key is longer than 1024 bytes") }
        return key
    }

    /// Classes: what the list shows of a person or a group, and stored ones.
    private func appendClass(_ filter: Filter, _ index: Int, to builder: inout FilterBuilder) throws(LDAPError) {
        let node = filter.nodes[index]
        if node.kind == .present { return builder.constant(true) }
        let value = filter.bytes.rawSpan.slice(node.value)
        guard node.kind == .equality || node.kind == .approximate || node.kind == .extensible, let wanted = schema.objectClass(value) else {
            return builder.undefined()
        }
        let names = ["top", "extensibleObject", "groupOfNames", "person", "organizationalPerson", "inetOrgPerson"]
        guard let place = names.firstIndex(where: { schema.objectClass(named: $0) == wanted }) else {
            guard book.layout.showsClasses else { return builder.constant(false) }
            return try builder.append(filter, at: index)
        }
        switch place {
        case 0, 1: builder.constant(true)
        case 2:
            let either = builder.begin(.or)
            for id in [book.types.group, book.types.distributionList] { equals(id, &builder) }
            builder.end(either)
        default: equals(book.types.account, &builder)
        }
    }

    private func equals(_ id: ObjectClassID, _ builder: inout FilterBuilder) {
        let oid = Array(schema[id].oid.utf8)
        builder.equality(schema[book.types.objectClass].nameBytes, oid.rawSpan)
    }

    /// The lists that somebody is on: by the name of an entry of this list.
    private func appendMember(
        _ filter: Filter, _ node: Filter.Node, to builder: inout FilterBuilder, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let forwarding = schema[book.types.forwardingAddress].nameBytes
        let member = schema[book.types.member].nameBytes
        switch node.kind {
        case .present:
            let either = builder.begin(.or)
            builder.present(forwarding)
            builder.present(member)
            builder.end(either)
        case .equality, .approximate:
            guard let name = try? DistinguishedName(parsing: filter.bytes.rawSpan.slice(node.value)),
                let rdn = name.rdns.first, let value = rdn.values.first, rdn.values.count == 1,
                schema.attributeType(named: value.type) == book.types.mail, isOwn(name)
            else { return builder.constant(false) }
            let both = builder.begin(.and)
            // Accounts use the attribute for something else.
            let group = builder.begin(.or)
            for id in [book.types.group, book.types.distributionList] { equals(id, &builder) }
            builder.end(group)
            let either = builder.begin(.or)
            builder.equality(forwarding, value.value.rawSpan)
            if let id = try book.find(value.value, snapshot, context) {
                do { try appendNames(of: id, forwarding, member, to: &builder, snapshot) } catch { throw LDAPError(storage: error) }
            }
            builder.end(either)
            builder.end(both)
        default: builder.undefined()
        }
    }

    /// What lists may hold of an entry: any of its addresses, or its name.
    private func appendNames(
        of id: EntryID, _ forwarding: [UInt8], _ member: [UInt8], to builder: inout FilterBuilder, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        guard let record = try snapshot.record(id) else { return }
        var values = record.values(of: book.layout.mail)
        while let address = values.next() {
            let own = address.array
            builder.equality(forwarding, own.rawSpan)
        }
        let stored = try snapshot.name(of: id)
        builder.equality(member, stored.rawSpan)
    }

    /// Whether a name is that of an entry of this list.
    private func isOwn(_ name: DistinguishedName) -> Bool {
        let bytes = book.name
        guard let parent = name.parent, let own = try? DistinguishedName(parsing: bytes.rawSpan) else { return false }
        var (a, b): ([UInt8], [UInt8]) = ([], [])
        return (try? schema.normalizeDN(parent, into: &a)) != nil && (try? schema.normalizeDN(own, into: &b)) != nil && a == b
    }
}
