import BER

/// An LDAP URL (RFC 4516): a place to connect to and a search. Also `ldaps` and `ldapi` (whose host is the path of a socket).
public struct LDAPURL: Sendable, Hashable {
    /// What is spoken, and over what.
    public enum Scheme: String, Sendable, Hashable {
        case ldap, ldaps, ldapi
    }

    /// An extension of the URL (RFC 4516 section 2).
    public struct Extension: Sendable, Hashable {
        /// Whether who does not know it must not use the URL (`!`).
        public var isCritical: Bool
        /// Short name or OID.
        public var type: String
        /// Unescaped; nil if there is no `=`.
        public var value: String?

        /// An extension.
        public init(isCritical: Bool = false, type: String, value: String? = nil) {
            self.isCritical = isCritical
            self.type = type
            self.value = value
        }
    }

    /// What is spoken.
    public var scheme: Scheme
    /// Name or address, an IPv6 address without its brackets; of `ldapi` the path. Empty: the client's choice.
    public var host: String
    /// nil: the scheme's own (389, 636).
    public var port: Int?
    /// In string form.
    public var dn: String
    /// Attribute selectors; empty: all user attributes.
    public var attributes: [String]
    /// nil: base, as the RFC has it.
    public var scope: SearchScope?
    /// String form, checked when the URL was parsed; nil: `(objectClass=*)`.
    public var filter: String?
    /// In the order written.
    public var extensions: [Extension]

    /// A URL from its parts; what is left out has the default of RFC 4516.
    public init(
        scheme: Scheme = .ldap, host: String = "", port: Int? = nil, dn: String = "", attributes: [String] = [],
        scope: SearchScope? = nil, filter: String? = nil, extensions: [Extension] = []
    ) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.dn = dn
        self.attributes = attributes
        self.scope = scope
        self.filter = filter
        self.extensions = extensions
    }

    /// Parses a URL. Characters that should be percent-encoded but are not are accepted where nothing is ambiguous.
    ///
    /// DN and filter must be well-formed. Critical extensions are for the caller to know or to refuse.
    /// - Throws: `invalidAttributeSyntax`.
    public init(_ string: String, limits: DecodingLimits = .default) throws(LDAPError) {
        let bytes = Array(string.utf8)
        var rest = bytes[...]
        self.init()
        scheme = try Self.scheme(&rest)
        let authority = rest.prefix { $0 != 0x2f && $0 != 0x3f }
        rest = rest[authority.endIndex...]
        try parseAuthority(authority)
        guard rest.popFirst() == 0x2f || rest.isEmpty else { throw Self.failure("expected \"/\" after the host") }
        let fields = rest.split(separator: 0x3f, maxSplits: 4, omittingEmptySubsequences: false)
        dn = try Self.decode(fields[0])
        do { _ = try DistinguishedName(dn) } catch { throw Self.failure(error.message) }
        if fields.count > 1, !fields[1].isEmpty {
            for field in fields[1].split(separator: 0x2c, omittingEmptySubsequences: false) {
                let selector = try Self.decode(field)
                guard !selector.isEmpty else { throw Self.failure("empty attribute selector") }
                attributes.append(selector)
            }
        }
        if fields.count > 2 { scope = try Self.scope(try Self.decode(fields[2])) }
        if fields.count > 3, !fields[3].isEmpty {
            let text = try Self.decode(fields[3])
            do { _ = try Filter(text, limits: limits) } catch { throw Self.failure(error.message) }
            filter = text
        }
        if fields.count > 4 {
            for field in fields[4].split(separator: 0x2c, omittingEmptySubsequences: false) {
                extensions.append(try Self.parseExtension(field))
            }
        }
    }

    private static func failure(_ reason: String) -> LDAPError { LDAPError(.invalidAttributeSyntax, "LDAP URL: \(reason)") }

    private static func scheme(_ rest: inout ArraySlice<UInt8>) throws(LDAPError) -> Scheme {
        let word = rest.prefix { $0 != 0x3a }
        guard let scheme = Scheme(rawValue: String(decoding: word, as: UTF8.self).lowercased()) else {
            throw failure("scheme is none of ldap, ldaps, ldapi")
        }
        rest = rest[word.endIndex...]
        guard rest.starts(with: "://".utf8) else { throw failure("expected \"://\" after the scheme") }
        rest.removeFirst(3)
        return scheme
    }

    private mutating func parseAuthority(_ authority: ArraySlice<UInt8>) throws(LDAPError) {
        var name = authority
        var digits: ArraySlice<UInt8>?
        if name.first == 0x5b {
            guard let bracket = name.firstIndex(of: 0x5d) else { throw Self.failure("closing bracket of the address is missing") }
            let after = name[(bracket + 1)...]
            name = name[(name.startIndex + 1)..<bracket]
            if !after.isEmpty {
                guard after.first == 0x3a else { throw Self.failure("text after the address") }
                digits = after.dropFirst()
            }
        } else if scheme != .ldapi, let colon = name.firstIndex(of: 0x3a) {
            digits = name[(colon + 1)...]
            name = name[..<colon]
        }
        host = try Self.decode(name)
        if let digits, !digits.isEmpty {
            guard digits.allSatisfy(\.isASCIIDigit), digits.count <= 5, let number = Int(String(decoding: digits, as: UTF8.self)),
                number <= 65535
            else { throw Self.failure("not a port number") }
            port = number
        }
    }

    private static func scope(_ word: String) throws(LDAPError) -> SearchScope? {
        switch word.lowercased() {
        case "": return nil
        case "base": return .baseObject
        case "one", "onelevel": return .singleLevel
        case "sub", "subtree": return .wholeSubtree
        case "subord", "subordinate", "children": return .subordinateSubtree
        default: throw failure("unknown scope \(word)")
        }
    }

    private static func parseExtension(_ field: ArraySlice<UInt8>) throws(LDAPError) -> Extension {
        var field = field
        let isCritical = field.first == 0x21
        if isCritical { field.removeFirst() }
        let type = field.prefix { $0 != 0x3d }
        let name = try decode(type)
        guard AttributeDescription.isType(Array(name.utf8).rawSpan) else { throw failure("extension without a name") }
        let value = type.endIndex < field.endIndex ? try decode(field[(type.endIndex + 1)...]) : nil
        return Extension(isCritical: isCritical, type: name, value: value)
    }

    /// Undoes percent-encoding (RFC 3986 section 2.1); the result must be UTF-8.
    private static func decode(_ field: ArraySlice<UInt8>) throws(LDAPError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(field.count)
        var index = field.startIndex
        while index < field.endIndex {
            if field[index] == 0x25 {
                guard field.endIndex - index >= 3, let high = field[index + 1].hexDigitValue,
                    let low = field[index + 2].hexDigitValue
                else { throw failure("\"%\" without two hexadecimal digits") }
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(field[index])
                index += 1
            }
        }
        guard let string = String(utf8: bytes.rawSpan) else { throw failure("not UTF-8") }
        return string
    }
}

