import BER
import LDAP
import Schema

/// One change of a request to modify the subschema subentry (RFC 4512 section 4.2), checked as far as the request alone allows.
struct SchemaModification: Sendable {
    let operation: ModifyRequest.Operation
    let kind: DefinitionKind
    /// By the rules of the attributes, definitions are equal whose OIDs (or numbers) are.
    let definitions: [RuntimeDefinition]

    /// - Throws: `undefinedAttributeType`; `unwillingToPerform` and `constraintViolation` for attributes that cannot be changed;
    ///   `invalidAttributeSyntax` for values that are no definitions.
    init(_ change: ModifyRequest.Change, _ checker: EntryChecker) throws(LDAPError) {
        let description = try checker.description(change.attribute.description.rawSpan)
        let schema = checker.schema
        let type = schema[description.type]
        guard description.options.isEmpty,
            let kind = DefinitionKind.allCases.first(where: { schema.attributeType(named: $0.attribute) == description.type })
        else {
            if !type.isUserModifiable { throw LDAPError(.constraintViolation, "\(type.name): no user modification allowed") }
            let what =
                ["matchingRules", "matchingRuleUse", "ldapSyntaxes"].contains(type.name)
                ? "what the server can compare and read is built in"
                : "of the subschema subentry only \(DefinitionKind.allCases.map(\.attribute).joined(separator: ", ")) can be changed"
            throw LDAPError(.unwillingToPerform, "\(type.name): \(what)")
        }
        guard change.operation != .increment else {
            throw LDAPError(.constraintViolation, "modify/increment: \(type.name): definitions are no numbers")
        }
        var definitions: [RuntimeDefinition] = []
        for (number, value) in change.attribute.values.enumerated() {
            let definition: RuntimeDefinition
            do { definition = try schema.definition(kind, value) } catch {
                throw LDAPError(
                    .invalidAttributeSyntax,
                    "\(type.name): value #\(number): \(error.definition.isEmpty ? "" : error.definition + ": ")\(error.reason)")
            }
            if let first = definitions.firstIndex(where: { $0.identifier == definition.identifier }) {
                throw LDAPError(.attributeOrValueExists, "\(type.name): values #\(first) and #\(number) both define \(definition.identifier)")
            }
            definitions.append(definition)
        }
        if definitions.isEmpty, change.operation == .add {
            throw LDAPError(.protocolError, "modify/add: \(type.name): no values given")
        }
        operation = change.operation
        self.kind = kind
        self.definitions = definitions
    }

    /// Makes the change.
    /// - Parameters:
    ///   - list: what is defined beside the files.
    ///   - permissive: definitions to be added that are there alike, and definitions to be deleted that are not there, are passed over.
    /// - Throws: `attributeOrValueExists`, `noSuchAttribute`; `unwillingToPerform` for what is defined in a file.
    func apply(to list: inout [RuntimeDefinition], _ schema: Schema, permissive: Bool) throws(LDAPError) {
        switch operation {
        case .add:
            for definition in definitions {
                if let file = schema.fileDefinition(of: definition) {
                    if permissive, file.agrees { continue }
                    throw LDAPError(
                        .attributeOrValueExists, "modify/add: \(kind.attribute): \(definition.identifier) is defined at \(file.place)")
                }
                if let place = place(of: definition, list) {
                    if permissive, list[place].text == definition.text { continue }
                    throw LDAPError(
                        .attributeOrValueExists, "modify/add: \(kind.attribute): \(definition.identifier) is defined: \(list[place].text)")
                }
                list.append(definition)
            }
        case .delete where definitions.isEmpty:
            if let file = schema.fileDefinitions(kind).first { throw Self.ofFile(file, schema) }
            let count = list.count
            list.removeAll { $0.kind == kind }
            if list.count == count, !permissive { throw LDAPError(.noSuchAttribute, "modify/delete: \(kind.attribute): no such attribute") }
        case .delete:
            for definition in definitions {
                if let place = place(of: definition, list) {
                    list.remove(at: place)
                    continue
                }
                if schema.fileDefinition(of: definition) != nil { throw Self.ofFile(definition, schema) }
                if !permissive {
                    throw LDAPError(.noSuchAttribute, "modify/delete: \(kind.attribute): \(definition.identifier) is not defined")
                }
            }
        case .replace:
            // What files define stays, so the new values must name all of it.
            let given = Set(definitions.map(\.identifier))
            if let missing = schema.fileDefinitions(kind).first(where: { !given.contains($0.identifier) }) {
                throw Self.ofFile(missing, schema)
            }
            list.removeAll { $0.kind == kind }
            for definition in definitions {
                if let file = schema.fileDefinition(of: definition) {
                    guard file.agrees else { throw Self.ofFile(definition, schema) }
                } else {
                    list.append(definition)
                }
            }
        case .increment: break
        }
    }

    private func place(of definition: RuntimeDefinition, _ list: [RuntimeDefinition]) -> Int? {
        list.firstIndex { $0.kind == kind && $0.identifier == definition.identifier }
    }

    private static func ofFile(_ definition: RuntimeDefinition, _ schema: Schema) -> LDAPError {
        let place = schema.fileDefinition(of: definition)?.place ?? "a schema file"
        return LDAPError(
            .unwillingToPerform, "\(definition.kind.attribute): \(definition.name) (\(definition.identifier)) is defined at \(place): change it there")
    }
}
