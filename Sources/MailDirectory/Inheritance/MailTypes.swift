import EntryStore
import Schema

/// The attribute types and classes that inheritance and statuses read, looked up once.
final class MailTypes: Sendable {
    /// A type, and the number under which the store keeps its values: it never changes.
    struct Stored: Sendable {
        let type: AttributeTypeID
        let id: AttributeID
    }

    let commonName: Stored
    let id: Stored
    let classOfServiceID: Stored
    let defaultClassOfServiceID: Stored
    let defaultExternalClassOfServiceID: Stored
    let isExternalVirtualAccount: Stored
    let accountStatus: Stored
    let domainStatus: Stored
    let mailStatus: Stored
    let isAdminAccount: Stored
    let isDomainAdminAccount: Stored

    let account: ClassTest
    let domain: ClassTest
    let server: ClassTest
    let classOfService: ClassTest
    let globalConfig: ClassTest
    /// What can receive mail.
    let recipient: ClassTest

    /// Nil for a schema without the mail system's part.
    init?(_ catalogue: Catalogue) {
        func stored(_ name: String) -> Stored? {
            guard let type = catalogue.schema.attributeType(named: name), let id = catalogue.table.id(of: type) else { return nil }
            return Stored(type: type, id: id)
        }
        guard let commonName = stored("cn"), let id = stored("zimbraId"), let classOfServiceID = stored("zimbraCOSId"),
            let defaultClassOfServiceID = stored("zimbraDomainDefaultCOSId"),
            let defaultExternalClassOfServiceID = stored("zimbraDomainDefaultExternalUserCOSId"),
            let isExternalVirtualAccount = stored("zimbraIsExternalVirtualAccount"), let accountStatus = stored("zimbraAccountStatus"),
            let domainStatus = stored("zimbraDomainStatus"), let mailStatus = stored("zimbraMailStatus"),
            let isAdminAccount = stored("zimbraIsAdminAccount"), let isDomainAdminAccount = stored("zimbraIsDomainAdminAccount"),
            let account = ClassTest(["zimbraAccount"], catalogue), let domain = ClassTest(["zimbraDomain"], catalogue),
            let server = ClassTest(["zimbraServer"], catalogue), let classOfService = ClassTest(["zimbraCOS"], catalogue),
            let globalConfig = ClassTest(["zimbraGlobalConfig"], catalogue),
            let recipient = ClassTest(["zimbraMailRecipient", "zimbraGroup", "zimbraGroupDynamicUnit"], catalogue)
        else { return nil }
        self.commonName = commonName
        self.id = id
        self.classOfServiceID = classOfServiceID
        self.defaultClassOfServiceID = defaultClassOfServiceID
        self.defaultExternalClassOfServiceID = defaultExternalClassOfServiceID
        self.isExternalVirtualAccount = isExternalVirtualAccount
        self.accountStatus = accountStatus
        self.domainStatus = domainStatus
        self.mailStatus = mailStatus
        self.isAdminAccount = isAdminAccount
        self.isDomainAdminAccount = isDomainAdminAccount
        self.account = account
        self.domain = domain
        self.server = server
        self.classOfService = classOfService
        self.globalConfig = globalConfig
        self.recipient = recipient
    }
}
