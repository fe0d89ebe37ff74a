/// A distinguished name (RFC 4514), parsed but not normalised: spelling is kept, nothing is known of the schema.
public struct DistinguishedName: Sendable, Hashable {
    /// Leaf first, as in the string form. Empty for the root.
    public var rdns: [RelativeDistinguishedName]
    /// A name from its levels, leaf first.
    public init(rdns: [RelativeDistinguishedName] = []) { self.rdns = rdns }
    /// Whether it is the empty name.
    public var isRoot: Bool { rdns.isEmpty }
    /// Everything but the first RDN; nil for the root.
    public var parent: DistinguishedName? {
        rdns.isEmpty ? nil : DistinguishedName(rdns: Array(rdns.dropFirst()))
    }
}

/// One level of a name: one or more attribute values.
public struct RelativeDistinguishedName: Sendable, Hashable {
    /// At least one; in the order written.
    public var values: [AttributeTypeAndValue]
    /// A level from its values, of which there must be one.
    public init(values: [AttributeTypeAndValue]) { self.values = values }
}

/// One attribute value of a level of a name.
public struct AttributeTypeAndValue: Sendable, Hashable {
    /// Short name or dotted OID, as written.
    public var type: String
    /// The value's octets, unescaped.
    public var value: [UInt8]
    /// An attribute value: type as spelled, value unescaped.
    public init(type: String, value: [UInt8]) {
        self.type = type
        self.value = value
    }
}
