import BER

/// Puts the definitions of all sources together: macros, clashes, superiors, inheritance.
struct SchemaLoader: Sendable {
    /// A definition and where it stands.
    struct Placed<Definition: Sendable>: Sendable {
        var definition: Definition
        let source: String
        let line: Int
        /// Whether it only keeps the place of what was removed.
        var isRemoved = false

        /// For people.
        var place: String { line > 0 ? "\(source):\(line)" : source }

        func failure(_ name: String, _ reason: String) -> SchemaError {
            SchemaError(source: source, line: line, definition: name, reason: reason)
        }
    }

    var attributeTypes: [Placed<AttributeTypeDefinition>] = []
    var objectClasses: [Placed<ObjectClassDefinition>] = []
    private var syntaxes: [Placed<(oid: String, substitute: String?)>] = []
    var contentRules: [Placed<ContentRuleDefinition>] = []
    var nameForms: [Placed<NameFormDefinition>] = []
    var structureRules: [Placed<StructureRuleDefinition>] = []
    private var macros: [String: Placed<String>] = [:]
    /// What was resolved before of definitions that only keep their places.
    var removedTypes: [AttributeType] = []
    var removedClasses: [(objectClass: ObjectClass, superiors: [ObjectClassID])] = []

    /// Ids are 16 bits wide; the last is kept free.
    private static let maximumAttributeTypes = Int(UInt16.max) - 1
    /// Their superiors are kept as a bit matrix: at most two megabytes.
    private static let maximumObjectClasses = 4096
    /// How far anything may be derived.
    private static let maximumDepth = 64

    // MARK: Reading

    mutating func read(_ source: SchemaSource) throws(SchemaError) {
        var file = SchemaFile(source)
        while let directive = try file.next() {
            let line = directive.line(at: 0)
            var parser = DefinitionParser(directive, source: source.name)
            switch directive.kind {
            case .attributeType:
                let type = try parser.attributeType()
                attributeTypes.append(Placed(definition: type, source: source.name, line: line))
            case .objectClass:
                let type = try parser.objectClass()
                objectClasses.append(Placed(definition: type, source: source.name, line: line))
            case .syntax:
                let syntax = try parser.syntax()
                syntaxes.append(Placed(definition: syntax, source: source.name, line: line))
            case .contentRule: contentRules.append(Placed(definition: try parser.contentRule(), source: source.name, line: line))
            case .nameForm: nameForms.append(Placed(definition: try parser.nameForm(), source: source.name, line: line))
            case .structureRule: structureRules.append(Placed(definition: try parser.structureRule(), source: source.name, line: line))
            case .objectIdentifier:
                let (name, oid) = try parser.objectIdentifier()
                let placed = Placed(definition: oid, source: source.name, line: line)
                if let other = macros[name.lowercased()], other.definition != oid {
                    throw placed.failure(name, "already stands for \(other.definition) (\(other.place))")
                }
                macros[name.lowercased()] = placed
            }
        }
    }

    // MARK: OIDs

    /// Dotted decimal (RFC 4512 section 1.4, numericoid).
    static func isNumericOID(_ text: some StringProtocol) -> Bool {
        Array(text.utf8).rawSpan.isNumericOID
    }

    /// Takes a macro (`name` or `name:1.2`) apart until it is dotted decimal; nil when it is neither.
    func numericOID(_ text: String) -> String? {
        var text = text
        var suffix = ""
        // Macros may stand on macros; circles end here.
        for _ in 0..<32 {
            if Self.isNumericOID(text) {
                let whole = text + suffix
                return Self.isNumericOID(whole) && whole.utf8.count <= NameTable.maximumLength ? whole : nil
            }
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { suffix = "." + parts[1] + suffix }
            guard let macro = macros[parts[0].lowercased()] else { return nil }
            text = macro.definition
            guard suffix.utf8.count <= NameTable.maximumLength else { return nil }
        }
        return nil
    }

    /// Finds what a name, OID or macro refers to.
    func find(_ reference: String, in names: NameTable) -> UInt16? {
        if let value = names.value(of: Array(reference.utf8).rawSpan) { return value }
        return numericOID(reference).flatMap { names.value(of: Array($0.utf8).rawSpan) }
    }

