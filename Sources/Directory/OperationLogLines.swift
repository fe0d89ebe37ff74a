/// The lines of slapd's `stats` level. Names and filters are the client's bytes; they are made harmless here.
extension OperationLog {
    /// `conn=1000 fd=12 ACCEPT from IP=127.0.0.1:41234 (IP=127.0.0.1:389)`
    public func accepted(connection: UInt64, descriptor: Int32, peer: String, listener: String) {
        line(connection: connection) {
            $0.text("fd=")
            $0.number(descriptor)
            $0.text(" ACCEPT from ")
            $0.escaped(peer)
            $0.text(" (")
            $0.escaped(listener)
            $0.text(")")
        }
    }

    /// `conn=1000 fd=12 closed`, with the reason in parentheses if there is one.
    public func closed(connection: UInt64, descriptor: Int32, reason: String?) {
        line(connection: connection) {
            $0.text("fd=")
            $0.number(descriptor)
            $0.text(" closed")
            if let reason {
                $0.text(" (")
                $0.escaped(reason)
                $0.text(")")
            }
        }
    }

    /// `conn=1000 fd=12 TLS established tls_ssf=256 ssf=256 tls_proto=TLSv1.3 tls_cipher=TLS_AES_256_GCM_SHA384`
    public func secured(connection: UInt64, descriptor: Int32, _ facts: TLSFacts) {
        line(connection: connection) {
            $0.text("fd=")
            $0.number(descriptor)
            $0.text(" TLS established tls_ssf=")
            $0.number(facts.strength)
            $0.text(" ssf=")
            $0.number(facts.strength)
            $0.text(" tls_proto=")
            $0.escaped(facts.version)
            $0.text(" tls_cipher=")
            $0.escaped(facts.cipher)
        }
    }

    /// `BIND dn="cn=config" method=128`; 128 is simple, 163 SASL: the tag octet of the authentication choice.
    public func bind(connection: UInt64, operation: UInt64, dn: borrowing RawSpan, method: UInt8) {
        named(connection, operation, "BIND dn", dn) {
            $0.text(" method=")
            $0.number(method)
        }
    }

    /// `BIND dn="cn=config" mech=SIMPLE bind_ssf=0 ssf=0`: the identity that a successful bind gave.
    public func bound(connection: UInt64, operation: UInt64, dn: borrowing RawSpan, mechanism: StaticString) {
        named(connection, operation, "BIND dn", dn) {
            $0.text(" mech=")
            $0.text(mechanism)
            $0.text(" bind_ssf=0 ssf=0")
        }
    }

    /// `SRCH base="" scope=2 deref=0 filter="(uid=a)"`, then `SRCH attr=cn mail` if attributes were named.
    ///
    /// - Parameters:
    ///   - filter: writes the filter's string form (RFC 4515).
    ///   - attributes: writes the selected attributes, separated by spaces; nil when the client named none.
    public func search(
        connection: UInt64, operation: UInt64, base: borrowing RawSpan, scope: Int, dereference: Int,
        filter: (inout Line) -> Void, attributes: ((inout Line) -> Void)?
    ) {
        named(connection, operation, "SRCH base", base) {
            $0.text(" scope=")
            $0.number(scope)
            $0.text(" deref=")
            $0.number(dereference)
            $0.text(" filter=\"")
            filter(&$0)
            $0.text("\"")
        }
        if let attributes {
            line(connection: connection, operation: operation) {
                $0.text("SRCH attr=")
                attributes(&$0)
            }
        }
    }

    /// `SEARCH RESULT tag=101 err=0 etime=0.000040 nentries=1 text=`
    public func searchResult(
        connection: UInt64, operation: UInt64, code: Int, entries: Int, text: String, elapsed: Duration? = nil
    ) {
        line(connection: connection, operation: operation) {
            $0.text("SEARCH ")
            Self.result(&$0, tag: 101, code: code, elapsed: elapsed)
            $0.text(" nentries=")
            $0.number(entries)
            $0.text(" text=")
            $0.escaped(text)
        }
    }

