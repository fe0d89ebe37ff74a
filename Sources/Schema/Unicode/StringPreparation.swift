import BER

/// String preparation (RFC 4518) of UTF-8 strings: map, fold, normalise to form KC, drop insignificant spaces.
///
/// Two steps are left out, as in OpenLDAP: code points that section 2.4 prohibits (unassigned, private use, U+FFFD, …) stand for
/// themselves, so that data which a directory already holds can be loaded and found; and nothing is done about writing
/// direction (section 2.5 asks for nothing).
enum StringPreparation {
    /// Appends the canonical form; false, and nothing appended, when the bytes are not UTF-8.
    static func append(_ value: RawSpan, folding: Bool, spaces: SpaceHandling, into out: inout [UInt8]) -> Bool {
        if ASCIIStrings.append(value, folding: folding, spaces: spaces, into: &out) { return true }
        guard var scalars = decomposed(value, folding: folding) else { return false }
        compose(&scalars)
        appendWithoutInsignificantSpaces(scalars, spaces, into: &out)
        return true
    }

    /// Mapped, folded and decomposed, in canonical order.
    private static func decomposed(_ value: RawSpan, folding: Bool) -> [UInt32]? {
        let tables = UnicodeTables.shared
        var scalars: [UInt32] = []
        scalars.reserveCapacity(value.byteCount)
        var index = 0
        while index < value.byteCount {
            let byte = value[at: index]
            if byte < 0x80 {
                switch ASCIIStrings.mapped(byte) {
                case .itself: scalars.append(UInt32(folding ? lowercase(byte) : byte))
                case .space: scalars.append(0x20)
                case .nothing: break
                }
                index += 1
                continue
            }
            guard let (scalar, length) = value.scalar(at: index) else { return nil }
            index += length
            tables.append(scalar, folding: folding, into: &scalars)
        }
        order(&scalars)
        return scalars
    }

    private static func combiningClass(_ scalar: UInt32) -> UInt8 {
        // Latin, Greek, Cyrillic and Han letters, which are most of what comes, are known without looking them up.
        switch scalar {
        case 0..<0x300, 0x370..<0x483, 0x3400..<0xa66f, 0xac00..<0xd7a4: return 0
        default: return Unicode.Scalar(scalar)?.properties.canonicalCombiningClass.rawValue ?? 0
        }
    }

    /// Canonical ordering (Unicode section 3.11): runs of combining characters, sorted by class and else left in order.
    private static func order(_ scalars: inout [UInt32]) {
        var index = 0
        while index < scalars.count {
            guard combiningClass(scalars[index]) != 0 else {
                index += 1
                continue
            }
            let start = index
            while index < scalars.count, combiningClass(scalars[index]) != 0 { index += 1 }
            guard index - start > 1 else { continue }
            // A stable sort that stays fast when the run is long.
            let run = scalars[start..<index].enumerated()
                .map { (key: UInt64(combiningClass($0.element)) << 32 | UInt64($0.offset), scalar: $0.element) }
                .sorted { $0.key < $1.key }
            for (offset, item) in run.enumerated() { scalars[start + offset] = item.scalar }
        }
    }

    /// Canonical composition (Unicode section 3.11), in place.
    private static func compose(_ scalars: inout [UInt32]) {
        let tables = UnicodeTables.shared
        var write = 0
        var starter = -1
        var lastClass: UInt8 = 0
        for read in 0..<scalars.count {
            let scalar = scalars[read]
            let combining = combiningClass(scalar)
            // Blocked when something of the same or a higher class stands between.
            // Below U+09BE only combining characters compose.
            if starter >= 0, combining != 0 || scalar >= 0x9be, starter == write - 1 || lastClass < combining && lastClass != 0,
                let composed = tables.composed(scalars[starter], scalar)
            {
                scalars[starter] = composed
                continue
            }
            if combining == 0 { starter = write }
            lastClass = combining
            scalars[write] = scalar
            write += 1
        }
        scalars.removeLast(scalars.count - write)
    }

    private static func isCombiningMark(_ scalar: UInt32) -> Bool {
        guard scalar >= 0x300, let scalar = Unicode.Scalar(scalar) else { return false }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: return false
        }
    }

    /// RFC 4518 section 2.6.1: a space is a SPACE that no combining mark follows.
    private static func appendWithoutInsignificantSpaces(
        _ scalars: [UInt32], _ spaces: SpaceHandling, into out: inout [UInt8]
    ) {
        let start = out.count
        var owed = false
        for (index, scalar) in scalars.enumerated() {
            if scalar == 0x20, index + 1 == scalars.count || !isCombiningMark(scalars[index + 1]) {
                owed = true
                continue
            }
            if owed {
                if out.count > start || !spaces.trimsStart { out.append(0x20) }
                owed = false
            }
            appendUTF8(scalar, into: &out)
        }
        if owed, !spaces.trimsEnd || out.count == start { out.append(0x20) }
    }

    private static func appendUTF8(_ scalar: UInt32, into out: inout [UInt8]) {
        func trailing(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: scalar >> shift & 0x3f) }
        if scalar < 0x80 {
            out.append(UInt8(truncatingIfNeeded: scalar))
        } else if scalar < 0x800 {
            out.append(0xc0 | UInt8(truncatingIfNeeded: scalar >> 6))
            out.append(trailing(0))
        } else if scalar < 0x1_0000 {
            out.append(0xe0 | UInt8(truncatingIfNeeded: scalar >> 12))
            out.append(trailing(6))
            out.append(trailing(0))
        } else {
            out.append(0xf0 | UInt8(truncatingIfNeeded: scalar >> 18))
            out.append(trailing(12))
            out.append(trailing(6))
            out.append(trailing(0))
        }
    }
}
