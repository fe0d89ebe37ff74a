import BER
import LDAP

/// The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), between the client's first and last message.
struct SCRAMExchange: Sendable {
    /// What the client says first: `n,,n=user,r=nonce`.
    struct ClientFirst: Sendable {
        /// What the client says of channel binding and of whom it wants to be.
        let header: [UInt8]
        /// What the client must have seen of the connection (``ChannelBinding``); empty without channel binding.
        let binding: [UInt8]
        /// The rest, which is signed.
        let bare: [UInt8]
        let user: [UInt8]
        /// Empty: the user himself.
        let authorization: [UInt8]
        let nonce: [UInt8]

        /// - Parameters:
        ///   - isPlus: whether the mechanism is the one with channel binding.
        ///   - endPoint: what channel binding is about; nil: there is none on this connection.
        /// - Throws: `protocolError`; `invalidCredentials` for demands that are not met.
        init(_ message: [UInt8], isPlus: Bool = false, endPoint: [UInt8]? = nil) throws(LDAPError) {
            guard message.count <= 4096 else { throw Self.malformed }
            let fields = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard fields.count >= 4 else { throw Self.malformed }
            switch fields[0].first {
            case UInt8(ascii: "n"):
                guard fields[0].count == 1, !isPlus else { throw Self.malformed }
                binding = []
            case UInt8(ascii: "y"):
                guard fields[0].count == 1, !isPlus else { throw Self.malformed }
                // RFC 5802 section 6: the client could, and believes that we cannot. Somebody has changed the list of mechanisms.
                guard endPoint == nil else { throw LDAPError(.invalidCredentials, "the server supports channel binding") }
                binding = []
            case UInt8(ascii: "p"):
                // Cyrus SASL's clients bind the channel under the other mechanism's name too; it is checked all the same.
                guard let data = ChannelBinding.data(try Self.value(fields[0], "p="), endPoint: endPoint) else {
                    throw LDAPError(.invalidCredentials, "this type of channel binding is not available, tls-server-end-point over TLS is")
                }
                binding = data
            default: throw Self.malformed
            }
            authorization = fields[1].isEmpty ? [] : try Self.name(fields[1], "a=")
            header = Array(fields[0]) + [UInt8(ascii: ",")] + Array(fields[1]) + [UInt8(ascii: ",")]
            bare = Array(message[header.count...])
            // `m=` stands for extensions that must be known.
            user = try Self.name(fields[2], "n=")
            nonce = try Self.value(fields[3], "r=")
            guard !user.isEmpty, !nonce.isEmpty, nonce.allSatisfy({ 0x21...0x7e ~= $0 }) else { throw Self.malformed }
        }

        static var malformed: LDAPError { LDAPError(.protocolError, "SCRAM: malformed message") }

        static func value(_ field: ArraySlice<UInt8>, _ name: StaticString) throws(LDAPError) -> [UInt8] {
            let prefix = Array("\(name)".utf8)
            guard field.starts(with: prefix) else { throw malformed }
            return Array(field.dropFirst(prefix.count))
        }

        /// A name, in which `=2C` and `=3D` stand for comma and equals sign.
        private static func name(_ field: ArraySlice<UInt8>, _ name: StaticString) throws(LDAPError) -> [UInt8] {
            var result: [UInt8] = []
            var rest = try value(field, name)[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "=") else {
                    result.append(byte)
                    continue
                }
                switch (rest.popFirst(), rest.popFirst()) {
                case (UInt8(ascii: "2"), UInt8(ascii: "C")), (UInt8(ascii: "2"), UInt8(ascii: "c")): result.append(UInt8(ascii: ","))
                case (UInt8(ascii: "3"), UInt8(ascii: "D")), (UInt8(ascii: "3"), UInt8(ascii: "d")): result.append(UInt8(ascii: "="))
                default: throw malformed
                }
            }
            return result
        }
    }

    private let first: ClientFirst
    private let keys: SCRAMKeys
    private let nonce: [UInt8]
    /// What the server answers to the client's first message.
    let challenge: [UInt8]
    /// Who logs in if the proof is right.
    let attempt: BindAttempt

    /// - Throws: `other` if there are no random numbers.
    init(_ first: ClientFirst, _ keys: SCRAMKeys, _ attempt: BindAttempt) throws(LDAPError) {
        self.init(first, keys, attempt, nonce: Array(Base64.encode(try RandomBytes.make(18)).utf8))
    }

    /// - Parameter nonce: the server's part, for tests.
    init(_ first: ClientFirst, _ keys: SCRAMKeys, _ attempt: BindAttempt, nonce: [UInt8]) {
        self.first = first
        self.keys = keys
        self.attempt = attempt
        self.nonce = first.nonce + nonce
        challenge = Array("r=".utf8) + self.nonce + Array(",s=\(Base64.encode(keys.salt)),i=\(keys.iterations)".utf8)
    }

    /// Checks the client's last message, `c=…,r=…,p=…`.
    /// - Returns: the server's signature; nil if the proof is wrong.
    /// - Throws: `protocolError`.
    func finish(_ message: [UInt8]) throws(LDAPError) -> [UInt8]? {
        guard message.count <= 4096, let end = message.lastIndex(of: UInt8(ascii: ",")) else { throw ClientFirst.malformed }
        let fields = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 3, let last = fields.last else { throw ClientFirst.malformed }
        let binding = try ClientFirst.value(fields[0], "c=")
        let nonce = try ClientFirst.value(fields[1], "r=")
        let encodedProof = try ClientFirst.value(last, "p=")
        guard let bound = Base64.decode(binding.rawSpan), let proof = Base64.decode(encodedProof.rawSpan) else { throw ClientFirst.malformed }
        guard bound == first.header + first.binding, nonce == self.nonce, proof.count == 32 else { return nil }
        let signed = first.bare + [UInt8(ascii: ",")] + challenge + [UInt8(ascii: ",")] + message[..<end]
        let digest = PasswordDigest.sha256
        guard let clientSignature = digest.authenticate(signed, key: keys.storedKey),
            let found = digest.hash(zip(proof, clientSignature).map { $0 ^ $1 }),
            ConstantTime.isEqual(found, keys.storedKey), let serverSignature = digest.authenticate(signed, key: keys.serverKey)
        else { return nil }
        return Array("v=\(Base64.encode(serverSignature))".utf8)
    }
}
