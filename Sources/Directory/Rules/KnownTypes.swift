import Schema

/// The attribute types and object classes that the server itself deals with, looked up once.
struct KnownTypes: Sendable {
    let objectClass: AttributeTypeID
    let structuralObjectClass: AttributeTypeID
    let entryUUID: AttributeTypeID
    let entryCSN: AttributeTypeID
    let creatorsName: AttributeTypeID
    let createTimestamp: AttributeTypeID
    let modifiersName: AttributeTypeID
    let modifyTimestamp: AttributeTypeID
    let entryDN: AttributeTypeID
    let subschemaSubentry: AttributeTypeID
    let hasSubordinates: AttributeTypeID
    let numSubordinates: AttributeTypeID
    let userPassword: AttributeTypeID
    let ref: AttributeTypeID
    let aliasedObjectName: AttributeTypeID

    /// Types that the server sets, but whose values may be brought along from another server.
    let manageable: [AttributeTypeID]

    /// Types that only administrators read.
    let secretTypes: [AttributeTypeID]

    let top: ObjectClassID
    let extensibleObject: ObjectClassID
    let alias: ObjectClassID
    let referral: ObjectClassID
    let subentry: ObjectClassID

    /// - Throws: naming the first type or class that the schema lacks.
    init(_ schema: Schema) throws(DirectoryError) {
        func type(_ name: String) throws(DirectoryError) -> AttributeTypeID {
            guard let id = schema.attributeType(named: name) else {
                throw DirectoryError("the schema has no attribute type \(name), which the server needs: load system.schema and core.schema")
            }
            return id
        }
        func objectClass(_ name: String) throws(DirectoryError) -> ObjectClassID {
            guard let id = schema.objectClass(named: name) else {
                throw DirectoryError("the schema has no object class \(name), which the server needs: load system.schema and core.schema")
            }
            return id
        }
        self.objectClass = try type("objectClass")
        structuralObjectClass = try type("structuralObjectClass")
        entryUUID = try type("entryUUID")
        entryCSN = try type("entryCSN")
        creatorsName = try type("creatorsName")
        createTimestamp = try type("createTimestamp")
        modifiersName = try type("modifiersName")
        modifyTimestamp = try type("modifyTimestamp")
        entryDN = try type("entryDN")
        subschemaSubentry = try type("subschemaSubentry")
        hasSubordinates = try type("hasSubordinates")
        numSubordinates = try type("numSubordinates")
        userPassword = try type("userPassword")
        secretTypes = [userPassword]
        manageable = [entryUUID, entryCSN, creatorsName, createTimestamp, modifiersName, modifyTimestamp]
        ref = try type("ref")
        aliasedObjectName = try type("aliasedObjectName")
        top = try objectClass("top")
        extensibleObject = try objectClass("extensibleObject")
        alias = try objectClass("alias")
        referral = try objectClass("referral")
        subentry = try objectClass("subentry")
    }
}
