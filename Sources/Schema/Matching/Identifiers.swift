import BER

/// UUIDs (RFC 4530), change sequence numbers and replica ids.
enum Identifiers {
    /// Eight, four, four, four and twelve hexadecimal digits with hyphens between (RFC 4122 section 3).
    static func isUUID(_ value: RawSpan) -> Bool {
        guard value.byteCount == 36 else { return false }
        for index in 0..<36 {
            let byte = value[at: index]
            switch index {
            case 8, 13, 18, 23: if byte != 0x2d { return false }
            default: if !CharacterClass.isHexDigit(byte) { return false }
            }
        }
        return true
    }

    /// Appends a UUID's sixteen octets.
    static func appendUUID(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard isUUID(value) else { return false }
        var index = 0
        while index < 36 {
            if value[at: index] == 0x2d {
                index += 1
                continue
            }
            out.append(CharacterClass.hexValue(value[at: index]) << 4 | CharacterClass.hexValue(value[at: index + 1]))
            index += 2
        }
        return true
    }

    /// `YYYYmmddHHMMSS.uuuuuuZ#cccccc#sss#mmmmmm`: time, count, replica id, modification, as OpenLDAP writes them.
    static func isCSN(_ value: RawSpan) -> Bool {
        guard value.byteCount == 40, value[at: 21] == 0x5a, value[at: 22] == 0x23,
            Times(generalizedTime: value.extracting(0..<22)) != nil, value[at: 14] == 0x2e,
            value[at: 29] == 0x23, value[at: 33] == 0x23
        else { return false }
        for index in 23..<40 where index != 29 && index != 33 && !CharacterClass.isHexDigit(value[at: index]) { return false }
        return true
    }

    /// Appends a change sequence number in lower case, so that its bytes sort as the changes do.
    static func appendCSN(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard isCSN(value) else { return false }
        for index in 0..<value.byteCount {
            let byte = value[at: index]
            out.append(byte == 0x5a ? byte : lowercase(byte))
        }
        return true
    }

    /// A replica id: three hexadecimal digits.
    static func isSID(_ value: RawSpan) -> Bool {
        value.byteCount == 3 && value.allBytes(CharacterClass.isHexDigit)
    }

    /// Appends the replica id of a change sequence number, or one given alone.
    static func appendSID(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        let sid = isCSN(value) ? value.extracting(30..<33) : value
        guard isSID(sid) else { return false }
        for index in 0..<3 { out.append(lowercase(sid[at: index])) }
        return true
    }
}
