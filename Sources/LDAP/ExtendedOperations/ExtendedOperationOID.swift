/// Object identifiers of extended operations and unsolicited notifications.
public enum ExtendedOperationOID {
    /// RFC 4511 section 4.14.
    public static let startTLS = "1.3.6.1.4.1.1466.20037"
    /// RFC 4511 section 4.4.1, an unsolicited notification.
    public static let noticeOfDisconnection = "1.3.6.1.4.1.1466.20036"
    /// RFC 4532.
    public static let whoAmI = "1.3.6.1.4.1.4203.1.11.3"
    /// RFC 3062.
    public static let passwordModify = "1.3.6.1.4.1.4203.1.11.1"
    /// RFC 3909.
    public static let cancel = "1.3.6.1.1.8"
    /// RFC 5805.
    public static let startTransaction = "1.3.6.1.1.21.1"
    /// RFC 5805.
    public static let endTransaction = "1.3.6.1.1.21.3"
    /// RFC 5805, an unsolicited notification.
    public static let abortedTransaction = "1.3.6.1.1.21.4"
    /// RFC 4533, an intermediate response.
    public static let syncInfo = "1.3.6.1.4.1.4203.1.9.1.4"
}
