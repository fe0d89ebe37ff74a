import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// RFC 4511 section 4.7: checks what the request alone tells.
    func prepareAdd(
        _ request: AddRequest, messageID: Int, controls: [Control], for requester: Requester, observed: @escaping @Sendable (WriteAnswer) -> Void
    ) throws(LDAPError) -> PendingWrite {
        let addition = try Addition(request, controls, requester, self)
        return PendingWrite(messageID: messageID, tag: OperationTag.addResponse, controls: addition.controls, observed: observed) { transaction throws(LDAPError) in
            try addition.run(self, &transaction)
        }
    }
}

/// An entry to be added.
private struct Addition: Sendable {
    struct Attribute: Sendable {
        let description: EntryChecker.Description
        var values: [[UInt8]]
    }

    let target: WriteTarget
    let rdn: RelativeDistinguishedName
    /// As spelled.
    let rdnText: [UInt8]
    let canonicalRDN: [UInt8]
    let attributes: [Attribute]
    /// Canonical values of types that must be unique.
    let unique: [(AttributeTypeID, CanonicalValues)]
    /// What the schema says of the whole: told only after uniqueness, as slapd does.
    let rules: Result<ClassRules, LDAPError>
    let controls: WriteControls
    let access: AccessControl
    let stance: RuleStance
    let creator: [UInt8]

    init(_ request: AddRequest, _ controls: [Control], _ requester: Requester, _ directory: Directory) throws(LDAPError) {
        let schema = directory.schema
        let checker = directory.checker
        target = try WriteTarget(request.entry, schema)
        access = AccessControl(requester, directory)
        try access.demandBound()
        self.controls = try WriteControls(decoding: controls, for: .add)
        stance = directory.stance(requester.identity, isRelaxed: self.controls.isRelaxed)
        creator = directory.nameForRecords(requester.identity)
        guard let rdn = target.name.rdns.first else { throw LDAPError(.entryAlreadyExists, "root DSE already exists") }
        if directory.pseudo.isSubschema(target.canonical) {
            throw LDAPError(.entryAlreadyExists, "subschema subentry already exists")
        }
        if target.canonical == directory.rootName {
            throw LDAPError(.entryAlreadyExists, "the name is that of the root identity")
        }
        self.rdn = rdn
        rdnText = try directory.rdnText(rdn)
        canonicalRDN = try target.canonicalRDN(schema)

        var attributes: [Attribute] = []
        var places: [EntryChecker.Description: Int] = [:]
        var unique: [(AttributeTypeID, CanonicalValues)] = []
        attributes.reserveCapacity(request.attributes.count)
        for attribute in request.attributes {
            let description = try checker.description(attribute.description.rawSpan)
            let type = schema[description.type]
            if !self.controls.isRelaxed { try checker.checkCurrent(type, name: attribute.description) }
            let canonical = try checker.canonicalValues(attribute.values, of: type, name: attribute.description)
            try checker.checkCount(attribute.values.count, type, name: attribute.description)
            try checker.checkDuplicates(canonical, name: attribute.description)
            guard places.updateValue(attributes.count, forKey: description) == nil else {
                throw LDAPError(
                    .attributeOrValueExists,
                    "attribute '\(String(decoding: attribute.description, as: UTF8.self))' provided more than once")
            }
            attributes.append(Attribute(description: description, values: checker.storedValues(attribute.values, of: type.id)))
            if directory.uniqueTypes.contains(type.id) { unique.append((type.id, canonical)) }
        }
        // A pass of its own, as in slapd: what is wrong with values is told first.
        for (attribute, given) in zip(attributes, request.attributes) {
            try checker.checkModifiable(
                schema[attribute.description.type], relaxed: self.controls.isRelaxed, name: given.description)
        }
        // slapd adds naming values that the request leaves out.
        var scratch: [UInt8] = []
        for naming in try checker.namingValues(rdn) {
            guard let rule = schema[naming.type].equality else { continue }
            if directory.uniqueTypes.contains(naming.type) {
                var canonical = CanonicalValues()
                canonical.append(canonical: naming.canonical.rawSpan)
                unique.append((naming.type, canonical))
            }
            if let place = places[EntryChecker.Description(type: naming.type, options: [])] {
                if checker.contains(attributes[place].values, naming.canonical, by: rule, &scratch) { continue }
                attributes[place].values.append(naming.value)
            } else {
                attributes.append(Attribute(description: .init(type: naming.type, options: []), values: [naming.value]))
            }
        }
        self.unique = unique
        rules = Result { () throws(LDAPError) in try Self.classRules(attributes, directory) }
        self.attributes = attributes
    }