    // MARK: Putting together

    /// The schema of the files, without anything else.
    func finish() throws(SchemaError) -> Schema.Tables {
        try finish(files: self, fileCounts: nil, runtimeDefinitions: [])
    }

    /// - Parameters:
    ///   - files: the loader with the files' definitions alone.
    ///   - fileCounts: how many types and classes those are; nil: all.
    func finish(
        files: SchemaLoader, fileCounts: (types: Int, classes: Int)?, runtimeDefinitions: [RuntimeDefinition]
    ) throws(SchemaError) -> Schema.Tables {
        let substitutes = try substitutedSyntaxes()
        let (types, attributeNames) = try distinctAttributeTypes()
        let resolved = try resolve(types, attributeNames, substitutes)
        let (classes, classNames) = try distinctObjectClasses()
        let (objectClasses, superiors) = try resolve(classes, classNames, attributeNames)
        return Schema.Tables(
            attributeTypes: resolved, objectClasses: objectClasses, attributeNames: attributeNames,
            objectClassNames: classNames, superiors: superiors, placement: try placementRules(objectClasses, classNames, attributeNames),
            files: files, fileCounts: fileCounts ?? (resolved.count, objectClasses.count), runtimeDefinitions: runtimeDefinitions)
    }

    /// Syntaxes that files define by `X-SUBST`, by their OID.
    private func substitutedSyntaxes() throws(SchemaError) -> [String: Syntax] {
        var substitutes: [String: Syntax] = [:]
        for placed in syntaxes {
            guard let oid = numericOID(placed.definition.oid) else {
                throw placed.failure(placed.definition.oid, "is not an OID")
            }
            if Syntax.withOID(oid) != nil { continue }
            guard let substitute = placed.definition.substitute, let known = Syntax.withOID(numericOID(substitute) ?? substitute)
            else { throw placed.failure(oid, "syntax is not known, and has no X-SUBST that is") }
            substitutes[oid] = known
        }
        return substitutes
    }

    private func distinctAttributeTypes() throws(SchemaError) -> ([Placed<AttributeTypeDefinition>], NameTable) {
        var distinct: [Placed<AttributeTypeDefinition>] = []
        var names = NameTable()
        for var placed in attributeTypes {
            if placed.isRemoved {
                distinct.append(placed)
                continue
            }
            let label = placed.definition.names.first ?? placed.definition.oid
            guard let oid = numericOID(placed.definition.oid) else {
                throw placed.failure(label, "\"\(placed.definition.oid)\" is neither an OID nor a known macro")
            }
            placed.definition.oid = oid
            if let syntax = placed.definition.syntax { placed.definition.syntax = numericOID(syntax) ?? syntax }
            if let owner = names.value(of: Array(oid.utf8).rawSpan) {
                var first = distinct[Int(owner)]
                first.definition.takeRules(of: placed.definition)
                placed.definition.takeRules(of: first.definition)
                guard first.definition.agrees(with: placed.definition) else {
                    throw placed.failure(label, "OID \(oid) is defined differently at \(first.place)")
                }
                first.definition.extensions.merge(placed.definition.extensions)
                distinct[Int(owner)] = first
                continue
            }
            guard distinct.count < Self.maximumAttributeTypes else { throw placed.failure(label, "too many attribute types") }
            let id = UInt16(distinct.count)
            distinct.append(placed)
            for name in [oid] + placed.definition.names {
                if let owner = names.insert(name, id), owner != id {
                    let first = distinct[Int(owner)]
                    throw placed.failure(label, "name \(name) is taken by \(first.definition.oid) at \(first.place)")
                }
            }
        }
        return (distinct, names)
    }

