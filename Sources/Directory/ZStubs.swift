import BER
import EntryStore
import LDAP
import Schema
public enum PasswordScheme: Sendable { case ssha512 }
enum PasswordVerifier { static func verify(stored: [UInt8], password: [UInt8]) -> Bool { stored == password } }
struct EntryChecker: Sendable { init(schema: Schema, known: KnownTypes) {} }
struct KnownTypes: Sendable {
  let userPassword, entryDN, subschemaSubentry, hasSubordinates, numSubordinates, member, memberURL, objectClass: AttributeTypeID
  init(_ s: Schema) throws(DirectoryError) {
    func t(_ n: String) throws(DirectoryError) -> AttributeTypeID { guard let x = s.attributeType(named: n) else { throw DirectoryError("no \(n)") }; return x }
    userPassword = try t("userPassword"); entryDN = try t("entryDN"); subschemaSubentry = try t("subschemaSubentry"); hasSubordinates = try t("hasSubordinates"); numSubordinates = try t("numSubordinates"); member = try t("member"); memberURL = try t("memberURL"); objectClass = try t("objectClass")
  }
}
extension Request {
  func write(_ session: Session, _ output: inout BERBuffer) -> Disposition { refuse(LDAPError(.unwillingToPerform, "stub"), session, &output) }
  func passwordModify(_ r: ExtendedRequest, _ c: [Control], _ s: Session) throws(LDAPError) -> Disposition { throw LDAPError(.unwillingToPerform, "stub") }
}
