/// New identities.
public enum NewUUID {
    /// A UUID of version 4 in lower case (RFC 9562 section 5.4).
    public static func text() -> [UInt8] { EntryChecker.randomUUID() }
}
