import BER

/// Where a piece of a string stands: decides which spaces are insignificant (RFC 4518 section 2.6.1).
enum SpaceHandling {
    case whole
    case part(Schema.SubstringPart)

    /// Whether spaces at the beginning say nothing.
    var trimsStart: Bool {
        switch self {
        case .whole, .part(.initial): true
        case .part: false
        }
    }
    /// Whether spaces at the end say nothing.
    var trimsEnd: Bool {
        switch self {
        case .whole, .part(.final): true
        case .part: false
        }
    }
}

/// String preparation (RFC 4518) of strings that are ASCII: byte by byte, in place.
enum ASCIIStrings {
    /// What RFC 4518 section 2.2 makes of an ASCII byte.
    enum Mapped { case itself, space, nothing }

    @inline(__always)
    static func mapped(_ byte: UInt8) -> Mapped {
        if byte > 0x20 { return byte == 0x7f ? .nothing : .itself }
        return byte == 0x20 || byte &- 0x09 < 5 ? .space : .nothing
    }

    /// Appends the canonical form. False, and nothing appended, when there is a byte beyond ASCII.
    ///
    /// Runs of spaces become one space, those at the ends go (as `spaces` says); nothing but spaces becomes one space.
    static func append(_ value: RawSpan, folding: Bool, spaces: SpaceHandling, into out: inout [UInt8]) -> Bool {
        let start = out.count
        let count = value.byteCount
        guard count > 0 else { return true }
        out.append(value)
        var bytes = out.mutableSpan
        var write = start
        // A space is owed before the next character.
        var owed = false
        var beyond = false
        for read in start..<(start + count) {
            let byte = bytes[read]
            if byte >= 0x80 {
                beyond = true
                break
            }
            switch mapped(byte) {
            case .itself:
                if owed {
                    if write > start || !spaces.trimsStart {
                        bytes[write] = 0x20
                        write += 1
                    }
                    owed = false
                }
                bytes[write] = folding ? lowercase(byte) : byte
                write += 1
            case .space: owed = true
            case .nothing: break
            }
        }
        if owed, !spaces.trimsEnd || write == start {
            bytes[write] = 0x20
            write += 1
        }
        if beyond { write = start }
        out.removeLast(start + count - write)
        return !beyond
    }

    /// What comparing a stored ASCII string to a canonical one gave.
    enum Comparison { case equal, different, notASCII }

    /// Compares without writing anything anywhere.
    static func compare(_ stored: RawSpan, toCanonical canonical: RawSpan, folding: Bool) -> Comparison {
        let count = stored.byteCount
        let length = canonical.byteCount
        var matched = 0
        var owed = false
        // After the first difference only the search for bytes beyond ASCII goes on: folding may still make them equal.
        for read in 0..<count {
            let byte = stored[at: read]
            if byte >= 0x80 { return .notASCII }
            switch mapped(byte) {
            case .itself:
                if owed {
                    owed = false
                    if matched > 0 {
                        guard matched < length, canonical[at: matched] == 0x20 else {
                            return restIsASCII(stored, from: read) ? .different : .notASCII
                        }
                        matched += 1
                    }
                }
                guard matched < length, canonical[at: matched] == (folding ? lowercase(byte) : byte) else {
                    return restIsASCII(stored, from: read) ? .different : .notASCII
                }
                matched += 1
            case .space: owed = true
            case .nothing: break
            }
        }
        if matched == 0, owed { return length == 1 && canonical[at: 0] == 0x20 ? .equal : .different }
        return matched == length ? .equal : .different
    }

    private static func restIsASCII(_ stored: RawSpan, from start: Int) -> Bool {
        for index in start..<stored.byteCount where stored[at: index] >= 0x80 { return false }
        return true
    }
}