    private func distinctObjectClasses() throws(SchemaError) -> ([Placed<ObjectClassDefinition>], NameTable) {
        var distinct: [Placed<ObjectClassDefinition>] = []
        var names = NameTable()
        for var placed in objectClasses {
            if placed.isRemoved {
                distinct.append(placed)
                continue
            }
            let label = placed.definition.names.first ?? placed.definition.oid
            guard let oid = numericOID(placed.definition.oid) else {
                throw placed.failure(label, "\"\(placed.definition.oid)\" is neither an OID nor a known macro")
            }
            placed.definition.oid = oid
            if let owner = names.value(of: Array(oid.utf8).rawSpan) {
                let first = distinct[Int(owner)]
                guard first.definition.agrees(with: placed.definition) else {
                    throw placed.failure(label, "OID \(oid) is defined differently at \(first.place)")
                }
                distinct[Int(owner)].definition.extensions.merge(placed.definition.extensions)
                continue
            }
            guard distinct.count < Self.maximumObjectClasses else { throw placed.failure(label, "too many object classes") }
            let id = UInt16(distinct.count)
            distinct.append(placed)
            for name in [oid] + placed.definition.names {
                if let owner = names.insert(name, id), owner != id {
                    let first = distinct[Int(owner)]
                    throw placed.failure(label, "name \(name) is taken by \(first.definition.oid) at \(first.place)")
                }
            }
        }
        return (distinct, names)
    }

