import BER
import EntryStore
import LDAP
import Schema
import SeededRandom
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whatever the planner does, a search finds the entries for which the filter is true, and no others: random entries and filters,
/// against testing every entry. With indexes of all kinds, some, and none; over several blocks of ids; stopped and gone on with.
struct PlannerTests {
    private static let names = ["ada", "Ada Byron", "adam", "bea", "Ben", "café", "CAFÉ au lait", "Zoë", "x", "李明", "a b", "ab"]

    /// Of one of six hours, often one that another entry has.
    private static func csn(_ random: inout SeededGenerator) -> String {
        "2026113\(random.below(2))\(["00", "11", "23"][random.below(3)])\(random.below(2))000.\(random.below(3))00000Z#000000#000#000000"
    }

    private static func filter(_ random: inout SeededGenerator, depth: Int) -> String {
        let value = names[random.below(names.count)]
        if random.below(12) == 0 { return "(entryCSN\(["=", ">=", "<="][random.below(3)])\(csn(&random)))" }
        let type = ["cn", "sn", "mail", "description", "objectClass", "uidNumber", "nothing", "name", "title"][random.below(9)]
        func piece() -> String {
            let scalars = Array(value)
            let start = random.below(scalars.count)
            return String(scalars[start..<min(scalars.count, start + 1 + random.below(4))])
        }
        if depth > 0, random.below(2) == 0 {
            let children = (0..<random.below(4)).map { _ in filter(&random, depth: depth - 1) }.joined()
            return ["(&\(children))", "(|\(children))", "(!\(filter(&random, depth: depth - 1)))"][random.below(3)]
        }
        switch random.below(9) {
        case 0: return "(\(type)=*)"
        case 1: return "(\(type)=*\(piece())*)"
        case 2: return "(\(type)=\(piece())*)"
        case 3: return "(\(type)=*\(piece()))"
        case 4: return "(\(type)=\(piece())*\(piece())*)"
        case 5: return "(uidNumber>=\(random.below(60)))"
        case 6: return "(uidNumber<=\(random.below(60)))"
        case 7: return "(objectClass=\(["person", "organizationalUnit", "none"][random.below(3)]))"
        default: return "(\(type)=\(value))"
        }
    }

