import EntryStore
import Schema

/// The attribute types and classes that rights are about, looked up once.
final class RightTypes: Sendable {
    let id: MailTypes.Stored
    let isDelegatedAdmin: MailTypes.Stored
    let isAdminGroup: MailTypes.Stored
    let domainName: MailTypes.Stored
    let constraint: MailTypes.Stored
    let maxMailQuota: MailTypes.Stored
    let mailQuota: MailTypes.Stored
    let objectClass: AttributeTypeID
    let userPassword: AttributeTypeID
    /// By the numbers of object classes, which kinds of entries they make: a bit for each place in ``kinds``.
    private let kindsOfClasses: [UInt16]
    private let kinds: [RightTarget]
    private let classes: MailTypes.Stored
    private let schema: Schema
    let inherited: InheritedTypes
    /// What accounts write of themselves only while a switch, which is on unless somebody turned it off, is on.
    let switches: [(type: AttributeTypeID, feature: AttributeTypeID)]

    /// What no right reaches (1.17 c, and 4.5.5): neither to read nor to write.
    let secrets: [AttributeTypeID]
    /// What no right lets anybody write: flags that make administrators, grants themselves, identities.
    let reserved: [AttributeTypeID]
    /// What a listing shows.
    let names: [AttributeTypeID]
    /// What names of entries are made of.
    let naming: [AttributeTypeID]
    /// What a new entry of any kind needs beside what its creator may write.
    let created: [AttributeTypeID]
    /// Attributes that domain administrators write (10.8).
    let domainAdminModifiable: [AttributeTypeID]
    /// What an account reads of itself beside its preferences: those that the mail system shows to its own user.
    let accountInfo: [AttributeTypeID]
    /// Preferences, which an account writes itself.
    let preferences: [AttributeTypeID]
    /// Grants on itself, of which an account writes some.
    let delegated: [AttributeTypeID]
    /// What owners of a list write (10.6).
    let listSettings: [AttributeTypeID]
    /// All attributes that are no secrets.
    let open: [AttributeTypeID]
    let all: [AttributeTypeID]

