internal import CLDAPClient
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A connection to another server. Every call blocks, for no longer than the time-outs say.
final class LDAPClientConnection: @unchecked Sendable {
    // Sound: a handle is used by one thread at a time; the pool lends a connection to one caller and takes it back afterwards.
    private let handle: OpaquePointer
    /// Since when it has not been used.
    var idleSince = ContinuousClock.now

    /// Connects and secures the connection if asked to.
    /// - Parameter binds: whether it is bound too, as the server's configuration says.
    /// - Throws: for the first URL after which all have failed.
    static func open(_ server: LDAPClientServer, binds: Bool) throws(LDAPClientError) -> LDAPClientConnection {
        var last = LDAPClientError(code: LDAP_PARAM_ERROR, message: "no URL of a server")
        for url in server.urls {
            do throws(LDAPClientError) {
                let connection = try LDAPClientConnection(url, timeout: server.connectTimeout)
                try connection.begin(server, url, binds: binds)
                return connection
            } catch { last = error }
        }
        throw last
    }

    private init(_ url: String, timeout: Int) throws(LDAPClientError) {
        var made: OpaquePointer?
        let code = ldap_initialize(&made, url)
        guard code == LDAP_SUCCESS, let made else { throw Self.error(code, url) }
        handle = made
        var version: Int32 = LDAP_VERSION3
        ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version)
        // Referrals would lead to servers that nobody configured.
        ldap_set_option(handle, LDAP_OPT_REFERRALS, muster_ldap_opt_off())
        var time = Self.time(timeout)
        ldap_set_option(handle, LDAP_OPT_NETWORK_TIMEOUT, &time)
        ldap_set_option(handle, LDAP_OPT_TIMEOUT, &time)
    }

    deinit { ldap_unbind_ext_s(handle, nil, nil) }

    private func begin(_ server: LDAPClientServer, _ url: String, binds: Bool) throws(LDAPClientError) {
        if server.startTLS, !url.lowercased().hasPrefix("ldaps:") {
            let code = ldap_start_tls_s(handle, nil, nil)
            guard code == LDAP_SUCCESS else { throw Self.error(code, "\(url), StartTLS") }
        }
        guard binds else { return }
        let code = bind(server.bindName, server.password)
        guard code == LDAP_SUCCESS else {
            throw Self.error(code, server.bindName.isEmpty ? "\(url), anonymous bind" : "\(url), bind as \(server.bindName)")
        }
    }

    private func bind(_ name: String, _ password: [UInt8]) -> Int32 {
        password.withUnsafeBufferPointer { password in
            password.withMemoryRebound(to: CChar.self) { muster_ldap_simple_bind(handle, name, $0.baseAddress, $0.count) }
        }
    }

    /// Whether somebody can bind; leaves the connection bound as that client, or anonymous.
    /// - Throws: if the server says neither yes nor no.
    func verify(_ name: String, _ password: [UInt8]) throws(LDAPClientError) -> Bool {
        switch bind(name, password) {
        case LDAP_SUCCESS: return true
        // Who is not there, has no password, or may not log in.
        case LDAP_INVALID_CREDENTIALS, LDAP_NO_SUCH_OBJECT, LDAP_INAPPROPRIATE_AUTH, LDAP_INVALID_DN_SYNTAX, LDAP_INSUFFICIENT_ACCESS,
            LDAP_UNWILLING_TO_PERFORM, LDAP_CONSTRAINT_VIOLATION:
            return false
        case let code: throw Self.error(code, "bind as \(name)")
        }
    }

    /// Carries a search out, page by page if asked to.
    func search(_ search: LDAPClientSearch) throws(LDAPClientError) -> LDAPClientAnswer {
        let deadline = ContinuousClock.now + .milliseconds(search.timeout)
        var answer = LDAPClientAnswer()
        var cookie: [UInt8] = []
        repeat {
            var pageSize = search.pageSize
            if search.sizeLimit > 0 {
                let left = search.sizeLimit - answer.entries.count
                if pageSize > 0 { pageSize = min(pageSize, left) }
            }
            cookie = try page(search, pageSize, cookie, deadline, &answer)
            if search.sizeLimit > 0, answer.entries.count >= search.sizeLimit {
                if !cookie.isEmpty { answer.isTruncated = true }
                break
            }
        } while !cookie.isEmpty
        return answer
    }

    /// One search request; the cookie of the next page, empty after the last.
    private func page(
        _ search: LDAPClientSearch, _ pageSize: Int, _ cookie: [UInt8], _ deadline: ContinuousClock.Instant, _ answer: inout LDAPClientAnswer
    ) throws(LDAPClientError) -> [UInt8] {
        let left = deadline - ContinuousClock.now
        let milliseconds = Int(left.components.seconds) * 1000 + Int(left.components.attoseconds / 1_000_000_000_000_000)
        guard milliseconds > 0 else { throw Self.error(LDAP_TIMEOUT, "search") }
        var control: UnsafeMutablePointer<LDAPControl>?
        if pageSize > 0 {
            let code = cookie.withUnsafeBufferPointer { bytes in
                // libldap only reads the cookie.
                var value = berval(
                    bv_len: UInt(bytes.count), bv_val: UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self))
                return ldap_create_page_control(handle, ber_int_t(clamping: pageSize), &value, 0, &control)
            }
            guard code == LDAP_SUCCESS else { throw Self.error(code, "search") }
        }
        defer { if let control { ldap_control_free(control) } }
        var time = Self.time(milliseconds)
        var result: OpaquePointer?
        var names: [UnsafeMutablePointer<CChar>?] = search.attributes.map { strdup($0) }
        defer { for name in names { free(name) } }
        names.append(nil)
        var controls: [UnsafeMutablePointer<LDAPControl>?] = [control, nil]
        let sizeLimit = search.sizeLimit == 0 ? 0 : search.sizeLimit - answer.entries.count
        let code = names.withUnsafeMutableBufferPointer { names in
            controls.withUnsafeMutableBufferPointer { controls in
                ldap_search_ext_s(
                    handle, search.base, Int32(search.scope), search.filter, names.count > 1 ? names.baseAddress : nil, 0,
                    control == nil ? nil : controls.baseAddress, nil, &time, Int32(clamping: sizeLimit), &result)
            }
        }
        defer { if let result { ldap_msgfree(result) } }
        if let result { read(result, &answer) }
        switch code {
        case LDAP_SUCCESS: break
        case LDAP_SIZELIMIT_EXCEEDED, LDAP_ADMINLIMIT_EXCEEDED, LDAP_TIMELIMIT_EXCEEDED:
            answer.isTruncated = true
            return []
        case LDAP_NO_SUCH_OBJECT: throw Self.error(code, "search below \"\(search.base)\"")
        default: throw Self.error(code, "search")
        }
        guard pageSize > 0, let result else { return [] }
        return try nextCookie(result)
    }

    private func read(_ result: OpaquePointer, _ answer: inout LDAPClientAnswer) {
        var message = ldap_first_entry(handle, result)
        while let current = message {
            var entry = LDAPClientAnswer.Entry(name: "", attributes: [])
            if let name = ldap_get_dn(handle, current) {
                entry.name = String(cString: name)
                ldap_memfree(name)
            }
            var position: OpaquePointer?
            var name = ldap_first_attribute(handle, current, &position)
            while let attribute = name {
                var values: [[UInt8]] = []
                if let list = ldap_get_values_len(handle, current, attribute) {
                    var index = 0
                    while let value = list[index] {
                        values.append(Array(UnsafeRawBufferPointer(start: value.pointee.bv_val, count: Int(value.pointee.bv_len))))
                        index += 1
                    }
                    ldap_value_free_len(list)
                }
                entry.attributes.append(LDAPClientAnswer.Attribute(name: String(cString: attribute), values: values))
                ldap_memfree(attribute)
                name = ldap_next_attribute(handle, current, position)
            }
            if let position { ber_free(position, 0) }
            answer.entries.append(entry)
            message = ldap_next_entry(handle, current)
        }
    }

    /// RFC 2696 section 3; a server that does not page sends no cookie.
    private func nextCookie(_ result: OpaquePointer) throws(LDAPClientError) -> [UInt8] {
        var controls: UnsafeMutablePointer<UnsafeMutablePointer<LDAPControl>?>?
        guard ldap_parse_result(handle, result, nil, nil, nil, nil, &controls, 0) == LDAP_SUCCESS, let controls else { return [] }
        defer { ldap_controls_free(controls) }
        guard let found = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, nil) else { return [] }
        var count: ber_int_t = 0
        var cookie = berval()
        guard ldap_parse_pageresponse_control(handle, found, &count, &cookie) == LDAP_SUCCESS else { return [] }
        defer { if let bytes = cookie.bv_val { ber_memfree(bytes) } }
        return Array(UnsafeRawBufferPointer(start: cookie.bv_val, count: cookie.bv_val == nil ? 0 : Int(cookie.bv_len)))
    }

    private static func time(_ milliseconds: Int) -> timeval {
        timeval(tv_sec: milliseconds / 1000, tv_usec: suseconds_t(milliseconds % 1000 * 1000))
    }

    private static func error(_ code: Int32, _ what: String) -> LDAPClientError {
        LDAPClientError(code: code, message: "\(what): \(ldap_err2string(code).map { String(cString: $0) } ?? "error \(code)")")
    }
}

extension LDAPClientError {
    /// Whether the connection is of no use any more.
    var isDisconnection: Bool {
        switch code {
        case LDAP_SERVER_DOWN, LDAP_CONNECT_ERROR, LDAP_TIMEOUT, LDAP_UNAVAILABLE, LDAP_ENCODING_ERROR, LDAP_DECODING_ERROR, LDAP_LOCAL_ERROR: true
        default: false
        }
    }

    /// Whether it was of no use already when it was taken from the pool: the server has closed it meanwhile.
    var isStale: Bool { code == LDAP_SERVER_DOWN }
}
