public import Directory
public import EntryStore

/// What a mail system's directory means, as an extension of the directory: numbers in comments are rules of the semantics that
/// Zimbra and Carbonio share.
public enum MailDirectory {
    /// What an administrator sets.
    public struct Settings: Sendable {
        public init() {}
    }

    /// The extension for a store. Parts whose attribute types the schema does not have are left out: a directory without the mail
    /// schema is a plain directory.
    /// - Throws: for settings that do not fit the schema.
    public static func directoryExtension(_ store: EntryStore, _ settings: Settings = Settings()) throws(DirectoryError) -> DirectoryExtension {
        DirectoryExtension()
    }
}
