/// Names an attribute type of one loaded ``Schema``: its place in ``Schema/attributeTypes``.
///
/// Given in the order of loading, so an id means nothing outside the process that loaded the schema. Changes while the directory is in
/// use leave it as it is, and give it to nothing else.
public struct AttributeTypeID: Hashable, Sendable, Comparable {
    /// Index into ``Schema/attributeTypes``.
    public let rawValue: UInt16
    /// An id of a place in ``Schema/attributeTypes``; subscripting a schema with a place that it does not have traps.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static func < (a: AttributeTypeID, b: AttributeTypeID) -> Bool { a.rawValue < b.rawValue }
}

/// Names an object class of one loaded ``Schema``: its place in ``Schema/objectClasses``.
///
/// Given in the order of loading, so an id means nothing outside the process that loaded the schema. Changes while the directory is in
/// use leave it as it is, and give it to nothing else.
public struct ObjectClassID: Hashable, Sendable, Comparable {
    /// Index into ``Schema/objectClasses``.
    public let rawValue: UInt16
    /// An id of a place in ``Schema/objectClasses``; subscripting a schema with a place that it does not have traps.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static func < (a: ObjectClassID, b: ObjectClassID) -> Bool { a.rawValue < b.rawValue }
}
