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
            let access = isProxied ? AccessControl(requester, directory) : session.access(directory)
            let view = isProxied ? directory.view(of: requester.identity) : session.view
            let comparison = Comparison(directory: directory, access: access, view: view, controls: controls)
            let code = try worker.read { snapshot, _, _ throws(LDAPError) in
                try comparison.run(request, snapshot, budget: directory.settings.limits.inlineCandidates)
            }
            guard let code else { return postpone(request, comparison) }
            output.appendResult(messageID: messageID, tag: OperationTag.compareResponse, code: code)
            logResult(OperationTag.compareResponse, code, "", session)
            return .answered
        } catch {
            return refuse(error, session, &output)
        }
    }

    /// A comparison for which more must be looked at than an event loop may.
    private func postpone(_ request: CompareRequest, _ comparison: Comparison) -> Disposition {
        let (messageID, operation) = (self.messageID, self.operation)
        return .blocking(
            BlockingOperation(
                messageID: messageID, work: { comparison.run(request) },
                finish: { result, session, output in
                    let log = comparison.directory.log
                    let code: ResultCode
                    var text = ""
                    switch result as? Result<ResultCode, LDAPError> {
                    case .success(let found)?:
                        code = found
                        output.appendResult(messageID: messageID, tag: OperationTag.compareResponse, code: code)
                    case .failure(let error)?:
                        (code, text) = (error.code, error.message)
                        comparison.directory.counters.note(code)
                        output.appendResult(messageID: messageID, tag: OperationTag.compareResponse, error: error)
                    case nil: return nil
                    }
                    if log.isEnabled {
                        log.result(
                            connection: session.connectionID, operation: operation, tag: Int(OperationTag.compareResponse),
                            code: code.rawValue, text: text)
                    }
                    return nil
                }))
    }
}

/// A compare being carried out.
private struct Comparison: Sendable {
    let directory: Directory
    let access: AccessControl
    let view: EntrySelection.View
    let controls: SearchControls
    private var identity: Identity { access.identity }

    /// All of it, however long it takes, in a snapshot of its own.
    func run(_ request: CompareRequest) -> Result<ResultCode, LDAPError> {
        do throws(LDAPError) {
            let snapshot: Snapshot
            do { snapshot = try directory.store.snapshot() } catch { throw LDAPError(storage: error) }
            guard let code = try run(request, snapshot, budget: .max) else { throw LDAPError(.other, "the comparison did not end") }
            return .success(code)
        } catch { return .failure(error) }
    }

    /// - Parameter budget: entries that may be looked at to compute values.
    /// - Returns: nil if it is not enough.
    func run(_ request: CompareRequest, _ snapshot: borrowing Snapshot, budget: Int) throws(LDAPError) -> ResultCode? {
        var budget = budget
        let name = try WriteTarget(request.entry, directory.schema).name
        let catalogue = snapshot.catalogue
        let type = try judge(request, catalogue.schema)
        if let pseudo = try directory.pseudo.entry(named: request.entry.rawSpan, directory) {
            guard let record = EntryRecord(pseudo.record.rawSpan) else { throw pseudo.damage }
            // Root DSE and subschema are open to everybody.
            return try compare(request, .root, record, snapshot, &budget) { directory.compile($0, catalogue, view, viewer: access) }
        }
        let found = try snapshot.resolve(name)
        if let place = try directory.branchPlace(found, name, viewer: access, snapshot) {
            return try compare(request, place, snapshot, &budget)
        }
        if !found.isComplete, found.depth == 0, directory.admitsToMonitor(access), let path = directory.monitor.place(name) {
            return try compare(request, type, inMonitor: path, snapshot, &budget)
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
                let filter = access.compile(assertion, view, found.id, record, snapshot)
                guard filter.prepareEvaluation(snapshot, budget: &budget) else { return nil }
                guard filter.evaluate(found.id, record, snapshot, scratch: &scratch) == .yes else {
                    throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
                }
            }
            // Of subtypes only those that may be compared count.
            let profile = access.profile(found.id, record, snapshot)
            let judging = access.judging(found.id, record, snapshot)
            return try compare(request, found.id, record, snapshot, &budget) {
                directory.compile($0, catalogue, view, viewer: access, profile: profile, wanted: .compare, judging: judging)
            }
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
        guard schema.isAssertion(request.assertionValue.rawSpan, by: rule) else {
            throw LDAPError(.invalidAttributeSyntax, "\(type.name): assertion value is not valid")
        }
        return id
    }