    /// `RESULT tag=97 err=0 etime=0.000040 text=`; `tag` is the response's number in LDAP's APPLICATION class plus 96 (97 bind,
    /// 103 modify, 105 add, 107 delete, 109 modify DN, 111 compare, 120 extended), as slapd prints it.
    public func result(
        connection: UInt64, operation: UInt64, tag: Int, code: Int, text: String, elapsed: Duration? = nil
    ) {
        line(connection: connection, operation: operation) {
            Self.result(&$0, tag: tag, code: code, elapsed: elapsed)
            $0.text(" text=")
            $0.escaped(text)
        }
    }

    /// `ADD dn="…"`
    public func add(connection: UInt64, operation: UInt64, dn: borrowing RawSpan) {
        named(connection, operation, "ADD dn", dn) { _ in }
    }

    /// `MOD dn="…"`, then `MOD attr=mail cn`.
    public func modify(connection: UInt64, operation: UInt64, dn: borrowing RawSpan, attributes: (inout Line) -> Void) {
        named(connection, operation, "MOD dn", dn) { _ in }
        line(connection: connection, operation: operation) {
            $0.text("MOD attr=")
            attributes(&$0)
        }
    }

    /// `DEL dn="…"`
    public func delete(connection: UInt64, operation: UInt64, dn: borrowing RawSpan) {
        named(connection, operation, "DEL dn", dn) { _ in }
    }

    /// `MODRDN dn="…"`
    public func modifyDN(connection: UInt64, operation: UInt64, dn: borrowing RawSpan) {
        named(connection, operation, "MODRDN dn", dn) { _ in }
    }

    /// `CMP dn="…" attr="…"`
    public func compare(connection: UInt64, operation: UInt64, dn: borrowing RawSpan, attribute: borrowing RawSpan) {
        line(connection: connection, operation: operation) {
            $0.quoted("CMP dn", dn)
            $0.quoted(" attr", attribute)
        }
    }

    /// `ABANDON msg=3`
    public func abandon(connection: UInt64, operation: UInt64, messageID: Int) {
        line(connection: connection, operation: operation) {
            $0.text("ABANDON msg=")
            $0.number(messageID)
        }
    }

    /// `UNBIND`
    public func unbind(connection: UInt64, operation: UInt64) {
        line(connection: connection, operation: operation) { $0.text("UNBIND") }
    }

    /// `EXT oid=1.3.6.1.4.1.4203.1.11.3`
    public func extended(connection: UInt64, operation: UInt64, name: borrowing RawSpan) {
        line(connection: connection, operation: operation) {
            $0.text("EXT oid=")
            $0.escaped(name)
        }
    }

    /// `PASSMOD id="…"`, and `new` or `old` for what the client sent.
    public func passwordModify(connection: UInt64, operation: UInt64, identity: borrowing RawSpan, old: Bool, new: Bool) {
        named(connection, operation, "PASSMOD id", identity) {
            if old { $0.text(" old") }
            if new { $0.text(" new") }
        }
    }

    /// `PROXYAUTHZ dn="…"`: whose rights the operation has (RFC 4370).
    public func proxied(connection: UInt64, operation: UInt64, dn: borrowing RawSpan) {
        named(connection, operation, "PROXYAUTHZ dn", dn) { _ in }
    }

    /// `WHOAMI`
    public func whoAmI(connection: UInt64, operation: UInt64) {
        line(connection: connection, operation: operation) { $0.text("WHOAMI") }
    }

    private func named(
        _ connection: UInt64, _ operation: UInt64, _ name: StaticString, _ dn: borrowing RawSpan, _ rest: (inout Line) -> Void
    ) {
        line(connection: connection, operation: operation) {
            $0.quoted(name, dn)
            rest(&$0)
        }
    }

    private static func result(_ line: inout Line, tag: Int, code: Int, elapsed: Duration?) {
        line.text("RESULT tag=")
        line.number(tag)
        line.text(" err=")
        line.number(code)
        if let elapsed {
            line.text(" etime=")
            line.seconds(elapsed)
        }
    }
}
