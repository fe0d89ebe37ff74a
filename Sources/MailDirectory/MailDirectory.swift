public import Directory
public import EntryStore
public import Schema

/// What a mail system's directory means, as an extension of the directory: numbers in comments are rules of the semantics that
/// Zimbra and Carbonio share.
public enum MailDirectory {
    /// What an administrator sets.
    public struct Settings: Sendable {
        /// Accounts of a locked domain keep their own status, so that active ones may log in, as the administration guide says. Otherwise
        /// they are locked, as in the mail system's own code (3.11).
        public var admitsActiveInLockedDomains = false
        /// Names of the identities that see as members of dynamic lists only those that take mail: mail transports, which read members
        /// one by one (rule 5.4, pitfall 17).
        public var deliveryIdentities = ["uid=zmpostfix,cn=appaccts,cn=zimbra"]
        /// The address list below each domain.
        public var addressList = AddressListSettings()
        /// Whether wrong passwords at binds lock accounts, where their classes of service say so (4.4). To be switched off where another
        /// server counts them too.
        public var locksOut = true
        /// Whether changes must leave the mail system's entries in order, and take with them what belongs to them. Off where another server sees
        /// to both; single values are checked all the same.
        public var keepsOrder = true

        /// Whether `zimbraACE` of entries, and being the account itself, give rights beside the access rules (section 10).
        public var grantsRights = true

        /// How old what another directory said of an account's groups may be when it logs in (grantees of type `egp`).
        public var externalGroupAge = Duration.seconds(300)
        /// What such directories said. Shared by all extensions that are made with these settings: a change of the schema does not forget it.
        let outsideGroups = OutsideGroups()

        /// Passwords that are refused where the class of service says so (`zimbraPasswordBlockCommonEnabled`).
        public var commonPasswords = CommonPasswords()

        /// Gets what an administrator should see: of a change that is carried out all the same, of another server that cannot be
        /// asked. May be called on any thread.
        public var warn: @Sendable (String) -> Void = { _ in }

        public init() {}
    }

    /// The extension for a store with a catalogue, which need not be the store's yet. Parts whose attribute types the schema does not have are
    /// left out: a directory without the mail schema is a plain directory.
    /// - Throws: for settings that do not fit the schema.
    public static func directoryExtension(
        _ store: EntryStore, _ catalogue: Catalogue, _ settings: Settings = Settings()
    ) throws(DirectoryError) -> DirectoryExtension {
        var plugged = DirectoryExtension()
        let schema = catalogue.schema
        let tree = MailTypes(catalogue).map { MailTree($0, store, schema) }
        let grants = Grants(store, catalogue)
        if let tree {
            plugged.virtualAttributes += inheritance(tree, schema) + statuses(tree, schema, settings)
            if let login = LoginTypes(schema) {
                let rules = StatusRules(tree: tree, admitsActiveInLockedDomains: settings.admitsActiveInLockedDomains)
                let outside = OutsideLoginTypes(schema)
                plugged.login = AccountLogin(
                    tree, rules, login, countsFailures: settings.locksOut, outside: outside, groups: settings.outsideGroups,
                    groupAge: settings.externalGroupAge, grants, warn: settings.warn)
                plugged.passwordRules = AccountPasswords(tree: tree, types: login, commonPasswords: settings.commonPasswords)
                plugged.ephemeralTypes =
                    schema.attributeTypes.filter { $0.values(ofExtension: "X-FLAGS")?.contains("ephemeral") ?? false }.map(\.id)
                    + [login.failureTimes]
                if let outside { plugged.writeRules.append(OutsideLoginRule(loginTypes: outside)) }
            }
        }
        if let types = ListTypes(schema) {
            let membership = Membership(
                types: types, cache: ListIndexCache(store, types, schema), kept: KeptMembers(store, types, schema))
            plugged.virtualAttributes += [
                DynamicMembers(membership: membership, delivery: try DeliveryView(settings.deliveryIdentities, types, schema)),
                MemberOf(membership: membership),
            ] as [any VirtualAttribute]
            plugged.writeRules.append(ListURLRule(listTypes: types))
            if settings.keepsOrder { plugged.writeRules += lists(types, catalogue) }
            if let tree, let rights = RightTypes(catalogue), let grants {
                let walk = RightWalk(types: rights, tree: tree, grants: grants, membership: membership, outsideGroups: settings.outsideGroups)
                if settings.grantsRights, let cache = HolderCache(store, schema, rights, grants, types) {
                    plugged.rights = AccountRights(walk, cache, schema)
                }
                plugged.virtualAttributes += sending(walk, schema)
                plugged.writeRules.append(GrantRule(grants, rights))
                if let rule = DelegatedAddressRule(schema, types.mail) { plugged.writeRules.append(rule) }
            }
        }
        if settings.addressList.isEnabled, let books = try AddressBooks(store, schema, settings.addressList) { plugged.branches.append(books) }
        plugged.writeRules.append(AddressListRules(schema))
        if let tree, settings.keepsOrder { plugged.writeRules += try entries(tree, grants, catalogue) }
        if let rule = AccountReturn(schema) { plugged.returnRules.append(rule) }
        if let rule = CertificateRule(schema, warn: settings.warn) { plugged.writeRules.append(rule) }
        return plugged
    }

