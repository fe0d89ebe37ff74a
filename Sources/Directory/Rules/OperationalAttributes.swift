import EntryStore
import LDAP
import Schema

extension EntryChecker {
    /// Adds what a server keeps of every entry (RFC 4512 section 3.4, RFC 4530; `entryCSN` as slapd). Attributes that are there already
    /// stay: a bulk load keeps those of its input. The type of entry is to be checked before.
    /// - Parameter creator: DN of who adds the entry.
    func addOperationalAttributes(
        to entry: inout Entry, creator: [UInt8], moment: ChangeClock.Moment, table: AttributeTable
    ) throws(LDAPError) {
        let timestamp = moment.timestamp
        func add(_ type: AttributeTypeID, _ value: @autoclosure () throws(LDAPError) -> [UInt8]) throws(LDAPError) {
            let id = try Self.id(of: type, table)
            if !entry.contains(id) { entry[id] = [try value()] }
        }
        let classes = entry[try Self.id(of: known.objectClass, table)]
        try add(known.structuralObjectClass, try classRules(classes).structuralName)
        try add(known.entryUUID, Self.randomUUID())
        try add(known.creatorsName, creator)
        try add(known.createTimestamp, timestamp)
        try add(known.entryCSN, moment.changeSequenceNumber)
        try add(known.modifiersName, creator)
        try add(known.modifyTimestamp, timestamp)
    }

    /// Notes who changed an entry, and when.
    /// - Parameter given: types whose values the change itself has brought.
    func noteChange(
        of entry: inout Entry, modifier: [UInt8], moment: ChangeClock.Moment, except given: [AttributeTypeID] = [], table: AttributeTable
    ) throws(LDAPError) {
        func note(_ type: AttributeTypeID, _ value: [UInt8]) throws(LDAPError) {
            if !given.contains(type) { entry[try Self.id(of: type, table)] = [value] }
        }
        try note(known.entryCSN, moment.changeSequenceNumber)
        try note(known.modifiersName, modifier)
        try note(known.modifyTimestamp, moment.timestamp)
    }

    /// Notes the structural class of an entry whose classes were changed.
    func noteStructuralClass(of entry: inout Entry, _ table: AttributeTable) throws(LDAPError) {
        let classes = entry[try Self.id(of: known.objectClass, table)]
        entry[try Self.id(of: known.structuralObjectClass, table)] = [try classRules(classes).structuralName]
    }

    /// The store numbers every type of the schema when it opens.
    static func id(of type: AttributeTypeID, _ table: AttributeTable) throws(LDAPError) -> AttributeID {
        guard let id = table.id(of: type) else { throw LDAPError(.other, "the store does not know an attribute type of the schema") }
        return id
    }

    /// A UUID of version 4 (RFC 9562 section 5.4), in lower case.
    static func randomUUID() -> [UInt8] {
        let high = UInt64.random(in: .min ... .max) & 0xffff_ffff_ffff_0fff | 0x4000
        let low = UInt64.random(in: .min ... .max) & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for place in 0..<32 {
            if place == 8 || place == 12 || place == 16 || place == 20 { text.append(UInt8(ascii: "-")) }
            let word = place < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - place % 16 * 4)) & 15
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return text
    }
}