    /// The order in which everybody comes after its superiors; throws for the first circle, and for what is derived too far.
    private func order<D>(
        _ placed: [Placed<D>], _ superiors: [[UInt16]], name: (D) -> String
    ) throws(SchemaError) -> [Int] {
        var order: [Int] = []
        // 0: not seen, 1: its superiors are being visited, 2: done.
        var state = [UInt8](repeating: 0, count: placed.count)
        var depth = [Int](repeating: 0, count: placed.count)
        for start in placed.indices where state[start] == 0 {
            var stack: [(node: Int, next: Int)] = [(start, 0)]
            state[start] = 1
            while let (node, next) = stack.last {
                guard next < superiors[node].count else {
                    state[node] = 2
                    depth[node] = 1 + (superiors[node].map { depth[Int($0)] }.max() ?? 0)
                    guard depth[node] <= Self.maximumDepth else {
                        throw placed[node].failure(name(placed[node].definition), "is derived over more than \(Self.maximumDepth) levels")
                    }
                    order.append(node)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let superior = Int(superiors[node][next])
                switch state[superior] {
                case 0:
                    state[superior] = 1
                    stack.append((superior, 0))
                case 1:
                    throw placed[node].failure(name(placed[node].definition), "is its own superior, by way of \(name(placed[superior].definition))")
                default: break
                }
            }
        }
        return order
    }

    private func resolve(
        _ types: [Placed<AttributeTypeDefinition>], _ names: NameTable, _ substitutes: [String: Syntax]
    ) throws(SchemaError) -> [AttributeType] {
        func label(_ type: AttributeTypeDefinition) -> String { type.names.first ?? type.oid }
        var superiors: [[UInt16]] = []
        for placed in types {
            guard let name = placed.definition.superior, !placed.isRemoved else {
                superiors.append([])
                continue
            }
            guard let superior = find(name, in: names) else {
                throw placed.failure(label(placed.definition), "superior \(name) is not defined")
            }
            superiors.append([superior])
        }
        var resolved = [AttributeType?](repeating: nil, count: types.count)
        for index in try order(types, superiors, name: label) {
            let placed = types[index]
            let declared = placed.definition
            if placed.isRemoved {
                resolved[index] = removedTypes.first { Int($0.id.rawValue) == index }
                continue
            }
            let superior = superiors[index].first.flatMap { resolved[Int($0)] }
            func rule(_ name: String?, _ keyword: String, _ inherited: MatchingRule?) throws(SchemaError) -> MatchingRule? {
                guard let name else { return inherited }
                guard let rule = MatchingRule.named(name) ?? numericOID(name).flatMap({ MatchingRule.named($0) }) else {
                    throw placed.failure(label(declared), "\(keyword) \(name): no such matching rule")
                }
                return rule
            }
            var syntax = superior?.syntax
            if let oid = declared.syntax {
                guard let known = Syntax.withOID(oid) ?? substitutes[oid] else {
                    throw placed.failure(label(declared), "SYNTAX \(oid): no such syntax")
                }
                syntax = known
            }
            guard let syntax else { throw placed.failure(label(declared), "has neither SYNTAX nor SUP") }
            if let superior, superior.usage != declared.usage {
                throw placed.failure(label(declared), "USAGE differs from that of its superior \(superior.name)")
            }
            guard declared.isUserModifiable || declared.usage != .userApplications else {
                throw placed.failure(label(declared), "NO-USER-MODIFICATION wants an operational USAGE")
            }
            guard !declared.isCollective || (!declared.isSingleValue && declared.usage == .userApplications) else {
                throw placed.failure(label(declared), "COLLECTIVE cannot be SINGLE-VALUE or operational")
            }
            let equality = try rule(declared.equality, "EQUALITY", superior?.equality)
            resolved[index] = AttributeType(
                id: AttributeTypeID(rawValue: UInt16(index)), superior: superior?.id,
                equality: equality,
                ordering: try rule(declared.ordering, "ORDERING", superior?.ordering),
                substring: try rule(declared.substring, "SUBSTR", superior?.substring)?.substringRule(besides: equality),
                syntax: syntax, usage: declared.usage, isObsolete: declared.isObsolete,
                isSingleValue: declared.isSingleValue, isCollective: declared.isCollective,
                isUserModifiable: declared.isUserModifiable,
                text: AttributeType.Text(declared, lengthBound: declared.lengthBound ?? superior?.lengthBound))
        }
        return resolved.compactMap { $0 }
    }

    private func resolve(
        _ classes: [Placed<ObjectClassDefinition>], _ names: NameTable, _ attributeNames: NameTable
    ) throws(SchemaError) -> ([ObjectClass], [[ObjectClassID]]) {
        func label(_ type: ObjectClassDefinition) -> String { type.names.first ?? type.oid }
        var superiors: [[UInt16]] = []
        for placed in classes {
            var list: [UInt16] = []
            for name in placed.definition.superiors where !placed.isRemoved {
                guard let superior = find(name, in: names) else {
                    throw placed.failure(label(placed.definition), "superior \(name) is not defined")
                }
                if !list.contains(superior) { list.append(superior) }
            }
            superiors.append(list)
        }
        var resolved = [ObjectClass?](repeating: nil, count: classes.count)
        var all = [[ObjectClassID]](repeating: [], count: classes.count)
        for index in try order(classes, superiors, name: label) {
            let placed = classes[index]
            let declared = placed.definition
            if placed.isRemoved {
                guard let removed = removedClasses.first(where: { Int($0.objectClass.id.rawValue) == index }) else { continue }
                resolved[index] = removed.objectClass
                all[index] = removed.superiors
                continue
            }
            func attributes(_ list: [String], _ keyword: String) throws(SchemaError) -> [AttributeTypeID] {
                var ids: [AttributeTypeID] = []
                for name in list {
                    guard let id = find(name, in: attributeNames) else {
                        throw placed.failure(label(declared), "\(keyword) \(name): no such attribute type")
                    }
                    ids.append(AttributeTypeID(rawValue: id))
                }
                return ids
            }
            let id = ObjectClassID(rawValue: UInt16(index))
            let must = try attributes(declared.must, "MUST")
            let may = try attributes(declared.may, "MAY")
            var allMust = Set(must)
            var allMay = Set(may)
            var ancestors: Set<ObjectClassID> = [id]
            for superior in superiors[index] {
                guard let parent = resolved[Int(superior)] else { continue }
                guard parent.kind == .abstract || parent.kind == declared.kind else {
                    throw placed.failure(label(declared), "its kind does not go with that of its superior \(parent.name) (RFC 4512 section 2.4)")
                }
                allMust.formUnion(parent.allMust)
                allMay.formUnion(parent.allMay)
                ancestors.formUnion(all[Int(superior)])
            }
            allMay.subtract(allMust)
            all[index] = ancestors.sorted()
            resolved[index] = ObjectClass(
                id: id, kind: declared.kind, isObsolete: declared.isObsolete,
                superiors: superiors[index].map { ObjectClassID(rawValue: $0) }, must: must, may: may,
                allMust: allMust.sorted(), allMay: allMay.sorted(), declared: declared)
        }
        return (resolved.compactMap { $0 }, all)
    }
}

extension [DefinitionExtension] {
    /// Adds what another definition of the same thing says.
    mutating func merge(_ others: [DefinitionExtension]) {
        for other in others {
            if let index = firstIndex(where: { $0.name == other.name }) {
                for value in other.values where !self[index].values.contains(value) { self[index].values.append(value) }
            } else {
                append(other)
            }
        }
    }
}
