public import BER

extension BERBuffer {
    /// Appends a whole message that holds an LDAPResult (RFC 4511 section 4.1.9): every answer but entries and references.
    /// - Parameters:
    ///   - tag: of the answer, from ``OperationTag``.
    ///   - matchedDN: in string form.
    ///   - referrals: URLs; at least one if `code` is `referral`.
    public mutating func appendResult(
        messageID: Int, tag: UInt8, code: ResultCode, matchedDN: [UInt8] = [], message: String = "", referrals: [String] = [],
        controls: [Control] = []
    ) {
        let outer = begin(BERTag.sequence)
        append(integer: messageID)
        let operation = begin(tag)
        appendResultFields(code, matchedDN, message, referrals)
        end(operation)
        append(controls: controls)
        end(outer)
    }

    /// Appends the answer that tells of an error.
    public mutating func appendResult(messageID: Int, tag: UInt8, error: LDAPError, controls: [Control] = []) {
        appendResult(
            messageID: messageID, tag: tag, code: error.code, matchedDN: error.matchedDN, message: error.message,
            referrals: error.referrals, controls: error.controls + controls)
    }

    /// Appends a bind response with SASL credentials of the server (RFC 4511 section 4.2.2).
    public mutating func appendBindResult(
        messageID: Int, code: ResultCode, matchedDN: [UInt8] = [], message: String = "", serverCredentials: [UInt8]?,
        controls: [Control] = []
    ) {
        let outer = begin(BERTag.sequence)
        append(integer: messageID)
        let operation = begin(OperationTag.bindResponse)
        appendResultFields(code, matchedDN, message, [])
        if let serverCredentials { append(BERTag.context(7), contents: serverCredentials) }
        end(operation)
        append(controls: controls)
        end(outer)
    }

    /// Appends an extended response (RFC 4511 section 4.12).
    public mutating func appendExtendedResult(
        messageID: Int, code: ResultCode, matchedDN: [UInt8] = [], message: String = "", referrals: [String] = [],
        name: String? = nil, value: [UInt8]? = nil, controls: [Control] = []
    ) {
        let outer = begin(BERTag.sequence)
        append(integer: messageID)
        let operation = begin(OperationTag.extendedResponse)
        appendResultFields(code, matchedDN, message, referrals)
        if let name { append(BERTag.context(10), string: name) }
        if let value { append(BERTag.context(11), contents: value) }
        end(operation)
        append(controls: controls)
        end(outer)
    }

    /// Appends the notice of disconnection (RFC 4511 section 4.4.1): the last message before the server closes the connection.
    public mutating func appendNoticeOfDisconnection(code: ResultCode, message: String) {
        appendExtendedResult(messageID: 0, code: code, message: message, name: ExtendedOperationOID.noticeOfDisconnection)
    }

    /// Appends an intermediate response (RFC 4511 section 4.13).
    public mutating func appendIntermediateResponse(
        messageID: Int, name: String? = nil, value: [UInt8]? = nil, controls: [Control] = []
    ) {
        let outer = begin(BERTag.sequence)
        append(integer: messageID)
        let operation = begin(OperationTag.intermediateResponse)
        if let name { append(BERTag.context(0), string: name) }
        if let value { append(BERTag.context(1), contents: value) }
        end(operation)
        append(controls: controls)
        end(outer)
    }

    /// Appends a search result reference (RFC 4511 section 4.5.3); `urls` must not be empty.
    public mutating func appendSearchReference(messageID: Int, urls: [String], controls: [Control] = []) {
        let outer = begin(BERTag.sequence)
        append(integer: messageID)
        let operation = begin(OperationTag.searchResultReference)
        for url in urls { append(string: url) }
        end(operation)
        append(controls: controls)
        end(outer)
    }

    private mutating func appendResultFields(_ code: ResultCode, _ matchedDN: [UInt8], _ message: String, _ referrals: [String]) {
        append(BERTag.enumerated, integer: code.rawValue)
        append(BERTag.octetString, contents: matchedDN)
        append(string: message)
        if !referrals.isEmpty {
            let list = begin(BERTag.contextConstructed(3))
            for url in referrals { append(string: url) }
            end(list)
        }
    }
}