    /// Indexes that searches by what entries mean need, beside those that are configured.
    public static func indexes(_ schema: Schema) -> [IndexDefinition] {
        // What hides entries from the address list: with these all of its own conditions are sets.
        let hiding = ["zimbraHideInGal", "zimbraIsSystemResource", "zimbraIsAddressListActive"]
            .compactMap { schema.attributeType(named: $0) }.map { IndexDefinition(type: $0, kinds: [.equality]) }
        let status = ["zimbraCOSId", "zimbraAccountStatus", "zimbraMailStatus", "zimbraIsExternalVirtualAccount"]
            .compactMap { schema.attributeType(named: $0) }.map { IndexDefinition(type: $0, kinds: [.presence, .equality]) }
        let grants = ["zimbraACE"].compactMap { schema.attributeType(named: $0) }.map { IndexDefinition(type: $0, kinds: [.presence]) }
        // Who is not subject to a domain's status: few.
        let administrators = ["zimbraIsAdminAccount", "zimbraIsDomainAdminAccount"]
            .compactMap { schema.attributeType(named: $0) }.map { IndexDefinition(type: $0, kinds: [.equality]) }
        // What rules of writing look for with every account that comes or goes.
        let references = [
            "zimbraId", "mail", "zimbraMailDeliveryAddress", "zimbraMailAlias", "zimbraMailForwardingAddress", "zimbraMemberOf", "zimbraAliasTargetId",
            "zimbraDomainAliasTargetId",
        ].compactMap { schema.attributeType(named: $0) }.map { IndexDefinition(type: $0, kinds: [.equality]) }
        return InheritedTypes(schema).indexes(schema) + hiding + status + grants + administrators + references
    }

    private static func inheritance(_ tree: MailTree, _ schema: Schema) -> [any VirtualAttribute] {
        let inherited = InheritedTypes(schema)
        var provided: [any VirtualAttribute] = [Inheritance(tree: tree, inherited: inherited), EffectiveClassOfService(tree: tree)]
        if let type = schema.attributeType(named: "musterInheritedFrom") {
            provided.append(InheritedFrom(type: type, tree: tree, inherited: inherited))
        }
        return provided
    }

    /// The rules of how entries of the mail system hang together.
    private static func entries(_ tree: MailTree, _ grants: Grants?, _ catalogue: Catalogue) throws(DirectoryError) -> [any WriteRule] {
        let schema = catalogue.schema
        let types = tree.types
        var rules: [any WriteRule] = [
            SuspendedDomainRule(tree), ClassOfServiceRule(types), AccountStatusRule(types, schema), DomainStatusRule(types, schema),
            DeletedReferencesRule(types, grants, catalogue),
        ]
        if let rule = DomainDeletionRule(types, schema) { rules.append(rule) }
        if let rule = AddressListChangeRule(types, schema) { rules.append(rule) }
        return rules
    }

    private static func lists(_ types: ListTypes, _ catalogue: Catalogue) -> [any WriteRule] {
        var rules: [any WriteRule] = []
        if let mail = types.mail {
            if let rule = StaticListRule(mail, catalogue) { rules.append(rule) }
            if let rule = SenderAddressRule(mail, catalogue.schema) { rules.append(rule) }
        }
        if let rule = DynamicListRule(types, catalogue) { rules.append(rule) }
        if let rule = GroupMemberRule(types, catalogue) { rules.append(rule) }
        return rules
    }

    private static func sending(_ walk: RightWalk, _ schema: Schema) -> [any VirtualAttribute] {
        let kinds: [(String, SendRights.Kind)] = [
            ("musterSendAs", .sendAs), ("musterSendOnBehalfOf", .sendOnBehalfOf), ("musterSendTo", .sendTo),
        ]
        var provided: [any VirtualAttribute] = kinds.compactMap { name, kind in
            schema.attributeType(named: name).map { SendRights(kind: kind, type: $0, walk: walk) }
        }
        if let type = schema.attributeType(named: "musterDelegatedAddress"), let addresses = DelegatedAddresses(type, walk, schema) {
            provided.append(addresses)
        }
        return provided
    }

    private static func statuses(_ tree: MailTree, _ schema: Schema, _ settings: Settings) -> [any VirtualAttribute] {
        let rules = StatusRules(tree: tree, admitsActiveInLockedDomains: settings.admitsActiveInLockedDomains)
        return [("musterEffectiveAccountStatus", EffectiveStatus.Kind.account), ("musterEffectiveMailStatus", .mail)].compactMap { name, kind in
            schema.attributeType(named: name).map { EffectiveStatus(kind: kind, type: $0, rules: rules) }
        }
    }
}
