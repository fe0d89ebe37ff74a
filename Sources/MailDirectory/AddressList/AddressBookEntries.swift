import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Makes the entries of an address list that a client asked for.
struct AddressBookEntries: BranchEntryMaker {
    /// What is done for an attribute. Holds no reference: a loop over steps counts none.
    private struct Step {
        enum Kind { case stored, parts, classes, structuralClass, members, entryDN, constant }
        let kind: Kind
        let id: AttributeID
        /// Whence values are copied as they are.
        let source: AttributeID
        /// Place in the layout, for what is less simple.
        let place: Int
    }

    private let book: AddressBook
    private let steps: [Step]

    init(_ book: AddressBook, _ selection: EntrySelection?, _ filters: [Filter], _ catalogue: Catalogue) {
        self.book = book
        steps = Self.places(book, selection, filters, catalogue).map { place in
            let attribute = book.layout.attributes[place]
            var source = attribute.id
            let kind: Step.Kind
            switch attribute.content {
            case .copy: kind = .stored
            case .stored(let id, _):
                kind = .stored
                source = id
            case .parts: kind = .parts
            case .classes: kind = .classes
            case .structuralClass: kind = .structuralClass
            case .members: kind = .members
            case .entryDN: kind = .entryDN
            case .constant: kind = .constant
            }
            return Step(kind: kind, id: attribute.id, source: source, place: place)
        }
    }

    /// The places of the attributes that are wanted.
    private static func places(
        _ book: AddressBook, _ selection: EntrySelection?, _ filters: [Filter], _ catalogue: Catalogue
    ) -> [Int] {
        guard let selection else { return Array(book.layout.attributes.indices) }
        var tested: [AttributeTypeID] = []
        for filter in filters {
            for node in filter.nodes where !node.attribute.isEmpty {
                if let type = catalogue.table.parse(filter.bytes.rawSpan.slice(node.attribute))?.type { tested.append(type) }
            }
        }
        return book.layout.attributes.indices.filter { place in
            let attribute = book.layout.attributes[place]
            if tested.contains(where: { catalogue.schema.isSubtype(attribute.type, of: $0) }) { return true }
            if case .members = attribute.content { return selection.names(attribute.id) }
            return attribute.onlyByName ? selection.names(attribute.id) : selection.includes(attribute.id)
        }
    }

    /// Names of classes, as values.
    private static let person = ["top", "person", "organizationalPerson", "inetOrgPerson", "extensibleObject"].map { Array($0.utf8) }
    private static let group = ["top", "groupOfNames", "extensibleObject"].map { Array($0.utf8) }
    /// The same as finished values.
    private static let personValues = encoded(person)
    private static let groupValues = encoded(group)

    private static func encoded(_ names: [[UInt8]]) -> [UInt8] {
        var buffer = BERBuffer()
        for name in names { buffer.append(BERTag.octetString, contents: name) }
        return buffer.bytes.array
    }

