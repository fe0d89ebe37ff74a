import LDAPServer
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("ldap://127.0.0.1:1389", ListenAddress.tcp(host: "127.0.0.1", port: 1389)),
        ("LDAP://localhost", .tcp(host: "localhost", port: 389)),
        ("ldap://localhost:0/", .tcp(host: "localhost", port: 0)),
        ("ldap://[::1]:1389", .tcp(host: "::1", port: 1389)),
        ("ldap://[::1]", .tcp(host: "::1", port: 389)),
        ("ldap://:1389", .tcp(host: "", port: 1389)),
        ("ldap://*:1389", .tcp(host: "", port: 1389)),
        ("ldap:///", .tcp(host: "", port: 389)),
        ("ldaps://localhost", .tls(host: "localhost", port: 636)),
        ("LDAPS://[::1]:1636/", .tls(host: "::1", port: 1636)),
        ("ldaps://*", .tls(host: "", port: 636)),
        ("ldapi://%2Frun%2fmuster%2Fldapi", .unix(path: "/run/muster/ldapi")),
        ("ldapi:///run/muster/ldapi", .unix(path: "/run/muster/ldapi")),
    ])
    func urlsAsOpenLDAPTakesThem(url: String, address: ListenAddress) throws {
        #expect(try ListenAddress(url) == address)
        #expect(try ListenAddress(address.description) == address)
    }

    @Test(arguments: [
        "", "ldap", "ldap:", "ldapss://localhost", "ldaps://host:port", "http://localhost", "ldap://host:port", "ldap://host:65536", "ldap://host:-1",
        "ldap://host:+1", "ldap://[::1", "ldap://[::1]x", "ldap://host:1/dc=com", "ldapi://", "ldapi:///", "ldapi://%2", "ldapi://%zz",
        "ldapi://%00", "ldapi://" + String(repeating: "a", count: 108),
    ])
    func othersAreRefused(url: String) {
        #expect(throws: ListenAddress.ParseError.self) { try ListenAddress(url) }
    }
}
