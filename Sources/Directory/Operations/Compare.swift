import BER
import EntryStore
import LDAP
import Schema

extension Request {
    /// RFC 4511 section 4.10.
    func compare(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        do {
            let request = try CompareRequest(decoding: pdu, envelope.contents)
            if directory.log.isEnabled {
                directory.log.compare(
                    connection: session.connectionID, operation: operation, dn: request.entry.rawSpan, attribute: request.description.rawSpan)
            }
            var given = try decodeControls()
            let isProxied = given.contains { $0.oid == ProxiedAuthorization.oid }
            let requester = try takeRequester(&given, session, worker)
            let controls = try SearchControls(given, for: .compare)
            let access = isProxied ? AccessControl(requester.identity, requester.origin, directory) : session.access(directory)
            let view = isProxied ? directory.view(of: requester.identity) : session.view
            let code = try worker.read { snapshot, _, _ throws(LDAPError) in
                try Comparison(directory: directory, access: access, view: view, controls: controls).run(request, snapshot)
            }
            output.appendResult(messageID: messageID, tag: OperationTag.compareResponse, code: code)
            logResult(OperationTag.compareResponse, code, "", session)
            return .answered
        } catch {
            return refuse(error, session, &output)
        }
    }
}

/// A compare being carried out.
private struct Comparison {
    let directory: Directory
    let access: AccessControl
    let view: EntrySelection.View
    let controls: SearchControls
    private var identity: Identity { access.identity }

    func run(_ request: CompareRequest, _ snapshot: borrowing Snapshot) throws(LDAPError) -> ResultCode {
        let name = try WriteTarget(request.entry, directory.schema).name
        let catalogue = snapshot.catalogue
        let type = try judge(request, catalogue.schema)
        if let pseudo = try directory.pseudo.entry(named: request.entry.rawSpan, directory) {
            guard let record = EntryRecord(pseudo.record.rawSpan) else { throw LDAPError(.other, "\(pseudo.title) is damaged") }
            return try compare(request, type, .root, record, snapshot, catalogue)
        }
        let found = try snapshot.resolve(name)
        if let place = try directory.branchPlace(found, name, viewer: access, snapshot) { return try compare(request, type, place, snapshot) }
        if !found.isComplete, found.depth == 0, directory.admitsToMonitor(access), let path = directory.monitor.place(name) {
            return try compare(request, type, inMonitor: path, snapshot)
        }
        if !controls.manageDsaIT, let referral = try directory.searchReferral(at: found, name, scope: nil, snapshot) {
            throw try access.refusal(found.id, referral, snapshot)
        }
        if let referral = directory.defaultReferral(at: found, name, scope: nil) { throw referral }
        do {
            guard found.isComplete, let record = try snapshot.record(found.id) else {
                throw try access.missing(below: found.id, snapshot)
            }
            guard access.allows(.compare, AccessDatum(type), value: request.assertionValue, found.id, record, snapshot) else {
                throw try access.refusal(found.id, "", snapshot)
            }
            if let assertion = controls.assertion {
                var scratch = FilterScratch()
                guard access.compile(assertion, view, found.id, record, snapshot).evaluate(found.id, record, snapshot, scratch: &scratch) == .yes else {
                    throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
                }
            }
            return try compare(request, type, found.id, record, snapshot, catalogue)
        } catch let error as LDAPError {
            throw error
        } catch let error as EntryStoreError {
            throw LDAPError(storage: error)
        } catch {
            throw LDAPError(.other, "\(error)")
        }
    }

    /// Checks what the request alone tells; before the entry is looked for, as in slapd.
    /// - Returns: the type to compare values of.
    /// - Throws: `undefinedAttributeType`, `inappropriateMatching`, `invalidAttributeSyntax`.
    private func judge(_ request: CompareRequest, _ schema: Schema) throws(LDAPError) -> AttributeTypeID {
        let id = try directory.checker.description(request.description.rawSpan, isAssertion: true).type
        let type = schema[id]
        guard let rule = type.equality else {
            throw LDAPError(.inappropriateMatching, "\(type.name): has no equality matching rule")
        }
        var canonical: [UInt8] = []
        guard schema.normalize(request.assertionValue.rawSpan, by: rule, into: &canonical) else {
            throw LDAPError(.invalidAttributeSyntax, "\(type.name): assertion value is not valid")
        }
        return id
    }