    func make(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> Bool {
        guard let address = book.layout.address(record) else { return false }
        made.name.removeAll(keepingCapacity: true)
        book.appendName(of: address, to: &made.name)
        made.record.begin()
        for step in steps {
            switch step.kind {
            case .stored:
                if let index = record.index(of: step.source) { made.record.append(step.id, set: record.bytes.slice(record.valuesRange(at: index))) }
            case .classes: appendClasses(step.id, record, &made.record)
            case .parts:
                let attribute = book.layout.attributes[step.place]
                if case .parts(let parts) = attribute.content { append(parts, attribute, record, &made.record) }
            case .structuralClass:
                let name = book.layout.isGroup(record) ? Self.group[1] : Self.person[3]
                made.record.append(step.id, value: name.rawSpan)
            case .constant:
                if case .constant(let value) = book.layout.attributes[step.place].content { made.record.append(step.id, value: value.rawSpan) }
            case .entryDN:
                let name = made.name
                made.record.append(step.id, value: name.rawSpan)
            case .members:
                let members = try book.members(of: id, record, snapshot, context)
                guard !members.isEmpty else { continue }
                made.record.beginAttribute(step.id)
                for member in members { made.record.appendValue(member.rawSpan) }
                made.record.endAttribute()
            }
        }
        made.record.finish()
        return true
    }

    private func appendClasses(
        _ attribute: AttributeID, _ record: borrowing EntryRecord, _ made: inout RecordBuilder
    ) {
        let isGroup = book.layout.isGroup(record)
        made.beginAttribute(attribute)
        made.appendValues(isGroup ? Self.groupValues.rawSpan : Self.personValues.rawSpan)
        if book.layout.showsClasses {
            let standard = isGroup ? Self.group : Self.person
            var values = record.values(of: attribute)
            next: while let value = values.next() {
                for name in standard where name.count == value.byteCount {
                    if name.rawSpan.equalsIgnoringCase(value) { continue next }
                }
                made.appendValue(value)
            }
        }
        made.endAttribute()
    }

    /// Rule 6.6.2.
    private func append(
        _ parts: [AddressBookLayout.Part], _ attribute: AddressBookLayout.Attribute, _ record: borrowing EntryRecord, _ made: inout RecordBuilder
    ) {
        // Mostly one stored attribute gives one attribute: its values go out as they lie in the record.
        if parts.count == 1, let set = wholeSet(parts[0], attribute, record) {
            if !set.isEmpty { made.append(attribute.id, set: record.bytes.slice(set)) }
            return
        }
        var isBegun = false
        for part in parts {
            var position = 0
            for (sourceIndex, source) in part.sources.enumerated() {
                guard record.contains(source.id) else { continue }
                var values = record.values(of: source.id)
                while let value = values.next() {
                    // One field takes all values of an attribute, several take one each, and none twice.
                    if part.fieldCount > 1, position >= part.positions.upperBound { break }
                    if sourceIndex > 0, isRepeated(value, part, before: sourceIndex, record) { continue }
                    let isWanted = part.fieldCount == 1 || part.positions.contains(position)
                    position += 1
                    guard isWanted else { continue }
                    if isBegun, attribute.isSingleValue { break }
                    if !isBegun { made.beginAttribute(attribute.id) }
                    isBegun = true
                    if part.valueMap.isEmpty {
                        made.appendValue(value)
                    } else {
                        let mapped = part.valueMap.reduce(value.array) { $1.apply($0) }
                        made.appendValue(mapped.rawSpan)
                    }
                }
                if part.fieldCount == 1 { break }
            }
            if isBegun, attribute.isSingleValue { break }
        }
        if isBegun { made.endAttribute() }
    }

    /// Where all values of an attribute lie, if those of one stored attribute are all; empty if there are none.
    private func wholeSet(
        _ part: AddressBookLayout.Part, _ attribute: AddressBookLayout.Attribute, _ record: borrowing EntryRecord
    ) -> ByteRange? {
        guard part.valueMap.isEmpty else { return nil }
        var found: Int?
        for place in part.sources.indices {
            guard let index = record.index(of: part.sources[place].id) else { continue }
            guard let first = found else {
                found = index
                if part.fieldCount == 1 { break }
                continue
            }
            // Two have values: mostly the same one.
            guard isSameSet(record.valuesRange(at: first), record.valuesRange(at: index), record) else { return nil }
        }
        guard let found else { return .empty }
        var count = 0
        var values = record.values(at: found)
        while values.next() != nil, count <= part.fieldCount { count += 1 }
        if count == 1 { return part.positions.contains(0) ? record.valuesRange(at: found) : .empty }
        guard part.isWhole, !attribute.isSingleValue, part.fieldCount == 1 || count <= part.fieldCount else { return nil }
        return record.valuesRange(at: found)
    }

    private func isSameSet(_ a: ByteRange, _ b: ByteRange, _ record: borrowing EntryRecord) -> Bool {
        a.count == b.count && record.bytes.slice(a).elementsEqual(record.bytes.slice(b))
    }

    /// Whether a value is among those of the attributes before its own.
    private func isRepeated(
        _ value: RawSpan, _ part: AddressBookLayout.Part, before sourceIndex: Int, _ record: borrowing EntryRecord
    ) -> Bool {
        for source in part.sources[..<sourceIndex] {
            var values = record.values(of: source.id)
            while let earlier = values.next() {
                if value.equalsIgnoringCase(earlier) { return true }
            }
        }
        return false
    }
}