    /// Nil for a schema without the mail system's part.
    init?(_ catalogue: Catalogue) {
        let schema = catalogue.schema
        func stored(_ name: String) -> MailTypes.Stored? {
            guard let type = schema.attributeType(named: name), let id = catalogue.table.id(of: type) else { return nil }
            return MailTypes.Stored(type: type, id: id)
        }
        guard let id = stored("zimbraId"), let isDelegatedAdmin = stored("zimbraIsDelegatedAdminAccount"),
            let isAdminGroup = stored("zimbraIsAdminGroup"), let domainName = stored("zimbraDomainName"),
            let constraint = stored("zimbraConstraint"), let maxMailQuota = stored("zimbraDomainAdminMaxMailQuota"),
            let mailQuota = stored("zimbraMailQuota"), let objectClass = stored("objectClass"), let userPassword = stored("userPassword")
        else { return nil }
        self.id = id
        self.isDelegatedAdmin = isDelegatedAdmin
        self.isAdminGroup = isAdminGroup
        self.domainName = domainName
        self.constraint = constraint
        self.maxMailQuota = maxMailQuota
        self.mailQuota = mailQuota
        self.objectClass = objectClass.type
        self.userPassword = userPassword.type
        let classes: [(RightTarget, String)] = [
            (.resource, "zimbraCalendarResource"), (.account, "zimbraAccount"), (.list, "zimbraDistributionList"), (.group, "zimbraGroup"),
            (.domain, "zimbraDomain"), (.classOfService, "zimbraCOS"), (.server, "zimbraServer"), (.config, "zimbraGlobalConfig"),
            (.zimlet, "zimbraZimletEntry"), (.global, "zimbraAclTarget"),
        ]
        kinds = classes.map(\.0)
        var kindsOfClasses = [UInt16](repeating: 0, count: schema.objectClasses.count)
        for (place, name) in classes.map(\.1).enumerated() {
            guard let root = schema.objectClass(named: name) else { continue }
            for derived in schema.objectClasses where schema.isSubclass(derived.id, of: root) { kindsOfClasses[Int(derived.id.rawValue)] |= 1 << UInt16(place) }
        }
        self.kindsOfClasses = kindsOfClasses
        self.classes = objectClass
        self.schema = schema
        inherited = InheritedTypes(schema)
        switches = [
            ("userPassword", "zimbraFeatureChangePasswordEnabled"), ("zimbraPrefMailForwardingAddress", "zimbraFeatureMailForwardingEnabled"),
            ("zimbraPrefMailLocalDeliveryDisabled", "zimbraFeatureMailForwardingEnabled"),
        ].compactMap { name, feature in
            guard let type = schema.attributeType(named: name), let feature = schema.attributeType(named: feature) else { return nil }
            return (type, feature)
        }
        func types(_ names: [String]) -> [AttributeTypeID] { names.compactMap { schema.attributeType(named: $0) } }
        let secrets = types([
            "userPassword", "zimbraPasswordHistory", "zimbraAuthTokens", "zimbraAuthTokenKey", "zimbraPreAuthKey", "zimbraGalLdapBindPassword",
            "zimbraGalSyncLdapBindPassword", "zimbraAuthLdapSearchBindPassword", "zimbraSSLPrivateKey", "zimbraCsrfTokenKey",
            "zimbraCsrfTokenData", "zimbraTwoFactorAuthSecret", "zimbraTwoFactorAuthScratchCodes", "zimbraTwoFactorAuthTrustedDeviceTokenKey",
            "zimbraAppSpecificPassword", "zimbraResetPasswordRecoveryCode", "DKIMKey", "zimbraGalLdapBindDn", "zimbraZimletUserProperties",
            "zimbraIsAdminAccount", "zimbraAPNSCertificatePassword", "zimbraAutoProvLdapAdminBindPassword", "zimbraCertAuthorityKeySelfSigned",
            "zimbraCommunityAPIClientSecret", "zimbraDataSourceOAuthClientSecret", "zimbraDataSourceOAuthRefreshToken",
            "zimbraDataSourceOAuthToken", "zimbraDataSourcePassword", "zimbraDataSourceSmtpAuthPassword", "zimbraFreebusyExchangeAuthPassword",
            "zimbraGCMAuthorizationKey", "zimbraInvalidJWTokens", "zimbraOAuthConsumerCredentials", "zimbraExternalAccountProvisioningKey",
            "zimbraShareNotificationMtaAuthPassword", "zimbraSMIMELdapBindPassword", "zimbraSslCaKey", "zimbraUCPassword",
            "zimbraXMPPServerDialbackKey", "carbonioMeshCredentials",
        ])
        self.secrets = secrets
        delegated = types(["zimbraACE"])
        reserved = types([
            "zimbraIsAdminAccount", "zimbraIsDelegatedAdminAccount", "zimbraIsDomainAdminAccount", "zimbraIsAdminGroup", "zimbraACE",
            "zimbraConstraint", "zimbraDomainAdminMaxMailQuota", "zimbraId", "objectClass", "zimbraIsSystemResource", "zimbraIsSystemAccount",
        ])
        names = types([
            "objectClass", "uid", "cn", "displayName", "mail", "zimbraId", "zimbraMailDeliveryAddress", "zimbraMailAlias", "zimbraMailStatus",
            "zimbraAccountStatus", "zimbraDomainName", "zimbraDomainType", "zimbraDomainStatus", "dc", "o", "ou", "zimbraHideInGal",
        ])
        naming = types(["uid", "cn", "mail", "zimbraMailDeliveryAddress", "zimbraMailAlias"])
        created = types([
            "objectClass", "uid", "cn", "sn", "givenName", "displayName", "mail", "zimbraId", "zimbraMailDeliveryAddress", "zimbraMailAlias",
            "zimbraMailStatus", "zimbraAccountStatus", "zimbraCreateTimestamp", "userPassword", "zimbraMailTransport", "zimbraMailHost",
            "zimbraMailForwardingAddress", "member", "memberURL", "zimbraIsACLGroup", "zimbraGroupId", "dgIdentity", "description", "dc", "o",
            "zimbraDomainName", "zimbraDomainType", "zimbraDomainStatus", "zimbraMailLastPasswordModifiedTime",
        ])
        var modifiable: [AttributeTypeID] = []
        var info: [AttributeTypeID] = []
        var preferences: [AttributeTypeID] = []
        var open: [AttributeTypeID] = []
        for type in schema.attributeTypes {
            if secrets.contains(type.id) { continue }
            open.append(type.id)
            let flags = type.values(ofExtension: "X-FLAGS") ?? []
            if flags.contains("domainAdminModifiable") { modifiable.append(type.id) }
            if flags.contains("accountInfo") { info.append(type.id) }
            // Which mail is sent on to whom (zimbraPrefMailForwardingAddress) is among them, as in the mail system's own client.
            // Where a forgotten password is sent to is confirmed by the mail system first.
            if type.name.hasPrefix("zimbraPref"), !type.name.hasPrefix("zimbraPrefPasswordRecovery"), type.values(ofExtension: "X-IMMUTABLE") == nil { preferences.append(type.id) }
        }
        domainAdminModifiable = modifiable
        self.preferences = preferences
        accountInfo = info + preferences + types(["objectClass", "entryDN", "zimbraId", "uid", "cn", "sn", "mail", "zimbraMailDeliveryAddress"])
        listSettings = types([
            "zimbraMailForwardingAddress", "displayName", "description", "zimbraNotes", "zimbraHideInGal", "zimbraPrefReplyToEnabled",
            "zimbraPrefReplyToAddress", "zimbraPrefReplyToDisplay", "zimbraDistributionListSubscriptionPolicy",
            "zimbraDistributionListUnsubscriptionPolicy", "zimbraDistributionListSendShareMessageToNewMembers",
            "zimbraDistributionListSendShareMessageFromAddress",
        ])
        self.open = open
        all = schema.attributeTypes.map(\.id)
    }

    /// What an entry is; nil: nothing that rights are about, or several things at once.
    func kind(_ record: borrowing EntryRecord) -> RightTarget? {
        var found: UInt16 = 0
        var values = record.values(of: classes.id)
        while let value = values.next() {
            guard let known = schema.objectClass(value), Int(known.rawValue) < kindsOfClasses.count else { continue }
            found |= kindsOfClasses[Int(known.rawValue)]
        }
        guard found != 0 else { return nil }
        let first = found.trailingZeroBitCount
        let others = found & (found - 1)
        // A resource, which comes first, is an account too.
        guard others == 0 || kinds[first] == .resource && others & (others - 1) == 0 && kinds[others.trailingZeroBitCount] == .account else { return nil }
        return kinds[first]
    }
}
