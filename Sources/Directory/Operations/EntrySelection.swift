import BER
public import EntryStore
import LDAP
import Schema

/// Which attributes of entries a client gets: its attribute selection (RFC 4511 section 4.5.1.8, RFC 3673, RFC 4529) made ready,
/// less what it may not read. Immutable once made; workers keep the last ones, because clients ask for the same again and again.
public final class EntrySelection: Sendable {
    enum View: Sendable {
        case all
        /// Stored or computed values only.
        case realOnly, virtualOnly
        /// Without what existing clients work out themselves (``DirectorySettings/storedViewIdentities``).
        case stored
    }

    /// A virtual attribute: its provider as place in the list of providers, its type, and the number under which values are stored.
    struct Computed: Sendable {
        let provider: Int
        let type: AttributeTypeID
        let stored: AttributeID
        /// The provider, if values can be very many.
        let long: (any LongVirtualAttribute)?
    }

    let catalogue: Catalogue
    private let virtual: VirtualAttributes
    private let allUser: Bool
    private let allOperational: Bool
    /// Whether attributes go out without their values.
    public let isTypesOnly: Bool
    private let view: View
    private let profile: AccessProfile
    /// Stored attributes asked for by name, ascending, and where their names lie in the table's names.
    private let ids: [AttributeID]
    private let names: [ByteRange]
    /// Virtual attributes that go out.
    private let computed: [Computed]
    /// Their types.
    private let computedTypes: [AttributeTypeID]
    /// All stored attributes that the client may read, if it asks for all and may not read all.
    private let readable: AttributeIDSet?
    /// Attributes of which values of certain numbers are wanted.
    let ranges: [ValueRange]
    /// Attributes of which the client may read certain values only, ascending.
    private let partial: [Partial]

    private struct Partial: Sendable {
        let id: AttributeID
        let datum: AccessDatum
    }

    /// - Parameter selectors: places in `bytes`; none means all user attributes.
    init(
        _ selectors: [ByteRange], in bytes: RawSpan, typesOnly: Bool = false, view: View = .all, profile: AccessProfile,
        _ catalogue: Catalogue, _ virtual: VirtualAttributes
    ) {
        self.catalogue = catalogue
        self.virtual = virtual
        isTypesOnly = typesOnly
        self.view = view
        self.profile = profile
        var wanted = Wanted(catalogue: catalogue, virtual: virtual)
        if selectors.isEmpty { wanted.allUser = true }
        wanted.ids.reserveCapacity(selectors.count)
        for selector in selectors { wanted.add(bytes.slice(selector)) }
        for (index, provider) in virtual.providers.enumerated() {
            if wanted.allUser && provider.isUserAttribute || wanted.allOperational && provider.isInAllOperational {
                for type in provider.types { wanted.add(provider: index, type) }
            }
        }
        wanted.ids.sort()
        var ids: [AttributeID] = []
        var partial: [Partial] = []
        for id in wanted.ids where ids.last != id {
            guard let type = catalogue.table.type(of: id) else { continue }
            let datum = AccessDatum(type)
            if profile.dependsOnValue(datum) {
                if partial.last?.id != id { partial.append(Partial(id: id, datum: datum)) }
            } else if profile.allows(.read, datum) {
                ids.append(id)
            }
        }
        self.ids = ids
        ranges = wanted.ranges
        names = ids.map { catalogue.table.encodedNames[$0] }
        allUser = wanted.allUser
        allOperational = wanted.allOperational
        var readable: AttributeIDSet?
        if !profile.readsAll, allUser || allOperational {
            var set = AttributeIDSet()
            for description in catalogue.table.all {
                guard let type = description.type else { continue }
                let datum = AccessDatum(type)
                if profile.dependsOnValue(datum) {
                    let isWanted = description.id.isOperational ? allOperational : allUser
                    if isWanted, !partial.contains(where: { $0.id == description.id }) { partial.append(Partial(id: description.id, datum: datum)) }
                } else if profile.allows(.read, datum) {
                    set.insert(description.id)
                }
            }
            readable = set
        }
        self.readable = readable
        self.partial = partial.sorted { $0.id < $1.id }
        computed = wanted.computed.compactMap { attribute in
            let datum = AccessDatum(attribute.type)
            let isPartial = profile.dependsOnValue(datum)
            guard isPartial || profile.allows(.read, datum) else { return nil }
            // Values that are judged one by one are made whole.
            return isPartial ? Computed(provider: attribute.provider, type: attribute.type, stored: attribute.stored, long: nil) : attribute
        }.filter { attribute in
            if view == .realOnly { return false }
            return view != .stored || virtual.providers[attribute.provider].isInStoredView
        }
        computedTypes = computed.map(\.type)
    }

