import BER
import EntryStore
import LDAP
import Schema
import SeededRandom
import Testing

@testable import Directory
@testable import MailDirectory

/// What lists were found to have is kept as long as it is right: rule 7.11.
@Suite struct KeptMembersTests {
    private static let groups = ListMembersTests.groups
    private static let people = ListMembersTests.people
    private static func person(_ name: String) -> String { ListMembersTests.person(name) }

    /// Reads the members of lists, and knows whether it had to look for them.
    private struct Reader {
        let sample: SampleDirectory
        private let keeping: DynamicMembers
        private let fresh: DynamicMembers

        init(_ sample: SampleDirectory) throws {
            self.sample = sample
            let (store, schema) = (sample.directory.store, sample.directory.schema)
            let types = try #require(ListTypes(schema))
            let cache = ListIndexCache(store, types, schema)
            keeping = DynamicMembers(membership: Membership(types: types, cache: cache, kept: try #require(KeptMembers(store, types, schema))), delivery: nil)
            fresh = DynamicMembers(membership: Membership(types: types, cache: cache, kept: nil), delivery: nil)
        }

        private func read(_ dn: String, by members: DynamicMembers) throws -> (names: [String], isKept: Bool) {
            let snapshot = try sample.directory.store.snapshot()
            let name = Array(dn.utf8)
            let id = try snapshot.resolve(DistinguishedName(dn)).id
            guard let record = try snapshot.record(id) else { return ([], false) }
            let context = VirtualContext(catalogue: snapshot.catalogue, access: sample.directory.unlimited)
            var names: [String] = []
            var budget = Int.max
            let isWhole = try members.forEachValue(
                of: members.membership.types.member, id, record, name: name.rawSpan, snapshot, context, budget: &budget
            ) { names.append(String(decoding: $0.array + $1.array, as: UTF8.self)) }
            #expect(isWhole)
            return (names, budget == Membership.Effort.unlimited)
        }

        /// - Returns: whether they were known already. They must be those that are found anew.
        func read(_ dn: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Bool {
            // Lists themselves may have changed: that is another cache's matter.
            _ = try read(dn, by: fresh)
            let found = try read(dn, by: keeping)
            #expect(found.names == (try read(dn, by: fresh)).names, sourceLocation: sourceLocation)
            return found.isKept
        }
    }

    @Test func rule7_11_aListIsLookedForOnce() throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        let dn = "cn=engineering,\(Self.groups)"
        #expect(try !reader.read(dn))
        #expect(try reader.read(dn))
        #expect(try reader.read(dn))
    }

    @Test func rule7_11_whatMakesNoDifferenceIsNoReasonToLookAgain() throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        let dn = try ListMembersTests.add(sample, "heads", ["ldap:///\(Self.people)??sub?(|(title=Head)(uid=zoe.lefevre))"])
        #expect(try !reader.read(dn))
        // Somebody else's values, a new entry that is not found, its end.
        #expect(try sample.modify(Self.person("ada.lovelace"), [(.replace, "title", ["Mathematician"])]).code == .success)
        #expect(try reader.read(dn))
        #expect(try sample.add("cn=device,\(Self.people)", [("objectClass", ["device"]), ("cn", ["device"])]).code == .success)
        #expect(try reader.read(dn))
        #expect(try sample.delete("cn=device,\(Self.people)").code == .success)
        #expect(try reader.read(dn))
    }

    @Test func rule7_11_whatMakesADifferenceIsSeenAtOnce() throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        let ada = Self.person("ada.lovelace")
        let dn = try ListMembersTests.add(sample, "heads", ["ldap:///\(Self.people)??sub?(title=Head)", "ldap:///\(Self.people)??one?(uid=zoe.lefevre)"])
        func change(_ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> LDAPResult) throws {
            _ = try reader.read(dn)
            #expect(try reader.read(dn), "\(what): kept before", sourceLocation: sourceLocation)
            let result = try body()
            #expect(result.code == .success, "\(what): \(result.message)", sourceLocation: sourceLocation)
            #expect(try !reader.read(dn), "\(what)", sourceLocation: sourceLocation)
        }
        try change("a value that the filter looks for") { try sample.modify(ada, [(.replace, "title", ["Head"])]) }
        try change("another value of a member") { try sample.modify(ada, [(.replace, "l", ["London"])]) }
        try change("a new entry") {
            try sample.add("cn=hydra,\(Self.people)", [("objectClass", ["organizationalRole", "extensibleObject"]), ("cn", ["hydra"]), ("title", ["Head"])])
        }
        try change("a member's name") { try sample.rename("cn=hydra,\(Self.people)", "cn=lernaean hydra") }
        try change("a member's place") { try sample.rename("cn=lernaean hydra,\(Self.people)", "cn=hydra", below: Self.groups) }
        try change("an entry that comes from elsewhere") { try sample.rename("cn=hydra,\(Self.groups)", "cn=hydra", below: Self.people) }
        try change("the end of a member") { try sample.delete("cn=hydra,\(Self.people)") }
        // What stands above a member, and what stands below what comes.
        #expect(try sample.add("ou=team,\(Self.people)", [("objectClass", ["organizationalUnit"]), ("ou", ["team"])]).code == .success)
        try change("an entry further down") {
            try sample.add("cn=head,ou=team,\(Self.people)", [("objectClass", ["organizationalRole", "extensibleObject"]), ("cn", ["head"]), ("title", ["Head"])])
        }
        try change("the name of what stands above") { try sample.rename("ou=team,\(Self.people)", "ou=crew") }
        try change("a subtree that goes") { try sample.rename("ou=crew,\(Self.people)", "ou=crew", below: Self.groups) }
        try change("a subtree that comes") { try sample.rename("ou=crew,\(Self.groups)", "ou=crew", below: Self.people) }
        try change("the list's searches") { try sample.modify(dn, [(.replace, "memberURL", ["ldap:///\(Self.people)??sub?(title=Head)"])]) }
    }

