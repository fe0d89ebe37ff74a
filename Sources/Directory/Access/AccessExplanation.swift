import BER
import EntryStore
public import LDAP
import Schema

/// Why somebody may do what they may with an attribute of an entry: the rules that were asked, in order, and what came of each.
public struct AccessExplanation: Sendable {
    /// A rule about the attribute and the entry.
    public struct Step: Sendable, Hashable {
        /// From 1.
        public let rule: Int
        /// Where it was read: a file and line, or a setting.
        public let place: String
        /// What follows `to`.
        public let target: String
        /// What follows `by` in the clause that was applied; nil: no clause is for this client, and nothing is allowed.
        public let clause: String?
        /// `stop`, `continue` or `break`.
        public let control: String
        /// What is allowed after it.
        public let privileges: AccessPrivileges
    }

    /// The attribute's name; `entry` and `children` are the pseudo attributes.
    public let attribute: String
    public let steps: [Step]
    /// What entries grant beside the rules, and why, in words.
    public let granted: AccessPrivileges
    public let reasons: [String]
    /// All that is allowed.
    public let privileges: AccessPrivileges
    /// Whether rules about certain values could decide otherwise for a value.
    public let dependsOnValue: Bool
}

/// For whom access is explained.
public struct AccessClient: Sendable {
    /// Name of an entry or of the root identity; nil: anonymous.
    public var name: String?
    /// As the log shows it: `IP=192.0.2.1:4711`.
    public var peer = ""
    /// Where its connection was accepted.
    public var listener = ListenerFacts()
    /// Strength of the connection's encryption.
    public var strength = 0

    public init(name: String?) { self.name = name }
}

extension Directory {
    /// Explains what a client may do with an entry.
    /// - Parameters:
    ///   - attribute: nil: all attributes that the entry has, and the pseudo attributes.
    ///   - value: the value of the attribute in question; nil: the attribute as such.
    /// - Throws: `noSuchObject`, `undefinedAttributeType`, `invalidDNSyntax`; of a name, which it is in the message.
    public func explainAccess(
        _ client: AccessClient, entry name: String, attribute: String? = nil, value: String? = nil
    ) throws(LDAPError) -> [AccessExplanation] {
        let snapshot = try stored { () throws(EntryStoreError) in try store.snapshot() }
        let protection: Protection = client.strength > 0 ? .tls(TLSFacts(version: "", cipher: "", strength: client.strength)) : .none
        let subject = AccessSubject(
            try identity(named: client.name, snapshot), AccessOrigin(peer: client.peer, listener: client.listener, protection), self)
        let found = try snapshot.resolve(DistinguishedName(name))
        guard found.isComplete else { throw LDAPError(.noSuchObject, "there is no entry \(name)") }
        let empty = AccessControl.emptyRecord
        if found.id == .root {
            guard let record = EntryRecord(empty.rawSpan) else { throw LDAPError(.other, "no record") }
            return try explain(subject, found.id, record, attribute, value, snapshot)
        }
        guard let record = try record(found.id, snapshot) else { throw LDAPError(.noSuchObject, "there is no entry \(name)") }
        return try explain(subject, found.id, record, attribute, value, snapshot)
    }

    /// The identity that a bind as an entry gives.
    /// - Parameter name: nil or empty: anonymous.
    /// - Throws: `invalidDNSyntax`, `noSuchObject`.
    func identity(named name: String?, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Identity {
        guard let name, !name.isEmpty else { return .anonymous }
        let parsed = try DistinguishedName(name)
        var canonical: [UInt8] = []
        try schema.normalizeDN(parsed, into: &canonical)
        if canonical == rootName { return .root }
        let found = try snapshot.resolve(parsed)
        guard found.isComplete else { throw LDAPError(.noSuchObject, "there is no entry \(name) to be") }
        let container = try snapshot.resolve(administrators)
        return try stored { () throws(EntryStoreError) in
            let isBelow = container.isComplete ? try snapshot.isInSubtree(found.id, of: container.id) : false
            return .entry(found.id, name: try snapshot.name(of: found.id), isAdministrator: isBelow && found.id != container.id)
        }
    }

    private func explain(
        _ subject: AccessSubject, _ id: EntryID, _ record: borrowing EntryRecord, _ attribute: String?, _ value: String?,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> [AccessExplanation] {
        var data: [(AccessDatum, String, AttributeTypeID?)] = []
        switch attribute?.lowercased() {
        case "entry": data = [(.entry, "entry", nil)]
        case "children": data = [(.children, "children", nil)]
        case .some(let name):
            guard let type = schema.attributeType(named: name) else {
                throw LDAPError(.undefinedAttributeType, "the schema has no attribute type \(name)")
            }
            data = [(AccessDatum(type), schema[type].name, type)]
        case nil:
            data = [(.entry, "entry", nil), (.children, "children", nil)]
            for index in 0..<record.attributeCount {
                guard let type = snapshot.catalogue.table.type(of: record.attributeID(at: index)) else { continue }
                if !data.contains(where: { $0.2 == type }) { data.append((AccessDatum(type), schema[type].name, type)) }
            }
        }
        if subject.isRoot {
            return data.map {
                AccessExplanation(
                    attribute: $0.1, steps: [], granted: .all, reasons: ["\(settings.rootName) is above all rules"], privileges: .all,
                    dependsOnValue: false)
            }
        }
        let standing = subject.standing(self, snapshot)
        var tests = AccessTests()
        let conditions = tests.holding(accessRules.entryTests, id, record, subject, self, snapshot)
        let grant = standing.holder?.grant(id, record, snapshot)
        var explanations: [AccessExplanation] = []
        for (datum, name, type) in data {
            var steps: [AccessExplanation.Step] = []
            var allowed: AccessPrivileges = []
            let privileges = accessRules.privileges(
                datum, value: value.map { Array($0.utf8) }, subject: standing.conditions, own: subject.name, entry: conditions
            ) { rule, clause in
                allowed = clause?.grant.apply(to: allowed) ?? []
                steps.append(
                    AccessExplanation.Step(
                        rule: rule.number, place: rule.place, target: rule.target, clause: clause?.text,
                        control: clause?.control.rawValue ?? AccessRule.Control.stop.rawValue, privileges: allowed))
            }
            let granted = grant?[datum] ?? []
            explanations.append(
                AccessExplanation(
                    attribute: name, steps: steps, granted: granted,
                    reasons: granted.isEmpty ? [] : standing.holder?.reasons(type, id, record, snapshot) ?? [],
                    privileges: privileges.union(granted),
                    dependsOnValue: value == nil && accessRules.bounds(datum, subject: standing.conditions).dependsOnValue))
        }
        return explanations
    }
}
