@testable import Directory
import BER
import EntryStore
import LDAP
import Schema
import Testing

/// The parts that the rules are made of.
struct RulesTests {
    @Test func momentsNeverRepeat() {
        let clock = ChangeClock.shared
        var last = clock.next().changeSequenceNumber
        for _ in 0..<10_000 {
            let next = clock.next().changeSequenceNumber
            #expect(last.lexicographicallyPrecedes(next))
            last = next
        }
    }

    @Test(arguments: [
        (0, "19700101000000.000000Z"), (951_782_400_000_000, "20000229000000.000000Z"), (1_709_251_199_999_999, "20240229235959.999999Z"),
        (1_735_689_600_000_001, "20250101000000.000001Z"), (4_107_542_399_000_000, "21000228235959.000000Z"),
    ] as [(Int64, String)])
    func dates(_ microseconds: Int64, _ text: String) {
        let moment = ChangeClock.Moment(microseconds: microseconds)
        #expect(String(decoding: moment.changeSequenceNumber, as: UTF8.self) == text + "#000000#000#000000")
        #expect(String(decoding: moment.timestamp, as: UTF8.self) == text.prefix(14) + "Z")
    }

    @Test func canonicalValuesAreFound() {
        for count in [1, 16, 17, 1000] {
            var values = CanonicalValues()
            for number in 0..<count { values.append(canonical: Array("\(number)".utf8).rawSpan) }
            #expect(values.firstDuplicate == nil && values.count == count)
            for number in 0..<count { #expect(values.find(Array("\(number)".utf8).rawSpan) == number) }
            values.remove(0)
            #expect(values.find([0x30].rawSpan) == nil)
            values.append(canonical: [0x30].rawSpan)
            #expect(values.find([0x30].rawSpan) == count)
            values.append(canonical: Array("\(count - 1)".utf8).rawSpan)
            #expect(values.firstDuplicate == (count == 1 ? 1 : count - 1))
        }
    }

    /// RFC 4512 section 2.4.2: the most derived structural class, in whatever order the classes are listed.
    @Test func structuralClasses() throws {
        let schema = try TestDirectory.schema.get()
        let checker = EntryChecker(schema: schema, known: try KnownTypes(schema))
        func structural(_ classes: [String]) throws -> String {
            String(decoding: try checker.classRules(classes.map { Array($0.utf8) }).structuralName, as: UTF8.self)
        }
        #expect(try structural(["person", "inetOrgPerson", "top"]) == "inetOrgPerson")
        #expect(try structural(["inetOrgPerson", "organizationalPerson", "zimbraAccount"]) == "inetOrgPerson")
        #expect(try structural(["2.5.6.6"]) == "person")
        #expect(throws: LDAPError.self) { try structural(["person", "organization"]) }
    }

    /// A load takes what an export gave: operational attributes stay, missing ones are made.
    @Test func operationalAttributesOfLoadsAreKept() throws {
        let directory = try TestDirectory()
        let checker = directory.directory.checker
        let known = directory.directory.known
        let table = directory.directory.store.catalogue.table
        var entry = Entry()
        entry[try EntryChecker.id(of: known.objectClass, table)] = [Array("organizationalUnit".utf8)]
        entry[try EntryChecker.id(of: known.entryUUID, table)] = [Array("11111111-1111-4111-8111-111111111111".utf8)]
        let rdn = try RelativeDistinguishedName(parsing: Array("ou=x".utf8).rawSpan)
        #expect(throws: LDAPError.self) { try checker.check(entry, rdn: rdn, table: table) }
        try checker.addNamingValues(to: &entry, rdn: rdn, table: table)
        try checker.addOperationalAttributes(to: &entry, creator: Array("cn=config".utf8), moment: ChangeClock.shared.next(), table: table)
        #expect(try checker.check(entry, rdn: rdn, table: table) == [])
        #expect(entry[try EntryChecker.id(of: known.entryUUID, table)] == [Array("11111111-1111-4111-8111-111111111111".utf8)])
        #expect(entry[try EntryChecker.id(of: known.structuralObjectClass, table)] == [Array("organizationalUnit".utf8)])
    }
}
