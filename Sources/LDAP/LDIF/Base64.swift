import BER

/// Base64 (RFC 4648 section 4), with padding.
public enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// Values of the characters; 0xff for those outside the alphabet.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xff, count: 256)
        // Sound: the static string has 64 characters and lives for ever.
        for index in 0..<64 { table[Int(unsafe alphabet.utf8Start[index])] = UInt8(index) }
        return table
    }()

    /// Appends the encoded form.
    public static func encode(_ bytes: RawSpan, into text: inout [UInt8]) {
        // Sound: indexes are six bits wide, the static string has 64 characters and lives for ever.
        func character(_ bits: UInt32) -> UInt8 { unsafe alphabet.utf8Start[Int(bits & 63)] }
        let count = bytes.byteCount
        text.reserveCapacity(text.count + (count + 2) / 3 * 4)
        var index = 0
        while index + 3 <= count {
            let group = UInt32(bytes[at: index]) << 16 | UInt32(bytes[at: index + 1]) << 8 | UInt32(bytes[at: index + 2])
            text.append(character(group >> 18))
            text.append(character(group >> 12))
            text.append(character(group >> 6))
            text.append(character(group))
            index += 3
        }
        switch count - index {
        case 1:
            let group = UInt32(bytes[at: index]) << 16
            text.append(character(group >> 18))
            text.append(character(group >> 12))
            text.append(0x3d)
            text.append(0x3d)
        case 2:
            let group = UInt32(bytes[at: index]) << 16 | UInt32(bytes[at: index + 1]) << 8
            text.append(character(group >> 18))
            text.append(character(group >> 12))
            text.append(character(group >> 6))
            text.append(0x3d)
        default: break
        }
    }

    /// The encoded form as a string.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        encode(bytes.rawSpan, into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the decoded bytes. False, with nothing appended, if the text is not exactly the encoding of some bytes: a foreign
    /// character, missing padding, or bits left over that are not zero.
    public static func decode(_ text: RawSpan, into bytes: inout [UInt8]) -> Bool {
        let count = text.byteCount
        guard count % 4 == 0 else { return false }
        guard count > 0 else { return true }
        let padding = text[at: count - 1] != 0x3d ? 0 : text[at: count - 2] != 0x3d ? 1 : 2
        let before = bytes.count
        let whole = padding == 0 ? count : count - 4
        let table = Self.values
        var index = 0
        bytes.append(addingCapacity: count / 4 * 3) { output in
            index = unsafe output.withUnsafeMutableBufferPointer { out, filled in
                unsafe table.withUnsafeBufferPointer { values in
                    unsafe text.withUnsafeBytes { unsafe decodeGroups($0[..<whole], values, out, &filled) }
                }
            }
        }
        guard index == whole else {
            bytes.removeLast(bytes.count - before)
            return false
        }
        guard padding > 0 else { return true }
        let a = table[Int(text[at: index])]
        let b = table[Int(text[at: index + 1])]
        let c = padding == 1 ? table[Int(text[at: index + 2])] : 0
        let leftover = padding == 1 ? c & 0x03 : b & 0x0f
        guard (a | b | c) < 64, leftover == 0 else {
            bytes.removeLast(bytes.count - before)
            return false
        }
        bytes.append(a << 2 | b >> 4)
        if padding == 1 { bytes.append(b << 4 | c >> 2) }
        return true
    }

    /// Decodes groups of four characters up to the first that is none, and returns where that is.
    /// - Parameters:
    ///   - values: of all octets.
    ///   - out: has room for three octets a group.
    @unsafe private static func decodeGroups(
        _ text: Slice<UnsafeRawBufferPointer>, _ values: UnsafeBufferPointer<UInt8>, _ out: UnsafeMutableBufferPointer<UInt8>, _ filled: inout Int
    ) -> Int {
        let text = unsafe UnsafeRawBufferPointer(rebasing: text)
        var index = 0
        while index + 4 <= text.count {
            let a = unsafe UInt32(values[Int(text[index])]), b = unsafe UInt32(values[Int(text[index + 1])])
            let c = unsafe UInt32(values[Int(text[index + 2])]), d = unsafe UInt32(values[Int(text[index + 3])])
            guard (a | b | c | d) < 64, filled + 3 <= out.count else { return index }
            let bits = a << 18 | b << 12 | c << 6 | d
            unsafe out[filled] = UInt8(truncatingIfNeeded: bits >> 16)
            unsafe out[filled + 1] = UInt8(truncatingIfNeeded: bits >> 8)
            unsafe out[filled + 2] = UInt8(truncatingIfNeeded: bits)
            filled += 3
            index += 4
        }
        return index
    }

    /// The decoded bytes; nil where ``decode(_:into:)`` says false.
    public static func decode(_ text: RawSpan) -> [UInt8]? {
        var bytes: [UInt8] = []
        return decode(text, into: &bytes) ? bytes : nil
    }
}