    /// Whether an attribute was asked for by its name (or that of a class or a supertype).
    public func names(_ id: AttributeID) -> Bool { ids.contains(id) }

    /// Whether an attribute goes out of entries that have it.
    public func includes(_ id: AttributeID) -> Bool { (id.isOperational ? allOperational : allUser) || ids.contains(id) }

    /// The names of attributes as finished BER.
    var encodedNames: AttributeTable.EncodedNames { catalogue.table.encodedNames }

    /// Appends a search result entry.
    /// - Parameters:
    ///   - name: the entry's DN in string form.
    ///   - viewer: who gets it.
    ///   - rights: what to tell of somebody's rights beside.
    ///   - budget: entries that may be looked at to compute values; what is left of it afterwards.
    /// - Returns: false if that is not enough: then nothing was appended.
    func append(
        messageID: Int, id: EntryID, name: RawSpan, record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, viewer: AccessControl,
        rights: EntryRights? = nil, budget: inout Int, _ scratch: inout SelectionScratch, to output: inout BERBuffer
    ) throws(EntryStoreError) -> Bool {
        guard try select(id, name, record, snapshot, viewer, &budget, &scratch) != nil else { return false }
        if let rights { rights.append(of: id, record, snapshot, to: &scratch.made) }
        let layout = SearchEntryLayout(messageID: messageID, name: name.byteCount, attributes: scratch.size + scratch.made.count)
        layout.begin(into: &output)
        output.append(name)
        layout.beginAttributes(into: &output)
        appendAttributes(record, scratch, to: &output)
        scratch.finish()
        return true
    }

    /// Begins a search result entry some of whose attributes have more values than should be made at once.
    /// - Parameter head: gets everything before these attributes.
    /// - Returns: the attributes that are still to be written, in order.
    func begin(
        messageID: Int, id: EntryID, name: RawSpan, record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, viewer: AccessControl,
        rights: EntryRights?, wholeLimit: Int, into head: inout BERBuffer
    ) throws(EntryStoreError) -> [LongAttribute] {
        var scratch = SelectionScratch()
        var budget = wholeLimit
        let aside = try select(id, name, record, snapshot, viewer, &budget, &scratch, settingAside: true) ?? []
        let context = context(viewer)
        var long: [LongAttribute] = []
        for attribute in aside {
            guard let provider = attribute.long else { continue }
            var unlimited = Int.max
            let ids = try provider.names(of: attribute.type, id, record, snapshot, context, budget: &unlimited) ?? []
            var stored: [UInt8] = []
            if let place = record.index(of: attribute.stored) { stored = record.bytes.slice(record.valuesRange(at: place)).array }
            guard !ids.isEmpty || !stored.isEmpty else { continue }
            if isTypesOnly {
                if !stored.isEmpty, view != .virtualOnly { continue }
                let type = scratch.made.begin(BERTag.sequence)
                scratch.made.append(BERTag.octetString, contents: catalogue.table[attribute.stored]?.name ?? [])
                scratch.made.end(scratch.made.begin(BERTag.set))
                scratch.made.end(type)
                continue
            }
            long.append(try LongAttribute(catalogue.table[attribute.stored]?.name ?? [], stored: stored, ids, snapshot))
        }
        if let rights { rights.append(of: id, record, snapshot, to: &scratch.made) }
        let rest = long.reduce(0) { $0 + $1.size }
        let layout = SearchEntryLayout(messageID: messageID, name: name.byteCount, attributes: scratch.size + scratch.made.count + rest)
        layout.begin(into: &head, reserving: false)
        head.append(name)
        layout.beginAttributes(into: &head)
        appendAttributes(record, scratch, to: &head)
        return long
    }