    @Test func rule7_11_aBaseThatComes() throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        let dn = try ListMembersTests.add(sample, "later", ["ldap:///ou=later,\(Self.people)??sub?(objectClass=organizationalUnit)"])
        _ = try reader.read(dn)
        #expect(try sample.add("ou=early,\(Self.people)", [("objectClass", ["organizationalUnit"]), ("ou", ["early"])]).code == .success)
        _ = try reader.read(dn)
        #expect(try sample.rename("ou=early,\(Self.people)", "ou=later").code == .success)
        _ = try reader.read(dn)
        #expect(try ListMembersTests.members(sample, dn) == ["ou=later,\(Self.people)"])
    }

    @Test(arguments: ["(ou:dn:=people)", "(entryUUID=*)", "(musterEffectiveAccountStatus=active)"])
    func rule7_11_whatDependsOnOtherEntriesIsNotKept(filter: String) throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        let dn = try ListMembersTests.add(sample, "others", ["ldap:///\(Self.people)??sub?\(filter)"])
        #expect(try !reader.read(dn))
        #expect(try !reader.read(dn))
    }

    @Test func rule7_11_aListOfManyIsNotKept() throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        for number in 0..<1001 {
            let name = "many\(number)"
            #expect(try sample.add("cn=\(name),\(Self.people)", [("objectClass", ["device"]), ("cn", [name])]).code == .success)
        }
        let dn = try ListMembersTests.add(sample, "many", ["ldap:///\(Self.people)??sub?(objectClass=device)"])
        #expect(try !reader.read(dn))
        #expect(try !reader.read(dn))
    }

    /// Whatever changes, what is kept is what would be found.
    @Test(arguments: 1...3) func rule7_11_randomChanges(seed: UInt64) throws {
        let sample = try SampleDirectory()
        let reader = try Reader(sample)
        var random = SeededGenerator(seed: seed)
        let titles = ["Head", "Hand", "Foot"]
        var lists: [String] = []
        for (number, url) in [
            "ldap:///\(Self.people)??sub?(title=Head)", "ldap:///dc=example,dc=com??sub?(|(title=Hand)(title=Foot))", "ldap:///ou=a,\(Self.people)??sub?(title=*)",
            "ldap:///ou=a,\(Self.people)??one?(!(title=Head))",
        ].enumerated() { lists.append(try ListMembersTests.add(sample, "random\(number)", [url])) }
        let places = [Self.people, Self.groups, "ou=a,\(Self.people)", "ou=b,\(Self.people)", "ou=a,ou=b,\(Self.people)"]
        var kept = 0
        for _ in 0..<400 {
            let place = places[random.below(places.count)]
            let name = "cn=r\(random.below(6)),\(place)"
            let title = titles[random.below(titles.count)]
            switch random.below(7) {
            case 0, 1:
                _ = try sample.add(name, [("objectClass", ["organizationalRole", "extensibleObject"]), ("cn", ["r\(name.dropFirst(4).prefix(1))"]), ("title", [title])])
            case 2: _ = try sample.modify(name, [(.replace, "title", [title])])
            case 3: _ = try sample.delete(name)
            case 4: _ = try sample.rename(name, "cn=r\(random.below(6))", below: places[random.below(places.count)])
            case 5:
                let unit = ["a", "b"][random.below(2)]
                _ = try sample.add("ou=\(unit),\(place)", [("objectClass", ["organizationalUnit"]), ("ou", [unit])])
            default: _ = try sample.rename("ou=\(["a", "b"][random.below(2)]),\(Self.people)", "ou=\(["a", "b", "c"][random.below(3)])", below: places[random.below(2)])
            }
            for list in lists where random.below(2) == 0 { if try reader.read(list) { kept += 1 } }
        }
        #expect(kept > 50)
    }
}
