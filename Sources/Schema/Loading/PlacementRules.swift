/// The content rules, name forms and structure rules of a schema, put together with its classes and attribute types.
struct PlacementRules: Sendable {
    var contentRules: [ContentRule] = []
    var nameForms: [NameForm] = []
    var structureRules: [StructureRule] = []
}

extension SchemaLoader {
    /// How many rules of one kind there may be.
    private static var maximumRules: Int { 4096 }

    /// - Throws: for references that lead nowhere, or to what they must not; and for what is defined twice.
    func placementRules(
        _ classes: [ObjectClass], _ classNames: NameTable, _ attributeNames: NameTable
    ) throws(SchemaError) -> PlacementRules {
        var rules = PlacementRules()
        func structural(_ reference: String, _ fail: (String) -> SchemaError) throws(SchemaError) -> ObjectClassID {
            guard let id = find(reference, in: classNames) else { throw fail("class \(reference) is not defined") }
            guard classes[Int(id)].kind == .structural else { throw fail("class \(reference) is not structural") }
            return ObjectClassID(rawValue: id)
        }
        func attributes(_ list: [String], _ fail: (String) -> SchemaError) throws(SchemaError) -> [AttributeTypeID] {
            var ids: [AttributeTypeID] = []
            for name in list {
                guard let id = find(name, in: attributeNames) else { throw fail("\(name): no such attribute type") }
                ids.append(AttributeTypeID(rawValue: id))
            }
            return ids
        }
        for placed in contentRules {
            let declared = placed.definition
            let fail: (String) -> SchemaError = { placed.failure(declared.names.first ?? declared.oid, $0) }
            let id = try structural(declared.oid, fail)
            var auxiliaries: [ObjectClassID] = []
            for name in declared.auxiliaries {
                guard let auxiliary = find(name, in: classNames) else { throw fail("AUX \(name) is not defined") }
                guard classes[Int(auxiliary)].kind == .auxiliary else { throw fail("AUX \(name) is not auxiliary") }
                auxiliaries.append(ObjectClassID(rawValue: auxiliary))
            }
            let rule = ContentRule(
                structuralClass: id, isObsolete: declared.isObsolete, auxiliaries: auxiliaries, must: try attributes(declared.must, fail),
                may: try attributes(declared.may, fail), not: try attributes(declared.not, fail), declared: declared)
            if let type = rule.not.first(where: { classes[Int(id.rawValue)].requires($0) }) {
                throw fail("NOT names attribute type \(type.rawValue), which the class demands")
            }
            if rules.contentRules.contains(where: { $0.structuralClass == id }) { throw fail("the class has a content rule already") }
            guard rules.contentRules.count < Self.maximumRules else { throw fail("too many content rules") }
            rules.contentRules.append(rule)
        }
        for placed in nameForms {
            let declared = placed.definition
            let fail: (String) -> SchemaError = { placed.failure(declared.names.first ?? declared.oid, $0) }
            guard Self.isNumericOID(declared.oid) || find(declared.oid, in: classNames) == nil else { throw fail("is not an OID") }
            guard !declared.must.isEmpty else { throw fail("has no MUST") }
            let form = NameForm(
                objectClass: try structural(declared.objectClass, fail), isObsolete: declared.isObsolete,
                must: try attributes(declared.must, fail), may: try attributes(declared.may, fail), declared: declared)
            let taken = rules.nameForms.contains { other in
                other.declared.oid == declared.oid
                    || other.declared.names.contains { name in declared.names.contains { $0.lowercased() == name.lowercased() } }
            }
            if taken { throw fail("its name or OID is that of another name form") }
            guard rules.nameForms.count < Self.maximumRules else { throw fail("too many name forms") }
            rules.nameForms.append(form)
        }
        for placed in structureRules {
            let declared = placed.definition
            let fail: (String) -> SchemaError = { placed.failure(declared.names.first ?? String(declared.id), $0) }
            let form = rules.nameForms.firstIndex { form in
                form.declared.oid == declared.form || form.declared.names.contains { $0.lowercased() == declared.form.lowercased() }
            }
            guard let form else { throw fail("FORM \(declared.form) is not defined") }
            if rules.structureRules.contains(where: { $0.id == declared.id }) { throw fail("the number \(declared.id) is that of another rule") }
            guard rules.structureRules.count < Self.maximumRules else { throw fail("too many structure rules") }
            rules.structureRules.append(
                StructureRule(
                    id: declared.id, form: form, isObsolete: declared.isObsolete, superiors: declared.superiors, declared: declared))
        }
        for placed in structureRules {
            for superior in placed.definition.superiors where !rules.structureRules.contains(where: { $0.id == superior }) {
                throw placed.failure(placed.definition.names.first ?? String(placed.definition.id), "SUP \(superior) is not defined")
            }
        }
        return rules
    }
}
