import BER
import Directory
import EntryStore
import LDAP
import Schema
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What passwords of accounts may be (4.5), and what changes with them.
struct AccountPasswords: PasswordRules {
    let tree: MailTree
    let types: LoginTypes
    let commonPasswords: CommonPasswords
    /// Former passwords that are kept and compared at most: each comparison may take tens of milliseconds.
    private static let historyLimit = 100

    func check(_ password: [UInt8]?, of id: EntryID, _ snapshot: borrowing Snapshot) throws(PasswordViolation) {
        let facts: Facts?
        do { facts = try Facts(id, tree, types, snapshot) } catch {
            throw PasswordViolation(.insufficientPasswordQuality, "the rules for the password cannot be read: \(error.message)")
        }
        guard let facts else { return }
        let values = facts.values
        // 4.5.6.
        if values.isTrue(types.locked) { throw PasswordViolation(.passwordModNotAllowed, "the password is locked") }
        guard let password else {
            throw PasswordViolation(.insufficientPasswordQuality, "a password that comes hashed cannot be checked")
        }
        let characters = Array(String(decoding: password, as: UTF8.self).unicodeScalars)
        let minimum = values.number(types.minLength, default: 6)
        if characters.count < minimum { throw PasswordViolation(.passwordTooShort, "the password must have at least \(minimum) characters") }
        let maximum = values.number(types.maxLength, default: 64)
        if maximum > 0, characters.count > maximum {
            throw PasswordViolation(.insufficientPasswordQuality, "the password must have at most \(maximum) characters")
        }
        if values.isTrue(types.blocksCommon), commonPasswords.contains(password) {
            throw PasswordViolation(.insufficientPasswordQuality, "the password is one that many people have")
        }
        if facts.personalWords.contains(where: { Self.isLike(password, $0) }) {
            throw PasswordViolation(.insufficientPasswordQuality, "the password must not be like a name or an address")
        }
        try checkCharacters(characters, values)
        // 4.5.4.
        let minAge = values.number(types.minAge, default: 0)
        if !facts.mustChange, minAge > 0, minAge <= 1_000_000, let modified = facts.modified, modified / 1000 + minAge * 86_400 > Moments.now / 1000 {
            throw PasswordViolation(.passwordTooYoung, "the password may be changed only \(minAge) days after the last change")
        }
        // 4.5.5, with every scheme (pitfall 27).
        if values.number(types.enforceHistory, default: 0) > 0,
            facts.formerPasswords.prefix(Self.historyLimit).contains(where: { StoredPassword($0).verify(password) })
        {
            throw PasswordViolation(.passwordInHistory, "the password was used before")
        }
    }

    /// 4.5.2, 4.5.1.
    private func checkCharacters(_ characters: [Unicode.Scalar], _ values: InheritedValues) throws(PasswordViolation) {
        let allowed = values.text(types.allowedCharacters).flatMap { CharacterPattern($0) }
        let punctuation = values.text(types.allowedPunctuation).flatMap { CharacterPattern($0) }
        var upper = 0, lower = 0, digits = 0, marks = 0, letters = 0
        for character in characters {
            if let allowed, !allowed.matches(character) {
                throw PasswordViolation(.insufficientPasswordQuality, "the password has a character that is not allowed")
            }
            let category = character.properties.generalCategory
            if category == .uppercaseLetter { upper += 1 }
            if category == .lowercaseLetter { lower += 1 }
            let isMark = punctuation.map { $0.matches(character) }
                ?? [33...47, 58...64, 91...96, 123...126].contains { $0.contains(Int(character.value)) }
            if category == .decimalNumber { digits += 1 } else if isMark { marks += 1 } else { letters += 1 }
        }
        for (count, type, what) in [
            (upper, types.minUpper, "upper case letters"), (lower, types.minLower, "lower case letters"), (digits, types.minNumeric, "digits"),
            (marks, types.minPunctuation, "punctuation marks"), (letters, types.minAlpha, "letters"),
            (digits + marks, types.minDigitsOrPunctuation, "digits or punctuation marks"),
        ] {
            let minimum = values.number(type, default: 0)
            if count < minimum { throw PasswordViolation(.insufficientPasswordQuality, "the password must have at least \(minimum) \(what)") }
        }
    }

    /// 4.5.3: one holds the other, whatever the case of letters.
    private static func isLike(_ password: [UInt8], _ word: String) -> Bool {
        let password = String(decoding: password, as: UTF8.self).lowercased()
        return password.contains(word) || word.contains(password)
    }

    // MARK: What goes with a change

