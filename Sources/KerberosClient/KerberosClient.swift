internal import CKerberos
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Asks Kerberos servers whether passwords are right (RFC 4120 section 3.1), by libkrb5. Where a realm's servers are, and how they are spoken to, the
/// system's configuration says (`krb5.conf`, `KRB5_CONFIG`, DNS). Calls block the thread that makes them: not for event loops.
///
/// libkrb5 has no time-out that could be set: a server that is silent is given up after some ten to thirty seconds. So no more than ``callLimit`` calls wait at
/// a time, and after such a failure a realm is left alone for ``retryDelay``; who asks meanwhile is told at once.
public final class KerberosClient: Sendable {
    private struct State {
        var calls = 0
        /// Realms that are left alone: until when, and why.
        var pauses: [String: (end: ContinuousClock.Instant, reason: KerberosError)] = [:]
    }

    private let state = Mutex(State())

    /// Calls under way at a time.
    public static let callLimit = 4
    /// How long a realm is left alone whose servers do not answer.
    public static let retryDelay = Duration.seconds(15)
    /// Realms whose failure is remembered.
    private static let pauseLimit = 64

    public init() {}

    /// Whether somebody has a password. A realm's server that pretends is found out where the system has a key table (`krb5.keytab`) with a key of
    /// this host; without one its word is taken, as other programs do.
    /// - Parameters:
    ///   - principal: in string form (`name@REALM`), with `\` before what would be a separator.
    ///   - password: one with a zero byte is nobody's.
    /// - Throws: when the servers of the realm cannot be asked, or say neither yes nor no.
    public func verify(_ principal: String, password: [UInt8]) throws(KerberosError) -> Bool {
        guard !password.isEmpty, !password.contains(0) else { return false }
        let session = try Session()
        let (client, realm) = try session.principal(principal)
        defer { krb5_free_principal(session.context, client) }
        let now = ContinuousClock.now
        let refusal: KerberosError? = state.withLock { state in
            if let pause = state.pauses[realm] {
                if now < pause.end { return pause.reason }
                state.pauses[realm] = nil
            }
            guard state.calls < Self.callLimit else { return KerberosError("\(realm): \(Self.callLimit) requests are under way") }
            state.calls += 1
            return nil
        }
        if let refusal { throw refusal }
        defer { state.withLock { $0.calls -= 1 } }
        do throws(Failure) {
            try session.authenticate(client, password)
            return true
        } catch {
            switch error.meaning {
            case .no: return false
            case .unavailable: throw error.reason
            case .unreachable:
                state.withLock { state in
                    if state.pauses.count >= Self.pauseLimit { state.pauses.removeAll() }
                    state.pauses[realm] = (ContinuousClock.now + Self.retryDelay, error.reason)
                }
                throw error.reason
            }
        }
    }
}

/// Why a Kerberos server could not be asked; for people.
public struct KerberosError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

private struct Failure: Error {
    enum Meaning { case no, unavailable, unreachable }
    let meaning: Meaning
    let reason: KerberosError
}

/// What libkrb5 needs for one question. It reads the configuration anew each time, so that changes count. Confined to its caller.
private struct Session: ~Copyable {
    let context: krb5_context

    init() throws(KerberosError) {
        var made: krb5_context?
        let code = krb5_init_context(&made)
        guard code == 0, let made else { throw KerberosError("Kerberos is not configured: \(Self.text(nil, code))") }
        context = made
    }

    deinit { krb5_free_context(context) }

    private static func text(_ context: krb5_context?, _ code: krb5_error_code) -> String {
        guard let message = krb5_get_error_message(context, code) else { return "error \(code)" }
        defer { krb5_free_error_message(context, message) }
        return String(cString: message)
    }

    /// The caller frees it.
    func principal(_ text: String) throws(KerberosError) -> (krb5_principal, realm: String) {
        var parsed: krb5_principal?
        let code = krb5_parse_name(context, text, &parsed)
        guard code == 0, let parsed else { throw KerberosError("\(text): \(Self.text(context, code))") }
        let realm = parsed.pointee.realm
        // Sound: the bytes are libkrb5's own and live as long as the principal.
        let bytes = UnsafeRawBufferPointer(start: realm.data, count: realm.data == nil ? 0 : Int(realm.length))
        return (parsed, String(decoding: bytes, as: UTF8.self))
    }

    func authenticate(_ client: krb5_principal, _ password: [UInt8]) throws(Failure) {
        var credentials = krb5_creds()
        var options: UnsafeMutablePointer<krb5_get_init_creds_opt>?
        guard krb5_get_init_creds_opt_alloc(context, &options) == 0, let options else {
            throw Failure(meaning: .unavailable, reason: KerberosError("no memory"))
        }
        defer { krb5_get_init_creds_opt_free(context, options) }
        // The ticket is thrown away: it need not last or travel.
        krb5_get_init_creds_opt_set_tkt_life(options, 300)
        krb5_get_init_creds_opt_set_renew_life(options, 0)
        krb5_get_init_creds_opt_set_forwardable(options, 0)
        krb5_get_init_creds_opt_set_proxiable(options, 0)
        // Nobody is there who could choose a new password.
        krb5_get_init_creds_opt_set_change_password_prompt(options, 0)
        var code = (password + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                krb5_get_init_creds_password(context, &credentials, client, $0.baseAddress, nil, nil, 0, nil, options)
            }
        }
        guard code == 0 else { throw failure(code) }
        defer { krb5_free_cred_contents(context, &credentials) }
        code = krb5_verify_init_creds(context, &credentials, nil, nil, nil, nil)
        guard code == 0 else {
            throw Failure(meaning: .unavailable, reason: KerberosError("the Kerberos server cannot prove itself: \(Self.text(context, code))"))
        }
    }

    private func failure(_ code: krb5_error_code) -> Failure {
        let reason = KerberosError("Kerberos: \(Self.text(context, code))")
        return switch Int(code) {
        // A wrong password; who is not there, may not log in, or must choose another password first.
        case KRB5KDC_ERR_PREAUTH_FAILED, KRB5KRB_AP_ERR_BAD_INTEGRITY, KRB5_PREAUTH_FAILED, KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, KRB5KDC_ERR_NAME_EXP,
            KRB5KDC_ERR_CLIENT_REVOKED, KRB5KDC_ERR_CLIENT_NOTYET, KRB5KDC_ERR_KEY_EXP, KRB5KDC_ERR_POLICY, KRB5KDC_ERR_NULL_KEY:
            Failure(meaning: .no, reason: reason)
        case KRB5_KDC_UNREACH, KRB5_REALM_UNKNOWN, KRB5_REALM_CANT_RESOLVE: Failure(meaning: .unreachable, reason: reason)
        default: Failure(meaning: .unavailable, reason: reason)
        }
    }
}
