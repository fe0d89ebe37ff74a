/// Tag octets of the universal types that LDAP uses, and the way its own are made.
public enum BERTag {
    /// BOOLEAN: one octet, zero for false (X.690 section 8.2).
    public static let boolean: UInt8 = 0x01
    /// INTEGER: two's complement, most significant octet first (X.690 section 8.3).
    public static let integer: UInt8 = 0x02
    /// OCTET STRING, which in LDAP is always primitive (RFC 4511 section 5.1).
    public static let octetString: UInt8 = 0x04
    /// NULL: no contents.
    public static let null: UInt8 = 0x05
    /// ENUMERATED: contents as of an INTEGER.
    public static let enumerated: UInt8 = 0x0a
    /// SEQUENCE and SEQUENCE OF.
    public static let sequence: UInt8 = 0x30
    /// SET and SET OF.
    public static let set: UInt8 = 0x31

    /// `[number]` of a primitive type; numbers 0 to 30.
    @inlinable public static func context(_ number: UInt8) -> UInt8 { 0x80 | number & 0x1f }
    /// `[number]` of a constructed type.
    @inlinable public static func contextConstructed(_ number: UInt8) -> UInt8 { 0xa0 | number & 0x1f }
    /// `[APPLICATION number]` of a primitive type.
    @inlinable public static func application(_ number: UInt8) -> UInt8 { 0x40 | number & 0x1f }
    /// `[APPLICATION number]` of a constructed type.
    @inlinable public static func applicationConstructed(_ number: UInt8) -> UInt8 { 0x60 | number & 0x1f }
}
