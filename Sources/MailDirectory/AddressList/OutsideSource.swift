import EntryStore
import LDAP
import LDAPClient

/// Where entries of an external address list come from (rule 6.9).
struct OutsideSource: Sendable, Hashable {
    var server: LDAPClientServer
    var base: String
    private(set) var search: FilterTemplate
    var autoComplete: FilterTemplate
    var pageSize: Int
    /// How times are written there; nil: as here.
    var timestampFormat: String?
    /// Why it cannot be asked at all.
    var problem: String?

    /// Nil if no URL or no filter is configured.
    /// - Parameter prefix: what the names of its attributes begin with.
    init?(
        _ prefix: String, _ domain: Entry, _ values: StringValues, _ filters: NamedFilters, pageSize: Int, autoComplete: String
    ) {
        func own(_ name: String) -> String? { values.text(prefix + name, domain) }
        let urls = values.values(prefix + "URL", domain).map { String(decoding: $0, as: UTF8.self) }
        guard !urls.isEmpty, let filter = own("Filter") else { return nil }
        server = LDAPClientServer(urls: urls)
        server.startTLS = own("StartTlsEnabled") == "TRUE"
        let name = own("BindDn") ?? ""
        let password = values.values(prefix + "BindPassword", domain).first ?? []
        switch own("AuthMech") {
        case "none"?: break
        case "kerberos5"?: problem = "authentication by Kerberos is not supported"
        case "simple"?:
            server.bindName = name
            server.password = password
        default:
            // Unset: simple if there is a name and a password.
            if !name.isEmpty, !password.isEmpty {
                server.bindName = name
                server.password = password
            }
        }
        let base = own("SearchBase") ?? "ROOT"
        self.base = base == "ROOT" ? "" : base
        self.pageSize = pageSize
        search = FilterTemplate("")
        self.autoComplete = FilterTemplate("")
        setFilter(filter, filters)
        self.autoComplete = Self.template(autoComplete, filters) ?? search
        if Self.template(filter, filters) == nil { problem = "no filter is named \"\(filter)\"" }
    }

    mutating func setFilter(_ filter: String, _ filters: NamedFilters) { search = Self.template(filter, filters) ?? search }

    /// A template, or what has that name.
    static func template(_ text: String, _ filters: NamedFilters) -> FilterTemplate? {
        text.utf8.contains(UInt8(ascii: "(")) ? FilterTemplate(text) : filters[text]
    }
}

/// Turns a generalized time into the form that a pattern like `yyyyMMddHHmmss'.0Z'` describes (`zimbraGalSyncTimestampFormat`).
func formatTime(_ time: [UInt8], _ pattern: String) -> [UInt8] {
    let digits = time.prefix { $0 >= 0x30 && $0 <= 0x39 }
    guard digits.count >= 14 else { return time }
    let places: [Character: Range<Int>] = ["y": 0..<4, "M": 4..<6, "d": 6..<8, "H": 8..<10, "m": 10..<12, "s": 12..<14]
    var result: [UInt8] = []
    var isQuoted = false
    var last: Character?
    for character in pattern {
        if character == "'" {
            isQuoted.toggle()
            last = nil
        } else if !isQuoted, let place = places[character] {
            if last != character { result += digits[place] }
            last = character
        } else {
            result += Array(String(character).utf8)
            last = nil
        }
    }
    return result
}
