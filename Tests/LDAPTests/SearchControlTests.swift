import BER
import LDAP
import Testing

/// What is written is read back; what is cut off anywhere is refused, and nothing traps.
@Suite struct SearchControlTests {
    private func hold<T: Equatable>(_ value: T, _ control: Control, _ decode: (Control) throws -> T) throws {
        #expect(try decode(control) == value)
        let bytes = try #require(control.value)
        for count in 0..<bytes.count {
            var cut = control
            cut.value = Array(bytes[..<count])
            #expect(throws: LDAPError.self) { try decode(cut) }
        }
        for place in bytes.indices {
            for octet in [0, 0x7f, 0x80, 0xff] as [UInt8] {
                var changed = control
                changed.value?[place] = octet
                _ = try? decode(changed)
            }
        }
        var none = control
        none.value = nil
        #expect(throws: LDAPError.self) { try decode(none) }
    }

    @Test func rfc2891() throws {
        let sort = ServerSideSort([
            ServerSideSort.Key(attribute: Array("sn".utf8)),
            ServerSideSort.Key(attribute: Array("cn".utf8), rule: Array("2.5.13.3".utf8), isReversed: true),
        ])
        try hold(sort, sort.control()) { try ServerSideSort(decoding: $0) }
        let result = SortResult(.noSuchAttribute, attribute: Array("x".utf8))
        try hold(result, result.control()) { try SortResult(decoding: $0) }
        let many = ServerSideSort(Array(repeating: ServerSideSort.Key(attribute: Array("sn".utf8)), count: 17))
        #expect(throws: LDAPError.self) { try ServerSideSort(decoding: many.control()) }
    }

    @Test func virtualListView() throws {
        for target in [VirtualListView.Target.offset(3, contentCount: 10), .value(Array("abc".utf8))] {
            let view = VirtualListView(before: 1, after: 2, target: target, contextID: [1, 2])
            try hold(view, view.control()) { try VirtualListView(decoding: $0) }
        }
        let result = VirtualListViewResult(position: 3, contentCount: 10)
        try hold(result, result.control()) { try VirtualListViewResult(decoding: $0) }
    }

    @Test func rfc3672AndPersistentSearch() throws {
        try hold(Subentries(visible: true), Subentries(visible: true).control()) { try Subentries(decoding: $0) }
        let search = PersistentSearch(changes: [.add, .modifyDN], changesOnly: true, returnsNotifications: false)
        try hold(search, search.control()) { try PersistentSearch(decoding: $0) }
        let notification = EntryChangeNotification(.modifyDN, previousDN: Array("cn=x".utf8), changeNumber: 5)
        try hold(notification, notification.control()) { try EntryChangeNotification(decoding: $0) }
    }

    @Test func rfc3876HasSimpleItemsOnly() throws {
        func decode(_ text: String) throws -> Filter {
            var value = BERBuffer()
            try Filter(text).encode(into: &value)
            var bytes = value.bytes.array
            bytes[0] = BERTag.sequence
            return try MatchedValues(decoding: Control(oid: MatchedValues.oid, value: bytes)).filter
        }
        #expect(try decode("(|(cn=a)(sn=b*)(mail=*))").nodes.count > 3)
        #expect(throws: LDAPError.self) { try decode("(|(!(cn=a)))") }
        #expect(throws: LDAPError.self) { try decode("(|(&(cn=a)))") }
        #expect(throws: LDAPError.self) { try MatchedValues(decoding: Control(oid: MatchedValues.oid, value: [])) }
    }
}