    func complete(
        _ after: inout Entry, before: Entry, _ catalogue: Catalogue, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        let table = catalogue.table
        guard let password = table.id(of: types.password), let status = table.id(of: tree.types.accountStatus.type) else { return }
        let isNewPassword = !after.hasSameValues(of: password, as: before)
        let isReopened = !after.hasSameValues(of: status, as: before) && after[status].first.flatMap { AccountStatus($0.rawSpan) } == .active
        guard isNewPassword || isReopened, isAccount(after, catalogue) else { return }
        /// Values that the request itself has changed stay.
        func set(_ type: AttributeTypeID, _ values: @autoclosure () -> [[UInt8]]) {
            guard let id = table.id(of: type), after.hasSameValues(of: id, as: before) else { return }
            after[id] = values()
        }
        // 3.6.
        if isReopened {
            set(types.failureTimes, [])
            set(types.lockedTime, [])
        }
        guard isNewPassword else { return }
        // 4.5.7.
        set(types.mustChange, [])
        set(types.modifiedTime, after[password].isEmpty ? [] : [Moments.format(Moments.now)])
        if let id = table.id(of: types.validity) {
            let old = before[id].first.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
            set(types.validity, [Array(String(old < Int(Int32.max) && old >= 0 ? old + 1 : 0).utf8)])
        }
        // 4.5.5.
        if let id = table.id(of: types.history), after[id] == before[id] {
            let depth = try historyDepth(after, catalogue, snapshot)
            if depth > 0 {
                let now = Moments.now
                let added = before[password].filter { !after[password].contains($0) }.map { Array("\(now):".utf8) + $0 }
                let earlier = before[id].sorted { (Self.time($0) ?? 0) < (Self.time($1) ?? 0) }
                after[id] = Array((earlier + added).suffix(depth))
            }
        }
    }

    private func isAccount(_ entry: Entry, _ catalogue: Catalogue) -> Bool {
        let bytes = entry.record(parent: .root, rdn: [], flags: [])
        guard let record = EntryRecord(bytes.rawSpan) else { return false }
        return tree.types.account.matches(record)
    }

    private func historyDepth(_ entry: Entry, _ catalogue: Catalogue, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Int {
        // The class of service that the entry names, or the default one.
        let bytes = entry.record(parent: .root, rdn: [], flags: [])
        guard let record = EntryRecord(bytes.rawSpan) else { return 0 }
        let table = try tree.table(snapshot)
        let place = table.ownClassOfService(record) ?? table.defaultClass
        let values = try InheritedValues(
            [types.enforceHistory], record, classOfService: place.map { table.classes[$0].entry }, snapshot)
        return max(0, min(Self.historyLimit, values.number(types.enforceHistory, default: 0)))
    }

    /// When a password of the history was replaced.
    fileprivate static func time(_ value: [UInt8]) -> Int? {
        value.firstIndex(of: UInt8(ascii: ":")).flatMap { Int(String(decoding: value[..<$0], as: UTF8.self)) }
    }
}

/// What is known of an account whose password is to be changed.
private struct Facts {
    let values: InheritedValues
    let mustChange: Bool
    /// Milliseconds since 1970.
    let modified: Int?
    /// As stored, the present ones among them.
    let formerPasswords: [[UInt8]]
    /// In lower case.
    let personalWords: Set<String>

    /// Nil for what is no account.
    init?(_ id: EntryID, _ tree: MailTree, _ types: LoginTypes, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        let catalogue = snapshot.catalogue
        guard let record = try snapshot.record(id),
            case .account(let classOfService, _, let domain, _) = try tree.lineage(id, record, snapshot)
        else { return nil }
        values = try InheritedValues(
            [
                types.minLength, types.maxLength, types.minUpper, types.minLower, types.minNumeric, types.minPunctuation, types.minAlpha,
                types.minDigitsOrPunctuation, types.allowedCharacters, types.allowedPunctuation, types.enforceHistory, types.locked, types.minAge, types.blocksCommon,
            ], record, classOfService: classOfService, snapshot)
        let entry = Entry(record)
        func all(_ type: AttributeTypeID) -> [[UInt8]] { catalogue.table.id(of: type).map { entry[$0] } ?? [] }
        mustChange = all(types.mustChange).first == Array("TRUE".utf8)
        modified = all(types.modifiedTime).first.flatMap { Moments.parse($0) }
        let former = all(types.history).sorted { (AccountPasswords.time($0) ?? 0) > (AccountPasswords.time($1) ?? 0) }
            .compactMap { value in value.firstIndex(of: UInt8(ascii: ":")).map { Array(value[($0 + 1)...]) } }
        formerPasswords = all(types.password) + former

        var words: Set<String> = []
        func add(_ text: some StringProtocol) {
            let word = text.lowercased()
            if word.unicodeScalars.count > 2 { words.insert(word) }
        }
        for (number, type) in types.personal.enumerated() {
            for value in all(type) {
                let text = String(decoding: value, as: UTF8.self)
                switch number {
                case 0, 2: add(text)
                case 1:
                    add(text)
                    add(text.filter { $0 != " " })
                    for word in text.split(separator: " ") { add(word) }
                default:
                    // Without the last piece, the top level domain.
                    for piece in text.split(whereSeparator: { "@._".contains($0) }).dropLast() { add(piece) }
                }
            }
        }
        if let domain, let holder = try snapshot.record(domain), let name = holder.first(types.domainName, catalogue) {
            let text = String(decoding: name, as: UTF8.self)
            add(text)
            for piece in text.split(separator: ".").dropLast() { add(piece) }
        }
        personalWords = words
    }
}

/// A regular expression for one character.
private final class CharacterPattern {
    private var expression = regex_t()

    /// Nil for an expression that is not valid: it allows everything.
    init?(_ text: String) {
        guard regcomp(&expression, "^(\(text))$", REG_EXTENDED | REG_NOSUB) == 0 else {
            expression = regex_t()
            return nil
        }
    }

    deinit { regfree(&expression) }

    func matches(_ character: Unicode.Scalar) -> Bool { regexec(&expression, String(character), 0, nil, 0) == 0 }
}