    /// Compares with an entry of a virtual branch.
    private func compare(
        _ request: CompareRequest, _ type: AttributeTypeID, _ place: BranchPlace, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> ResultCode {
        try place.demand(.read, access, snapshot)
        try place.branch.admit(identity, nil, snapshot, place.context)
        let entry = try place.entry(nil, [], snapshot)
        guard let record = EntryRecord(entry.record.bytes) else { throw LDAPError(.other, "an entry that was made is damaged") }
        if let assertion = controls.assertion {
            var scratch = FilterScratch()
            guard directory.compileForMade(assertion, snapshot.catalogue).evaluate(.root, record, snapshot, scratch: &scratch) == .yes else {
                throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
            }
        }
        return try compare(request, type, .root, record, snapshot) { directory.compileForMade($0, snapshot.catalogue) }
    }

    /// Compares with an entry of the monitor, but for those of connections: asking for them takes a search.
    private func compare(
        _ request: CompareRequest, _ type: AttributeTypeID, inMonitor path: [String], _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> ResultCode {
        let tree = MonitorTree(directory, withConnections: false)
        guard let index = tree.index(of: path) else { throw LDAPError(.noSuchObject, "", matchedDN: Array(Monitor.name.utf8)) }
        let whole = tree[index].record(snapshot.catalogue.table, hasSubordinates: tree.hasSubordinates(tree[index]))
        guard let record = EntryRecord(whole.rawSpan) else { throw LDAPError(.other, "an entry that was made is damaged") }
        guard MonitorAccess(access, directory).allows(.compare, type, whole, snapshot) else { throw LDAPError(.insufficientAccessRights, "") }
        return try compare(request, type, .root, record, snapshot) { directory.compileForMade($0, snapshot.catalogue) }
    }

    private func compare(
        _ request: CompareRequest, _ type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord,
        _ snapshot: borrowing Snapshot, _ catalogue: Catalogue
    ) throws(LDAPError) -> ResultCode {
        // Of subtypes only those that may be compared count. Root DSE and subschema are open to everybody.
        let isOpen = id == .root
        let profile = isOpen ? .unlimited : access.profile(id, record, snapshot)
        let judging = isOpen ? nil : access.judging(id, record, snapshot)
        return try compare(request, type, id, record, snapshot) {
            directory.compile($0, catalogue, view, viewer: access, profile: profile, wanted: .compare, judging: judging)
        }
    }

    private func compare(
        _ request: CompareRequest, _ type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord,
        _ snapshot: borrowing Snapshot, compile: (Filter) -> CompiledFilter
    ) throws(LDAPError) -> ResultCode {
        // The item `(description=value)`, so that computed values count as in a filter.
        var bytes = request.description
        var node = Filter.Node(kind: .equality, end: 1)
        node.attribute = ByteRange(start: 0, count: bytes.count)
        node.value = ByteRange(start: bytes.count, count: request.assertionValue.count)
        bytes += request.assertionValue
        var present = Filter.Node(kind: .present, end: 1)
        present.attribute = node.attribute
        var scratch = FilterScratch()
        switch compile(Filter(bytes: bytes, nodes: [node])).evaluate(id, record, snapshot, scratch: &scratch) {
        case .yes: return .compareTrue
        case .undefined: throw LDAPError(.inappropriateMatching, "values cannot be compared")
        case .no:
            let exists = compile(Filter(bytes: bytes, nodes: [present]))
            guard exists.evaluate(id, record, snapshot, scratch: &scratch) == .yes else {
                let hasNone = LDAPError(.noSuchAttribute, "")
                throw id == .root ? hasNone : try access.refusal(id, hasNone, snapshot)
            }
            return .compareFalse
        }
    }
}
