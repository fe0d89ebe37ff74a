import BER
import EntryStore
import LDAP
import Schema

/// What somebody may do with the entries that a search finds, as the control "get effective rights" answers it: `entryLevelRights` and
/// `attributeLevelRights`, written as 389 Directory Server writes them. Used by one thread at a time.
final class EntryRights {
    private let access: AccessControl
    private let schema: Schema
    /// Attributes to tell of whether or not an entry has them.
    private let named: [AttributeTypeID]
    /// Whether to tell of all that an entry has.
    private let all: Bool
    // Unchecked: used by one thread at a time, and no access lasts longer than a call.
    @exclusivity(unchecked) private var cache = AccessCache()

    /// - Throws: `insufficientAccessRights` for whoever may not know: administrators may, and everybody may of themselves.
    init(
        _ asked: EffectiveRights, _ request: borrowing SearchRequest, _ viewer: AccessControl, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let directory = viewer.directory
        schema = directory.schema
        if let name = asked.name {
            let refusal = LDAPError(.insufficientAccessRights, "only administrators may know what others may do")
            let identity: Identity
            do throws(LDAPError) { identity = try directory.identity(named: String(decoding: name, as: UTF8.self), snapshot) } catch {
                throw viewer.identity.isAdministrator ? error : refusal
            }
            var isOwn = identity == viewer.identity
            if case .entry(let id, _, _) = identity, case .entry(id, _, _) = viewer.identity { isOwn = true }
            guard viewer.identity.isAdministrator || isOwn else { throw refusal }
            access = AccessControl(AccessSubject(identity, viewer.subject.origin, directory), directory)
        } else {
            access = viewer
        }
        var types: [AttributeTypeID] = []
        var all = request.attributes.isEmpty
        let bytes = request.bytes
        for place in request.attributes {
            let selector = bytes.rawSpan.slice(place).array
            if selector == [UInt8(ascii: "*")] || selector == [UInt8(ascii: "+")] { all = true }
            if let type = schema.attributeType(selector.rawSpan), !types.contains(type) { types.append(type) }
        }
        for name in asked.attributes {
            if let type = schema.attributeType(name.rawSpan), !types.contains(type) { types.append(type) }
        }
        named = types
        self.all = all
        cache.begin(access.subject, directory, snapshot)
    }

    /// Appends the two attributes for an entry.
    func append(of id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, to buffer: inout BERBuffer) {
        cache.begin(access.subject, access.directory, snapshot)
        cache.judge(id, record, access.subject, access.directory, snapshot)
        let profile = cache.profile
        append("entryLevelRights", entryLevel(profile, record.parent, snapshot), to: &buffer)
        var types = named
        if all {
            for index in 0..<record.attributeCount {
                guard let type = snapshot.catalogue.table.type(of: record.attributeID(at: index)), !types.contains(type) else { continue }
                types.append(type)
            }
        }
        let list = types.map { "\(schema[$0].name):\(Self.letters(profile.privileges(AccessDatum($0))))" }
        append("attributeLevelRights", list.joined(separator: ", "), to: &buffer)
    }

    /// `v`: see it; `a`: add entries below it; `d`: delete it; `n`: rename it.
    private func entryLevel(_ profile: AccessProfile, _ parent: EntryID, _ snapshot: borrowing Snapshot) -> String {
        func allows(_ wanted: AccessPrivileges) -> Bool {
            profile.entry.isSuperset(of: wanted) && ((try? access.allows(wanted, access.children, of: parent, snapshot)) ?? false)
        }
        var letters = ""
        if profile.entry.contains(.read) { letters += "v" }
        if profile.allows(.add, access.children) { letters += "a" }
        if allows(.delete) { letters += "d" }
        if allows(.write) { letters += "n" }
        return letters.isEmpty ? "none" : letters
    }

    /// `r`: read; `s`: search; `c`: compare; `w`: add values; `o`: delete values.
    private static func letters(_ privileges: AccessPrivileges) -> String {
        let known: [(AccessPrivileges, String)] = [(.read, "r"), (.search, "s"), (.compare, "c"), (.add, "w"), (.delete, "o")]
        let letters = known.filter { privileges.contains($0.0) }.map(\.1).joined()
        return letters.isEmpty ? "none" : letters
    }

    private func append(_ name: String, _ value: String, to buffer: inout BERBuffer) {
        let attribute = buffer.begin(BERTag.sequence)
        buffer.append(BERTag.octetString, contents: Array(name.utf8))
        let set = buffer.begin(BERTag.set)
        buffer.append(BERTag.octetString, contents: Array(value.utf8))
        buffer.end(set)
        buffer.end(attribute)
    }
}
