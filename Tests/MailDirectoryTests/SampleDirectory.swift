@testable import Directory
import BER
import EntryStore
import LDAP
import MailDirectory
import Schema
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A directory with the whole schema, the initial tree and the sample organisation, asked in finished LDAP messages as a client of the
/// server would, in one thread.
final class SampleDirectory {
    let directory: Directory
    private var worker: DirectoryWorker
    private let session: Session
    private let folder: String
    private var messageID = 0

    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// All of `schema/`, read once.
    static let schema = Result {
        try Schema(
            ["system", "core", "cosine", "inetorgperson", "dyngroup", "amavisd", "carbonio-standard", "carbonio", "opendkim", "muster", "addresslist"]
                .map { try SchemaSource(path: root + "/schema/" + $0 + ".schema") })
    }

    /// - Parameters:
    ///   - indexes: attributes with presence, equality and (where they have such a rule) substring index.
    ///   - isIndexed: whether what the module wants indexed is.
    ///   - storedView: identities with the stored view.
    ///   - isForAdministrators: whether the client has come where nobody but administrators may log in.
    init(
        _ settings: MailDirectory.Settings = MailDirectory.Settings(),
        indexes: [String] = [
            "objectClass", "mail", "cn", "uid", "sn", "givenName", "displayName", "member", "memberURL", "zimbraId", "zimbraCOSId",
            "zimbraDomainName", "createTimestamp", "modifyTimestamp", "zimbraMailDeliveryAddress", "zimbraMailAlias", "zimbraMailForwardingAddress", "DKIMSelector",
        ],
        isIndexed: Bool = true, storedView: [String] = [], limits: SearchLimits = SearchLimits(),
        isForAdministrators: Bool = false
    ) throws {
        session = Session(connectionID: 1, peer: "test", listener: ListenerFacts(isForAdministrators: isForAdministrators))
        folder = "/tmp/muster-mail-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(folder, 0o700)
        var options = EntryStore.Options()
        options.mapSize = 1 << 30
        options.durability = .none
        let schema = try Self.schema.get()
        let definitions = indexes.compactMap { schema.attributeType(named: $0) }.map { type in
            IndexDefinition(type: type, kinds: schema[type].substring == nil ? [.presence, .equality] : [.presence, .equality, .substring])
        }
        let store = try EntryStore(
            directory: folder, schema: schema, indexes: definitions + (isIndexed ? MailDirectory.indexes(schema) : []), options: options)
        var load = try LDIFImport(store)
        for file in ["carbonio", "sample"] { try load.read(Self.root + "/ldif/" + file + ".ldif") }
        _ = try load.finish()
        var directorySettings = DirectorySettings()
        directorySettings.limits = limits
        directorySettings.rootPassword = Array("secret".utf8)
        directorySettings.storedViewIdentities = storedView
        directory = try Directory(
            store: store, settings: directorySettings, extension: MailDirectory.directoryExtension(store, store.catalogue, settings))
        worker = DirectoryWorker(directory)
        try bind("cn=config", "secret")
    }

