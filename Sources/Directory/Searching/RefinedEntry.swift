import BER
import EntryStore
import LDAP
import Schema

/// What is done to entries of one search before they go out: values are chosen (RFC 3876), the entries that values name are looked up
/// (draft-masarati-ldap-deref). Used by one thread at a time.
final class EntryRefinement {
    /// Which values are wanted; nil: all.
    private let values: CompiledFilter?
    private let specifications: [Specification]
    private let viewer: AccessControl
    private var scratch = FilterScratch()
    private var selected = SelectionScratch()

    /// Names followed for one entry at most.
    private static let nameLimit = 4096

    private struct Specification {
        let attribute: [UInt8]
        let datum: AccessDatum
        let ids: [AttributeID]
        let wanted: [[UInt8]]
    }
    /// By number of access profile.
    private var selections: [[Int: EntrySelection]]

    /// - Throws: `protocolError` for what cannot be followed.
    init(
        _ matchedValues: Filter?, _ dereference: Dereference?, _ viewer: AccessControl, _ directory: Directory, _ catalogue: Catalogue
    ) throws(LDAPError) {
        self.viewer = viewer
        values = matchedValues.map { directory.compileForValues($0, catalogue) }
        var specifications: [Specification] = []
        for asked in dereference?.specifications ?? [] {
            guard let (type, options) = catalogue.table.parse(asked.attribute.rawSpan) else {
                throw LDAPError(.protocolError, "dereference control: unknown attribute type")
            }
            guard catalogue.schema[type].equality == .distinguishedNameMatch else {
                throw LDAPError(.protocolError, "dereference control: values of \(catalogue.schema[type].name) are no names")
            }
            guard !specifications.contains(where: { $0.datum == AccessDatum(type) }) else {
                throw LDAPError(.protocolError, "dereference control: \(catalogue.schema[type].name) is given more than once")
            }
            for wanted in asked.wanted where catalogue.table.parse(wanted.rawSpan) == nil {
                throw LDAPError(.protocolError, "dereference control: unknown attribute type asked for")
            }
            var ids: [AttributeID] = []
            catalogue.table.appendIDs(matching: type, options: options, to: &ids)
            specifications.append(Specification(attribute: asked.attribute, datum: AccessDatum(type), ids: ids, wanted: asked.wanted))
        }
        self.specifications = specifications
        selections = Array(repeating: [:], count: specifications.count)
    }

    /// Whether values are chosen.
    var choosesValues: Bool { values != nil }

    /// Whether a value is wanted.
    func wants(_ value: RawSpan, of id: AttributeID) -> Bool { values?.matches(value, of: id, scratch: &scratch) ?? true }