    /// Compares with an entry of a virtual branch.
    private func compare(
        _ request: CompareRequest, _ place: BranchPlace, _ snapshot: borrowing Snapshot, _ budget: inout Int
    ) throws(LDAPError) -> ResultCode? {
        try place.demand(.read, access, snapshot)
        guard try place.branch.admit(identity, nil, snapshot, place.context, budget: &budget) else { return nil }
        var made = MadeEntry(snapshot.catalogue)
        let filters = [Self.items(request).equal] + (controls.assertion.map { [$0] } ?? [])
        var maker = place.branch.maker(.tested(filters), place.context)
        guard try place.make(&maker, snapshot, budget: &budget, into: &made) else { return nil }
        guard let record = EntryRecord(made.record) else { throw LDAPError(.other, "an entry that was made is damaged") }
        if let assertion = controls.assertion {
            var scratch = FilterScratch()
            guard directory.compileForMade(assertion, snapshot.catalogue).evaluate(.root, record, snapshot, scratch: &scratch) == .yes else {
                throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
            }
        }
        return try compare(request, .root, record, snapshot, &budget) { directory.compileForMade($0, snapshot.catalogue) }
    }

    /// Compares with an entry of the monitor, but for those of connections: asking for them takes a search.
    private func compare(
        _ request: CompareRequest, _ type: AttributeTypeID, inMonitor path: [String], _ snapshot: borrowing Snapshot, _ budget: inout Int
    ) throws(LDAPError) -> ResultCode? {
        let tree = MonitorTree(directory, withConnections: false)
        guard let index = tree.index(of: path) else { throw LDAPError(.noSuchObject, "", matchedDN: Array(Monitor.name.utf8)) }
        let whole = tree[index].record(snapshot.catalogue.table, hasSubordinates: tree.hasSubordinates(tree[index]))
        guard let record = EntryRecord(whole.rawSpan) else { throw LDAPError(.other, "an entry that was made is damaged") }
        guard MonitorAccess(access, directory).allows(.compare, type, whole, snapshot) else { throw LDAPError(.insufficientAccessRights, "") }
        return try compare(request, .root, record, snapshot, &budget) { directory.compileForMade($0, snapshot.catalogue) }
    }

    /// The items `(description=value)` and `(description=*)`, so that computed values count as in a filter.
    private static func items(_ request: CompareRequest) -> (equal: Filter, present: Filter) {
        var bytes = request.description
        var node = Filter.Node(kind: .equality, end: 1)
        node.attribute = ByteRange(start: 0, count: bytes.count)
        node.value = ByteRange(start: bytes.count, count: request.assertionValue.count)
        bytes += request.assertionValue
        var present = Filter.Node(kind: .present, end: 1)
        present.attribute = node.attribute
        return (Filter(bytes: bytes, nodes: [node]), Filter(bytes: bytes, nodes: [present]))
    }

    private func compare(
        _ request: CompareRequest, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ budget: inout Int,
        compile: (Filter) -> CompiledFilter
    ) throws(LDAPError) -> ResultCode? {
        let items = Self.items(request)
        let isEqual = compile(items.equal)
        guard isEqual.prepareEvaluation(snapshot, budget: &budget) else { return nil }
        var scratch = FilterScratch()
        switch isEqual.evaluate(id, record, snapshot, scratch: &scratch) {
        case .yes: return .compareTrue
        case .undefined: throw LDAPError(.inappropriateMatching, "values cannot be compared")
        case .no:
            let exists = compile(items.present)
            guard exists.prepareEvaluation(snapshot, budget: &budget) else { return nil }
            guard exists.evaluate(id, record, snapshot, scratch: &scratch) == .yes else {
                let hasNone = LDAPError(.noSuchAttribute, "")
                throw id == .root ? hasNone : try access.refusal(id, hasNone, snapshot)
            }
            return .compareFalse
        }
    }
}
