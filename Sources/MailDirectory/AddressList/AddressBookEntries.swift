import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Makes the entries of an address list with the attributes that somebody wants.
struct AddressBookEntries: BranchEntryMaker {
    /// What is done for an attribute. Holds no reference: a loop over steps counts none.
    private struct Step {
        enum Kind { case stored, parts, classes, structuralClass, members, entryDN, constant }
        let kind: Kind
        let id: AttributeID
        /// Whence values are copied as they are.
        var source = AttributeID(rawValue: 0)
        /// Of the rules that give it: places in ``AddressBookEntries/parts``.
        var parts = 0..<0
        var isSingleValue = false
        /// Place in ``AddressBookEntries/constants``.
        var constant = 0
    }

    /// What a rule of the attribute map gives to an attribute.
    private struct Part {
        /// Places in ``AddressBookEntries/sources``.
        let sources: Range<Int>
        let fieldCount: Int
        let positions: Range<Int>
        /// Place in ``AddressBookEntries/valueMaps``; nil: values stay as they are.
        let valueMap: Int?

        /// Whether the attribute gets everything that the rule gives.
        var isWhole: Bool { positions.lowerBound == 0 && positions.upperBound == fieldCount }
    }

    private let book: AddressBook
    private let steps: [Step]
    private let parts: [Part]
    private let sources: [AttributeID]
    private let valueMaps: [[ValueMapRule]]
    private let constants: [[UInt8]]
    private let isTypesOnly: Bool
    /// The classes of the last entry as they are stored, and as they are shown: those of the next one are the same, as a rule.
    private var storedClasses: [UInt8] = []
    private var shownClasses: [UInt8] = []
    private var isGroup = false

    init(_ book: AddressBook, _ wanted: WantedAttributes, _ catalogue: Catalogue) {
        self.book = book
        isTypesOnly = if case .selected(let selection) = wanted { selection.isTypesOnly } else { false }
        var steps: [Step] = []
        var parts: [Part] = []
        var sources: [AttributeID] = []
        var valueMaps: [[ValueMapRule]] = []
        var constants: [[UInt8]] = []
        for place in Self.places(book, wanted, catalogue) {
            let attribute = book.layout.attributes[place]
            switch attribute.content {
            case .copy: steps.append(Step(kind: .stored, id: attribute.id, source: attribute.id))
            case .stored(let id, _): steps.append(Step(kind: .stored, id: attribute.id, source: id))
            case .parts(let list):
                let first = parts.count
                for part in list {
                    let from = sources.count
                    sources += part.sources.map(\.id)
                    if !part.valueMap.isEmpty { valueMaps.append(part.valueMap) }
                    parts.append(
                        Part(
                            sources: from..<sources.count, fieldCount: part.fieldCount, positions: part.positions,
                            valueMap: part.valueMap.isEmpty ? nil : valueMaps.count - 1))
                }
                steps.append(Step(kind: .parts, id: attribute.id, parts: first..<parts.count, isSingleValue: attribute.isSingleValue))
            case .classes: steps.append(Step(kind: .classes, id: attribute.id))
            case .structuralClass: steps.append(Step(kind: .structuralClass, id: attribute.id))
            case .members: steps.append(Step(kind: .members, id: attribute.id))
            case .entryDN: steps.append(Step(kind: .entryDN, id: attribute.id))
            case .constant(let value):
                steps.append(Step(kind: .constant, id: attribute.id, constant: constants.count))
                constants.append(value)
            }
        }
        self.steps = steps
        self.parts = parts
        self.sources = sources
        self.valueMaps = valueMaps
        self.constants = constants
    }

    /// The places of the attributes that are wanted.
    private static func places(_ book: AddressBook, _ wanted: WantedAttributes, _ catalogue: Catalogue) -> [Int] {
        let attributes = book.layout.attributes
        switch wanted {
        case .selected(let selection):
            return attributes.indices.filter { place in
                let attribute = attributes[place]
                if case .members = attribute.content { return selection.names(attribute.id) }
                return attribute.onlyByName ? selection.names(attribute.id) : selection.includes(attribute.id)
            }
        case .tested(let filters):
            var tested: [AttributeTypeID] = []
            for filter in filters {
                for node in filter.nodes where !node.attribute.isEmpty {
                    if let type = catalogue.table.parse(filter.bytes.rawSpan.slice(node.attribute))?.type { tested.append(type) }
                }
            }
            return attributes.indices.filter { place in
                tested.contains { catalogue.schema.isSubtype(attributes[place].type, of: $0) }
            }
        }
    }

