import BER
import EntryStore
import Schema

/// The attribute types that logging in reads and writes, looked up once.
struct LoginTypes: Sendable {
    let address: AttributeTypeID
    let alias: AttributeTypeID
    let oldAddress: AttributeTypeID
    let domainName: AttributeTypeID
    let domainType: AttributeTypeID
    let aliasTarget: AttributeTypeID
    let virtualHost: AttributeTypeID
    let defaultDomain: AttributeTypeID

    let isAdmin: AttributeTypeID
    let isDelegatedAdmin: AttributeTypeID

    let failureTimes: AttributeTypeID
    let lockedTime: AttributeTypeID
    let lastLogon: AttributeTypeID
    let lastLogonFrequency: AttributeTypeID
    let mustChange: AttributeTypeID
    let modifiedTime: AttributeTypeID
    let history: AttributeTypeID
    let validity: AttributeTypeID
    let password: AttributeTypeID
    let createTimestamp: AttributeTypeID

    let lockoutEnabled: AttributeTypeID
    let maxFailures: AttributeTypeID
    let lockoutDuration: AttributeTypeID
    let failureLifetime: AttributeTypeID
    let maxAge: AttributeTypeID
    let minAge: AttributeTypeID
    let minLength: AttributeTypeID
    let maxLength: AttributeTypeID
    let minUpper: AttributeTypeID
    let minLower: AttributeTypeID
    let minNumeric: AttributeTypeID
    let minPunctuation: AttributeTypeID
    let minAlpha: AttributeTypeID
    let minDigitsOrPunctuation: AttributeTypeID
    let allowedCharacters: AttributeTypeID
    let allowedPunctuation: AttributeTypeID
    let enforceHistory: AttributeTypeID
    let locked: AttributeTypeID
    let blocksCommon: AttributeTypeID
    /// What the rule on personal data reads.
    let personal: [AttributeTypeID]

    /// Nil for a schema without them.
    init?(_ schema: Schema) {
        var isComplete = true
        func type(_ name: String) -> AttributeTypeID {
            if let type = schema.attributeType(named: name) { return type }
            isComplete = false
            return AttributeTypeID(rawValue: 0)
        }
        address = type("zimbraMailDeliveryAddress")
        alias = type("zimbraMailAlias")
        oldAddress = type("zimbraOldMailAddress")
        domainName = type("zimbraDomainName")
        domainType = type("zimbraDomainType")
        aliasTarget = type("zimbraDomainAliasTargetId")
        virtualHost = type("zimbraVirtualHostname")
        defaultDomain = type("zimbraDefaultDomainName")
        isAdmin = type("zimbraIsAdminAccount")
        isDelegatedAdmin = type("zimbraIsDelegatedAdminAccount")
        failureTimes = type("zimbraPasswordLockoutFailureTime")
        lockedTime = type("zimbraPasswordLockoutLockedTime")
        lastLogon = type("zimbraLastLogonTimestamp")
        lastLogonFrequency = type("zimbraLastLogonTimestampFrequency")
        mustChange = type("zimbraPasswordMustChange")
        modifiedTime = type("zimbraPasswordModifiedTime")
        history = type("zimbraPasswordHistory")
        validity = type("zimbraAuthTokenValidityValue")
        password = type("userPassword")
        createTimestamp = type("createTimestamp")
        lockoutEnabled = type("zimbraPasswordLockoutEnabled")
        maxFailures = type("zimbraPasswordLockoutMaxFailures")
        lockoutDuration = type("zimbraPasswordLockoutDuration")
        failureLifetime = type("zimbraPasswordLockoutFailureLifetime")
        maxAge = type("zimbraPasswordMaxAge")
        minAge = type("zimbraPasswordMinAge")
        minLength = type("zimbraPasswordMinLength")
        maxLength = type("zimbraPasswordMaxLength")
        minUpper = type("zimbraPasswordMinUpperCaseChars")
        minLower = type("zimbraPasswordMinLowerCaseChars")
        minNumeric = type("zimbraPasswordMinNumericChars")
        minPunctuation = type("zimbraPasswordMinPunctuationChars")
        minAlpha = type("zimbraPasswordMinAlphaChars")
        minDigitsOrPunctuation = type("zimbraPasswordMinDigitsOrPuncs")
        allowedCharacters = type("zimbraPasswordAllowedChars")
        allowedPunctuation = type("zimbraPasswordAllowedPunctuationChars")
        enforceHistory = type("zimbraPasswordEnforceHistory")
        locked = type("zimbraPasswordLocked")
        blocksCommon = type("zimbraPasswordBlockCommonEnabled")
        personal = ["sn", "cn", "initials", "mail", "zimbraMailDeliveryAddress"].map(type)
        guard isComplete else { return nil }
    }
}

/// The values of some attributes that are an account's own or its class of service's.
struct InheritedValues {
    private var values: [AttributeTypeID: [UInt8]] = [:]

    init(
        _ types: [AttributeTypeID], _ record: borrowing EntryRecord, classOfService: EntryID?, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        if let classOfService, let holder = try snapshot.record(classOfService) { read(types, holder, snapshot.catalogue.table) }
        read(types, record, snapshot.catalogue.table)
    }

    private mutating func read(_ types: [AttributeTypeID], _ record: borrowing EntryRecord, _ table: AttributeTable) {
        for type in types {
            guard let attribute = table.id(of: type) else { continue }
            var list = record.values(of: attribute)
            if let value = list.next() { values[type] = value.array }
        }
    }

    func text(_ type: AttributeTypeID) -> String? { values[type].map { String(decoding: $0, as: UTF8.self) } }
    func number(_ type: AttributeTypeID, default standard: Int) -> Int { text(type).flatMap { Int($0) } ?? standard }
    func isTrue(_ type: AttributeTypeID) -> Bool { text(type).map { $0.uppercased() == "TRUE" } ?? false }

    /// Seconds.
    func duration(_ type: AttributeTypeID, default standard: Int) -> Int { text(type).flatMap { Durations.seconds($0) } ?? standard }
}

extension EntryRecord {
    /// The first value of an attribute.
    borrowing func first(_ type: AttributeTypeID, _ catalogue: Catalogue) -> [UInt8]? { first(type, catalogue) { $0.array } }

    /// What `body` makes of the first value of an attribute; nil if there is none.
    borrowing func first<T>(_ type: AttributeTypeID, _ catalogue: Catalogue, _ body: (RawSpan) -> T) -> T? {
        guard let attribute = catalogue.table.id(of: type), let index = index(of: attribute) else { return nil }
        var values = values(at: index)
        guard let value = values.next() else { return nil }
        return body(value)
    }
}
