import Schema

/// The attribute types and classes that lists are made of, looked up once.
struct ListTypes: Sendable {
    let member: AttributeTypeID
    let memberURL: AttributeTypeID
    let memberOf: AttributeTypeID
    /// In whose name a list looks for members (rule 7.11), and who may see what it finds so.
    let identity: AttributeTypeID?
    let authorization: AttributeTypeID?
    /// Classes whose entries can have a `memberURL`.
    let dynamicClasses: [ObjectClassID]
    /// What a mail directory has beside LDAP's own groups.
    let mail: Mail?

    /// Attributes of the mail schema.
    struct Mail: Sendable {
        let objectClass: AttributeTypeID
        /// Types that hold an entry's own addresses: primary and aliases.
        let addresses: [AttributeTypeID]
        /// Of external virtual accounts: the one address that counts (rule 7.2).
        let externalAddress: AttributeTypeID
        let isExternal: AttributeTypeID
        /// Addresses that a static list (or the static unit of a dynamic one) sends to.
        let forwarding: AttributeTypeID
        /// Classes of entries whose forwarding addresses are members.
        let addressLists: [ObjectClassID]
        let mailStatus: AttributeTypeID
        let accountStatus: AttributeTypeID
        let domainName: AttributeTypeID
        let domainStatus: AttributeTypeID

        init?(_ schema: Schema) {
            func type(_ name: String) -> AttributeTypeID? { schema.attributeType(named: name) }
            guard let objectClass = type("objectClass"), let mail = type("mail"), let delivery = type("zimbraMailDeliveryAddress"),
                let alias = type("zimbraMailAlias"), let forwarding = type("zimbraMailForwardingAddress"),
                let external = type("zimbraExternalUserMailAddress"), let isExternal = type("zimbraIsExternalVirtualAccount"),
                let list = schema.objectClass(named: "zimbraDistributionList"), let mailStatus = type("zimbraMailStatus"),
                let accountStatus = type("zimbraAccountStatus"), let domainName = type("zimbraDomainName"),
                let domainStatus = type("zimbraDomainStatus")
            else { return nil }
            self.objectClass = objectClass
            addresses = [delivery, alias, mail]
            externalAddress = external
            self.isExternal = isExternal
            self.forwarding = forwarding
            addressLists = [list] + [schema.objectClass(named: "zimbraGroupStaticUnit")].compactMap { $0 }
            self.mailStatus = mailStatus
            self.accountStatus = accountStatus
            self.domainName = domainName
            self.domainStatus = domainStatus
        }
    }

    /// Nil if the schema has no dynamic lists.
    init?(_ schema: Schema) {
        guard let member = schema.attributeType(named: "member"), let memberURL = schema.attributeType(named: "memberURL"),
            let memberOf = schema.attributeType(named: "memberOf"), let dynamic = schema.objectClass(named: "groupOfURLs")
        else { return nil }
        self.member = member
        self.memberURL = memberURL
        self.memberOf = memberOf
        identity = schema.attributeType(named: "dgIdentity")
        authorization = schema.attributeType(named: "dgAuthz")
        dynamicClasses = [dynamic] + [schema.objectClass(named: "extensibleObject")].compactMap { $0 }
        mail = Mail(schema)
    }
}
