import BER

/// The layer over the schema files: what was defined while the directory was in use.
extension Schema {
    /// What such definitions are said to come from.
    static let runtimeSource = "cn=Subschema"

    /// What was defined while the directory was in use, in the order it came.
    public var runtimeDefinitions: [RuntimeDefinition] { tables.runtimeDefinitions }

    /// Whether two are the same, not just alike.
    public func isIdentical(to other: Schema) -> Bool { tables === other.tables }

    /// Reads a definition (RFC 4512 section 4.1) as a value of `cn=subschema`; macros of the files' are known.
    /// - Throws: for text that is none.
    public func definition(_ kind: DefinitionKind, _ text: [UInt8]) throws(SchemaError) -> RuntimeDefinition {
        try tables.files.runtimeDefinition(kind, text)
    }

    /// Where a file defines what a definition defines, and whether both say the same; nil: no file does.
    public func fileDefinition(of definition: RuntimeDefinition) -> (place: String, agrees: Bool)? {
        tables.fileDefinition(of: definition)
    }

    /// The definitions of one kind that files make.
    public func fileDefinitions(_ kind: DefinitionKind) -> [RuntimeDefinition] {
        tables.fileDefinitions(kind)
    }

    /// The schema with other definitions beside those of the files. Every id of this schema means in the new one what it means here: what
    /// is gone leaves its place empty (``AttributeType/isRemoved``), what is defined anew under its OID takes it again.
    ///
    /// A definition that a file makes too, and alike, is left out.
    /// - Throws: as for a schema that is loaded.
    public func replacing(runtimeDefinitions definitions: [RuntimeDefinition]) throws(SchemaError) -> Schema {
        var loader = tables.files
        let kept = try loader.add(definitions, after: tables)
        return Schema(tables: try loader.finish(files: tables.files, fileCounts: tables.fileCounts, runtimeDefinitions: kept))
    }
}

extension SchemaLoader {
    static func directive(_ kind: DefinitionKind, _ text: [UInt8]) -> SchemaDirective {
        SchemaDirective(kind: kind.directive, body: text, lines: [(0, 0)])
    }

    func runtimeDefinition(_ kind: DefinitionKind, _ text: [UInt8]) throws(SchemaError) -> RuntimeDefinition {
        var parser = DefinitionParser(Self.directive(kind, text), source: Schema.runtimeSource)
        switch kind {
        case .attributeType:
            var type = try parser.attributeType()
            type.oid = try numbered(type.oid, parser)
            if let syntax = type.syntax { type.syntax = numericOID(syntax) ?? syntax }
            return RuntimeDefinition(kind: kind, identifier: type.oid, name: type.names.first ?? type.oid, text: type.published)
        case .objectClass:
            var objectClass = try parser.objectClass()
            objectClass.oid = try numbered(objectClass.oid, parser)
            return RuntimeDefinition(
                kind: kind, identifier: objectClass.oid, name: objectClass.names.first ?? objectClass.oid, text: objectClass.published)
        case .contentRule:
            var rule = try parser.contentRule()
            rule.oid = try numbered(rule.oid, parser)
            return RuntimeDefinition(kind: kind, identifier: rule.oid, name: rule.names.first ?? rule.oid, text: rule.published)
        case .nameForm:
            var form = try parser.nameForm()
            form.oid = try numbered(form.oid, parser)
            return RuntimeDefinition(kind: kind, identifier: form.oid, name: form.names.first ?? form.oid, text: form.published)
        case .structureRule:
            let rule = try parser.structureRule()
            return RuntimeDefinition(kind: kind, identifier: String(rule.id), name: rule.names.first ?? String(rule.id), text: rule.published)
        }
    }

    private func numbered(_ oid: String, _ parser: borrowing DefinitionParser) throws(SchemaError) -> String {
        guard let numeric = numericOID(oid) else { throw parser.failure("\"\(oid)\" is neither an OID nor a known macro") }
        return numeric
    }

