import BER

/// The numeric form of object identifiers (RFC 4512 section 1.4: numericoid).
public enum NumericOID {
    /// Whether the bytes are numbers joined by dots, at least two of them, without leading zeros.
    public static func isValid(_ bytes: RawSpan) -> Bool {
        var index = 0
        var arcs = 0
        let count = bytes.byteCount
        while true {
            let start = index
            while index < count, bytes[at: index] &- 0x30 < 10 { index += 1 }
            guard index > start, bytes[at: start] != 0x30 || index == start + 1 else { return false }
            arcs += 1
            if index == count { return arcs >= 2 }
            guard bytes[at: index] == 0x2e else { return false }
            index += 1
        }
    }
}
