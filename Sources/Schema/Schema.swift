import BER

/// A directory's schema: attribute types, object classes, syntaxes and matching rules (RFC 4512 section 4).
///
/// A value of constant size that shares its tables; it never changes once loaded: what changes while the directory is in use makes a new
/// one, in which all ids of the old one mean the same (``replacing(runtimeDefinitions:)``).
public struct Schema: Sendable {
    /// The tables, shared by all copies.
    @usableFromInline final class Tables: Sendable {
        @usableFromInline let attributeTypes: [AttributeType]
        @usableFromInline let objectClasses: [ObjectClass]
        let attributeNames: NameTable
        let objectClassNames: NameTable
        /// By attribute type: itself and all types derived from it, ascending.
        let subtypes: [[AttributeTypeID]]
        /// By object class: itself and all classes it is derived from, ascending.
        let superiors: [[ObjectClassID]]
        /// Bit matrix: row of a class, one bit per class it is derived from.
        let superiorBits: [UInt64]
        let superiorWords: Int
        let placement: PlacementRules
        /// What the files define.
        let files: SchemaLoader
        /// How many attribute types and object classes the files define: those come first.
        let fileCounts: (types: Int, classes: Int)
        let runtimeDefinitions: [RuntimeDefinition]

        init(
            attributeTypes: [AttributeType], objectClasses: [ObjectClass], attributeNames: NameTable,
            objectClassNames: NameTable, superiors: [[ObjectClassID]], placement: PlacementRules, files: SchemaLoader,
            fileCounts: (types: Int, classes: Int), runtimeDefinitions: [RuntimeDefinition]
        ) {
            self.files = files
            self.fileCounts = fileCounts
            self.runtimeDefinitions = runtimeDefinitions
            self.attributeTypes = attributeTypes
            self.objectClasses = objectClasses
            self.attributeNames = attributeNames
            self.objectClassNames = objectClassNames
            self.superiors = superiors
            self.placement = placement
            var subtypes: [[AttributeTypeID]] = attributeTypes.map { _ in [] }
            for type in attributeTypes where !type.isRemoved {
                var ancestor: AttributeTypeID? = type.id
                while let id = ancestor {
                    subtypes[Int(id.rawValue)].append(type.id)
                    ancestor = attributeTypes[Int(id.rawValue)].superior
                }
            }
            self.subtypes = subtypes
            superiorWords = (objectClasses.count + 63) / 64
            var bits = [UInt64](repeating: 0, count: superiorWords * objectClasses.count)
            for (row, list) in superiors.enumerated() {
                for id in list { bits[row * superiorWords + Int(id.rawValue) / 64] |= 1 << UInt64(id.rawValue % 64) }
            }
            superiorBits = bits
        }
    }

    @usableFromInline let tables: Tables

    init(tables: Tables) { self.tables = tables }

    /// Loads definitions; the order of sources and definitions does not matter.
    ///
    /// Throws for text that is not RFC 4512 section 4.1, for names and OIDs that clash, superiors that are unknown or go in circles,
    /// and syntaxes or matching rules that are not known. A definition that is repeated must agree with the first in all but
    /// its description and matching rules that it leaves out; its `X-` fields are added.
    public init(_ sources: [SchemaSource]) throws(SchemaError) {
        var loader = SchemaLoader()
        for source in sources { try loader.read(source) }
        tables = try loader.finish()
    }

    /// All attribute types; the index is ``AttributeTypeID/rawValue``.
    public var attributeTypes: [AttributeType] { tables.attributeTypes }
    /// All object classes; the index is ``ObjectClassID/rawValue``.
    public var objectClasses: [ObjectClass] { tables.objectClasses }

    /// All DIT content rules.
    public var contentRules: [ContentRule] { tables.placement.contentRules }
    /// All name forms.
    public var nameForms: [NameForm] { tables.placement.nameForms }
    /// All DIT structure rules.
    public var structureRules: [StructureRule] { tables.placement.structureRules }

    /// The attribute type with a name or OID, in any case, without options. Allocates nothing.
    public func attributeType(_ name: RawSpan) -> AttributeTypeID? {
        tables.attributeNames.value(of: name).map { AttributeTypeID(rawValue: $0) }
    }

    /// The attribute type with a name or OID, in any case, without options.
    public func attributeType(named name: String) -> AttributeTypeID? {
        attributeType(name.utf8Span.span.bytes)
    }

    /// The object class with a name or OID, in any case. Allocates nothing.
    public func objectClass(_ name: RawSpan) -> ObjectClassID? {
        tables.objectClassNames.value(of: name).map { ObjectClassID(rawValue: $0) }
    }

    /// The object class with a name or OID, in any case.
    public func objectClass(named name: String) -> ObjectClassID? {
        objectClass(name.utf8Span.span.bytes)
    }

    /// The attribute type of an id; reading a plain field of it costs a few loads.
    @inlinable public subscript(_ id: AttributeTypeID) -> AttributeType { tables.attributeTypes[Int(id.rawValue)] }
    /// The object class of an id.
    @inlinable public subscript(_ id: ObjectClassID) -> ObjectClass { tables.objectClasses[Int(id.rawValue)] }

    /// Whether `a` is `b` or derived from it.
    @inlinable public func isSubtype(_ a: AttributeTypeID, of b: AttributeTypeID) -> Bool {
        if a == b { return true }
        var ancestor = tables.attributeTypes[Int(a.rawValue)].superior
        while let id = ancestor {
            if id == b { return true }
            ancestor = tables.attributeTypes[Int(id.rawValue)].superior
        }
        return false
    }

    /// The type itself and all types derived from it, ascending.
    public func subtypes(of id: AttributeTypeID) -> [AttributeTypeID] { tables.subtypes[Int(id.rawValue)] }

    /// Whether `a` is `b` or derived from it.
    public func isSubclass(_ a: ObjectClassID, of b: ObjectClassID) -> Bool {
        let row = Int(a.rawValue) * tables.superiorWords
        return tables.superiorBits[row + Int(b.rawValue) / 64] & 1 << UInt64(b.rawValue % 64) != 0
    }

    /// The class itself and all classes that it is derived from, ascending.
    public func superiors(of id: ObjectClassID) -> [ObjectClassID] { tables.superiors[Int(id.rawValue)] }
}
