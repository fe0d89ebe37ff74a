import BER
import EntryStore
import LDAP
import Schema

/// One change of a modify request, checked as far as the request alone allows (RFC 4511 section 4.6, RFC 4525).
struct Modification: Sendable {
    let operation: ModifyRequest.Operation
    let description: EntryChecker.Description
    /// As the client wrote the description.
    let name: [UInt8]
    let values: [[UInt8]]
    /// The values in canonical form, number by number.
    let canonical: CanonicalValues
    /// What an increment adds.
    let amount: Int

    /// Checks the changes of a request.
    /// - Throws: what slapd answers to changes that are not acceptable whatever the entry holds.
    /// - Parameter relaxed: what the server keeps may be set, and types that are obsolete.
    static func list(
        _ changes: [ModifyRequest.Change], relaxed: Bool = false, _ checker: EntryChecker
    ) throws(LDAPError) -> [Modification] {
        var list: [Modification] = []
        list.reserveCapacity(changes.count)
        for change in changes { list.append(try Modification(change, relaxed: relaxed, checker)) }
        // A pass of its own, as in slapd: what is wrong with values is told first.
        for change in list {
            try checker.checkModifiable(checker.schema[change.description.type], relaxed: relaxed, name: change.name)
        }
        return list
    }

    /// - Throws: what slapd answers to descriptions and values that are not acceptable whatever the entry holds.
    init(_ change: ModifyRequest.Change, relaxed: Bool = false, _ checker: EntryChecker) throws(LDAPError) {
        let attribute = change.attribute
        operation = change.operation
        name = attribute.description
        description = try checker.description(attribute.description.rawSpan)
        let type = checker.schema[description.type]
        if change.operation != .delete, !relaxed { try checker.checkCurrent(type, name: name) }
        if change.operation == .increment, type.syntax != .integer {
            throw LDAPError(
                .constraintViolation, "\(String(decoding: name, as: UTF8.self)): attribute syntax inappropriate for increment")
        }
        canonical = try checker.canonicalValues(attribute.values, of: type, name: name)
        values = checker.storedValues(attribute.values, of: type.id)
        amount = change.operation == .increment ? try Self.amount(attribute) : 0
        if change.operation == .add || change.operation == .replace {
            try checker.checkCount(values.count, type, name: name)
            try checker.checkDuplicates(canonical, name: name)
        }
    }

    private static func amount(_ attribute: PartialAttribute) throws(LDAPError) -> Int {
        let name = String(decoding: attribute.description, as: UTF8.self)
        guard attribute.values.count == 1, let amount = Int(String(decoding: attribute.values[0], as: UTF8.self)) else {
            throw LDAPError(.constraintViolation, "\(name): increment is out of range")
        }
        return amount
    }
}

/// The values of one attribute while changes are made to it one after the other.
struct ModifiedAttribute {
    let description: EntryChecker.Description
    private let type: AttributeType
    /// nil where a value was removed.
    private var slots: [[UInt8]?]
    private(set) var count: Int
    /// The slots' values in canonical form, made when they are looked at often enough.
    private var canonical: CanonicalValues?
    private var scans = 0
    /// Looking at this many values one by one is cheaper than making all canonical.
    private static let scanLimit = 2

    init(_ description: EntryChecker.Description, _ type: AttributeType, _ values: [[UInt8]]) {
        self.description = description
        self.type = type
        slots = values
        count = values.count
    }

    var values: [[UInt8]] { count == slots.count ? slots.map { $0 ?? [] } : slots.compactMap { $0 } }

