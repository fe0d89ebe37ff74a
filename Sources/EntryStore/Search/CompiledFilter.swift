import BER
public import LDAP
public import Schema

/// A filter made ready for a store: attribute numbers for names, canonical values, matching rules chosen.
/// Items that the schema cannot make sense of are constants: Undefined (RFC 4511 section 4.5.1.7).
public struct CompiledFilter: Sendable {
    enum Kind: UInt8, Sendable {
        case and, or, not
        case equality, greaterOrEqual, lessOrEqual, present, substrings
        /// A value comes before the assertion: an ordering rule in an extensible match.
        case less
        /// Parts of a substring item, following it.
        case initial, any, final
        /// `integerBitAndMatch`, `integerBitOrMatch`.
        case bitAnd, bitOr
        /// A word of a value.
        case word
        /// A stored name that stands in a subtree relation to the assertion.
        case nameScope
        /// A value has the components that an assertion of RFC 4523's rules asks for.
        case components
        /// A value of the entry's own name equals the assertion (`:dn:`).
        case nameValue
        case constantNo, constantYes, constantUndefined
        case predicate
    }

    struct Node: Sendable {
        var kind: Kind
        var rule: MatchingRule
        /// Index of the first node after this one and all below it.
        var end: Int32
        /// Attribute numbers concerned: places in ``attributes``.
        var firstAttribute: Int32 = 0
        var attributeCount: Int32 = 0
        /// Canonical assertion value in ``bytes``.
        var value = ByteRange.empty
        /// The type asked for; for the planner.
        var type: AttributeTypeID?
        var predicate: Int32 = 0
        /// Place in ``assertions``.
        var assertion: Int32 = 0
    }

    public private(set) var catalogue: Catalogue
    private(set) var nodes: [Node] = []
    private(set) var bytes: [UInt8] = []
    private(set) var attributes: [AttributeID] = []
    private(set) var predicates: [any EntryPredicate] = []
    private(set) var assertions: [ComponentAssertion] = []
    /// For `>=` and `<=` on types without an ordering rule.
    private var ordering: MatchingRule?

    /// Whether the filter is Undefined for every entry.
    public var isUndefined: Bool { nodes[0].kind == .constantUndefined }

    /// What the names of the last filters' items stood for: a client asks for the same attributes again and again.
    private var lastNames: [KnownName] = []
    private var nextName = 0
    /// Not for a filter that is compiled once: looking a name up costs less than keeping it.
    private var keepsNames = true
    private static let nameLimit = 16

    /// The last value of an equality item: its rule, where it stood in the request, and where its canonical form is in ``bytes``.
    private var lastValue: (rule: MatchingRule, source: ByteRange, canonical: ByteRange)?

    private struct KnownName: Sendable {
        /// As it stood in the request; without options.
        let name: [UInt8]
        let type: AttributeTypeID
        let equality: MatchingRule?
        let ids: [AttributeID]

        func isSpelled(_ other: RawSpan) -> Bool { name.rawSpan.elementsEqual(other) }
    }

    /// Where a name without options stands among the last ones, looked up in the schema if need be; nil for one with options, or
    /// unknown.
    private mutating func place(ofName name: RawSpan) -> Int? {
        // Most often the one after the last.
        var place = nextName
        for _ in 0..<lastNames.count {
            if place >= lastNames.count { place = 0 }
            if lastNames[place].isSpelled(name) {
                nextName = place + 1
                return place
            }
            place += 1
        }
        guard name.byteCount <= 64, let type = catalogue.schema.attributeType(name) else { return nil }
        var ids: [AttributeID] = []
        catalogue.table.appendIDs(matching: type, options: [], to: &ids)
        if lastNames.count >= Self.nameLimit { lastNames.removeAll(keepingCapacity: true) }
        lastNames.append(KnownName(name: name.array, type: type, equality: catalogue.schema[type].equality, ids: ids))
        nextName = lastNames.count
        return nextName - 1
    }

