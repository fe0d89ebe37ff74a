import BER

/// Persistent search (draft-ietf-ldapext-psearch-03): after what is found now, entries are sent as they change.
public struct PersistentSearch: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.persistentSearch

    /// Kinds of change (section 4).
    public struct Changes: OptionSet, Sendable, Hashable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let add = Changes(rawValue: 1)
        public static let delete = Changes(rawValue: 2)
        public static let modify = Changes(rawValue: 4)
        public static let modifyDN = Changes(rawValue: 8)
        public static let all: Changes = [.add, .delete, .modify, .modifyDN]
    }

    /// What the client wants to hear of.
    public var changes: Changes
    /// Whether the entries that match now are left out.
    public var changesOnly: Bool
    /// Whether entries carry an entry change notification.
    public var returnsNotifications: Bool

    /// A persistent search.
    public init(changes: Changes, changesOnly: Bool, returnsNotifications: Bool) {
        self.changes = changes
        self.changesOnly = changesOnly
        self.returnsNotifications = returnsNotifications
    }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("persistent search control")
        var outer = MessageReader(value.rawSpan, "persistent search control")
        var reader = try outer.constructed()
        try outer.finish()
        changes = Changes(rawValue: try reader.integer(in: 0...LDAPEnvelope.maximumMessageID)).intersection(.all)
        guard !changes.isEmpty else { throw LDAPError(.protocolError, "persistent search control: no kind of change is asked for") }
        changesOnly = try reader.boolean()
        returnsNotifications = try reader.boolean()
        try reader.finish()
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(integer: changes.rawValue)
            buffer.append(boolean: changesOnly)
            buffer.append(boolean: returnsNotifications)
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, isCritical: isCritical, value: value)
    }
}

/// Entry change notification (section 5): goes with an entry of a persistent search.
public struct EntryChangeNotification: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.entryChangeNotification
    /// What was done: one kind.
    public var change: PersistentSearch.Changes
    /// The name that a renamed entry had.
    public var previousDN: [UInt8]?
    /// The number of the commit.
    public var changeNumber: Int?

    /// A notification.
    public init(_ change: PersistentSearch.Changes, previousDN: [UInt8]? = nil, changeNumber: Int? = nil) {
        self.change = change
        self.previousDN = previousDN
        self.changeNumber = changeNumber
    }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("entry change notification")
        var outer = MessageReader(value.rawSpan, "entry change notification")
        var reader = try outer.constructed()
        try outer.finish()
        change = PersistentSearch.Changes(rawValue: try reader.integer(BERTag.enumerated, in: 1...8))
        previousDN = try reader.octets(ifPresent: BERTag.octetString)
        changeNumber = reader.nextTag == BERTag.integer ? try reader.integer(in: 0...Int.max) : nil
        try reader.finish()
    }

    /// The control as it is sent.
    public func control() -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(BERTag.enumerated, integer: change.rawValue)
            if let previousDN { buffer.append(BERTag.octetString, contents: previousDN) }
            if let changeNumber { buffer.append(integer: changeNumber) }
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, value: value)
    }
}