    private mutating func find(_ wanted: RawSpan, _ schema: Schema) -> Int? {
        if canonical == nil {
            if let rule = type.equality, scans < Self.scanLimit {
                scans += 1
                var scratch: [UInt8] = []
                for (number, value) in slots.enumerated() {
                    if let value, schema.equals(value.rawSpan, normalized: wanted, by: rule, scratch: &scratch) { return number }
                }
                return nil
            }
            var made = CanonicalValues()
            for (number, value) in slots.enumerated() {
                let bytes = value ?? []
                // A stored value that is not valid (any more) equals nothing but itself.
                if !made.append(bytes.rawSpan, by: type.equality, schema) { made.append(canonical: bytes.rawSpan) }
                if value == nil { made.remove(number) }
            }
            canonical = made
        }
        return canonical?.find(wanted)
    }

    /// Carries out a change of this attribute.
    /// - Parameter permissive: values to be added that are there, and values to be deleted that are not, are passed over.
    /// - Throws: `attributeOrValueExists`, `noSuchAttribute`, `inappropriateMatching`, `constraintViolation`.
    mutating func apply(_ change: Modification, permissive: Bool, _ schema: Schema) throws(LDAPError) {
        switch change.operation {
        case .add: try add(change, permissive, schema)
        case .delete: try delete(change, permissive, schema)
        case .replace:
            slots = change.values
            count = slots.count
            canonical = nil
            scans = 0
        case .increment: try increment(change, permissive)
        }
    }

    private mutating func add(_ change: Modification, _ permissive: Bool, _ schema: Schema) throws(LDAPError) {
        var present: Set<Int> = []
        if count > 0 {
            guard type.equality != nil else { throw failure(.inappropriateMatching, "add", change, "no equality matching rule") }
            for number in 0..<change.canonical.count where find(change.canonical[number], schema) != nil {
                guard permissive else { throw failure(.attributeOrValueExists, "add", change, "value #\(number) already exists") }
                present.insert(number)
            }
        }
        for (number, value) in change.values.enumerated() where !present.contains(number) {
            slots.append(value)
            canonical?.append(canonical: change.canonical[number])
            count += 1
        }
    }

    private mutating func delete(_ change: Modification, _ permissive: Bool, _ schema: Schema) throws(LDAPError) {
        guard count > 0 else {
            if permissive { return }
            throw failure(.noSuchAttribute, "delete", change, "no such attribute")
        }
        if change.values.isEmpty {
            slots = []
            count = 0
            canonical = nil
            scans = 0
            return
        }
        guard type.equality != nil else { throw failure(.inappropriateMatching, "delete", change, "no equality matching rule") }
        for number in 0..<change.canonical.count {
            guard let found = find(change.canonical[number], schema) else {
                if permissive { continue }
                // A value that the request names twice is gone already.
                if let first = change.canonical.find(change.canonical[number]), first < number { continue }
                throw failure(.noSuchAttribute, "delete", change, "no such value")
            }
            slots[found] = nil
            canonical?.remove(found)
            count -= 1
        }
    }

    /// RFC 4525: every value grows by the amount.
    /// - Parameter permissive: what is not there becomes the amount, as in slapd.
    private mutating func increment(_ change: Modification, _ permissive: Bool) throws(LDAPError) {
        if count == 0, permissive {
            slots = [Array(String(change.amount).utf8)]
            count = 1
            canonical = nil
            scans = 0
            return
        }
        guard count > 0 else { throw failure(.noSuchAttribute, "increment", change, "no such attribute") }
        var result: [[UInt8]?] = []
        result.reserveCapacity(count)
        for case let value? in slots {
            guard let number = Int(String(decoding: value, as: UTF8.self)) else {
                throw failure(.constraintViolation, "increment", change, "value is out of range")
            }
            let (sum, overflow) = number.addingReportingOverflow(change.amount)
            if overflow { throw failure(.constraintViolation, "increment", change, "sum is out of range") }
            result.append(Array(String(sum).utf8))
        }
        slots = result
        canonical = nil
        scans = 0
    }

    private func failure(_ code: ResultCode, _ operation: String, _ change: Modification, _ reason: String) -> LDAPError {
        LDAPError(code, "modify/\(operation): \(String(decoding: change.name, as: UTF8.self)): \(reason)")
    }
}