    /// Says what an item on a virtual or hidden attribute type means; nil: the attribute is an ordinary one.
    public typealias Resolver = (_ type: AttributeTypeID, _ item: borrowing Item) -> VirtualItem?

    /// A filter item on one attribute type, as a resolver sees it.
    public struct Item: ~Escapable {
        public let kind: Filter.Kind
        public let type: AttributeTypeID
        /// Chosen by the item or the type; nil if there is none.
        public let rule: MatchingRule?
        /// As the client gave it.
        public let value: RawSpan
        private let nodes: [Filter.Node]
        private let text: RawSpan
        private let index: Int

        @_lifetime(copy value, copy text)
        init(
            kind: Filter.Kind, type: AttributeTypeID, rule: MatchingRule?, value: RawSpan, _ nodes: [Filter.Node], _ text: RawSpan, _ index: Int
        ) {
            self.kind = kind
            self.type = type
            self.rule = rule
            self.value = value
            self.nodes = nodes
            self.text = text
            self.index = index
        }

        /// The item as it is on stored values, of its own type or of another with the same rules.
        /// - Parameter ordering: for `>=` and `<=` on a type without an ordering rule.
        public func onStored(
            _ catalogue: Catalogue, type: AttributeTypeID? = nil, ordering: MatchingRule? = nil
        ) -> CompiledFilter {
            var part = Array(nodes[index..<Int(nodes[index].end)])
            for place in part.indices { part[place].end -= Int32(index) }
            var bytes = text.array
            if let type {
                let name = catalogue.schema[type].nameBytes
                part[0].attribute = ByteRange(start: bytes.count, count: name.count)
                bytes += name
            }
            var compiled = CompiledFilter(catalogue)
            compiled.ordering = ordering
            compiled.compile(part, bytes.rawSpan, catalogue, isSpecial: { _ in false }, resolver: { _, _ in nil })
            return compiled
        }

        /// The item as it is on stored values, but for those of some subtypes.
        public func onStored(_ catalogue: Catalogue, without excluded: (AttributeTypeID) -> Bool) -> CompiledFilter {
            var compiled = onStored(catalogue)
            compiled.exclude(excluded)
            return compiled
        }
    }

    /// - Parameter resolver: asked for every item that names an attribute type for which `isSpecial` holds.
    public init(_ filter: Filter, _ catalogue: Catalogue, isSpecial: (AttributeTypeID) -> Bool = { _ in false }, resolver: Resolver = { _, _ in nil }) {
        self.init(catalogue)
        let bytes = filter.bytes
        keepsNames = false
        compile(filter.nodes, bytes.rawSpan, catalogue, isSpecial: isSpecial, resolver: resolver)
        keepsNames = true
    }

    /// A filter that nothing satisfies, to be filled by ``compile(_:_:_:isSpecial:resolver:)``.
    public init(_ catalogue: Catalogue) {
        self.catalogue = catalogue
        nodes = Self.nothing
    }

    private static let nothing = [Node(kind: .constantUndefined, rule: .octetStringMatch, end: 1)]

    /// Takes another filter in its own place, keeping the memory of the last one.
    /// - Parameters:
    ///   - source: nodes of a filter, with places in `text`.
    ///   - resolver: asked for every item that names an attribute type for which `isSpecial` holds.
    public mutating func compile(
        _ source: [Filter.Node], _ text: RawSpan, _ catalogue: Catalogue, isSpecial: (AttributeTypeID) -> Bool, resolver: Resolver
    ) {
        if self.catalogue !== catalogue {
            self.catalogue = catalogue
            lastNames = []
        }
        nodes.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        attributes.removeAll(keepingCapacity: true)
        if !predicates.isEmpty { predicates.removeAll() }
        if !assertions.isEmpty { assertions.removeAll() }
        lastValue = nil
        if nodes.capacity < source.count { nodes.reserveCapacity(source.count) }
        if bytes.capacity < 64 { bytes.reserveCapacity(64) }
        var index = 0
        while index < source.count { index = compile(source, text, index, isSpecial, resolver) }
        if nodes.isEmpty { append(.constantUndefined) }
    }