    @Test(arguments: [0, 1, 2])
    func searchesFindWhatTheFilterSays(_ indexing: Int) throws {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/schema/"
        let own = SchemaSource(
            name: "test", text: Array("attributetype ( 1.3.6.1.1.1.1.0 NAME 'uidNumber' EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n".utf8))
        let schema = try Schema(
            ["system", "core", "cosine", "inetorgperson"].map { try SchemaSource(path: folder + $0 + ".schema") } + [own])
        let directory = "/tmp/muster-plan-\(getpid())-\(indexing)-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(directory, 0o700)
        defer {
            for name in ["data.mdb", "data.mdb-lock"] { unlink(directory + "/" + name) }
            rmdir(directory)
        }
        var options = EntryStore.Options()
        options.mapSize = 1 << 30
        options.durability = .none
        func type(_ name: String) throws -> AttributeTypeID { try #require(schema.attributeType(named: name)) }
        let all: IndexDefinition.Kinds = [.presence, .equality, .substring]
        var indexes: [IndexDefinition] = []
        if indexing > 0 { indexes += [IndexDefinition(type: try type("cn"), kinds: all), IndexDefinition(type: try type("objectClass"), kinds: [.equality])] }
        if indexing > 1 {
            indexes += [
                IndexDefinition(type: try type("sn"), kinds: all), IndexDefinition(type: try type("mail"), kinds: [.equality, .substring]),
                IndexDefinition(type: try type("uidNumber"), kinds: [.equality]), IndexDefinition(type: try type("entryCSN"), kinds: [.hour]),
            ]
        }
        let store = try EntryStore(directory: directory, schema: schema, indexes: indexes, options: options)
        var random = SeededGenerator(seed: 11 + UInt64(indexing))
        var load = try BulkLoad(store)
        let ids = try ["cn", "sn", "mail", "description", "objectClass", "uidNumber"].map { try load.attributeID(type($0), options: []) }
        let optioned = try load.attributeID(type("cn"), options: [Array("lang-de".utf8)])
        let csn = try load.attributeID(type("entryCSN"), options: [])
        var containers = [EntryID.root]
        // More than one block of 8,192 ids.
        for index in 0..<9000 {
            var entry = Entry()
            for place in 0..<4 where random.below(3) > 0 { entry.append(Array(Self.names[random.below(Self.names.count)].utf8), to: ids[place]) }
            if random.below(20) == 0 { entry.append(Array("Straße \(index)".utf8), to: optioned) }
            if random.below(2) == 0 { entry.append(Array("\(random.below(60))".utf8), to: ids[5]) }
            if random.below(4) > 0 { entry.append(Array(Self.csn(&random).utf8), to: csn) }
            entry.append(Array((index % 500 == 0 ? "organizationalUnit" : "person").utf8), to: ids[4])
            let rdn = Array("cn=\(index)".utf8)
            let added = try load.add(entry, parent: containers[random.below(containers.count)], rdn: rdn, canonicalRDN: rdn, flags: [])
            if index % 500 == 0, let added { containers.append(added) }
        }
        try load.finish()

        let snapshot = try store.snapshot()
        var scratch = FilterScratch()
        let everybody = try snapshot.descendants(of: .root)
        #expect(everybody.count == 9000)
        for _ in 0..<150 {
            var text = Self.filter(&random, depth: 3)
            // Items on `title` are predicates.
            let title = try type("title")
            var predicates: [RandomPredicate] = []
            for _ in 0..<8 { predicates.append(try RandomPredicate(&random, containers, snapshot.catalogue)) }
            var used = 0
            var filter = CompiledFilter(
                try Filter(text), snapshot.catalogue, isSpecial: { $0 == title },
                resolver: { _, _ in
                    used += 1
                    return .predicate(predicates[used % predicates.count])
                })
            var parts = [filter]
            if random.below(3) == 0 {
                let bounds = Self.filter(&random, depth: 2)
                parts.append(CompiledFilter(try Filter(bounds), snapshot.catalogue))
                let remembered = RememberedFilter(parts[1], base: .root, scope: .wholeSubtree)
                // Gathered once it was asked for often enough.
                if random.below(2) == 0 { for _ in 0..<8 { _ = remembered.sets(negated: false, snapshot) } }
                filter.restrict(to: remembered)
                text = "\(text) and \(bounds)"
            }
            let base = containers[random.below(containers.count)]
            let scope = [SearchScope.wholeSubtree, .wholeSubtree, .singleLevel, .subordinateSubtree, .baseObject][random.below(5)]
            var expected: [EntryID] = []
            for id in everybody {
                guard let record = try snapshot.record(id) else { continue }
                let isInScope =
                    switch scope {
                    case .baseObject: id == base
                    case .singleLevel: record.parent == base
                    case .wholeSubtree: try snapshot.isInSubtree(id, of: base)
                    case .subordinateSubtree: try id != base && snapshot.isInSubtree(id, of: base)
                    }
                guard isInScope else { continue }
                var isMatch = true
                for part in parts where part.evaluate(id, record, snapshot, scratch: &scratch) != .yes { isMatch = false }
                if isMatch { expected.append(id) }
            }
            var search = EntrySearch(filter: filter, base: base, scope: scope)
            var found: [EntryID] = []
            var outcome = EntrySearch.Outcome.outOfBudget
            while outcome != .finished {
                // In pieces: by budget, and by stopping after an entry.
                var budget = 700
                let stop = found.count + 300
                outcome = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ in
                    found.append(id)
                    return found.count < stop
                }
            }
            #expect(found == expected, "\(text) below \(base.rawValue), scope \(scope)")
            // The same from the middle on.
            if let middle = expected.dropFirst(expected.count / 2).first {
                var rest = EntrySearch(filter: filter, base: base, scope: scope, from: middle)
                var tail: [EntryID] = []
                var budget = Int.max
                _ = try rest.run(snapshot, budget: &budget, scratch: &scratch) { id, _ in
                    tail.append(id)
                    return true
                }
                #expect(tail == expected.filter { $0 >= middle }, "\(text) from \(middle.rawValue)")
            }
        }
        #expect(try snapshot.check { Issue.record("\($0)") } == 0)
    }
}

