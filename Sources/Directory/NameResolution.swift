import BER
import EntryStore
import LDAP
import Schema

/// Finds entries by name, and remembers where superiors lead: most names of a mail system are one RDN below a container that was
/// asked for a moment ago. Confined to a thread.
struct NameResolution {
    /// Entries by the string form of their name, as clients spelled it.
    private var superiors: [[UInt8]: EntryID] = [:]
    /// The commit for which they are right.
    private var commit = -1
    private static let limit = 4096
    /// The container of administrators, once looked for.
    private var administrators: EntryID??

    /// Where a name in string form leads.
    /// - Throws: `invalidDNSyntax`.
    mutating func resolve(_ name: RawSpan, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Snapshot.Resolution {
        if name.byteCount == 0 { return Snapshot.Resolution(id: .root, depth: 0, isComplete: true) }
        if snapshot.commit != commit {
            superiors.removeAll(keepingCapacity: true)
            administrators = nil
            commit = snapshot.commit
        }
        guard let (type, value) = Self.firstRDN(name), value.upperBound + 1 < name.byteCount else {
            return try snapshot.resolve(DistinguishedName(parsing: name))
        }
        let above = name.extracting((value.upperBound + 1)..<name.byteCount)
        let key = above.array
        guard let superior = superiors[key] else {
            let whole = try DistinguishedName(parsing: name)
            let found = try snapshot.resolve(whole)
            if found.isComplete, superiors.count < Self.limit, let parent = whole.parent {
                superiors[key] = try snapshot.resolve(parent).id
            }
            return found
        }
        let rdn = RelativeDistinguishedName(values: [
            AttributeTypeAndValue(
                type: String(decoding: name.extracting(0..<type).array, as: UTF8.self), value: name.extracting(value).array)
        ])
        var canonical: [UInt8] = []
        canonical.reserveCapacity(64)
        try snapshot.schema.normalizeRDN(rdn, into: &canonical)
        let child: EntryID?
        do { child = try snapshot.child(of: superior, rdn: canonical.rawSpan) } catch { throw LDAPError(storage: error) }
        guard let child else { return try snapshot.resolve(DistinguishedName(parsing: name)) }
        return Snapshot.Resolution(id: child, depth: 0, isComplete: true)
    }

    /// The entry of a name that is always the same one; nil if it does not exist. To be called after ``resolve(_:_:)``.
    mutating func container(_ name: DistinguishedName, _ snapshot: borrowing Snapshot) throws(LDAPError) -> EntryID? {
        if let administrators { return administrators }
        let found = try snapshot.resolve(name)
        administrators = .some(found.isComplete ? found.id : nil)
        return found.isComplete ? found.id : nil
    }

    /// The end of the type and the place of the value of the first RDN, if it is a plain one: one value, nothing escaped or quoted, no
    /// spaces at its ends.
    private static func firstRDN(_ name: RawSpan) -> (type: Int, value: Range<Int>)? {
        var equals: Int?
        var index = 0
        let count = min(name.byteCount, 300)
        while index < count {
            switch name[at: index] {
            case UInt8(ascii: ","):
                guard let equals, index > equals + 1, name[at: index - 1] != 0x20 else { return nil }
                return (equals, equals + 1..<index)
            case UInt8(ascii: "="):
                if equals == nil {
                    guard index > 0, index + 1 < count, name[at: index + 1] != 0x20, name[at: index + 1] != UInt8(ascii: "#") else { return nil }
                    equals = index
                }
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ">"), 0,
                0x80...:
                return nil
            case 0x20 where equals == nil: return nil
            case UInt8(ascii: ".") where equals == nil: return nil
            default: break
            }
            index += 1
        }
        return nil
    }
}