    /// Leaves values of some attribute types out of all items.
    private mutating func exclude(_ excluded: (AttributeTypeID) -> Bool) {
        for place in nodes.indices where nodes[place].attributeCount > 0 {
            let first = Int(nodes[place].firstAttribute)
            let kept = attributes[first..<first + Int(nodes[place].attributeCount)].filter { id in
                catalogue.table.type(of: id).map { !excluded($0) } ?? false
            }
            nodes[place].firstAttribute = Int32(attributes.count)
            nodes[place].attributeCount = Int32(kept.count)
            attributes += kept
        }
    }

    /// Prepares all virtual items; false if that would take looking at more entries than the budget.
    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
        for predicate in predicates where !predicate.prepare(snapshot, budget: &budget) { return false }
        return true
    }

    /// The same for who evaluates it on a few entries.
    public func prepareEvaluation(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
        for predicate in predicates where !predicate.prepareEvaluation(snapshot, budget: &budget) { return false }
        return true
    }

    /// Makes the filter true of all entries of which a predicate is, as well.
    public mutating func include(_ predicate: any EntryPredicate) { join(.or, predicate) }

    /// Makes the filter false of all entries of which a predicate is not true.
    public mutating func restrict(to predicate: any EntryPredicate) { join(.and, predicate) }

    private mutating func join(_ kind: Kind, _ predicate: any EntryPredicate) {
        var joined = [
            Node(kind: kind, rule: .octetStringMatch, end: Int32(nodes.count + 2)),
            Node(kind: .predicate, rule: .octetStringMatch, end: 2, predicate: Int32(predicates.count)),
        ]
        joined.reserveCapacity(nodes.count + 2)
        for var node in nodes {
            node.end += 2
            joined.append(node)
        }
        nodes = joined
        predicates.append(predicate)
    }

    private mutating func append(_ kind: Kind, rule: MatchingRule = .octetStringMatch) {
        nodes.append(Node(kind: kind, rule: rule, end: Int32(nodes.count + 1)))
    }

    /// Compiles the node at an index and all below it; the index after them. Depth is bounded by the decoder of the filter.
    private mutating func compile(
        _ filter: [Filter.Node], _ text: RawSpan, _ index: Int, _ isSpecial: (AttributeTypeID) -> Bool, _ resolver: Resolver
    ) -> Int {
        let source = filter[index]
        let end = Int(source.end)
        switch source.kind {
        case .and, .or, .not:
            let place = nodes.count
            append(source.kind == .and ? .and : source.kind == .or ? .or : .not)
            var child = index + 1
            while child < end { child = compile(filter, text, child, isSpecial, resolver) }
            nodes[place].end = Int32(nodes.count)
        case .extensible:
            compileExtensible(filter, text, index, source, isSpecial, resolver)
        default:
            compileItem(filter, text, index, source, isSpecial, resolver)
        }
        return end
    }

    private mutating func compileItem(
        _ filter: [Filter.Node], _ text: RawSpan, _ index: Int, _ source: Filter.Node, _ isSpecial: (AttributeTypeID) -> Bool, _ resolver: Resolver
    ) {
        if keepsNames, source.kind == .equality, let known = place(ofName: text.slice(source.attribute)), !isSpecial(lastNames[known].type) {
            return compileEquality(known, text, source.value)
        }
        guard let (type, options) = catalogue.table.parse(text.slice(source.attribute)) else {
            return append(.constantUndefined)
        }
        let rule: MatchingRule? =
            switch source.kind {
            case .substrings: catalogue.schema[type].substring
            case .greaterOrEqual, .lessOrEqual: catalogue.schema[type].ordering ?? ordering
            default: catalogue.schema[type].equality
            }
        if isSpecial(type) {
            let item = Item(kind: source.kind, type: type, rule: rule, value: text.slice(source.value), filter, text, index)
            if let virtual = resolver(type, item) { return append(virtual) }
        }
        if source.kind == .present {
            append(.present)
            return setAttributes(type, options, of: nodes.count - 1)
        }
        guard let rule else { return append(.constantUndefined) }
        let kind: Kind
        switch source.kind {
        case .greaterOrEqual: kind = .greaterOrEqual
        case .lessOrEqual: kind = .lessOrEqual
        case .substrings: kind = .substrings
        default: kind = .equality
        }
        let place = nodes.count
        append(kind, rule: rule)
        setAttributes(type, options, of: place)
        if kind == .substrings {
            for part in filter[(index + 1)..<Int(source.end)] {
                let (partKind, position): (Kind, Schema.SubstringPart) =
                    part.kind == .initial ? (.initial, .initial) : part.kind == .final ? (.final, .final) : (.any, .any)
                append(partKind, rule: rule)
                let start = bytes.count
                guard catalogue.schema.normalizeSubstring(text.slice(part.value), position, by: rule, into: &bytes) else {
                    return makeUndefined(from: place)
                }
                nodes[nodes.count - 1].value = ByteRange(start: start, count: bytes.count - start)
            }
            nodes[place].end = Int32(nodes.count)
        } else {
            setValue(text.slice(source.value), rule, of: place)
        }
    }

    /// An equality item on an ordinary attribute, the most frequent one.
    private mutating func compileEquality(_ known: Int, _ text: RawSpan, _ place: ByteRange) {
        let value = text.slice(place)
        guard let rule = lastNames[known].equality else { return append(.constantUndefined) }
        var node = Node(kind: .equality, rule: rule, end: Int32(nodes.count + 1))
        node.type = lastNames[known].type
        node.firstAttribute = Int32(attributes.count)
        for index in lastNames[known].ids.indices { attributes.append(lastNames[known].ids[index]) }
        node.attributeCount = Int32(attributes.count) - node.firstAttribute
        // Mail servers look for one value in several attributes.
        if let last = lastValue, last.rule == rule, text.slice(last.source).elementsEqual(value) {
            node.value = last.canonical
        } else {
            let start = bytes.count
            if catalogue.schema.normalize(value, by: rule, into: &bytes) {
                node.value = ByteRange(start: start, count: bytes.count - start)
                lastValue = (rule, place, node.value)
            } else if !setComponents(value, rule, &node) {
                return append(.constantUndefined)
            }
        }
        nodes.append(node)
    }

    /// Replaces everything from a node on by Undefined.
    private mutating func makeUndefined(from place: Int) {
        nodes.removeSubrange(place...)
        append(.constantUndefined)
    }

    private mutating func setAttributes(_ type: AttributeTypeID, _ options: [[UInt8]], of place: Int) {
        nodes[place].type = type
        nodes[place].firstAttribute = Int32(attributes.count)
        catalogue.table.appendIDs(matching: type, options: options, to: &attributes)
        nodes[place].attributeCount = Int32(attributes.count) - nodes[place].firstAttribute
    }

    private mutating func setValue(_ value: RawSpan, _ rule: MatchingRule, of place: Int) {
        let start = bytes.count
        guard catalogue.schema.normalize(value, by: rule, into: &bytes) else {
            var node = nodes[place]
            guard node.kind == .equality, setComponents(value, rule, &node) else { return makeUndefined(from: place) }
            nodes[place] = node
            return
        }
        nodes[place].value = ByteRange(start: start, count: bytes.count - start)
    }

    /// Makes an equality item one about components, if its value is an assertion about them.
    private mutating func setComponents(_ value: RawSpan, _ rule: MatchingRule, _ node: inout Node) -> Bool {
        guard let assertion = ComponentAssertion(value, by: rule, catalogue.schema) else { return false }
        node.kind = .components
        node.assertion = Int32(assertions.count)
        assertions.append(assertion)
        return true
    }

    private mutating func append(_ item: VirtualItem) {
        switch item {
        case .constant(.yes): append(.constantYes)
        case .constant(.no): append(.constantNo)
        case .constant(.undefined): append(.constantUndefined)
        case .predicate(let predicate):
            append(.predicate)
            nodes[nodes.count - 1].predicate = Int32(predicates.count)
            predicates.append(predicate)
        case .filter(let other):
            let nodeBase = Int32(nodes.count)
            let byteBase = bytes.count
            let attributeBase = Int32(attributes.count)
            let predicateBase = Int32(predicates.count)
            let assertionBase = Int32(assertions.count)
            bytes += other.bytes
            attributes += other.attributes
            predicates += other.predicates
            assertions += other.assertions
            for var node in other.nodes {
                node.end += nodeBase
                node.firstAttribute += attributeBase
                node.predicate += predicateBase
                node.assertion += assertionBase
                if !node.value.isEmpty { node.value = ByteRange(start: node.value.lowerBound + byteBase, count: Int(node.value.count)) }
                nodes.append(node)
            }
        }
    }

    /// Extensible matches (RFC 4511 section 4.5.1.7.7).
    private mutating func compileExtensible(
        _ filter: [Filter.Node], _ text: RawSpan, _ index: Int, _ source: Filter.Node, _ isSpecial: (AttributeTypeID) -> Bool,
        _ resolver: Resolver
    ) {
        var rule: MatchingRule?
        if !source.rule.isEmpty {
            rule = MatchingRule.named(text.slice(source.rule))
            if rule == nil { return append(.constantUndefined) }
        }
        let place = nodes.count
        append(.or)
        if source.attribute.isEmpty {
            // Without a type: all attributes that the rule is for.
            guard let rule, rule != .inChainMatch else { return makeUndefined(from: place) }
            append(Self.kind(ofMatchBy: rule), rule: rule)
            nodes[nodes.count - 1].firstAttribute = Int32(attributes.count)
            var isUsed = false
            for type in catalogue.schema.attributeTypes where rule.applies(to: type) {
                isUsed = true
                if !isSpecial(type.id) { catalogue.table.appendIDs(matching: type.id, options: [], to: &attributes) }
            }
            guard isUsed else { return makeUndefined(from: place) }
            nodes[nodes.count - 1].attributeCount = Int32(attributes.count) - nodes[nodes.count - 1].firstAttribute
            setValue(text.slice(source.value), rule, of: nodes.count - 1)
        } else {
            guard let (type, options) = catalogue.table.parse(text.slice(source.attribute)) else {
                return makeUndefined(from: place)
            }
            let description = catalogue.schema[type]
            guard let rule = rule ?? description.equality, rule.applies(to: description) else { return makeUndefined(from: place) }
            if isSpecial(type) {
                let item = Item(kind: .extensible, type: type, rule: rule, value: text.slice(source.value), filter, text, index)
                if let virtual = resolver(type, item) {
                    makeUndefined(from: place)
                    nodes.removeLast()
                    return append(virtual)
                }
            }
            if rule == .inChainMatch { return makeUndefined(from: place) }
            append(Self.kind(ofMatchBy: rule), rule: rule)
            setAttributes(type, options, of: nodes.count - 1)
            setValue(text.slice(source.value), rule, of: nodes.count - 1)
        }
        if source.dnAttributes, let item = nodes.last, item.kind == .equality {
            append(.nameValue, rule: item.rule)
            nodes[nodes.count - 1].value = item.value
            nodes[nodes.count - 1].type = item.type
        }
        nodes[place].end = Int32(nodes.count)
    }

    /// What an extensible match by a rule asks of a value. Ordering rules are true of values that come before the assertion
    /// (RFC 4517 section 4.2).
    private static func kind(ofMatchBy rule: MatchingRule) -> Kind {
        switch rule {
        case .integerBitAndMatch: .bitAnd
        case .integerBitOrMatch: .bitOr
        case .wordMatch, .keywordMatch: .word
        case .dnSubtreeMatch, .dnOneLevelMatch, .dnSubordinateMatch, .dnSuperiorMatch: .nameScope
        default: rule.use == .ordering ? .less : .equality
        }
    }
}