    /// Names of classes, as values.
    private static let person = ["top", "person", "organizationalPerson", "inetOrgPerson", "extensibleObject"].map { Array($0.utf8) }
    private static let group = ["top", "groupOfNames", "extensibleObject"].map { Array($0.utf8) }

    mutating func make(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int,
        into made: inout MadeEntry
    ) throws(EntryStoreError) -> Making {
        guard begin(record, &made) else { return .absent }
        for index in steps.indices {
            let step = steps[index]
            if step.kind == .members {
                guard try appendMembers(step.id, id, record, snapshot, context, &budget, &made) else { return .tooLong }
            } else {
                append(step, record, &made)
            }
        }
        made.finish()
        return .made
    }

    mutating func makeLong(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> [LongValues]? {
        guard begin(record, &made) else { return nil }
        var long: [LongValues] = []
        for step in steps where step.kind != .members { append(step, record, &made) }
        for step in steps where step.kind == .members {
            var budget = Int.max
            var others = BERBuffer()
            var entries: [EntryID] = []
            _ = try book.forEachMember(
                of: id, record, snapshot, context, budget: &budget, entry: { member, _ in entries.append(member) },
                other: { others.append(BERTag.octetString, contents: name(of: $0)) })
            long.append(
                LongValues(attribute: step.id, finished: others.bytes.array, entries: entries, naming: AddressBook.MemberNaming(book)))
        }
        made.finish()
        return long
    }

    private func name(of address: RawSpan) -> [UInt8] {
        var name: [UInt8] = []
        book.appendName(of: address, to: &name)
        return name
    }

    /// - Returns: false if the entry has no address, and so no place in the list.
    private mutating func begin(_ record: borrowing EntryRecord, _ made: inout MadeEntry) -> Bool {
        guard let address = book.layout.address(record) else { return false }
        made.name.removeAll(keepingCapacity: true)
        book.appendName(of: address, to: &made.name)
        made.begin()
        if let index = record.index(of: book.layout.objectClass) {
            let classes = record.bytes.slice(record.valuesRange(at: index))
            let known = storedClasses
            if !classes.elementsEqual(known.rawSpan) { readClasses(record, classes) }
        }
        return true
    }

    private mutating func readClasses(_ record: borrowing EntryRecord, _ stored: RawSpan) {
        storedClasses = stored.array
        isGroup = book.layout.isGroup(record)
        let standard = isGroup ? Self.group : Self.person
        var buffer = BERBuffer()
        let set = buffer.begin(BERTag.set)
        for name in standard { buffer.append(BERTag.octetString, contents: name) }
        if book.layout.showsClasses {
            var values = record.values(of: book.layout.objectClass)
            next: while let value = values.next() {
                for name in standard where name.count == value.byteCount {
                    if name.rawSpan.equalsIgnoringCase(value) { continue next }
                }
                buffer.append(BERTag.octetString, contents: value)
            }
        }
        buffer.end(set)
        shownClasses = buffer.bytes.array
    }

    private func append(_ step: Step, _ record: borrowing EntryRecord, _ made: inout MadeEntry) {
        switch step.kind {
        case .stored:
            if let index = record.index(of: step.source) { made.append(step.id, set: record.bytes.slice(record.valuesRange(at: index))) }
        case .parts:
            // Mostly one stored attribute gives one attribute: its values go out as they lie in the record.
            if let set = wholeSet(step, record) {
                if !set.isEmpty { made.append(step.id, set: record.bytes.slice(set)) }
            } else {
                appendParts(step, record, &made)
            }
        case .classes:
            let classes = shownClasses
            made.append(step.id, set: classes.rawSpan)
        case .structuralClass:
            let name = isGroup ? Self.group[1] : Self.person[3]
            made.append(step.id, value: name.rawSpan)
        case .constant:
            let value = constants[step.constant]
            made.append(step.id, value: value.rawSpan)
        case .entryDN:
            let name = made.name
            made.append(step.id, value: name.rawSpan)
        case .members: break
        }
    }

    /// - Returns: false if the budget was not enough.
    private func appendMembers(
        _ attribute: AttributeID, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext,
        _ budget: inout Int, _ made: inout MadeEntry
    ) throws(EntryStoreError) -> Bool {
        var values = BERBuffer()
        var name: [UInt8] = []
        func take(_ address: RawSpan) {
            name.removeAll(keepingCapacity: true)
            book.appendName(of: address, to: &name)
            values.append(BERTag.octetString, contents: name)
        }
        let isWhole = try book.forEachMember(
            of: id, record, snapshot, context, budget: &budget, entry: { _, address in take(address) }, other: { take($0) })
        // For the name of the attribute one member is enough.
        guard isWhole || isTypesOnly && !values.isEmpty else { return false }
        if !values.isEmpty {
            made.beginAttribute(attribute)
            made.appendValues(values.bytes)
            made.endAttribute()
        }
        return true
    }

    // MARK: Rules of the attribute map

    /// Rule 6.6.2.
    private func appendParts(_ step: Step, _ record: borrowing EntryRecord, _ made: inout MadeEntry) {
        var isBegun = false
        for number in step.parts {
            let part = parts[number]
            var position = 0
            for place in part.sources {
                guard let index = record.index(of: sources[place]) else { continue }
                var values = record.values(at: index)
                while let value = values.next() {
                    // One field takes all values of an attribute, several take one each, and none twice.
                    if part.fieldCount > 1, position >= part.positions.upperBound { break }
                    if isRepeated(value, part.sources.lowerBound..<place, record) { continue }
                    let isWanted = part.fieldCount == 1 || part.positions.contains(position)
                    position += 1
                    guard isWanted else { continue }
                    if isBegun, step.isSingleValue { break }
                    if !isBegun { made.beginAttribute(step.id) }
                    isBegun = true
                    if let map = part.valueMap {
                        let mapped = valueMaps[map].reduce(value.array) { $1.apply($0) }
                        made.appendValue(mapped.rawSpan)
                    } else {
                        made.appendValue(value)
                    }
                }
                if part.fieldCount == 1 { break }
            }
            if isBegun, step.isSingleValue { break }
        }
        if isBegun { made.endAttribute() }
    }

    /// Where all values of an attribute lie, if those of one stored attribute are all; empty if there are none.
    private func wholeSet(_ step: Step, _ record: borrowing EntryRecord) -> ByteRange? {
        let part = parts[step.parts.lowerBound]
        guard step.parts.count == 1, part.valueMap == nil else { return nil }
        var found: ByteRange?
        for place in part.sources {
            guard let index = record.index(of: sources[place]) else { continue }
            let set = record.valuesRange(at: index)
            if let first = found {
                // Two have values: mostly the same one.
                guard isSameSet(first, set, record) else { return nil }
            } else {
                found = set
                // The first field is the first value's, whatever follows.
                if part.fieldCount == 1 || part.positions.upperBound == 1 { break }
            }
        }
        guard let found else { return .empty }
        if record.isOneValue(found) { return part.positions.lowerBound == 0 ? found : .empty }
        guard part.isWhole, !step.isSingleValue else { return nil }
        if part.fieldCount == 1 { return found }
        var count = 0
        var values = record.values(in: found)
        while count <= part.fieldCount, values.next() != nil { count += 1 }
        return count <= part.fieldCount ? found : nil
    }

    private func isSameSet(_ a: ByteRange, _ b: ByteRange, _ record: borrowing EntryRecord) -> Bool {
        a.count == b.count && record.bytes.slice(a).elementsEqual(record.bytes.slice(b))
    }

    /// Whether a value is among those of some attributes.
    private func isRepeated(_ value: RawSpan, _ places: Range<Int>, _ record: borrowing EntryRecord) -> Bool {
        for place in places {
            var values = record.values(of: sources[place])
            while let earlier = values.next() {
                if value.equalsIgnoringCase(earlier) { return true }
            }
        }
        return false
    }
}
