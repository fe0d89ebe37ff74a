import BER
import EntryStore
import LDAP

/// On whose behalf a request is carried out, and how that client is connected.
struct Requester: Sendable {
    let identity: Identity
    let origin: AccessOrigin
    /// The client as access rules see it, if that is known.
    let subject: AccessSubject?

    /// The client itself.
    init(_ session: Session, _ directory: Directory) {
        identity = session.identity
        origin = session.origin
        subject = session.access(directory).subject
    }

    init(_ identity: Identity, _ origin: AccessOrigin = AccessOrigin()) {
        self.identity = identity
        self.origin = origin
        subject = nil
    }
}

extension Request {
    /// Takes the proxied authorization control (RFC 4370) out of a request's controls: whose rights it has.
    /// - Throws: `authorizationDenied` if the client may not act for that identity; `protocolError`.
    func takeRequester(
        _ controls: inout [Control], _ session: Session, _ worker: DirectoryWorker
    ) throws(LDAPError) -> Requester {
        guard let control = try controls.take(ProxiedAuthorization.oid) else { return Requester(session, directory) }
        let wanted = try ProxiedAuthorization(decoding: control).authorizationID
        guard !session.identity.isAnonymous else {
            throw LDAPError(.authorizationDenied, "anonymous clients may not act for others")
        }
        let identity = try assumedIdentity(wanted, session, worker)
        if directory.log.isEnabled {
            directory.log.proxied(
                connection: session.connectionID, operation: operation, dn: directory.nameForRecords(identity).rawSpan)
        }
        return Requester(identity, session.origin)
    }

    /// Who an authorization identity (RFC 4513 section 5.2.1.8) is, for a client that may act for it: the root identity may act for
    /// everybody; others for themselves, and for those whose passwords they may set (who could become them that way); everybody
    /// whom the server knows may do without rights.
    private func assumedIdentity(
        _ wanted: [UInt8], _ session: Session, _ worker: DirectoryWorker
    ) throws(LDAPError) -> Identity {
        let denied = LDAPError(.authorizationDenied, "the client may not act for that identity")
        guard let name = Self.name(in: wanted) else { throw denied }
        if name.isEmpty { return .anonymous }
        guard let identity = try loginIdentity(name, session, worker) else { throw denied }
        switch (session.identity, identity) {
        case (.root, _): return identity
        case (.entry(let own, _, _), .entry(let other, _, _)):
            if own == other, session.identity.isEntry { return identity }
            let access = session.access(directory)
            let password = AccessDatum(directory.known.userPassword)
            let allowed = try worker.read { snapshot, _, _ throws(LDAPError) -> Bool in
                try access.allows(.write, password, of: other, snapshot)
            }
            guard allowed else { throw denied }
            return identity
        default: throw denied
        }
    }

    /// The name in an authorization identity; empty for nobody, nil for what is no authorization identity.
    private static func name(in wanted: [UInt8]) -> [UInt8]? {
        if wanted.isEmpty { return [] }
        if wanted.starts(with: "dn:".utf8) { return Array(wanted.dropFirst(3)) }
        return wanted.count > 2 && wanted.starts(with: "u:".utf8) ? Array(wanted.dropFirst(2)) : nil
    }

    /// The identity that a DN or a login name stands for; nil if it is none.
    private func loginIdentity(_ name: [UInt8], _ session: Session, _ worker: DirectoryWorker) throws(LDAPError) -> Identity? {
        do throws(LDAPError) { return try account(named: name, session, worker)?.identity } catch {
            if error.code == .invalidDNSyntax { return nil }
            throw error
        }
    }
}

extension [Control] {
    /// Removes the control of an OID.
    /// - Throws: `protocolError` if it is given more than once.
    mutating func take(_ oid: String) throws(LDAPError) -> Control? {
        guard let place = firstIndex(where: { $0.oid == oid }) else { return nil }
        let control = remove(at: place)
        if contains(where: { $0.oid == oid }) { throw LDAPError(.protocolError, "control \(oid) is given more than once") }
        return control
    }
}
