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

/// String preparation (RFC 4518) of strings that are ASCII.
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
        // Written over its own copy: the canonical form is never longer than what was read.
        out.append(value)
        let length = out.withUnsafeMutableBytes { all in
            prepare(UnsafeMutableRawBufferPointer(rebasing: all[start...]), folding: folding, spaces: spaces)
        }
        out.removeLast(start + count - (start + (length ?? 0)))
        return length != nil
    }

    /// Prepares bytes in place: how many are left, nil when there is a byte beyond ASCII.
    @inline(__always)
    private static func prepare(_ bytes: UnsafeMutableRawBufferPointer, folding: Bool, spaces: SpaceHandling) -> Int? {
        let count = bytes.count
        var read = 0
        var write = 0
        // A space is owed before the next character.
        var owed = false
        while read < count {
            // Eight visible characters at once.
            while !owed, count - read >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: read, as: UInt64.self)
                guard ASCIIWord.isVisible(word) else { break }
                bytes.storeBytes(of: folding ? ASCIIWord.lowercased(word) : word, toByteOffset: write, as: UInt64.self)
                read += 8
                write += 8
            }
            let stop = min(read + 8, count)
            while read < stop {
                let byte = bytes[read]
                read += 1
                if byte >= 0x80 { return nil }
                switch mapped(byte) {
                case .itself:
                    if owed {
                        owed = false
                        if write > 0 || !spaces.trimsStart {
                            bytes[write] = 0x20
                            write += 1
                        }
                    }
                    bytes[write] = folding ? lowercase(byte) : byte
                    write += 1
                case .space: owed = true
                case .nothing: break
                }
            }
        }
        if owed, !spaces.trimsEnd || write == 0 {
            bytes[write] = 0x20
            write += 1
        }
        return write
    }

    /// What comparing a stored ASCII string to a canonical one gave.
    enum Comparison { case equal, different, notASCII }

    /// Compares without writing anything anywhere.
    static func compare(_ stored: RawSpan, toCanonical canonical: RawSpan, folding: Bool) -> Comparison {
        let count = stored.byteCount
        let length = canonical.byteCount
        var read = 0
        var matched = 0
        var owed = false
        while read < count {
            while !owed, count - read >= 8, length - matched >= 8 {
                let word = ASCIIWord.load(stored, read)
                guard ASCIIWord.isVisible(word) else { break }
                guard (folding ? ASCIIWord.lowercased(word) : word) == ASCIIWord.load(canonical, matched) else {
                    return difference(stored, from: read)
                }
                read += 8
                matched += 8
            }
            let stop = min(read + 8, count)
            while read < stop {
                let byte = stored[at: read]
                if byte >= 0x80 { return .notASCII }
                switch mapped(byte) {
                case .itself:
                    if owed {
                        owed = false
                        if matched > 0 {
                            guard matched < length, canonical[at: matched] == 0x20 else { return difference(stored, from: read) }
                            matched += 1
                        }
                    }
                    guard matched < length, canonical[at: matched] == (folding ? lowercase(byte) : byte) else {
                        return difference(stored, from: read)
                    }
                    matched += 1
                case .space: owed = true
                case .nothing: break
                }
                read += 1
            }
        }
        if matched == 0, owed { return length == 1 && canonical[at: 0] == 0x20 ? .equal : .different }
        return matched == length ? .equal : .different
    }

    /// Different, unless there is something beyond ASCII, whose folding or decomposition could still make them equal.
    private static func difference(_ stored: RawSpan, from start: Int) -> Comparison {
        var index = start
        while stored.byteCount - index >= 8 {
            if ASCIIWord.load(stored, index) & 0x8080_8080_8080_8080 != 0 { return .notASCII }
            index += 8
        }
        while index < stored.byteCount {
            if stored[at: index] >= 0x80 { return .notASCII }
            index += 1
        }
        return .different
    }
}