    /// Follows the names in an entry.
    /// - Returns: nothing if there are none.
    func follow(
        _ record: borrowing EntryRecord, _ profile: AccessProfile, _ access: inout AccessCache, _ directory: Directory,
        _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> [Control] {
        var results: [Dereference.Result] = []
        for (index, specification) in specifications.enumerated() {
            guard profile.allows(.read, specification.datum), !profile.dependsOnValue(specification.datum) else { continue }
            for id in specification.ids {
                var values = record.values(of: id)
                while let value = values.next(), results.count < Self.nameLimit {
                    let attributes = try attributes(of: value, index, &access, directory, snapshot)
                    results.append(Dereference.Result(attribute: specification.attribute, name: value.array, attributes: attributes))
                }
            }
        }
        return results.isEmpty ? [] : [Dereference.control(results)]
    }

    /// What is wanted of a named entry, as finished PartialAttributes; nothing if it does not exist or may not be read.
    private func attributes(
        of value: RawSpan, _ index: Int, _ access: inout AccessCache, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> [UInt8] {
        guard let name = try? DistinguishedName(parsing: value), let found = try? snapshot.resolve(name), found.isComplete, found.id != .root,
            let record = try snapshot.record(found.id)
        else { return [] }
        access.judge(found.id, record, viewer.subject, directory, snapshot)
        let profile = access.profile
        guard profile.entry.contains(.read) else { return [] }
        let selection: EntrySelection
        if let known = selections[index][profile.number] {
            selection = known
        } else {
            var bytes: [UInt8] = []
            let places = specifications[index].wanted.map { wanted in
                bytes += wanted
                return ByteRange(start: bytes.count - wanted.count, count: wanted.count)
            }
            selection = EntrySelection(places, in: bytes.rawSpan, profile: profile, snapshot.catalogue, directory.virtual)
            if selections[index].count > 64 { selections[index].removeAll() }
            selections[index][profile.number] = selection
        }
        return try selection.partialAttributes(id: found.id, name: value, record: record, snapshot, viewer: viewer, &selected)
    }
}

extension Directory {
    /// Makes filter items ready that are about single values: values as they are, an entry's classes with their superclasses.
    func compileForValues(_ filter: Filter, _ catalogue: Catalogue) -> CompiledFilter {
        let all = known.objectClass
        return CompiledFilter(
            filter, catalogue, isSpecial: { $0 == all },
            resolver: { type, item in
                guard let meaning = virtual.classes.item(item, catalogue) else { return nil }
                guard case .constant(.yes) = meaning else { return meaning }
                // Every class is derived from `top`.
                let bytes = catalogue.schema[type].nameBytes
                var node = Filter.Node(kind: .present, end: 1)
                node.attribute = ByteRange(start: 0, count: bytes.count)
                return .filter(CompiledFilter(Filter(bytes: bytes, nodes: [node]), catalogue))
            })
    }
}

/// A part of an attribute's values that was asked for by number (`member;range=0-99`, as in Active Directory).
struct ValueRange: Sendable {
    let id: AttributeID
    let first: Int
    /// nil: to the last one.
    let last: Int?

    /// The type and the range of a selector; nil for one without a range.
    static func parse(_ selector: RawSpan, _ catalogue: Catalogue) -> (type: AttributeTypeID, range: ValueRange)? {
        let text = selector.array
        let end = AttributeDescription.endOfType(selector)
        let prefix = Array(";range=".utf8)
        guard text.count > end + prefix.count, text.count <= 256 else { return nil }
        for (index, octet) in prefix.enumerated() where text[end + index] | (octet == UInt8(ascii: ";") || octet == UInt8(ascii: "=") ? 0 : 0x20) != octet { return nil }
        guard let (type, _) = catalogue.table.parse(selector.extracting(0..<end)), let id = catalogue.table.id(of: type) else { return nil }
        let bounds = text[(end + prefix.count)...].split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2, bounds[0].count <= 9, let first = Int(String(decoding: bounds[0], as: UTF8.self)), first >= 0 else { return nil }
        if bounds[1].elementsEqual("*".utf8) { return (type, ValueRange(id: id, first: first, last: nil)) }
        guard bounds[1].count <= 9, let last = Int(String(decoding: bounds[1], as: UTF8.self)), last >= first else { return nil }
        return (type, ValueRange(id: id, first: first, last: last))
    }
}

extension EntrySelection {
    /// The wanted attributes of an entry as finished PartialAttributes.
    func partialAttributes(
        id: EntryID, name: RawSpan, record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, viewer: AccessControl,
        _ scratch: inout SelectionScratch
    ) throws(EntryStoreError) -> [UInt8] {
        var budget = Int.max
        _ = try select(id, name, record, snapshot, viewer, &budget, &scratch)
        var output = BERBuffer()
        appendAttributes(record, scratch, to: &output)
        return output.bytes.array
    }

    /// Appends a search result entry some of whose values were chosen, or that has controls.
    /// - Returns: false if the budget is not enough: then nothing was appended.
    func appendRefined(
        messageID: Int, id: EntryID, name: RawSpan, record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, viewer: AccessControl,
        budget: inout Int, _ scratch: inout SelectionScratch, _ refinement: EntryRefinement?, rights: EntryRights? = nil,
        controls: [Control], to output: inout BERBuffer
    ) throws(EntryStoreError) -> Bool {
        guard try select(id, name, record, snapshot, viewer, &budget, &scratch) != nil else { return false }
        var attributes = BERBuffer()
        appendAttributes(record, scratch, to: &attributes)
        scratch.finish()
        if !isTypesOnly, refinement?.choosesValues == true || !ranges.isEmpty {
            var chosen = BERBuffer()
            choose(attributes.bytes, refinement, into: &chosen)
            attributes = consume chosen
        }
        rights?.append(of: id, record, snapshot, to: &attributes)
        var finished = BERBuffer()
        finished.append(controls: controls)
        let layout = SearchEntryLayout(messageID: messageID, name: name.byteCount, attributes: attributes.count, controls: finished.count)
        layout.begin(into: &output)
        output.append(name)
        layout.beginAttributes(into: &output)
        output.append(attributes.bytes)
        output.append(finished.bytes)
        return true
    }

    /// Goes through finished PartialAttributes and leaves the values that are wanted; attributes without any go, as in slapd.
    private func choose(_ attributes: RawSpan, _ refinement: EntryRefinement?, into output: inout BERBuffer) {
        var list = BERReader(attributes)
        while !list.isAtEnd {
            // They were made by us: nothing is malformed.
            guard let contents = try? list.contents(of: BERTag.sequence) else { return }
            var fields = BERReader(attributes, contents)
            guard let description = try? fields.contents(of: BERTag.octetString), let set = try? fields.contents(of: BERTag.set),
                let (type, options) = catalogue.table.parse(attributes.slice(description)),
                let id = catalogue.table.id(of: type, options: options)
            else { continue }
            let range = ranges.first { $0.id == id }
            let mark = output.count
            let element = output.begin(BERTag.sequence)
            var name = attributes.slice(description).array
            var values = BERReader(attributes, set)
            if let range {
                var count = 0
                while (try? values.element()) != nil { count += 1 }
                values = BERReader(attributes, set)
                guard range.first < count || count == 0 else {
                    output.truncate(to: mark)
                    continue
                }
                let isLast = range.last.map { $0 >= count - 1 } ?? true
                name += ";range=\(range.first)-\(isLast ? "*" : String(range.last ?? 0))".utf8
            }
            output.append(BERTag.octetString, contents: name)
            let chosen = output.begin(BERTag.set)
            var place = 0
            var isEmpty = true
            while let (_, value) = try? values.element() {
                defer { place += 1 }
                if let range, place < range.first || place > range.last ?? .max { continue }
                if let refinement, !refinement.wants(attributes.slice(value), of: id) { continue }
                output.append(BERTag.octetString, contents: attributes.slice(value))
                isEmpty = false
            }
            guard !isEmpty else {
                output.truncate(to: mark)
                continue
            }
            output.end(chosen)
            output.end(element)
        }
    }
}
