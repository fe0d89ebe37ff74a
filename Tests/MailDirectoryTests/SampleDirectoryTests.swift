import LDAP
import Testing

/// The sample organisation is what the other tests of the module stand on.
@Suite struct SampleDirectoryTests {
    @Test func sampleAnswersLikeAServer() throws {
        let sample = try SampleDirectory()
        let ada = try sample.search("dc=example,dc=com", .wholeSubtree, "(uid=ada.lovelace)", ["mail"])
        #expect(ada.names == ["uid=ada.lovelace,ou=people,dc=example,dc=com"])
        #expect(ada.values("mail").contains("ada.lovelace@example.com"))
        #expect(try sample.modify(ada.names[0], [(.replace, "title", ["Countess"])]).code == .success)
        #expect(try sample.compare(ada.names[0], "title", "countess") == .compareTrue)
        #expect(try sample.search("dc=nowhere").code == .noSuchObject)
    }
}