    /// The entry as the value of a read entry control (RFC 4527): a SearchResultEntry without its message.
    func searchResultEntry(
        id: EntryID, name: RawSpan, record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, viewer: AccessControl
    ) throws(EntryStoreError) -> [UInt8] {
        var scratch = SelectionScratch()
        var budget = Int.max
        _ = try select(id, name, record, snapshot, viewer, &budget, &scratch)
        var output = BERBuffer()
        let entry = output.begin(OperationTag.searchResultEntry)
        output.append(BERTag.octetString, contents: name)
        output.appendHeader(BERTag.sequence, length: scratch.size + scratch.made.count)
        appendAttributes(record, scratch, to: &output)
        output.end(entry)
        return output.bytes.array
    }

    /// Stored attributes, whose values are copied as they lie in the record, then those made for the purpose.
    func appendAttributes(_ record: borrowing EntryRecord, _ scratch: borrowing SelectionScratch, to output: inout BERBuffer) {
        let names = catalogue.table.encodedNames.bytes
        for index in scratch.stored.indices {
            let attribute = scratch.stored[index]
            output.append(BERTag.sequence, names.rawSpan.slice(attribute.name), record.bytes.slice(attribute.values))
        }
        output.append(scratch.made.bytes)
    }

    /// Gathers what goes out: places in the record, and attributes made for the purpose.
    /// - Returns: the attributes for which the budget does not suffice; nil if there is one and it is not to be set aside.
    func select(
        _ id: EntryID, _ name: RawSpan, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ viewer: AccessControl,
        _ budget: inout Int, _ scratch: inout SelectionScratch, settingAside: Bool = false
    ) throws(EntryStoreError) -> [Computed]? {
        scratch.begin()
        var aside: [Computed] = []
        if view != .virtualOnly {
            let firstOperational = allUser || allOperational ? record.firstOperational : 0
            if allUser { take(0..<firstOperational, record, &scratch) }
            if allOperational { take(firstOperational..<record.attributeCount, record, &scratch) }
            takeNamed(record, &scratch)
        }
        let judge = partial.isEmpty ? nil : viewer.judging(id, record, snapshot)
        if let judge, view != .virtualOnly { takePartial(record, judge, &scratch) }
        if !computed.isEmpty {
            let context = context(viewer)
            for attribute in computed {
                let provider = virtual.providers[attribute.provider]
                guard provider.concerns(attribute.type, record, catalogue) else { continue }
                guard let long = attribute.long else {
                    guard settingAside || provider.prepare(snapshot, budget: &budget) else { return nil }
                    let datum = AccessDatum(attribute.type)
                    let judge = isPartial(attribute.stored) ? judge : nil
                    try compute(attribute, &scratch, stored: record.contains(attribute.stored)) { body throws(EntryStoreError) in
                        try provider.forEachValue(of: attribute.type, id, record, name: name, snapshot, context) { value in
                            if let judge, !judge.allows(.read, datum, value.array) { return }
                            body(value, RawSpan())
                        }
                        return true
                    }
                    continue
                }
                let isWhole = try compute(attribute, &scratch, stored: record.contains(attribute.stored)) { body throws(EntryStoreError) in
                    try long.forEachValue(of: attribute.type, id, record, name: name, snapshot, context, budget: &budget, body)
                }
                if isWhole { continue }
                guard settingAside else { return nil }
                scratch.drop(attribute.stored)
                aside.append(attribute)
            }
        }
        return aside
    }

    /// Takes the attributes asked for by name that were not taken with all others.
    private func takeNamed(_ record: borrowing EntryRecord, _ scratch: inout SelectionScratch) {
        var index = 0
        for place in ids.indices {
            let id = ids[place]
            if id.isOperational ? allOperational : allUser { continue }
            index = record.lowerBound(of: id, from: index)
            guard index < record.attributeCount else { return }
            guard record.attributeID(at: index) == id else { continue }
            if isTypesOnly {
                let encoded = catalogue.table.encodedNames.bytes
                scratch.appendType(encoded.rawSpan.slice(names[place]))
            } else {
                scratch.take(id, names[place], record.valuesRange(at: index))
            }
        }
    }

