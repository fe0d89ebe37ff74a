public import BER
public import EntryStore
public import LDAP
public import Schema
import Synchronization

/// What each LDAP operation means, by one schema. Shared by all threads of a server.
///
/// When the schema changes another directory over the same store takes over (``current``): all that is worked out from the schema is worked
/// out anew, and what is under way ends with what it began with.
public final class Directory: Sendable {
    let foundation: DirectoryFoundation
    public let store: EntryStore
    public let settings: DirectorySettings
    public let log: OperationLog
    /// The one writer of the store.
    public let writer: Writer
    public let schema: Schema
    /// Says when this is a directory of the past.
    let succession = Succession()
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
    let counters: DirectoryCounters
    let limitRules: LimitRules
    /// What `cn=Monitor` is made of.
    public let monitor: Monitor
    /// Whether access rules name the monitor or parts of it: then they say who may look.
    let isMonitorRuled: Bool
    /// Entries that exist outside the store: root DSE and subschema.
    let pseudo: PseudoEntries
    let sortMemory: SortMemory
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
    /// The entry below which administrators stand.
    let administrators: DistinguishedName
    /// Types named by ``DirectorySettings/uniqueness``.
    let uniqueTypes: [AttributeTypeID]

    /// - Throws: for a schema without the types that the server itself needs, and settings or an extension that do not fit the schema.
    public convenience init(
        store: EntryStore, settings: DirectorySettings = DirectorySettings(), log: OperationLog = .disabled,
        extension plugged: DirectoryExtension = DirectoryExtension()
    ) throws(DirectoryError) {
        try self.init(store: store, settings: settings, log: log) { (_, _) throws(DirectoryError) in plugged }
    }

    /// - Parameter extension: made by a catalogue, now and whenever the schema changes.
    /// - Throws: for a schema without the types that the server itself needs, and settings or an extension that do not fit the schema.
    public convenience init(
        store: EntryStore, settings: DirectorySettings = DirectorySettings(), log: OperationLog = .disabled,
        extension makeExtension: @escaping @Sendable (EntryStore, Catalogue) throws(DirectoryError) -> DirectoryExtension
    ) throws(DirectoryError) {
        let foundation = try DirectoryFoundation(store, settings, log, makeExtension)
        do throws(DirectoryError) { try self.init(foundation, store.catalogue) } catch {
            foundation.close()
            throw error
        }
    }

    /// A directory by a catalogue that its store has or is about to get.
    init(_ foundation: DirectoryFoundation, _ catalogue: Catalogue) throws(DirectoryError) {
        self.foundation = foundation
        let settings = foundation.settings
        let schema = catalogue.schema
        store = foundation.store
        self.settings = settings
        self.schema = schema
        log = foundation.log
        writer = foundation.writer
        ephemeral = foundation.ephemeral
        decoy = foundation.decoy
        throttle = foundation.throttle
        counters = foundation.counters
        monitor = foundation.monitor
        sortMemory = foundation.sortMemory
        let plugged = try foundation.makeExtension(foundation.store, catalogue)
        known = try KnownTypes(schema)
        checker = EntryChecker(schema: schema, known: known)
        virtual = try VirtualAttributes(
            [
                EntryDN(type: known.entryDN), SubschemaSubentry(type: known.subschemaSubentry),
                HasSubordinates(type: known.hasSubordinates), NumSubordinates(type: known.numSubordinates),
            ] + plugged.virtualAttributes, known: known, schema: schema)
        writeRules = try WriteRules(plugged.writeRules, schema)
        returnRules = plugged.returnRules
        deleted = DeletedBranch(schema, known)
        branches = plugged.branches + [ChangeLogBranch(schema, known), deleted]
        do {
            accessRules = try AccessRules(settings.accessRules ?? AccessRules.simple(administrators: settings.administrators), schema)
        } catch { throw DirectoryError(error.description) }
        rights = plugged.rights
        let monitorName = monitor.canonicalName
        isMonitorRuled = accessRules.entryConditions.contains { condition in
            guard case .name(_, _, let canonical) = condition else { return false }
            return canonical == monitorName || AccessName.isBelow(canonical, monitorName)
        }
        login = plugged.login
        passwordRules = plugged.passwordRules
        ephemeralTypes = Set(plugged.ephemeralTypes)
        limitRules = try LimitRules(settings.limits.rules, standard: settings.limits, schema)
        pseudo = PseudoEntries(catalogue, known)
        special = try SpecialEntryWatch(foundation.store, known, schema)
        for url in settings.referrals {
            do { _ = try LDAPURL(url) } catch { throw DirectoryError("referral \"\(url)\": \(error.message)") }
        }
        var name: [UInt8] = []
        do {
            let root = try DistinguishedName(settings.rootName)
            rootDepth = root.rdns.count
            try schema.normalizeDN(root, into: &name)
        } catch {
            throw DirectoryError("root name \"\(settings.rootName)\": \(error.message)")
        }
        rootName = name
        var storedViewNames: [[UInt8]] = []
        for identity in settings.storedViewIdentities {
            var name: [UInt8] = []
            do { try schema.normalizeDN(DistinguishedName(identity), into: &name) } catch {
                throw DirectoryError("identity with the stored view \"\(identity)\": \(error.message)")
            }
            storedViewNames.append(name)
        }
        self.storedViewNames = storedViewNames
        var changeReaders: [[UInt8]] = []
        for reader in settings.changeReaders {
            var name: [UInt8] = []
            do { try schema.normalizeDN(DistinguishedName(reader), into: &name) } catch {
                throw DirectoryError("reader of the change log \"\(reader)\": \(error.message)")
            }
            changeReaders.append(name)
        }
        self.changeReaders = changeReaders
        do { administrators = try DistinguishedName(settings.administrators) } catch {
            throw DirectoryError("administrators \"\(settings.administrators)\": \(error.message)")
        }
        var types: [AttributeTypeID] = []
        for name in settings.uniqueness {
            guard let type = schema.attributeType(named: name) else {
                throw DirectoryError("uniqueness of \(name): the schema has no such attribute type")
            }
            guard catalogue.maintained.kinds(of: type).contains(.equality) else {
                throw DirectoryError("uniqueness of \(name) needs an equality index of it")
            }
            types.append(type)
        }
        uniqueTypes = types
    }

    /// The directory by the schema as it is now: what requests that come are for.
    public var current: Directory { succession.isSuperseded ? foundation.latest ?? self : self }

    /// Whether there is a newer one.
    public var isSuperseded: Bool { succession.isSuperseded }

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
        worker.adopt(self)
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
        foundation.close()
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
