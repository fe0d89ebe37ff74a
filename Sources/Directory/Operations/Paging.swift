import BER
import EntryStore
import LDAP

/// Cookies of paged searches (RFC 2696): where to go on, how much was sent, and a seal.
///
/// Nothing is kept in the server: any number of searches can be left unfinished at no cost. The seal ties a cookie to the request
/// and the identity it was made for, and to this run of the program (its hash is keyed at random); a cookie that was forged
/// would show nothing that the client could not search for anyway.
struct PagingCookie: Sendable {
    /// Octets of a cookie.
    static let size = 24

    var position: EntryID
    /// Entries sent in all pages so far.
    var sent: Int

    init(position: EntryID, sent: Int) {
        self.position = position
        self.sent = sent
    }

    /// - Throws: `unwillingToPerform` for a cookie that is not for this search.
    init(decoding cookie: [UInt8], _ request: SearchRequest, _ identity: Identity) throws(LDAPError) {
        guard cookie.count == Self.size else { throw Self.foreign }
        func number(_ index: Int) -> UInt64 { cookie[index..<index + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        position = EntryID(rawValue: number(0))
        guard let sent = Int(exactly: number(8)), position.rawValue >> 44 == 0 else { throw Self.foreign }
        self.sent = sent
        guard number(16) == seal(request, identity) else { throw Self.foreign }
    }

    func encode(_ request: SearchRequest, _ identity: Identity) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [position.rawValue, UInt64(sent), seal(request, identity)] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return bytes
    }

    private func seal(_ request: SearchRequest, _ identity: Identity) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(position.rawValue)
        hasher.combine(sent)
        Self.combine(request, identity, into: &hasher)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// What ties a cookie to a request and a client.
    static func combine(_ request: SearchRequest, _ identity: Identity, into hasher: inout Hasher) {
        hasher.combine(identity)
        hasher.combine(request.scope)
        hasher.combine(request.typesOnly)
        hasher.combine(request.dereference)
        func combine(_ range: ByteRange) { request.bytes[range.lowerBound..<range.upperBound].withUnsafeBytes { hasher.combine(bytes: $0) } }
        combine(request.baseObject)
        for node in request.filter.nodes {
            hasher.combine(node.kind)
            hasher.combine(node.end)
            combine(node.attribute)
            combine(node.value)
            combine(node.rule)
        }
    }

    static var foreign: LDAPError {
        LDAPError(.unwillingToPerform, "paged results: the cookie is not one of this search, or the server was restarted")
    }
}