    /// Takes neighbouring attributes, less the hidden ones.
    private func take(_ range: Range<Int>, _ record: borrowing EntryRecord, _ scratch: inout SelectionScratch) {
        guard let readable else { return takeVisible(range, record, &scratch) }
        // Neighbours that may be read are taken together.
        var start = range.lowerBound
        for index in range where !readable.contains(record.attributeID(at: index)) {
            takeVisible(start..<index, record, &scratch)
            start = index + 1
        }
        takeVisible(start..<range.upperBound, record, &scratch)
    }

    private func context(_ viewer: AccessControl) -> VirtualContext {
        VirtualContext(catalogue: catalogue, access: viewer, profile: profile, requested: computedTypes)
    }

    private func isPartial(_ id: AttributeID) -> Bool { partial.contains { $0.id == id } }

    /// Takes the values that may be read of attributes of which not all may.
    private func takePartial(_ record: borrowing EntryRecord, _ judge: AccessValues, _ scratch: inout SelectionScratch) {
        for attribute in partial {
            guard record.contains(attribute.id), let name = catalogue.table[attribute.id]?.name else { continue }
            let mark = scratch.made.count
            let element = scratch.made.begin(BERTag.sequence)
            scratch.made.append(BERTag.octetString, contents: name)
            let set = scratch.made.begin(BERTag.set)
            var count = 0
            var values = record.values(of: attribute.id)
            while let value = values.next() {
                guard judge.allows(.read, attribute.datum, value.array) else { continue }
                count += 1
                if !isTypesOnly { scratch.made.append(BERTag.octetString, contents: value) }
            }
            guard count > 0 else {
                scratch.made.truncate(to: mark)
                continue
            }
            scratch.made.end(set)
            scratch.made.end(element)
        }
    }

    private func takeVisible(_ range: Range<Int>, _ record: borrowing EntryRecord, _ scratch: inout SelectionScratch) {
        let names = catalogue.table.encodedNames
        if isTypesOnly {
            for index in range { scratch.appendType(names.bytes.rawSpan.slice(names[record.attributeID(at: index)])) }
            return
        }
        scratch.reserve(range.count)
        record.forEachPlace(in: range) { id, values in scratch.take(id, names[id], values) }
    }

    /// Makes an attribute of the values that `give` hands out, each in two parts. They include the stored ones, in whose place they go out.
    /// - Returns: false if `give` did not come to an end; then nothing was made.
    @discardableResult
    private func compute(
        _ virtual: Computed, _ scratch: inout SelectionScratch, stored hasStored: Bool,
        _ give: ((RawSpan, RawSpan) -> Void) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Bool {
        var count = 0
        let mark = scratch.made.count
        let attribute = scratch.made.begin(BERTag.sequence)
        scratch.made.append(BERTag.octetString, contents: catalogue.table[virtual.stored]?.name ?? [])
        let values = scratch.made.begin(BERTag.set)
        let isWhole = try give { first, second in
            count += 1
            if !isTypesOnly { scratch.made.append(BERTag.octetString, first, second) }
        }
        // Only the types are wanted: one value tells that there are some.
        guard isWhole || isTypesOnly && count > 0 else {
            scratch.made.truncate(to: mark)
            return false
        }
        // The name of a stored attribute, when names only are asked for, has gone out already.
        guard count > 0, !(isTypesOnly && hasStored && view != .virtualOnly) else {
            scratch.made.truncate(to: mark)
            return true
        }
        scratch.made.end(values)
        scratch.made.end(attribute)
        if hasStored, view != .virtualOnly { scratch.drop(virtual.stored) }
        return true
    }
}

/// A set of attribute numbers.
struct AttributeIDSet: Sendable {
    private var user: [UInt64] = []
    private var operational: [UInt64] = []

    mutating func insert(_ id: AttributeID) {
        let index = Int(id.rawValue & 0x7fff)
        func set(_ words: inout [UInt64]) {
            if words.count <= index >> 6 { words += Array(repeating: 0, count: (index >> 6) + 1 - words.count) }
            words[index >> 6] |= 1 << UInt64(index & 63)
        }
        if id.isOperational { set(&operational) } else { set(&user) }
    }

