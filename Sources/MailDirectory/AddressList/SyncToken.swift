import BER
import LDAP

/// From when on a client wants changes (rules 6.4.1 to 6.4.3): a time stamp, or the token of a mail server that synchronises page by page.
struct SyncToken {
    /// Generalized time.
    private let time: [UInt8]
    /// Whether the first synchronisation is not complete: then only entries made since count.
    private let isUnfinished: Bool

    /// Nil: everything is wanted (an empty key, or one that is no time).
    init?(_ key: [UInt8]) {
        // `<ldap part>[:<accountId>:<changeId>]*`
        let part = key.prefix { $0 != UInt8(ascii: ":") }
        // Created at, number of entries with that time, more to come, newest time; then the same for the external part.
        let fields = part.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard let first = fields.first else { return nil }
        if fields.count == 4 || fields.count == 8 {
            isUnfinished = fields[2].elementsEqual("1".utf8)
            time = Array(isUnfinished ? first : fields[3])
        } else {
            isUnfinished = false
            time = Array(first)
        }
        guard time.count >= 11, time.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 == 0x5a || $0 == 0x2e || $0 == 0x2b || $0 == 0x2d }) else {
            return nil
        }
    }

    /// - Parameters:
    ///   - created, modified: the attributes that hold the times.
    ///   - format: turns the time into another server's form.
    func filter(
        created: String = "createTimestamp", modified: String = "modifyTimestamp", format: ([UInt8]) -> [UInt8] = { $0 }
    ) -> Filter {
        let time = format(time)
        var builder = FilterBuilder()
        let either = builder.begin(.or)
        for attribute in isUnfinished ? [created] : [modified, created] {
            builder.item(.greaterOrEqual, Array(attribute.utf8), time.rawSpan)
        }
        builder.end(either)
        return builder.filter
    }
}
