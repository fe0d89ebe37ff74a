import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// What one combination of object classes demands of entries and allows them (RFC 4512 section 2.4). Made once per combination.
final class ClassRules: Sendable {
    /// The structural class that is derived from all others (RFC 4512 section 2.4.2).
    let structural: ObjectClassID
    /// Name of ``structural``: the value of `structuralObjectClass`.
    let structuralName: [UInt8]
    let flags: EntryRecord.Flags
    private let allowed: TypeSet
    private let required: [(type: AttributeTypeID, by: ObjectClassID)]
    /// RFC 4512 section 4.1.6.
    private let contentRule: ContentRule?
    private let forbidden: [AttributeTypeID]
    /// The forms that names of such entries may have (RFC 4512 section 4.1.7.2): places in ``Schema/nameForms``. None: any.
    let nameForms: [Int]

    /// - Parameter classes: as listed in an entry; their superiors need not be listed.
    /// - Throws: `objectClassViolation` for a combination that no entry may have.
    init(_ classes: [ObjectClassID], schema: Schema, known: KnownTypes) throws(LDAPError) {
        var structural: ObjectClassID?
        for id in classes where schema[id].kind == .structural {
            guard let current = structural, !schema.isSubclass(current, of: id) else {
                structural = structural ?? id
                continue
            }
            guard schema.isSubclass(id, of: current) else {
                throw LDAPError(
                    .objectClassViolation, "invalid structural object class chain (\(schema[current].name)/\(schema[id].name))")
            }
            structural = id
        }
        guard let structural else { throw LDAPError(.objectClassViolation, "no structural object class provided") }
        self.structural = structural
        structuralName = Array(schema[structural].name.utf8)

        var allowed = TypeSet(count: schema.attributeTypes.count)
        allowed.insert(known.objectClass)
        // Operational attributes need no class; extensibleObject allows everything (RFC 4512 section 4.3).
        let allowsEverything = classes.contains { schema.isSubclass($0, of: known.extensibleObject) }
        for type in schema.attributeTypes where allowsEverything || type.isOperational { allowed.insert(type.id) }
        var required: [(AttributeTypeID, ObjectClassID)] = []
        var flags: EntryRecord.Flags = []
        for id in classes {
            let objectClass = schema[id]
            if objectClass.isObsolete { throw LDAPError(.objectClassViolation, "objectClass '\(objectClass.name)' is OBSOLETE") }
            if objectClass.kind == .abstract {
                guard id == known.top || classes.contains(where: { schema[$0].kind != .abstract && schema.isSubclass($0, of: id) }) else {
                    throw LDAPError(.objectClassViolation, "instantiation of abstract objectClass '\(objectClass.name)' not allowed")
                }
            }
            for type in objectClass.allMay { allowed.insert(type) }
            for type in objectClass.allMust {
                allowed.insert(type)
                required.append((type, id))
            }
            if schema.isSubclass(id, of: known.alias) { flags.insert(.alias) }
            if schema.isSubclass(id, of: known.referral) { flags.insert(.referral) }
            if schema.isSubclass(id, of: known.subentry) { flags.insert(.subentry) }
        }
        var forbidden: [AttributeTypeID] = []
        contentRule = schema.contentRules.first { $0.structuralClass == structural && !$0.isObsolete }
        if let rule = contentRule {
            for id in classes where schema[id].kind == .auxiliary && !rule.auxiliaries.contains(id) {
                throw LDAPError(.objectClassViolation, "class '\(schema[id].name)' not allowed by content rule '\(rule.name)'")
            }
            for type in rule.may { allowed.insert(type) }
            for type in rule.must { allowed.insert(type) }
            forbidden = rule.not
        }
        nameForms = schema.nameForms.indices.filter { schema.nameForms[$0].objectClass == structural && !schema.nameForms[$0].isObsolete }
        self.allowed = allowed
        self.required = required
        self.forbidden = forbidden
        self.flags = flags
    }

    /// Checks which types an entry has.
    /// - Throws: `objectClassViolation`.
    func check(_ present: TypeSet, _ schema: Schema) throws(LDAPError) {
        for (type, by) in required where !present.contains(type) {
            throw LDAPError(.objectClassViolation, "object class '\(schema[by].name)' requires attribute '\(schema[type].name)'")
        }
        if let contentRule {
            for type in contentRule.must where !present.contains(type) {
                throw LDAPError(.objectClassViolation, "content rule '\(contentRule.name)' requires attribute '\(schema[type].name)'")
            }
            for type in forbidden where present.contains(type) {
                throw LDAPError(.objectClassViolation, "content rule '\(contentRule.name)' precluded attribute '\(schema[type].name)'")
            }
        }
        if let type = present.first(notIn: allowed) {
            throw LDAPError(.objectClassViolation, "attribute '\(schema[type].name)' not allowed")
        }
    }
}

/// The rules of all combinations met so far. A directory has a few dozen; more than ``limit`` are forgotten again.
final class ClassRulesCache: Sendable {
    private let rules = Mutex<[[ObjectClassID]: ClassRules]>([:])
    private static let limit = 1024

    func rules(_ classes: [ObjectClassID], schema: Schema, known: KnownTypes) throws(LDAPError) -> ClassRules {
        if let found = rules.withLock({ $0[classes] }) { return found }
        let made = try ClassRules(classes, schema: schema, known: known)
        rules.withLock {
            if $0.count >= Self.limit { $0.removeAll() }
            $0[classes] = made
        }
        return made
    }
}
