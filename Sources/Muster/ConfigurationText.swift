/// A configuration that cannot be used, or a file that cannot be found: what is wrong and with which setting.
public struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

extension MusterConfiguration.Index {
    /// Reads `"mail eq,sub"` or `"mail eq sub"`, the form of slapd's `index` directive.
    public init(_ text: String) throws(ConfigurationError) {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "\t" })
        guard let attribute = words.first, words.count > 1 else {
            throw ConfigurationError("index '\(text)' must be an attribute and the kinds pres, eq or sub, as in 'mail eq,sub'")
        }
        self.init(attribute: String(attribute))
        for word in words.dropFirst() {
            switch word {
            case "pres": presence = true
            case "eq": equality = true
            case "sub": substring = true
            default: throw ConfigurationError("index '\(text)': '\(word)' is not one of the kinds pres, eq and sub")
            }
        }
    }

    private init(attribute: String) { self.init(attribute, presence: false) }
}

extension MusterConfiguration.Durability {
    /// Reads `full`, `none` or `group-interval MILLISECONDS`.
    public init(_ text: String) throws(ConfigurationError) {
        let words = text.split(separator: " ")
        switch (words.first, words.count) {
        case ("full", 1): self = .full
        case ("none", 1): self = .none
        case ("group-interval", 2):
            guard let milliseconds = Int(words[1]), milliseconds > 0, milliseconds <= 3_600_000 else {
                throw ConfigurationError("durability '\(text)': the interval must be a number of milliseconds from 1 to 3600000")
            }
            self = .groupInterval(milliseconds: milliseconds)
        default:
            throw ConfigurationError("durability '\(text)' must be 'full', 'group-interval MILLISECONDS' or 'none'")
        }
    }
}
