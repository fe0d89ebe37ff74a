import BER
import EntryStore
import Schema

/// The attribute types and classes that inheritance and statuses read, looked up once.
struct MailTypes: Sendable {
    let objectClass: AttributeTypeID
    let commonName: AttributeTypeID
    let id: AttributeTypeID
    let classOfServiceID: AttributeTypeID
    let defaultClassOfServiceID: AttributeTypeID
    let defaultExternalClassOfServiceID: AttributeTypeID
    let isExternalVirtualAccount: AttributeTypeID
    let accountStatus: AttributeTypeID
    let domainStatus: AttributeTypeID
    let mailStatus: AttributeTypeID
    let isAdminAccount: AttributeTypeID
    let isDomainAdminAccount: AttributeTypeID

    let account: ClassTest
    let domain: ClassTest
    let server: ClassTest
    let classOfService: ClassTest
    let globalConfig: ClassTest
    /// What can receive mail.
    let recipient: ClassTest

    /// Nil for a schema without the mail system's part.
    init?(_ schema: Schema) {
        guard let objectClass = schema.attributeType(named: "objectClass"), let commonName = schema.attributeType(named: "cn"),
            let id = schema.attributeType(named: "zimbraId"),
            let classOfServiceID = schema.attributeType(named: "zimbraCOSId"),
            let defaultClassOfServiceID = schema.attributeType(named: "zimbraDomainDefaultCOSId"),
            let defaultExternalClassOfServiceID = schema.attributeType(named: "zimbraDomainDefaultExternalUserCOSId"),
            let isExternalVirtualAccount = schema.attributeType(named: "zimbraIsExternalVirtualAccount"),
            let accountStatus = schema.attributeType(named: "zimbraAccountStatus"),
            let domainStatus = schema.attributeType(named: "zimbraDomainStatus"),
            let mailStatus = schema.attributeType(named: "zimbraMailStatus"),
            let isAdminAccount = schema.attributeType(named: "zimbraIsAdminAccount"),
            let isDomainAdminAccount = schema.attributeType(named: "zimbraIsDomainAdminAccount"),
            let account = ClassTest(["zimbraAccount"], schema), let domain = ClassTest(["zimbraDomain"], schema),
            let server = ClassTest(["zimbraServer"], schema), let classOfService = ClassTest(["zimbraCOS"], schema),
            let globalConfig = ClassTest(["zimbraGlobalConfig"], schema),
            let recipient = ClassTest(["zimbraMailRecipient", "zimbraGroup", "zimbraGroupDynamicUnit"], schema)
        else { return nil }
        self.objectClass = objectClass
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
