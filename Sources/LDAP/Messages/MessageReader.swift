import BER

/// A BER reader whose errors are those that a client sees: `protocolError`, naming the kind of message and what is wrong with it.
struct MessageReader: ~Escapable {
    private(set) var reader: BERReader
    /// The message or control being read, for diagnostics.
    let what: StaticString

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, _ range: ByteRange, _ what: StaticString) {
        reader = BERReader(bytes, range)
        self.what = what
    }

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, _ what: StaticString) {
        reader = BERReader(bytes)
        self.what = what
    }

    var bytes: RawSpan {
        @_lifetime(copy self) get { reader.bytes }
    }
    var isAtEnd: Bool { reader.isAtEnd }
    var nextTag: UInt8? { reader.nextTag }

    @inline(never)
    func failure(_ error: BERError) -> LDAPError { LDAPError(.protocolError, "\(what): \(error)") }

    @inline(never)
    func failure(_ reason: StaticString) -> LDAPError { LDAPError(.protocolError, "\(what): \(reason)") }

    @_lifetime(self: copy self)
    mutating func element() throws(LDAPError) -> (tag: UInt8, contents: ByteRange) {
        do { return try reader.element() } catch { throw failure(error) }
    }

    @_lifetime(self: copy self)
    mutating func contents(_ tag: UInt8 = BERTag.octetString) throws(LDAPError) -> ByteRange {
        do { return try reader.contents(of: tag) } catch { throw failure(error) }
    }

    @_lifetime(self: copy self)
    mutating func contents(ifPresent tag: UInt8) throws(LDAPError) -> ByteRange? {
        do { return try reader.contents(ifPresent: tag) } catch { throw failure(error) }
    }

    /// An owned copy of an octet string.
    @_lifetime(self: copy self)
    mutating func octets(_ tag: UInt8 = BERTag.octetString) throws(LDAPError) -> [UInt8] {
        let place = try contents(tag)
        return bytes.slice(place).array
    }

    @_lifetime(self: copy self)
    mutating func octets(ifPresent tag: UInt8) throws(LDAPError) -> [UInt8]? {
        guard let place = try contents(ifPresent: tag) else { return nil }
        return bytes.slice(place).array
    }

    /// A string in UTF-8; bytes that are not UTF-8 are an error.
    @_lifetime(self: copy self)
    mutating func string(_ tag: UInt8 = BERTag.octetString) throws(LDAPError) -> String {
        let place = try contents(tag)
        guard let string = String(utf8: bytes.slice(place)) else { throw failure("string is not UTF-8") }
        return string
    }

    /// An object identifier in dotted form (LDAPOID, RFC 4511 section 4.1.2).
    @_lifetime(self: copy self)
    mutating func objectIdentifier(_ tag: UInt8 = BERTag.octetString) throws(LDAPError) -> String {
        let place = try contents(tag)
        guard NumericOID.isValid(bytes.slice(place)), let string = String(utf8: bytes.slice(place)) else {
            throw failure("not an object identifier")
        }
        return string
    }

    /// An integer that must lie within bounds.
    @_lifetime(self: copy self)
    mutating func integer(_ tag: UInt8 = BERTag.integer, in bounds: ClosedRange<Int>) throws(LDAPError) -> Int {
        let value: Int
        do { value = try reader.integer(tag) } catch { throw failure(error) }
        guard bounds.contains(value) else { throw failure(.integerOutOfRange) }
        return value
    }

    @_lifetime(self: copy self)
    mutating func boolean(_ tag: UInt8 = BERTag.boolean) throws(LDAPError) -> Bool {
        do { return try reader.boolean(tag) } catch { throw failure(error) }
    }

    /// Reads the header of a constructed element: a reader of its contents.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    mutating func constructed(_ tag: UInt8 = BERTag.sequence) throws(LDAPError) -> MessageReader {
        let place = try contents(tag)
        return MessageReader(reader.bytes, place, what)
    }

    func finish() throws(LDAPError) {
        do { try reader.finish() } catch { throw failure(error) }
    }
}
