import BER
@testable import EntryStore
import LDAP
import Schema
import Testing

struct CompiledFilterTests {
    /// RFC 4511 section 4.5.1.7.1. One value is often looked for in several attributes.
    @Test(arguments: [
        ("(&(cn=Foo)(labeledURI=Foo))", true), ("(&(labeledURI=Foo)(cn=Foo))", true), ("(|(sn=foo)(labeledURI=foo)(cn=foo))", true),
        ("(&(cn=foo)(labeledURI=foo))", false), ("(&(labeledURI=foo)(cn=foo))", false), ("(|(sn=foo)(labeledURI=foo))", false),
    ])
    func everyItemIsComparedByItsOwnRule(_ text: String, _ isTrue: Bool) throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        let uri = try #require(small.schema.attributeType(named: "labeledURI"))
        var transaction = try StoreTransaction(store)
        var entry = Entry()
        entry.append(Array("foo".utf8), to: try transaction.attributeID(small.cn, options: []))
        entry.append(Array("Foo".utf8), to: try transaction.attributeID(uri, options: []))
        let name = Array("cn=foo".utf8)
        let id = try transaction.add(entry, parent: .root, rdn: name, canonicalRDN: name, flags: [])
        try transaction.commit()
        let snapshot = try store.snapshot()
        guard let record = try snapshot.record(id) else {
            Issue.record("the entry is missing")
            return
        }
        var scratch = FilterScratch()
        let filter = CompiledFilter(try Filter(text), snapshot.catalogue)
        let verdict = filter.evaluate(id, record, snapshot, scratch: &scratch)
        #expect(verdict == (isTrue ? .yes : .no))
    }
}
