import BER
import EntryStore
import LDAP

/// What a change answers.
struct WriteAnswer: Sendable {
    var code = ResultCode.success
    var matchedDN: [UInt8] = []
    var message = ""
    var referrals: [String] = []
    var controls: [Control] = []
    /// Value of an extended response.
    var value: [UInt8]?

    init(controls: [Control] = [], value: [UInt8]? = nil) {
        self.controls = controls
        self.value = value
    }

    init(_ error: LDAPError) {
        code = error.code
        matchedDN = error.matchedDN
        message = error.message
        referrals = error.referrals
        controls = error.controls
        value = error.responseValue
    }

    /// The whole message.
    func encode(messageID: Int, tag: UInt8) -> [UInt8] {
        var buffer = BERBuffer(capacity: 256)
        if tag == OperationTag.extendedResponse {
            buffer.appendExtendedResult(
                messageID: messageID, code: code, matchedDN: matchedDN, message: message, referrals: referrals, value: value,
                controls: controls)
        } else {
            buffer.appendResult(
                messageID: messageID, tag: tag, code: code, matchedDN: matchedDN, message: message, referrals: referrals,
                controls: controls)
        }
        return buffer.bytes.array
    }
}

/// Runs what the store does and gives its failures to the client.
func stored<T: ~Copyable>(_ body: () throws(EntryStoreError) -> T) throws(LDAPError) -> T {
    do throws(EntryStoreError) { return try body() } catch { throw LDAPError(storage: error) }
}
