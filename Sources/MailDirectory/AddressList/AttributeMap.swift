import BER
import EntryStore
import LDAP
import Schema

/// A rule of `zimbraGalLdapAttrMap` (rule 6.6.1): which attributes go to which fields of an address book entry.
struct AttributeMapRule: Sendable, Hashable {
    /// Values that are not text: `(binary)`, `(certificate)`.
    enum Form: Sendable { case text, binary, certificate }

    let form: Form
    /// LDAP attributes, in lower case.
    let sources: [String]
    /// Fields, in lower case.
    let fields: [String]

    /// - Throws: what is wrong with the rule.
    init(_ rule: [UInt8]) throws(LDAPError) {
        var text = Substring(String(decoding: rule, as: UTF8.self))
        func wrong(_ reason: String) -> LDAPError {
            LDAPError(.constraintViolation, "\"\(String(decoding: rule.prefix(200), as: UTF8.self))\": \(reason)")
        }
        var form = Form.text
        if text.first == "(" {
            guard let end = text.firstIndex(of: ")") else { throw wrong("\")\" is missing after the type") }
            switch text[text.index(after: text.startIndex)..<end] {
            case "binary": form = .binary
            case "certificate": form = .certificate
            // Rule 6.6.1: other types are ignored.
            default: break
            }
            text = text[text.index(after: end)...]
        }
        guard let equals = text.firstIndex(of: "=") else { throw wrong("not of the form attribute,…=field,…") }
        func names(_ part: Substring) -> [String] {
            part.split(separator: ",").map { $0.filter { $0 != " " }.lowercased() }.filter { !$0.isEmpty }
        }
        sources = names(text[..<equals])
        fields = names(text[text.index(after: equals)...])
        self.form = form
        if sources.isEmpty { throw wrong("no attribute before the equals sign") }
        if fields.isEmpty { throw wrong("no field after the equals sign") }
        for source in sources where !Self.isAttributeName(source) { throw wrong("\"\(source)\" is no name of an attribute") }
    }

    private static func isAttributeName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first >= 0x61 && first <= 0x7a || first >= 0x30 && first <= 0x39 else { return false }
        return name.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7a || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2d || $0 == 0x2e || $0 == 0x3b }
    }

    /// The LDAP attributes by which a field shows in the address list.
    static func attributes(of field: String) -> [String] {
        if let standard = standard[field] { return standard }
        var base = Substring(field)
        while let last = base.last, last.isNumber { base.removeLast() }
        switch base {
        case "fullname": return ["cn"]
        case "email": return ["mail"]
        default: return [field]
        }
    }

    private static let standard: [String: [String]] = [
        "fullname": ["cn", "displayName"], "firstname": ["givenName"], "lastname": ["sn"], "middlename": ["initials"],
        "phoneticfirstname": ["zimbraPhoneticFirstName"], "phoneticlastname": ["zimbraPhoneticLastName"],
        "phoneticcompany": ["zimbraPhoneticCompany"], "notes": ["description"], "company": ["o"], "department": ["ou"], "jobtitle": ["title"],
        "office": ["physicalDeliveryOfficeName"], "workcity": ["l"], "workstate": ["st"], "workstreet": ["street"],
        "workpostalcode": ["postalCode"], "workcountry": ["co"], "workphone": ["telephoneNumber"], "workfax": ["facsimileTelephoneNumber"],
        "homephone": ["homePhone"], "mobilephone": ["mobile"], "pager": ["pager"],
    ]
}

/// A rule of `zimbraGalLdapValueMap` (rule 6.6.5): `field: expression replacement`.
struct ValueMapRule: Sendable, Hashable {
    let field: String
    let expression: String
    let replacement: String

    /// - Throws: what is wrong with the rule.
    init(_ rule: [UInt8]) throws(LDAPError) {
        let text = String(decoding: rule, as: UTF8.self)
        func wrong(_ reason: String) -> LDAPError { LDAPError(.constraintViolation, "\"\(text.prefix(200))\": \(reason)") }
        guard let colon = text.firstIndex(of: ":") else { throw wrong("not of the form field: expression replacement") }
        let words = text[text.index(after: colon)...].split(separator: " ", maxSplits: 1)
        guard let expression = words.first, words.count == 2 else { throw wrong("not of the form field: expression replacement") }
        field = text[..<colon].filter { $0 != " " }.lowercased()
        self.expression = String(expression)
        replacement = String(words[1])
        guard !field.isEmpty else { throw wrong("no field before the colon") }
        do { _ = try Regex(self.expression) } catch { throw wrong("\"\(expression)\" is no regular expression") }
    }

    /// What becomes of a value: the replacement if the expression matches all of it.
    func apply(_ value: [UInt8]) -> [UInt8] {
        guard let regex = try? Regex(expression), let match = try? regex.wholeMatch(in: String(decoding: value, as: UTF8.self)) else {
            return value
        }
        // `$1` stands for what the first pair of parentheses matched.
        var result = ""
        var isReference = false
        for character in replacement {
            if isReference, let number = character.wholeNumberValue, number < match.count {
                result += match[number].substring ?? ""
                isReference = false
                continue
            }
            if isReference { result.append("$") }
            isReference = character == "$"
            if !isReference { result.append(character) }
        }
        if isReference { result.append("$") }
        return Array(result.utf8)
    }
}