/// A predicate that is true of the members of a random set, and names that set, a larger one, or none.
private struct RandomPredicate: EntryPredicate {
    private indirect enum Members: Sendable {
        case ids([EntryID])
        case matching(CompiledFilter)
        case below(EntryID)
        case directlyBelow(EntryID)
        case union([Members])
        case intersection([Members])
        case except(Members)

        var set: CandidateSet {
            switch self {
            case .ids(let ids): .ids(ids)
            case .matching(let filter): .matching(filter)
            case .below(let id): .below(id)
            case .directlyBelow(let id): .directlyBelow(id)
            case .union(let all): .union(all.map(\.set))
            case .intersection(let all): .intersection(all.map(\.set))
            case .except(let inner): .except(inner.set)
            }
        }

        func contains(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Bool {
            switch self {
            case .ids(let ids): return ids.contains(id)
            case .matching(let filter):
                var scratch = FilterScratch()
                return filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes
            case .below(let base): return id != base && (try? snapshot.isInSubtree(id, of: base)) == true
            case .directlyBelow(let base): return record.parent == base
            case .union(let all):
                for members in all where members.contains(id, record, snapshot) { return true }
                return false
            case .intersection(let all):
                for members in all where !members.contains(id, record, snapshot) { return false }
                return true
            case .except(let inner): return !inner.contains(id, record, snapshot)
            }
        }
    }

    private let members: Members
    private let isNamed: Bool
    /// What is named beside the members.
    private let more: [CandidateSet]
    var isTwoValued: Bool { true }

    init(_ random: inout SeededGenerator, _ containers: [EntryID], _ catalogue: Catalogue) throws {
        members = try Self.members(&random, containers, catalogue, depth: 2)
        isNamed = random.below(5) > 0
        more = random.below(3) == 0 ? [try Self.members(&random, containers, catalogue, depth: 1).set] : []
    }

    private static func members(
        _ random: inout SeededGenerator, _ containers: [EntryID], _ catalogue: Catalogue, depth: Int
    ) throws -> Members {
        if depth > 0, random.below(3) > 0 {
            var inner: [Members] = []
            for _ in 0..<random.below(4) { inner.append(try members(&random, containers, catalogue, depth: depth - 1)) }
            switch random.below(3) {
            case 0: return .union(inner)
            case 1 where !inner.isEmpty: return .intersection(inner)
            default: return .except(try members(&random, containers, catalogue, depth: depth - 1))
            }
        }
        switch random.below(5) {
        case 4: return .directlyBelow(containers[random.below(containers.count)])
        case 0:
            let count = random.below(60)
            return .ids(Set((0..<count).map { _ in EntryID(rawValue: UInt64(1 + random.below(9000))) }).sorted())
        case 1: return .below(containers[random.below(containers.count)])
        default:
            let texts = ["(cn=ada)", "(sn=*)", "(cn=*)", "(objectClass=person)", "(!(sn=x))", "(|(cn=bea)(sn=Ben))", "(mail=*a*)", "(uidNumber>=30)"]
            return .matching(CompiledFilter(try Filter(texts[random.below(texts.count)]), catalogue))
        }
    }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        Ternary(members.contains(id, record, snapshot))
    }

    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        isNamed ? Candidates(.union([negated ? .except(members.set) : members.set] + more), isExact: more.isEmpty) : nil
    }
}
