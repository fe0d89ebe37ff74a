public import BER

/// A search filter (RFC 4511 section 4.5.1.7) as it came: a flat list of nodes in pre-order over the bytes that hold its names and values.
///
/// Made by decoding a request or by parsing the string form (RFC 4515). Nothing is checked against a schema here.
public struct Filter: Sendable {
    /// What a node is: a choice of the filter, or a part of a `substrings` node.
    public enum Kind: UInt8, Sendable {
        case and, or, not, equality, substrings, greaterOrEqual, lessOrEqual, present, approximate, extensible
        /// Parts of a `substrings` node; they follow it, in order.
        case initial, any, final
        /// A choice that we do not know, with nothing kept of it: evaluates to Undefined (RFC 4511 section 4.5.1.7).
        case undefined
    }

    /// One term, in pre-order with those below it.
    public struct Node: Sendable {
        /// What it is.
        public var kind: Kind
        /// `:dn:` of an extensible match.
        public var dnAttributes = false
        /// Index of the first node after this one and all below it.
        public var end: Int32
        /// Attribute description; empty for and/or/not, substring parts, and extensible matches without one.
        public var attribute = ByteRange.empty
        /// Assertion value (unescaped octets).
        public var value = ByteRange.empty
        /// Matching rule of an extensible match: name or OID; empty if not given.
        public var rule = ByteRange.empty

        /// A node without names and values; `end` may be set when the nodes below are known.
        public init(kind: Kind, end: Int32 = 0) {
            self.kind = kind
            self.end = end
        }
    }

    /// The bytes that the nodes' places refer to.
    public var bytes: [UInt8]
    /// Pre-order; the root is the first. Never empty.
    public var nodes: [Node]

    /// A filter from its parts. The nodes must be in pre-order, one at least, with right `end`s.
    public init(bytes: [UInt8], nodes: [Node]) {
        self.bytes = bytes
        self.nodes = nodes
    }
}
