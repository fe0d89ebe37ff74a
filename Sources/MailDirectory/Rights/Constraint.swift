/// One value of `zimbraConstraint` (10.3.8): `attribute:min=N:max=N:values=a,b`, each limit optional.
struct Constraint: Sendable, Hashable {
    let attribute: String
    var least: Int?
    var most: Int?
    var values: [String]?

    /// Nil for what is not of this form.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, let name = parts.first, !name.isEmpty else { return nil }
        attribute = String(name)
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let value = part[part.index(after: equals)...]
            switch part[..<equals].lowercased() {
            case "min":
                guard let number = Self.number(String(value)) else { return nil }
                least = number
            case "max":
                guard let number = Self.number(String(value)) else { return nil }
                most = number
            case "values": values = value.split(separator: ",").map { String($0).lowercased() }
            default: return nil
            }
        }
    }

    /// Why values are not within the limits; nil: they are.
    func problem(_ given: [[UInt8]]) -> String? {
        for value in given {
            let text = String(decoding: value, as: UTF8.self)
            if let values, !values.contains(text.lowercased()) { return "zimbraConstraint allows \(values.joined(separator: ", "))" }
            guard least != nil || most != nil else { continue }
            guard let number = Self.number(text) else { return "zimbraConstraint demands a number" }
            if let least, number < least { return "zimbraConstraint allows nothing below \(least)" }
            if let most, number > most { return "zimbraConstraint allows nothing above \(most)" }
        }
        return nil
    }

    /// A number, or a duration (`2d`) in seconds.
    private static func number(_ text: String) -> Int? {
        if let number = Int(text) { return number }
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let number = Int(text.dropLast()) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }
}
