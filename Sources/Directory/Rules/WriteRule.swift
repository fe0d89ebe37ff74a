public import EntryStore
public import LDAP
public import Schema

/// What a module above knows of changes: what an entry must be besides, what it must not be, and what else changes with it.
///
/// All is settled before anything is changed, in the transaction of the change. What is loaded by an import, and what is brought back, only
/// has ``check(_:_:)`` made (an import not even that): it was complete where it comes from. The root identity with the relax control
/// passes all rules, so that a broken directory can be mended.
public protocol WriteRule: Sendable {
    /// The types whose change the rule is to see, or that a request names. An entry that comes, goes or moves changes all types that it has.
    var types: [AttributeTypeID] { get }

    /// Whether the rule is to see every change, whatever the types: it must be quick then.
    var seesEveryChange: Bool { get }

    /// Sets what belongs to the change in the entry itself. Only attributes that the entry's classes allow.
    /// - Throws: what the client is told; nothing is changed then.
    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError)

    /// Refuses a change.
    /// - Throws: what the client is told; nothing is changed then.
    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError)

    /// Says what changes in other entries with it.
    /// - Parameter snapshot: the directory as it is before the whole operation.
    /// - Throws: what the client is told; nothing is changed then.
    func follow(_ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError)
}

extension WriteRule {
    public var seesEveryChange: Bool { false }
    public func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {}
    public func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {}
    public func follow(_ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError) {}
}

/// A change of one entry, as rules see it.
public struct RuledChange: Sendable {
    public enum Kind: Sendable {
        case add, modify, move, delete
        /// What it was before, it becomes again, or what was said of an entry that comes back: only values are to be checked, not whether the
        /// step is one that a client may take.
        case restore
    }

    public let kind: Kind
    /// Nil for an entry that is not there yet.
    public let id: EntryID?
    /// As it is; nil for a new one.
    public let before: Entry?
    /// As it will be; nil for one that goes.
    public internal(set) var after: Entry?
    /// Whether a rule has set something.
    var isTouched = false
    /// What it stands below, and will stand below; the same unless it moves.
    public let oldParent: EntryID
    public let parent: EntryID
    /// The types that the request gives values, or takes them from.
    public let named: [AttributeTypeID]
    /// Whether the mail system's own server asks (an identity with the stored view, ``DirectorySettings/storedViewIdentities``): it makes the
    /// refusals itself that concern the state of a whole domain, and must get past them where it renames one.
    public let isByMailSystem: Bool
    /// The numbers under which the entry has its attributes.
    public let table: AttributeTable

    init(
        _ kind: Kind, id: EntryID? = nil, before: Entry? = nil, after: Entry? = nil, oldParent: EntryID? = nil, parent: EntryID,
        named: [AttributeTypeID] = [], by stance: RuleStance = RuleStance(), _ table: AttributeTable
    ) {
        self.kind = kind
        self.id = id
        self.before = before
        self.after = after
        self.oldParent = oldParent ?? parent
        self.parent = parent
        self.named = named
        isByMailSystem = stance.isByMailSystem
        self.table = table
    }

    /// The values of a type, without options, as they will be and as they are.
    public func new(_ type: AttributeTypeID) -> [[UInt8]] { values(type, after) }
    public func old(_ type: AttributeTypeID) -> [[UInt8]] { values(type, before) }

    /// Whether the values of a type are others afterwards.
    public func changes(_ type: AttributeTypeID) -> Bool { new(type) != old(type) }

    /// The values of a type that were not there before.
    public func added(_ type: AttributeTypeID) -> [[UInt8]] {
        let old = old(type)
        return old.isEmpty ? new(type) : new(type).filter { !old.contains($0) }
    }

    /// Gives the entry as it will be other values; of one that goes nothing is set.
    public mutating func set(_ type: AttributeTypeID, _ values: [[UInt8]]) {
        if let id = table.id(of: type) {
            after?[id] = values
            isTouched = true
        }
    }

    private func values(_ type: AttributeTypeID, _ entry: Entry?) -> [[UInt8]] {
        guard let entry, let id = table.id(of: type) else { return [] }
        return entry[id]
    }
}

