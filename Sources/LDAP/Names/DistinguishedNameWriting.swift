import BER

extension DistinguishedName: CustomStringConvertible {
    /// The string form (RFC 4514 section 2).
    public var description: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the string form in UTF-8.
    public func write(into bytes: inout [UInt8]) {
        var isFirst = true
        for rdn in rdns {
            if !isFirst { bytes.append(0x2c) }
            isFirst = false
            rdn.write(into: &bytes)
        }
    }
}

extension RelativeDistinguishedName: CustomStringConvertible {
    /// The string form (RFC 4514 section 2.2).
    public var description: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the string form in UTF-8.
    public func write(into bytes: inout [UInt8]) {
        var isFirst = true
        for value in values {
            if !isFirst { bytes.append(0x2b) }
            isFirst = false
            value.write(into: &bytes)
        }
    }
}

extension AttributeTypeAndValue {
    /// Appends `type=value`. The value of a dotted type is written as the `#` form of an OCTET STRING (RFC 4514 section 2.4).
    public func write(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: type.utf8)
        bytes.append(0x3d)
        if let first = type.utf8.first, first.isASCIIDigit {
            var encoded = BERBuffer(capacity: value.count + 8)
            encoded.append(BERTag.octetString, contents: value)
            bytes.append(0x23)
            for index in 0..<encoded.count { bytes.appendHex(encoded.bytes[at: index], uppercase: false) }
        } else {
            Self.escape(value.rawSpan, into: &bytes)
        }
    }

    /// Appends a value as RFC 4514 section 2.4 escapes it. Control characters, and all bytes beyond ASCII of a value that is not UTF-8,
    /// are written as `\xx`.
    public static func escape(_ value: RawSpan, into bytes: inout [UInt8]) {
        let count = value.byteCount
        let isText = value.isUTF8
        for index in 0..<count {
            let byte = value[at: index]
            switch byte {
            case 0x22, 0x2b, 0x2c, 0x3b, 0x3c, 0x3e, 0x5c:
                bytes.append(0x5c)
                bytes.append(byte)
            case 0x20 where index == 0 || index == count - 1, 0x23 where index == 0:
                bytes.append(0x5c)
                bytes.append(byte)
            case 0x00..<0x20, 0x7f,
                0x80... where !isText:
                bytes.append(0x5c)
                bytes.appendHex(byte, uppercase: true)
            default:
                bytes.append(byte)
            }
        }
    }
}