extension LDAPURL: CustomStringConvertible {
    /// The URL, percent-encoded as RFC 4516 section 2.1 asks.
    public var description: String {
        var text = Array("\(scheme.rawValue)://".utf8)
        if host.utf8.contains(0x3a), scheme != .ldapi {
            text.append(0x5b)
            text.append(contentsOf: host.utf8)
            text.append(0x5d)
        } else {
            Self.encode(host, keeping: "", into: &text)
        }
        if let port { text.append(contentsOf: ":\(port)".utf8) }
        let fieldCount = !extensions.isEmpty ? 5 : filter != nil ? 4 : scope != nil ? 3 : !attributes.isEmpty ? 2 : dn.isEmpty ? 0 : 1
        if fieldCount > 0 {
            text.append(0x2f)
            Self.encode(dn, keeping: ",=:@+;", into: &text)
        }
        if fieldCount > 1 {
            text.append(0x3f)
            for (index, attribute) in attributes.enumerated() {
                if index > 0 { text.append(0x2c) }
                Self.encode(attribute, keeping: ";*+", into: &text)
            }
        }
        if fieldCount > 2 {
            text.append(0x3f)
            let word =
                switch scope {
                case nil: ""
                case .baseObject: "base"
                case .singleLevel: "one"
                case .wholeSubtree: "sub"
                case .subordinateSubtree: "subordinate"
                }
            text.append(contentsOf: word.utf8)
        }
        if fieldCount > 3 {
            text.append(0x3f)
            Self.encode(filter ?? "", keeping: "()&|!=*:;,@+$/", into: &text)
        }
        if fieldCount > 4 {
            text.append(0x3f)
            for (index, item) in extensions.enumerated() {
                if index > 0 { text.append(0x2c) }
                if item.isCritical { text.append(0x21) }
                Self.encode(item.type, keeping: "", into: &text)
                if let value = item.value {
                    text.append(0x3d)
                    Self.encode(value, keeping: "=:/@", into: &text)
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends text with everything percent-encoded but the unreserved characters of RFC 3986 and those in `keeping`.
    private static func encode(_ string: String, keeping: String, into text: inout [UInt8]) {
        for byte in string.utf8 {
            if byte.isASCIILetter || byte.isASCIIDigit || byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e
                || keeping.utf8.contains(byte)
            {
                text.append(byte)
            } else {
                text.append(0x25)
                text.appendHex(byte, uppercase: true)
            }
        }
    }
}
