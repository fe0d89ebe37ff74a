public import BER
public import EntryStore
public import LDAP
public import Schema
import Synchronization

/// What each LDAP operation means. Shared by all threads of a server.
public final class Directory: Sendable {
    public let store: EntryStore
    public let settings: DirectorySettings
    public let log: OperationLog
    /// The one writer of the store.
    public let writer: Writer
    let known: KnownTypes
    let virtual: VirtualAttributes
    let writeRules: WriteRules
    let returnRules: [any ReturnRule]
    let branches: [any BranchProvider]
    let deleted: DeletedBranch
    /// Who may do what.
    let accessRules: AccessRules
    /// Rights that entries give beside the rules.
    let rights: (any GrantedRights)?
    let namedSubjects = Mutex(NamedSubjects())
    let login: (any LoginPolicy)?
    let passwordRules: (any PasswordRules)?
    /// Values that change with binds, on their way into entries.
    let ephemeral: EphemeralValues
    let ephemeralTypes: Set<AttributeTypeID>
    /// What an unknown name's password is compared with.
    let decoy: Decoy
    /// Keeps those waiting who guess passwords.
    let throttle: BindThrottle
    let counters = DirectoryCounters()
    let limitRules: LimitRules
    /// What `cn=Monitor` is made of.
    public let monitor: Monitor
    /// Entries that exist outside the store: root DSE and subschema.
    let pseudo: PseudoEntries
    let sortMemory = SortMemory()
    /// Aliases and referral entries.
    let special: SpecialEntryWatch
    let checker: EntryChecker
    /// Canonical name of the root identity.
    let rootName: [UInt8]
    /// Levels of it.
    let rootDepth: Int
    /// Canonical names of the identities with the stored view.
    private let storedViewNames: [[UInt8]]
    /// Canonical names of identities that may look into the change log, beside administrators.
    let changeReaders: [[UInt8]]
    private let trimming: LogTrimming
    /// The entry below which administrators stand.
    let administrators: DistinguishedName
    /// Types named by ``DirectorySettings/uniqueness``.
    let uniqueTypes: [AttributeTypeID]

    public var schema: Schema { store.schema }

    /// - Throws: for a schema without the types that the server itself needs, and settings or an extension that do not fit the schema.
    public init(
        store: EntryStore, settings: DirectorySettings = DirectorySettings(), log: OperationLog = .disabled,
        extension plugged: DirectoryExtension = DirectoryExtension()
    ) throws(DirectoryError) {
        self.store = store
        self.settings = settings
        self.log = log
        do { writer = try Writer(store, limits: settings.writer) } catch { throw DirectoryError(error.message) }
        known = try KnownTypes(store.schema)
        checker = EntryChecker(schema: store.schema, known: known)
        virtual = try VirtualAttributes(
            [
                EntryDN(type: known.entryDN), SubschemaSubentry(type: known.subschemaSubentry),
                HasSubordinates(type: known.hasSubordinates), NumSubordinates(type: known.numSubordinates),
            ] + plugged.virtualAttributes, known: known, schema: store.schema)
        writeRules = try WriteRules(plugged.writeRules, store.schema)
        returnRules = plugged.returnRules
        deleted = DeletedBranch(store.schema, known)
        branches = plugged.branches + [ChangeLogBranch(store.schema, known), deleted]
        do {
            accessRules = try AccessRules(settings.accessRules ?? AccessRules.simple(administrators: settings.administrators), store.schema)
        } catch { throw DirectoryError(error.description) }
        rights = plugged.rights
        monitor = Monitor(store.schema, accessRules)
        login = plugged.login
        passwordRules = plugged.passwordRules
        ephemeralTypes = Set(plugged.ephemeralTypes)
        ephemeral = EphemeralValues(store, writer, checker)
        limitRules = try LimitRules(settings.limits.rules, standard: settings.limits, store.schema)
        throttle = BindThrottle(settings.bindLimits, counters)
        do { decoy = try Decoy(settings.passwords) } catch { throw DirectoryError(error.message) }
        pseudo = PseudoEntries(schema: store.schema, known: known)
        special = try SpecialEntryWatch(store, known)
        for url in settings.referrals {
            do { _ = try LDAPURL(url) } catch { throw DirectoryError("referral \"\(url)\": \(error.message)") }
        }
        var name: [UInt8] = []
        do {
            let root = try DistinguishedName(settings.rootName)
            rootDepth = root.rdns.count
            try store.schema.normalizeDN(root, into: &name)
        } catch {
            throw DirectoryError("root name \"\(settings.rootName)\": \(error.message)")
        }
        rootName = name
        var storedViewNames: [[UInt8]] = []
        for identity in settings.storedViewIdentities {
            var name: [UInt8] = []
            do { try store.schema.normalizeDN(DistinguishedName(identity), into: &name) } catch {
                throw DirectoryError("identity with the stored view \"\(identity)\": \(error.message)")
            }
            storedViewNames.append(name)
        }
        self.storedViewNames = storedViewNames
        var changeReaders: [[UInt8]] = []
        for reader in settings.changeReaders {
            var name: [UInt8] = []
            do { try store.schema.normalizeDN(DistinguishedName(reader), into: &name) } catch {
                throw DirectoryError("reader of the change log \"\(reader)\": \(error.message)")
            }
            changeReaders.append(name)
        }
        self.changeReaders = changeReaders
        trimming = LogTrimming(store, writer)
        do { administrators = try DistinguishedName(settings.administrators) } catch {
            throw DirectoryError("administrators \"\(settings.administrators)\": \(error.message)")
        }
        var types: [AttributeTypeID] = []
        for name in settings.uniqueness {
            guard let type = store.schema.attributeType(named: name) else {
                throw DirectoryError("uniqueness of \(name): the schema has no such attribute type")
            }
            guard store.catalogue.maintained.kinds(of: type).contains(.equality) else {
                throw DirectoryError("uniqueness of \(name) needs an equality index of it")
            }
            types.append(type)
        }
        uniqueTypes = types
    }