/// How rules regard who asks for a change.
struct RuleStance: Sendable {
    /// The root identity mends something: no rule is asked.
    var passesRules = false
    var isByMailSystem = false
}

/// The rules of a directory, and which of them a change concerns.
struct WriteRules: Sendable {
    private let rules: [any WriteRule]
    /// By type: the rules that its change concerns, a bit for each.
    private let masks: [UInt64]
    private let always: UInt64

    static let limit = 64

    /// - Throws: for more rules than ``limit``.
    init(_ rules: [any WriteRule], _ schema: Schema) throws(DirectoryError) {
        guard rules.count <= Self.limit else { throw DirectoryError("more than \(Self.limit) write rules") }
        self.rules = rules
        var masks = [UInt64](repeating: 0, count: schema.attributeTypes.count)
        var always: UInt64 = 0
        for (number, rule) in rules.enumerated() {
            for type in rule.types where Int(type.rawValue) < masks.count { masks[Int(type.rawValue)] |= 1 << UInt64(number) }
            if rule.seesEveryChange { always |= 1 << UInt64(number) }
        }
        self.masks = masks
        self.always = always
    }

    private func mask(_ id: AttributeID, _ table: AttributeTable) -> UInt64 {
        guard let type = table.type(of: id), Int(type.rawValue) < masks.count else { return 0 }
        return masks[Int(type.rawValue)]
    }

    /// The rules that a change concerns.
    private func concerned(_ change: RuledChange) -> UInt64 {
        var result = always
        guard change.kind == .modify, let before = change.before, let after = change.after else {
            change.before?.forEachID { result |= mask($0, change.table) }
            change.after?.forEachID { result |= mask($0, change.table) }
            return result
        }
        for type in change.named where Int(type.rawValue) < masks.count { result |= masks[Int(type.rawValue)] }
        after.forEachDifferentID(from: before) { result |= mask($0, change.table) }
        return result
    }

    private func forEach(_ mask: UInt64, _ body: (any WriteRule) throws(LDAPError) -> Void) throws(LDAPError) {
        var rest = mask
        while rest != 0 {
            try body(rules[rest.trailingZeroBitCount])
            rest &= rest &- 1
        }
    }

    /// Makes a change whole, has it checked, and gathers what follows from it.
    /// - Throws: as the first rule that refuses.
    func settle(
        _ change: inout RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let mask = try complete(&change, snapshot)
        try conclude(change, for: mask, &consequences, snapshot)
    }

    /// Sets what belongs to a change.
    /// - Returns: the rules that the change concerns now.
    /// - Throws: as a rule.
    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) -> UInt64 {
        var made: UInt64 = 0
        // What one rule sets may concern another.
        repeat {
            let due = concerned(change) & ~made
            change.isTouched = false
            try forEach(due) { rule throws(LDAPError) in try rule.complete(&change, snapshot) }
            made |= due
        } while change.isTouched
        return made
    }

    /// Checks a change that is whole as it comes.
    /// - Throws: as the first rule that refuses.
    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        try forEach(concerned(change)) { rule throws(LDAPError) in try rule.check(change, snapshot) }
    }

    /// Checks a change, and gathers what follows from it.
    /// - Parameter mask: the rules that it concerns.
    /// - Throws: as the first rule that refuses.
    func conclude(
        _ change: RuledChange, for mask: UInt64, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        try forEach(mask) { rule throws(LDAPError) in try rule.check(change, snapshot) }
        try forEach(mask) { rule throws(LDAPError) in try rule.follow(change, &consequences, snapshot) }
    }

    /// Gathers what follows from a consequence, which nobody refuses.
    /// - Throws: as a rule.
    func follow(
        _ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        try forEach(concerned(change)) { rule throws(LDAPError) in try rule.follow(change, &consequences, snapshot) }
    }
}

extension Directory {
    /// How rules regard a client's change.
    func stance(_ identity: Identity, isRelaxed: Bool = false) -> RuleStance {
        RuleStance(passesRules: identity == .root && isRelaxed, isByMailSystem: view(of: identity) == .stored)
    }
}
