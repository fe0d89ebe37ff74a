@testable import Directory
import BER
import LDAP
import Testing

/// SCRAM-SHA-256 (RFC 5802, RFC 7677) and the names that EXTERNAL gives.
struct RFC5802_SCRAMTests {
    private func exchange(_ directory: TestDirectory, _ first: String) throws -> SCRAMExchange {
        let encoded = Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)
        let password = Array("pencil".utf8)
        let keys = try SCRAMKeys(password.rawSpan, salt: Base64.decode(encoded.rawSpan) ?? [], iterations: 4096)
        let attempt = BindAttempt(
            directory: directory.directory, messageID: 1, operation: 0, mechanism: "SCRAM-SHA-256", controls: BindControls(), name: [],
            account: nil)
        return SCRAMExchange(try .init(Array(first.utf8)), keys, attempt, nonce: Array("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8))
    }

    /// RFC 7677 section 3.
    @Test func theStandardsExample() throws {
        let exchange = try exchange(TestDirectory(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        #expect(
            String(decoding: exchange.challenge, as: UTF8.self)
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let signature = try exchange.finish(Array("c=biws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".utf8))
        #expect(signature.map { String(decoding: $0, as: UTF8.self) } == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        // Another proof, nonce or header.
        #expect(try exchange.finish(Array("c=biws,r=\(nonce),p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".utf8)) == nil)
        #expect(try exchange.finish(Array("c=biws,r=\(nonce)x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".utf8)) == nil)
        #expect(try exchange.finish(Array("c=eSws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".utf8)) == nil)
    }

    @Test(arguments: [
        "", ",", ",,,", "n,,", "n,,n=,r=x", "n,,n=user,r=", "n,,m=ext,n=user,r=x", "n,,n=us=er,r=x", "n,,n=us=2,r=x", "x,,n=user,r=x",
        "n,b=x,n=user,r=x", "p=tls-unique,,n=user,r=x", "n,,r=x,n=user",
    ]) func malformedFirstMessages(_ message: String) {
        #expect(throws: LDAPError.self) { try SCRAMExchange.ClientFirst(Array(message.utf8)) }
    }

    @Test(arguments: ["", "p=", "c=biws,p=AAAA", "c=!,r=x,p=AAAA", "c=biws,r=x", "c=biws,r=x,p=!", "r=x,c=biws,p=AAAA"])
    func malformedLastMessages(_ message: String) throws {
        let exchange = try exchange(TestDirectory(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        #expect(throws: LDAPError.self) { try exchange.finish(Array(message.utf8)) }
    }

    @Test func namesWithCommaAndEqualsSign() throws {
        let first = try SCRAMExchange.ClientFirst(Array("n,a=uid=3Db=2Cdc=3Dcom,n=uid=3Da=2Cdc=3Dcom,r=x".utf8))
        #expect(String(decoding: first.user, as: UTF8.self) == "uid=a,dc=com")
        #expect(String(decoding: first.authorization, as: UTF8.self) == "uid=b,dc=com")
    }

    // MARK: Names of EXTERNAL

    @Test func identityMap() throws {
        let map = try IdentityMap([
            "gidnumber=0\\+uidnumber=0,cn=peercred,.* cn=config", "cn=([^,]+),o=([^,]+) uid=$1,ou=people,dc=$2,dc=com", "mail=(.*) $1",
        ])
        func mapped(_ name: String) -> String? { map.map(Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) } }
        #expect(mapped("gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth") == "cn=config")
        #expect(mapped("cn=ada,o=example") == "uid=ada,ou=people,dc=example,dc=com")
        #expect(mapped("mail=ada@example.com") == "ada@example.com")
        // The whole name must fit.
        #expect(mapped("x,cn=ada,o=example") == nil)
        #expect(mapped("") == nil)
        for wrong in ["", "nothing", "( cn=config", "a "] { #expect(throws: DirectoryError.self) { try IdentityMap([wrong]) } }
    }
}