    deinit {
        directory.close()
        for name in ["data.mdb", "data.mdb-lock"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }

    // MARK: Operations

    struct Found {
        var entries: [SearchResultEntry] = []
        var result: LDAPResult
        /// The cookie of the next page (RFC 2696), if the answer has one.
        var pagedCookie: [UInt8]?
        var code: ResultCode { result.code }
        /// The names of the entries, in order of the alphabet.
        var names: [String] { entries.map { String(decoding: $0.name, as: UTF8.self) }.sorted() }
        /// The values of an attribute of the only entry; empty if there is not just one.
        func values(_ attribute: String) -> [String] {
            entries.count == 1 ? entries[0][attribute].map { String(decoding: $0, as: UTF8.self) } : []
        }
    }

    func search(
        _ base: String, _ scope: SearchScope = .wholeSubtree, _ filter: String = "(objectClass=*)", _ attributes: [String] = [],
        sizeLimit: Int = 0, typesOnly: Bool = false, controls: [Control] = []
    ) throws -> Found {
        let request = SearchRequest(
            base: Array(base.utf8), scope: scope, sizeLimit: sizeLimit, typesOnly: typesOnly, filter: try Filter(filter), attributes: attributes)
        let answers = try run { request.encode(messageID: $0, controls: controls, into: &$1) }
        var entries: [SearchResultEntry] = []
        for answer in answers.dropLast() {
            let envelope = try LDAPEnvelope(decoding: answer.rawSpan)
            entries.append(try SearchResultEntry(decoding: answer.rawSpan, envelope.contents))
        }
        let last = answers.last ?? []
        let envelope = try LDAPEnvelope(decoding: last.rawSpan)
        let answered = try envelope.controls.map { try Controls.decode(last.rawSpan, $0) } ?? []
        let cookie = try answered.first { $0.oid == PagedResults.oid }.map { try PagedResults(decoding: $0).cookie }
        return Found(entries: entries, result: try Self.result(answers), pagedCookie: cookie)
    }

    @discardableResult
    func bind(_ name: String, _ password: String) throws -> LDAPResult {
        let request = BindRequest(name: Array(name.utf8), authentication: .simple(Array(password.utf8)))
        return try Self.result(try run { request.encode(messageID: $0, into: &$1) })
    }

    /// A bind with the control that asks for reasons, and what it answers.
    func bindAsking(_ name: String, _ password: String) throws -> (code: ResultCode, policy: PasswordPolicy.Response) {
        let request = BindRequest(name: Array(name.utf8), authentication: .simple(Array(password.utf8)))
        return try asking { request.encode(messageID: $0, controls: $1, into: &$2) }
    }

    /// A change of attributes with that control.
    func modifyAsking(
        _ name: String, _ changes: [(ModifyRequest.Operation, String, [String])]
    ) throws -> (code: ResultCode, policy: PasswordPolicy.Response) {
        let request = ModifyRequest(
            object: Array(name.utf8), changes: changes.map { ModifyRequest.Change($0, PartialAttribute($1, $2)) })
        return try asking { request.encode(messageID: $0, controls: $1, into: &$2) }
    }

    private func asking(
        _ encode: (Int, [Control], inout BERBuffer) -> Void
    ) throws -> (code: ResultCode, policy: PasswordPolicy.Response) {
        let answers = try run { encode($0, [Control(oid: PasswordPolicy.oid)], &$1) }
        let last = answers.last ?? []
        let envelope = try LDAPEnvelope(decoding: last.rawSpan)
        let controls = try envelope.controls.map { try Controls.decode(last.rawSpan, $0) } ?? []
        let policy = try controls.first { $0.oid == PasswordPolicy.oid }.map { try PasswordPolicy.Response(decoding: $0) }
        return (try Self.result(answers).code, policy ?? PasswordPolicy.Response())
    }

    /// RFC 3062, of the bound entry unless another is named.
    @discardableResult
    func setPassword(of name: String? = nil, _ password: String) throws -> LDAPResult {
        let request = PasswordModify(userIdentity: name.map { Array($0.utf8) }, oldPassword: nil, newPassword: Array(password.utf8)).request
        return try Self.result(try run { request.encode(messageID: $0, into: &$1) })
    }

    /// What a virtual host's TLS connection tells.
    var serverName: String? {
        get { session.protection.tls?.serverName }
        set { session.protection = .tls(TLSFacts(version: "TLSv1.3", cipher: "", strength: 256, serverName: newValue)) }
    }

    /// Whether an account is remembered from a bind before, and nothing has come between.
    func isKnown(_ name: String) throws -> Bool {
        let (directory, stranger) = (self.directory, session.anonymousSubject(self.directory))
        defer { worker.releaseSnapshot() }
        return try worker.read { snapshot, state, _ throws(LDAPError) in
            directory.knownAccount(named: Array(name.utf8), stranger, &state, snapshot) != nil
        }
    }

    /// Runs a body in which nothing is remembered from before.
    func withNewWorker<T>(_ body: () throws -> T) rethrows -> T {
        let before = worker
        worker = DirectoryWorker(directory)
        defer { worker = before }
        return try body()
    }

    /// RFC 4532, without the `dn:`.
    func whoAmI() throws -> String {
        let request = ExtendedRequest(name: WhoAmI.oid)
        let value = try Self.result(try run { request.encode(messageID: $0, into: &$1) }).value ?? []
        return String(decoding: value.dropFirst(3), as: UTF8.self)
    }

    @discardableResult
    func modify(
        _ name: String, _ changes: [(ModifyRequest.Operation, String, [String])], controls: [Control] = []
    ) throws -> LDAPResult {
        let request = ModifyRequest(
            object: Array(name.utf8), changes: changes.map { ModifyRequest.Change($0, PartialAttribute($1, $2)) })
        return try Self.result(try run { request.encode(messageID: $0, controls: controls, into: &$1) })
    }

    @discardableResult
    func add(_ name: String, _ attributes: [(String, [String])], controls: [Control] = []) throws -> LDAPResult {
        let request = AddRequest(entry: Array(name.utf8), attributes: attributes.map { PartialAttribute($0, $1) })
        return try Self.result(try run { request.encode(messageID: $0, controls: controls, into: &$1) })
    }

    @discardableResult
    func delete(_ name: String, controls: [Control] = []) throws -> LDAPResult {
        try Self.result(
            try run { DeleteRequest(entry: Array(name.utf8)).encode(messageID: $0, controls: controls, into: &$1) })
    }

    @discardableResult
    func rename(_ name: String, _ newRDN: String, below superior: String? = nil, controls: [Control] = []) throws -> LDAPResult {
        let request = ModifyDNRequest(
            entry: Array(name.utf8), newRDN: Array(newRDN.utf8), deleteOldRDN: true, newSuperior: superior.map { Array($0.utf8) })
        return try Self.result(try run { request.encode(messageID: $0, controls: controls, into: &$1) })
    }

    /// - Returns: `compareTrue`, `compareFalse`, or why it could not be compared.
    func compare(_ name: String, _ attribute: String, _ value: String) throws -> ResultCode {
        let request = CompareRequest(entry: Array(name.utf8), description: Array(attribute.utf8), assertionValue: Array(value.utf8))
        return try Self.result(try run { request.encode(messageID: $0, into: &$1) }).code
    }

    // MARK: Messages

    /// Sends one request and collects its answers; the last is the result.
    private func run(_ encode: (Int, inout BERBuffer) -> Void) throws -> [[UInt8]] {
        messageID += 1
        var request = BERBuffer()
        encode(messageID, &request)
        var output = BERBuffer()
        switch directory.handle(request.bytes, session: session, worker: worker, output: &output) {
        case .answered, .close, .startTLS: break
        case .write(let write): output.append(submit(write))
        case .search(let search):
            while case .more = search.advance(worker: worker, limit: 1 << 16, output: &output) {}
        case .blocking(let operation):
            if let write = operation.finish(operation.work(), session, &output) { output.append(submit(write)) }
        }
        worker.releaseSnapshot()
        var answers: [[UInt8]] = []
        let bytes = output.bytes.array
        var start = 0
        while start < bytes.count {
            let rest = bytes.rawSpan.extracting(start..<bytes.count)
            guard let length = try LDAPEnvelope.frameLength(rest, limit: .max) else { break }
            answers.append(Array(bytes[start..<start + length]))
            start += length
        }
        return answers
    }

    private func submit(_ write: PendingWrite) -> [UInt8] {
        let answer = Answer()
        directory.submit(write) { bytes in
            pthread_mutex_lock(answer.mutex)
            answer.bytes = bytes
            pthread_cond_signal(answer.condition)
            pthread_mutex_unlock(answer.mutex)
        }
        pthread_mutex_lock(answer.mutex)
        while answer.bytes == nil { pthread_cond_wait(answer.condition, answer.mutex) }
        pthread_mutex_unlock(answer.mutex)
        return answer.bytes ?? []
    }

    /// What the writer's thread hands back.
    private final class Answer: @unchecked Sendable {
        // Sound: `bytes` is touched only while `mutex` is held, or after the only writer has signalled.
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        var bytes: [UInt8]?

        init() {
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(condition, nil)
        }

        deinit {
            pthread_cond_destroy(condition)
            pthread_mutex_destroy(mutex)
            condition.deallocate()
            mutex.deallocate()
        }
    }

    private static func result(_ answers: [[UInt8]]) throws -> LDAPResult {
        guard let last = answers.last else { throw LDAPError(.other, "no answer") }
        let envelope = try LDAPEnvelope(decoding: last.rawSpan)
        return try LDAPResult(decoding: last.rawSpan, envelope.contents)
    }
}