    private static func classRules(_ attributes: [Attribute], _ directory: Directory) throws(LDAPError) -> ClassRules {
        let schema = directory.schema
        var present = TypeSet(count: schema.attributeTypes.count)
        var classes: [[UInt8]] = []
        for attribute in attributes {
            let description = attribute.description
            try directory.checker.checkSingleValue(attribute.values.count, schema[description.type])
            present.insert(description.type)
            if description.type == directory.known.objectClass, description.options.isEmpty { classes = attribute.values }
        }
        let rules = try directory.checker.classRules(classes)
        try rules.check(present, schema)
        return rules
    }

    func run(_ directory: Directory, _ transaction: inout StoreTransaction) throws(LDAPError) -> WriteAnswer {
        transaction.beginOperation(by: creator)
        let found = try transaction.snapshot.resolve(canonical: target.canonical)
        if try access.allows(.disclose, access.entry, of: found.id, transaction.snapshot) {
            try directory.demandNoBranch(found, target.name, transaction.snapshot)
        }
        // Before rights are asked for, as in slapd; but what exists is told only to those who may add here, or know it.
        let mayAdd = try access.mayBe(.add, [access.children], at: parent(found, transaction.snapshot, directory), transaction.snapshot)
        if mayAdd {
            for (type, values) in unique {
                try directory.checkUnique(type, values, otherThan: found.isComplete ? found.id : nil, transaction.snapshot)
            }
        }
        let rules = try rules.get()
        if found.isComplete {
            let isKnown = try access.allows(.disclose, access.entry, of: found.id, transaction.snapshot)
            if mayAdd || isKnown { throw LDAPError(.entryAlreadyExists, "") }
        }
        let above = try parent(found, transaction.snapshot, directory)
        if !controls.manageDsaIT, try access.allows(.disclose, access.entry, of: above.id, transaction.snapshot),
            let referral = try directory.referral(at: found, target.name, transaction.snapshot)
        {
            return referral
        }
        guard above.depth == target.name.rdns.count - 1 else {
            throw try access.missing(below: above.id, transaction.snapshot)
        }
        try access.demand(.add, access.children, of: above.id, "parent", transaction.snapshot)
        if let parent = try directory.record(above.id, transaction.snapshot) {
            if parent.flags.contains(.alias) { throw LDAPError(.aliasProblem, "parent is an alias") }
            if parent.flags.contains(.subentry) { throw LDAPError(.objectClassViolation, "parent is a subentry") }
        }

        let checker = directory.checker
        var entry = Entry()
        for attribute in attributes {
            let description = attribute.description
            let id = try stored { () throws(EntryStoreError) in
                try transaction.attributeID(description.type, options: description.options)
            }
            entry[id] = attribute.values
        }
        try checker.addOperationalAttributes(
            to: &entry, creator: creator, moment: ChangeClock.shared.next(), table: transaction.catalogue.table)
        if controls.assertion != nil || !access.subject.isRoot {
            // Rules, and assertions (RFC 4528 section 3), are about the entry to be.
            let record = entry.record(parent: above.id, rdn: rdnText, flags: rules.flags)
            if let record = EntryRecord(record.rawSpan) {
                guard access.allows(.add, access.entry, .unborn, record, transaction.snapshot) else {
                    throw LDAPError(.insufficientAccessRights, "no write access to entry")
                }
                if controls.isRelaxed, !access.allows(.manage, access.entry, .unborn, record, transaction.snapshot) {
                    throw AccessControl.noManagement
                }
                try access.demandContent(attributes.map { ($0.description.type, $0.values) }, .unborn, record, transaction.snapshot)
                try directory.checkAssertion(controls, .unborn, record, access, transaction.snapshot)
            }
        }
        try directory.checkPlacement(rules, rdn, below: above.id, transaction.snapshot)
        var consequences = Consequences()
        if !stance.passesRules {
            var change = RuledChange(
                .add, after: entry, parent: above.id, named: attributes.map(\.description.type), by: stance, transaction.catalogue.table)
            try directory.writeRules.settle(&change, &consequences, transaction.snapshot)
            try directory.completePlan(&consequences, transaction.snapshot)
            entry = change.after ?? entry
        }
        let id = try stored { () throws(EntryStoreError) in
            try transaction.add(entry, parent: above.id, rdn: rdnText, canonicalRDN: canonicalRDN, flags: rules.flags)
        }
        try directory.carryOut(consequences, modifier: creator, &transaction)
        var answer = WriteAnswer()
        if let control = try directory.readEntry(controls.postRead, oid: PostRead.oid, id, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        return answer
    }

    /// The entry that the new one is to stand below, or the nearest one above that exists.
    private func parent(
        _ found: Snapshot.Resolution, _ snapshot: borrowing Snapshot, _ directory: Directory
    ) throws(LDAPError) -> Snapshot.Resolution {
        guard found.isComplete else { return found }
        let parent = try directory.record(found.id, snapshot)?.parent ?? .root
        return Snapshot.Resolution(id: parent, depth: found.depth - 1, isComplete: true)
    }
}