    /// How an identity sees entries unless it asks otherwise.
    func view(of identity: Identity) -> EntrySelection.View {
        if storedViewNames.isEmpty { return .all }
        switch identity {
        case .anonymous: return .all
        case .root: return storedViewNames.contains(rootName) ? .stored : .all
        case .entry(_, let name, _):
            var canonical: [UInt8] = []
            guard let name = try? DistinguishedName(parsing: name.rawSpan), (try? schema.normalizeDN(name, into: &canonical)) != nil
            else { return .all }
            return storedViewNames.contains(canonical) ? .stored : .all
        }
    }

    /// Handles one complete LDAPMessage.
    ///
    /// Answers are appended to `output`; what cannot be answered at once is handed back as a ``Disposition``.
    public func handle(_ pdu: RawSpan, session: Session, worker: DirectoryWorker, output: inout BERBuffer) -> Disposition {
        let envelope: LDAPEnvelope
        do { envelope = try LDAPEnvelope(decoding: pdu) } catch {
            writeNoticeOfDisconnection(error.code, error.message, output: &output)
            return .close
        }
        // RFC 4511 section 4.1.1.1: 0 is kept for notices of the server.
        guard envelope.messageID != 0 else {
            writeNoticeOfDisconnection(.protocolError, "message ID 0 is not for requests", output: &output)
            return .close
        }
        let operation = session.operationCount
        session.operationCount += 1
        let request = Request(directory: self, pdu: pdu, envelope: envelope, operation: operation)
        let kind = OperationKind(requestTag: envelope.operation)
        if let kind { worker.begin(kind) }
        let disposition = perform(request, session, worker, &output)
        if let kind {
            switch disposition {
            case .answered, .close: worker.complete(kind)
            // Whoever goes on with them says when they have ended.
            case .search, .blocking, .write, .startTLS: break
            }
        }
        return disposition
    }

    private func perform(
        _ request: borrowing Request, _ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer
    ) -> Disposition {
        let envelope = request.envelope
        let operation = request.operation
        if session.mustChangePassword, let refusal = request.refusalBeforePasswordChange(session, worker) {
            return request.refuse(refusal, session, &output)
        }
        switch envelope.operation {
        case OperationTag.searchRequest: return request.search(session, worker, &output)
        case OperationTag.bindRequest: return request.bind(session, worker, &output)
        case OperationTag.compareRequest: return request.compare(session, worker, &output)
        case OperationTag.addRequest, OperationTag.deleteRequest, OperationTag.modifyRequest, OperationTag.modifyDNRequest:
            return request.write(session, worker, &output)
        case OperationTag.extendedRequest: return request.extended(session, worker, &output)
        case OperationTag.abandonRequest: return request.abandon(session)
        case OperationTag.unbindRequest:
            if log.isEnabled { log.unbind(connection: session.connectionID, operation: operation) }
            return .close
        default:
            writeNoticeOfDisconnection(.protocolError, "unknown operation, tag \(envelope.operation)", output: &output)
            return .close
        }
    }

    /// Hands a change to the writer. `completion` is called on the writer's thread, once, with the finished answer message(s),
    /// after the change is on disk (or was refused).
    /// - Parameter connection: who asks; connections are served in turn.
    public func submit(
        _ write: PendingWrite, from connection: UInt64 = 0, completion: @escaping @Sendable (_ answer: [UInt8]) -> Void
    ) {
        writer.submit(write.job(from: connection, completion))
    }

    /// Ends after all changes handed in so far. To be called once, after the last request.
    public func close() {
        trimming.stop()
        ephemeral.close()
        writer.stop()
    }

    /// Writes the notice of disconnection (RFC 4511 section 4.4.1).
    public func writeNoticeOfDisconnection(_ code: ResultCode, _ message: String, output: inout BERBuffer) {
        output.appendNoticeOfDisconnection(code: code, message: message)
    }
}

/// Why a directory could not be set up.
public struct DirectoryError: Error, Sendable, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
