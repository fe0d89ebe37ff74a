import BER
import EntryStore
import LDAP
import Schema

/// Conditions of one entry, each looked at when it is first asked for.
struct AccessTests {
    private var known: UInt64 = 0
    private var holding: UInt64 = 0
    private var name: [UInt8]?

    init() {}

    /// Which conditions of a set hold of an entry.
    /// - Parameter record: of the entry, which need not be in the store (yet).
    mutating func holding(
        _ tests: UInt64, _ id: EntryID, _ record: borrowing EntryRecord, _ subject: AccessSubject, _ directory: Directory,
        _ snapshot: borrowing Snapshot
    ) -> UInt64 {
        var left = tests & ~known
        while left != 0 {
            let bit = left.trailingZeroBitCount
            if test(directory.accessRules.entryConditions[bit], id, record, subject, directory, snapshot) { holding |= 1 << UInt64(bit) }
            known |= 1 << UInt64(bit)
            left &= left - 1
        }
        return holding & tests
    }

    /// The entry's canonical name.
    private mutating func name(
        _ id: EntryID, _ record: borrowing EntryRecord, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) -> [UInt8] {
        if let name { return name }
        var canonical: [UInt8] = []
        if id != .root {
            var text = record.rdn.array
            if record.parent != .root {
                text.append(UInt8(ascii: ","))
                try? snapshot.appendName(of: record.parent, to: &text)
            }
            if let parsed = try? DistinguishedName(parsing: text.rawSpan) { try? directory.schema.normalizeDN(parsed, into: &canonical) }
        }
        name = canonical
        return canonical
    }

    private mutating func test(
        _ condition: EntryCondition, _ id: EntryID, _ record: borrowing EntryRecord, _ subject: AccessSubject, _ directory: Directory,
        _ snapshot: borrowing Snapshot
    ) -> Bool {
        switch condition {
        case .name(let style, _, let base): return style.holds(name(id, record, directory, snapshot), base)
        case .pattern(let pattern): return pattern.matches(name(id, record, directory, snapshot)) != nil
        case .filter(let filter):
            var scratch = FilterScratch()
            return directory.compileForAccess(filter, snapshot.catalogue).evaluate(id, record, snapshot, scratch: &scratch) == .yes
        case .own(let level):
            guard !subject.name.isEmpty else { return false }
            let name = name(id, record, directory, snapshot)
            if level >= 0 { return AccessName.above(subject.name, level) == name }
            return AccessName.above(name, -level) == subject.name
        case .nameIn(let type):
            let own = subject.name
            guard !own.isEmpty else { return false }
            var scratch: [UInt8] = []
            for subtype in directory.schema.subtypes(of: type) {
                guard let attribute = snapshot.catalogue.table.id(of: subtype) else { continue }
                var values = record.values(of: attribute)
                while let value = values.next() {
                    if directory.schema.equals(value, normalized: own.rawSpan, by: .distinguishedNameMatch, scratch: &scratch) {
                        return true
                    }
                }
            }
            return false
        case .expandedName(let style, let template):
            var canonical: [UInt8] = []
            let text = template.expand(name(id, record, directory, snapshot))
            guard let base = try? DistinguishedName(parsing: text.rawSpan),
                (try? directory.schema.normalizeDN(base, into: &canonical)) != nil
            else { return false }
            return style.holds(subject.name, canonical)
        case .expandedPattern(let template):
            guard let pattern = try? RegularExpression(template.expand(name(id, record, directory, snapshot))) else { return false }
            return pattern.matches(subject.name) != nil
        case .expandedGroup(let template, var group):
            let text = template.expand(name(id, record, directory, snapshot))
            guard let name = try? DistinguishedName(parsing: text.rawSpan) else { return false }
            group.name = name
            return directory.isMember(subject, of: group, snapshot)
        case .set(let set):
            return set.holds(user: subject.name, this: name(id, record, directory, snapshot), directory, snapshot)
        }
    }
}

extension Directory {
    /// A filter of a rule: about stored values, whoever may see them.
    func compileForAccess(_ filter: Filter, _ catalogue: Catalogue) -> CompiledFilter {
        CompiledFilter(
            filter, catalogue, isSpecial: { $0 == known.objectClass }, resolver: { _, item in virtual.classes.item(item, catalogue) })
    }

    /// Conditions of a client that hold, groups beside those given.
    func accessConditions(of subject: AccessSubject, _ given: UInt64, _ snapshot: borrowing Snapshot) -> UInt64 {
        var conditions = given
        var left = accessRules.groups
        while left != 0 {
            let bit = left.trailingZeroBitCount
            if case .group(let group) = accessRules.subjectConditions[bit], isMember(subject, of: group, snapshot) {
                conditions |= 1 << UInt64(bit)
            }
            left &= left - 1
        }
        return conditions
    }

    /// Whether a group's entry names a client, be it that the member is computed or that the group is a query (`memberURL`).
    func isMember(_ subject: AccessSubject, of group: AccessGroup, _ snapshot: borrowing Snapshot) -> Bool {
        guard case .entry(let own, _, _) = subject.identity, let found = try? snapshot.resolve(group.name), found.isComplete,
            let record = try? snapshot.record(found.id), let classID = snapshot.catalogue.table.id(of: known.objectClass)
        else { return false }
        var isOfClass = false
        var names = record.values(of: classID)
        while let name = names.next() {
            if let objectClass = schema.objectClass(name), schema.isSubclass(objectClass, of: group.objectClass) { isOfClass = true }
        }
        guard isOfClass else { return false }
        if let memberURL = schema.attributeType(named: "memberURL"), schema.isSubtype(group.attribute, of: memberURL) {
            guard let attribute = snapshot.catalogue.table.id(of: group.attribute), let member = try? snapshot.record(own) else { return false }
            var urls = record.values(of: attribute)
            while let url = urls.next() {
                if finds(url, own, member, snapshot) { return true }
            }
            return false
        }
        // The item `(attribute=name)`, so that computed members count.
        var bytes = schema[group.attribute].nameBytes
        var node = Filter.Node(kind: .equality, end: 1)
        node.attribute = ByteRange(start: 0, count: bytes.count)
        node.value = ByteRange(start: bytes.count, count: subject.name.count)
        bytes += subject.name
        var scratch = FilterScratch()
        return compile(Filter(bytes: bytes, nodes: [node]), snapshot.catalogue, .all, viewer: unlimited)
            .evaluate(found.id, record, snapshot, scratch: &scratch) == .yes
    }

    /// Whether the search that a URL names finds an entry (RFC 4516).
    private func finds(_ url: RawSpan, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Bool {
        guard let url = try? LDAPURL(String(decoding: url.array, as: UTF8.self)), let name = try? DistinguishedName(url.dn),
            let base = try? snapshot.resolve(name), base.isComplete, let filter = try? Filter(url.filter ?? "(objectClass=*)")
        else { return false }
        let isInScope: Bool =
            switch url.scope ?? .baseObject {
            case .baseObject: id == base.id
            case .singleLevel: record.parent == base.id
            case .wholeSubtree: (try? snapshot.isInSubtree(id, of: base.id)) ?? false
            case .subordinateSubtree: id != base.id && ((try? snapshot.isInSubtree(id, of: base.id)) ?? false)
            }
        guard isInScope else { return false }
        var scratch = FilterScratch()
        return compileForAccess(filter, snapshot.catalogue).evaluate(id, record, snapshot, scratch: &scratch) == .yes
    }
}
