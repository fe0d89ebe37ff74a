@testable import Directory
import BER
import EntryStore
import LDAP
import Schema
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A directory of its own with the whole schema, and the changes that a client would ask for.
final class TestDirectory: Sendable {
    let directory: Directory
    private let folder: String

    /// All of `schema/`, read once.
    static let schema = Result {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/schema/"
        return try Schema(
            ["system", "core", "cosine", "inetorgperson", "dyngroup", "amavisd", "carbonio-standard", "carbonio", "opendkim", "changelog"]
                .map { try SchemaSource(path: folder + $0 + ".schema") })
    }

    init(uniqueness: [String] = ["mail"], log: ChangeLogLimits = ChangeLogLimits(), rules: (Schema) -> [any WriteRule] = { _ in [] }) throws {
        folder = "/tmp/muster-directory-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(folder, 0o700)
        var options = EntryStore.Options()
        options.mapSize = 1 << 30
        options.durability = .none
        options.log = log
        let schema = try Self.schema.get()
        let indexes = ["mail", "cn", "objectClass"].compactMap { schema.attributeType(named: $0) }
            .map { IndexDefinition(type: $0, kinds: [.equality, .presence]) }
        let store = try EntryStore(directory: folder, schema: schema, indexes: indexes, options: options)
        var settings = DirectorySettings()
        settings.uniqueness = uniqueness
        settings.rootPassword = Array("secret".utf8)
        var plugged = DirectoryExtension()
        plugged.writeRules = rules(schema)
        directory = try Directory(store: store, settings: settings, extension: plugged)
    }

    deinit {
        directory.close()
        for name in ["data.mdb", "data.mdb-lock"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }

    // MARK: Changes

    struct Answer {
        let result: LDAPResult
        let controls: [Control]
        var code: ResultCode { result.code }
    }

    private static let ignore: @Sendable (WriteAnswer) -> Void = { _ in }

    /// Has a change carried out, and reads the answer.
    private func run(_ prepare: () throws(LDAPError) -> PendingWrite) async throws -> Answer {
        let write: PendingWrite
        do { write = try prepare() } catch {
            return Answer(
                result: try Self.decode(WriteAnswer(error).encode(messageID: 1, tag: OperationTag.modifyResponse)).result, controls: [])
        }
        let bytes = await withCheckedContinuation { continuation in
            directory.submit(write) { continuation.resume(returning: $0) }
        }
        return try Self.decode(bytes)
    }

    private static func decode(_ bytes: [UInt8]) throws -> Answer {
        let envelope = try LDAPEnvelope(decoding: bytes.rawSpan)
        let controls = try envelope.controls.map { try Controls.decode(bytes.rawSpan, $0) } ?? []
        return Answer(result: try LDAPResult(decoding: bytes.rawSpan, envelope.contents), controls: controls)
    }

    @discardableResult
    func add(
        _ dn: String, _ attributes: [(String, [String])], controls: [Control] = [], as identity: Identity = .root
    ) async throws -> Answer {
        let request = AddRequest(entry: Array(dn.utf8), attributes: attributes.map { PartialAttribute($0, $1) })
        return try await run { () throws(LDAPError) in
            try directory.current.prepareAdd(request, messageID: 1, controls: controls, for: Requester(identity), observed: Self.ignore)
        }
    }

    @discardableResult
    func modify(
        _ dn: String, _ changes: [(ModifyRequest.Operation, String, [String])], controls: [Control] = [], as identity: Identity = .root
    ) async throws -> Answer {
        let request = ModifyRequest(
            object: Array(dn.utf8), changes: changes.map { ModifyRequest.Change($0, PartialAttribute($1, $2)) })
        return try await run { () throws(LDAPError) in
            try directory.current.prepareModify(request, messageID: 1, controls: controls, for: Requester(identity), observed: Self.ignore)
        }
    }

    @discardableResult
    func delete(_ dn: String, controls: [Control] = [], as identity: Identity = .root) async throws -> Answer {
        try await run { () throws(LDAPError) in
            try directory.current.prepareDelete(
                DeleteRequest(entry: Array(dn.utf8)), messageID: 1, controls: controls, for: Requester(identity), observed: Self.ignore)
        }
    }

    @discardableResult
    func rename(
        _ dn: String, _ newRDN: String, deleteOld: Bool = true, below superior: String? = nil, controls: [Control] = [],
        as identity: Identity = .root
    ) async throws -> Answer {
        let request = ModifyDNRequest(
            entry: Array(dn.utf8), newRDN: Array(newRDN.utf8), deleteOldRDN: deleteOld, newSuperior: superior.map { Array($0.utf8) })
        return try await run { () throws(LDAPError) in
            try directory.current.prepareModifyDN(request, messageID: 1, controls: controls, for: Requester(identity), observed: Self.ignore)
        }
    }

    @discardableResult
    func setPassword(
        of user: String? = nil, old: String? = nil, new: String? = nil, as identity: Identity = .root
    ) async throws -> Answer {
        let request = PasswordModify(
            userIdentity: user.map { Array($0.utf8) }, oldPassword: old.map { Array($0.utf8) }, newPassword: new.map { Array($0.utf8) })
        return try await run { () throws(LDAPError) in
            try directory.current.preparePasswordModify(request, messageID: 1, controls: [], for: Requester(identity), observed: Self.ignore)
        }
    }

    // MARK: What is stored

    /// All attributes of an entry by lower-case description; nil if there is none.
    func entry(_ dn: String) throws -> [String: [String]]? {
        let snapshot = try directory.store.snapshot()
        let found = try snapshot.resolve(DistinguishedName(dn))
        guard found.isComplete, let record = try snapshot.record(found.id) else { return nil }
        var result: [String: [String]] = [:]
        for attribute in Entry(record).attributes {
            let name = snapshot.catalogue.table[attribute.id].map { String(decoding: $0.name, as: UTF8.self) } ?? "?"
            result[name.lowercased()] = attribute.values.map { String(decoding: $0, as: UTF8.self) }
        }
        return result
    }

    func values(_ dn: String, _ description: String) throws -> [String] { try entry(dn)?[description.lowercased()] ?? [] }

    /// The identity of an entry, as a bind would give it.
    func identity(_ dn: String, isAdministrator: Bool = false) throws -> Identity {
        let snapshot = try directory.store.snapshot()
        let name = isAdministrator ? "cn=administrator,cn=admins,cn=zimbra" : dn
        return .entry(try snapshot.resolve(DistinguishedName(dn)).id, name: Array(name.utf8), isAdministrator: isAdministrator)
    }

    /// The name of the entry that a name leads to, as spelled in the directory.
    func name(_ dn: String) throws -> String {
        let snapshot = try directory.store.snapshot()
        return String(decoding: try snapshot.name(of: snapshot.resolve(DistinguishedName(dn)).id), as: UTF8.self)
    }

    /// `dc=com`, and below it `ou=people`.
    func plant() async throws {
        try await add("dc=com", [("objectClass", ["dcObject", "organization"]), ("dc", ["com"]), ("o", ["com"])])
        try await add("ou=people,dc=com", [("objectClass", ["organizationalUnit"])])
    }

    /// A person below `ou=people,dc=com`.
    @discardableResult
    func addPerson(_ name: String, _ more: [(String, [String])] = []) async throws -> Answer {
        try await add("cn=\(name),ou=people,dc=com", [("objectClass", ["inetOrgPerson"]), ("cn", [name]), ("sn", [name])] + more)
    }
}