    /// Adds definitions to those of the files, so that everything keeps the place that it has in a schema.
    /// - Returns: those that no file makes as well.
    mutating func add(_ definitions: [RuntimeDefinition], after previous: Schema.Tables) throws(SchemaError) -> [RuntimeDefinition] {
        var kept: [RuntimeDefinition] = []
        var types: [String: Placed<AttributeTypeDefinition>] = [:]
        var classes: [String: Placed<ObjectClassDefinition>] = [:]
        var order: (types: [String], classes: [String]) = ([], [])
        let source = Schema.runtimeSource
        for definition in definitions {
            if let file = previous.fileDefinition(of: definition) {
                if file.agrees { continue }
                throw SchemaError(
                    source: source, line: 0, definition: definition.name,
                    reason: "\(definition.text) is defined differently at \(file.place)")
            }
            let text = Array(definition.text.utf8)
            var parser = DefinitionParser(Self.directive(definition.kind, text), source: source)
            switch definition.kind {
            case .attributeType:
                let placed = Placed(definition: try parser.attributeType(), source: source, line: 0)
                guard types.updateValue(placed, forKey: definition.identifier) == nil else { throw Self.repeated(definition) }
                order.types.append(definition.identifier)
            case .objectClass:
                let placed = Placed(definition: try parser.objectClass(), source: source, line: 0)
                guard classes.updateValue(placed, forKey: definition.identifier) == nil else { throw Self.repeated(definition) }
                order.classes.append(definition.identifier)
            case .contentRule: contentRules.append(Placed(definition: try parser.contentRule(), source: source, line: 0))
            case .nameForm: nameForms.append(Placed(definition: try parser.nameForm(), source: source, line: 0))
            case .structureRule: structureRules.append(Placed(definition: try parser.structureRule(), source: source, line: 0))
            }
            kept.append(definition)
        }
        for type in previous.attributeTypes[previous.fileCounts.types...] {
            if let placed = types.removeValue(forKey: type.oid) {
                attributeTypes.append(placed)
                continue
            }
            var removed = type
            removed.isRemoved = true
            removedTypes.append(removed)
            attributeTypes.append(Placed(definition: AttributeTypeDefinition(), source: source, line: 0, isRemoved: true))
        }
        for objectClass in previous.objectClasses[previous.fileCounts.classes...] {
            if let placed = classes.removeValue(forKey: objectClass.oid) {
                objectClasses.append(placed)
                continue
            }
            var removed = objectClass
            removed.isRemoved = true
            removedClasses.append((removed, previous.superiors[Int(objectClass.id.rawValue)]))
            objectClasses.append(Placed(definition: ObjectClassDefinition(), source: source, line: 0, isRemoved: true))
        }
        for oid in order.types { if let placed = types[oid] { attributeTypes.append(placed) } }
        for oid in order.classes { if let placed = classes[oid] { objectClasses.append(placed) } }
        return kept
    }

    private static func repeated(_ definition: RuntimeDefinition) -> SchemaError {
        SchemaError(source: Schema.runtimeSource, line: 0, definition: definition.name, reason: "\(definition.identifier) is defined twice")
    }
}

extension Schema.Tables {
    /// What the files define of one kind.
    func fileDefinitions(_ kind: DefinitionKind) -> [RuntimeDefinition] {
        switch kind {
        case .attributeType:
            attributeTypes[..<fileCounts.types].map { RuntimeDefinition(kind: kind, identifier: $0.oid, name: $0.name, text: $0.definition) }
        case .objectClass:
            objectClasses[..<fileCounts.classes].map { RuntimeDefinition(kind: kind, identifier: $0.oid, name: $0.name, text: $0.definition) }
        case .contentRule: files.contentRules.map { made(kind, $0.definition.oid, $0.definition.names, $0.definition.published) }
        case .nameForm: files.nameForms.map { made(kind, $0.definition.oid, $0.definition.names, $0.definition.published) }
        case .structureRule:
            files.structureRules.map { made(kind, String($0.definition.id), $0.definition.names, $0.definition.published) }
        }
    }

    private func made(_ kind: DefinitionKind, _ oid: String, _ names: [String], _ text: String) -> RuntimeDefinition {
        let identifier = files.numericOID(oid) ?? oid
        return RuntimeDefinition(kind: kind, identifier: identifier, name: names.first ?? identifier, text: text)
    }

    /// Where a file defines what another definition defines, and whether it does so alike.
    func fileDefinition(of definition: RuntimeDefinition) -> (place: String, agrees: Bool)? {
        let oid = Array(definition.identifier.utf8)
        var parser = DefinitionParser(SchemaLoader.directive(definition.kind, Array(definition.text.utf8)), source: Schema.runtimeSource)
        switch definition.kind {
        case .attributeType:
            guard let id = attributeNames.value(of: oid.rawSpan), id < fileCounts.types else { return nil }
            let declared = attributeTypes[Int(id)].text.declared
            let place = files.attributeTypes.first { files.numericOID($0.definition.oid) == declared.oid }?.place
            return (place ?? "", (try? parser.attributeType()).map { declared.agrees(with: $0) } ?? false)
        case .objectClass:
            guard let id = objectClassNames.value(of: oid.rawSpan), id < fileCounts.classes else { return nil }
            let declared = objectClasses[Int(id)].declared
            let place = files.objectClasses.first { files.numericOID($0.definition.oid) == declared.oid }?.place
            return (place ?? "", (try? parser.objectClass()).map { declared.agrees(with: $0) } ?? false)
        case .contentRule:
            guard let placed = files.contentRules.first(where: { files.numericOID($0.definition.oid) == definition.identifier }) else { return nil }
            return (placed.place, placed.definition.published == definition.text)
        case .nameForm:
            guard let placed = files.nameForms.first(where: { files.numericOID($0.definition.oid) == definition.identifier }) else { return nil }
            return (placed.place, placed.definition.published == definition.text)
        case .structureRule:
            guard let placed = files.structureRules.first(where: { String($0.definition.id) == definition.identifier }) else { return nil }
            return (placed.place, placed.definition.published == definition.text)
        }
    }
}
