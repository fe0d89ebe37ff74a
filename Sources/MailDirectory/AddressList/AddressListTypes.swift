import Directory
import EntryStore
import LDAP
import Schema

/// The attribute types and classes that the address list deals with, looked up once.
struct AddressListTypes: Sendable {
    /// A query: what an item on a virtual attribute asks for.
    enum Query: Sendable {
        case named(AddressListOperation, AddressListKind)
        /// `galFilter`: the key begins with the name of the filter.
        case filter
    }

    let mail: AttributeTypeID
    let deliveryAddress: AttributeTypeID
    let alias: AttributeTypeID
    let forwardingAddress: AttributeTypeID
    let objectClass: AttributeTypeID
    let member: AttributeTypeID
    let memberURL: AttributeTypeID
    let createTimestamp: AttributeTypeID
    let modifyTimestamp: AttributeTypeID
    let queries: [AttributeTypeID: Query]
    let domain: ObjectClassID
    let account: ObjectClassID
    let distributionList: ObjectClassID
    let group: ObjectClassID
    let resource: ObjectClassID

    /// Nil: the schema is not a mail system's.
    init?(_ schema: Schema) {
        func type(_ name: String) -> AttributeTypeID? { schema.attributeType(named: name) }
        guard let mail = type("mail"), let deliveryAddress = type("zimbraMailDeliveryAddress"), let alias = type("zimbraMailAlias"),
            let forwardingAddress = type("zimbraMailForwardingAddress"), let objectClass = type("objectClass"),
            let member = type("member"), let memberURL = type("memberURL"), let createTimestamp = type("createTimestamp"),
            let modifyTimestamp = type("modifyTimestamp"), let domain = schema.objectClass(named: "zimbraDomain"),
            let account = schema.objectClass(named: "zimbraAccount"), let group = schema.objectClass(named: "zimbraGroup"),
            let distributionList = schema.objectClass(named: "zimbraDistributionList"),
            let resource = schema.objectClass(named: "zimbraCalendarResource")
        else { return nil }
        self.mail = mail
        self.deliveryAddress = deliveryAddress
        self.alias = alias
        self.forwardingAddress = forwardingAddress
        self.objectClass = objectClass
        self.member = member
        self.memberURL = memberURL
        self.createTimestamp = createTimestamp
        self.modifyTimestamp = modifyTimestamp
        self.domain = domain
        self.account = account
        self.group = group
        self.distributionList = distributionList
        self.resource = resource
        var queries: [AttributeTypeID: Query] = [:]
        if let anr = type("anr") { queries[anr] = .named(.autoComplete, .all) }
        if let filter = type("galFilter") { queries[filter] = .filter }
        for (operation, name) in [(AddressListOperation.search, "galSearch"), (.autoComplete, "galAutoComplete"), (.sync, "galSync")] {
            for (kind, suffix) in [(AddressListKind.all, ""), (.account, "Account"), (.resource, "Resource"), (.group, "Group")] {
                if let type = type(name + suffix) { queries[type] = .named(operation, kind) }
            }
        }
        self.queries = queries
    }

    /// Whether an entry is of a class or of one derived from it.
    func isOf(_ wanted: ObjectClassID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        guard let attribute = catalogue.table.id(of: objectClass) else { return false }
        var values = record.values(of: attribute)
        while let value = values.next() {
            if let id = catalogue.schema.objectClass(value), catalogue.schema.isSubclass(id, of: wanted) { return true }
        }
        return false
    }
}