    func contains(_ id: AttributeID) -> Bool {
        let index = Int(id.rawValue & 0x7fff)
        let bit: UInt64 = 1 << UInt64(index & 63)
        if id.isOperational { return index >> 6 < operational.count && operational[index >> 6] & bit != 0 }
        return index >> 6 < user.count && user[index >> 6] & bit != 0
    }
}

/// What a selection asks for, while it is read.
private struct Wanted {
    let catalogue: Catalogue
    let virtual: VirtualAttributes
    var allUser = false
    var allOperational = false
    var ids: [AttributeID] = []
    var computed: [EntrySelection.Computed] = []
    var ranges: [ValueRange] = []

    mutating func add(_ selector: RawSpan) {
        guard selector.byteCount > 0 else { return }
        if selector.byteCount == 1, selector[at: 0] == UInt8(ascii: "*") { return allUser = true }
        if selector.byteCount == 1, selector[at: 0] == UInt8(ascii: "+") { return allOperational = true }
        if selector[at: 0] == UInt8(ascii: "@") {
            // RFC 4529: all attributes that a class and its superclasses allow. An unknown class selects nothing. Of computed
            // attributes it selects those that `*` would: a class of a mail system allows hundreds that are inherited.
            guard let id = catalogue.schema.objectClass(selector.extracting(1..<selector.byteCount)) else { return }
            let description = catalogue.schema[id]
            for type in description.allMust + description.allMay { add(type, []) { $0.isUserAttribute } }
            return
        }
        // Unknown types, `1.1` among them, select nothing.
        guard let (type, options) = catalogue.table.parse(selector) else {
            if let (type, range) = ValueRange.parse(selector, catalogue) {
                if !ranges.contains(where: { $0.id == range.id }) { ranges.append(range) }
                add(type, [])
            }
            return
        }
        add(type, options)
    }

    private mutating func add(
        _ type: AttributeTypeID, _ options: [[UInt8]], computing: (any VirtualAttribute) -> Bool = { _ in true }
    ) {
        catalogue.table.appendIDs(matching: type, options: options, to: &ids)
        guard options.isEmpty else { return }
        for subtype in catalogue.schema.subtypes(of: type) {
            if let index = virtual.index(of: subtype), computing(virtual.providers[index]) { add(provider: index, subtype) }
        }
    }

    mutating func add(provider: Int, _ type: AttributeTypeID) {
        guard let stored = catalogue.table.id(of: type), !computed.contains(where: { $0.type == type }) else { return }
        computed.append(
            EntrySelection.Computed(
                provider: provider, type: type, stored: stored, long: virtual.providers[provider] as? any LongVirtualAttribute))
    }
}

/// Reusable space for putting an entry together; one per thread.
struct SelectionScratch: ~Copyable {
    /// An attribute of the record that goes out: where its name lies in the table's names and its values in the record.
    struct Stored {
        let id: AttributeID
        let name: ByteRange
        let values: ByteRange

        var size: Int { BERBuffer.elementSize(Int(name.count + values.count)) }
    }

    fileprivate(set) var stored: [Stored] = []
    /// Bytes that the stored attributes take in the answer.
    fileprivate(set) var size = 0
    /// Attributes that are not in the record as they go out.
    var made = BERBuffer(capacity: 64)
    /// The entry's name.
    var name: [UInt8] = []

    mutating func begin() {
        stored.removeAll(keepingCapacity: true)
        size = 0
        made.removeAll()
    }

    mutating func reserve(_ count: Int) {
        if stored.capacity - stored.count < count { stored.reserveCapacity(stored.count + count) }
    }

    @inline(__always)
    mutating func take(_ id: AttributeID, _ name: ByteRange, _ values: ByteRange) {
        let attribute = Stored(id: id, name: name, values: values)
        stored.append(attribute)
        size += attribute.size
    }

    mutating func appendType(_ encodedName: RawSpan) {
        let attribute = made.begin(BERTag.sequence)
        made.append(encodedName)
        made.end(made.begin(BERTag.set))
        made.end(attribute)
    }

    /// Takes a stored attribute out again: computed values that include it take its place.
    mutating func drop(_ id: AttributeID) {
        guard let index = stored.firstIndex(where: { $0.id == id }) else { return }
        size -= stored[index].size
        stored.remove(at: index)
    }

    mutating func finish() {
        if stored.capacity > 4096 { stored = [] }
    }
}
