import CCrypto

/// A certificate followed by those that vouch for it, as read from PEM with libcrypto. It is checked for what can be told without knowing
/// whom the reader trusts: that each certificate was issued by the next.
final class CertificateChain {
    /// Why something is not what it should be, in words that follow the attribute's name.
    struct Problem: Error, Hashable {
        let reason: String
    }

    /// Certificates in one chain: real ones have up to four.
    static let maximumCount = 10
    /// Bytes of PEM.
    static let maximumSize = 1 << 18

    /// Never empty; the server's own first. Freed at the end.
    private let certificates: [OpaquePointer]

    /// - Throws: if there is no certificate, or one that cannot be read.
    init(pem: [UInt8]) throws(Problem) {
        var read: [OpaquePointer] = []
        var problem: Problem?
        // Sound: the BIO reads from `bytes` and is freed before they go; what is read is a copy.
        Self.withBIO(pem) { bio in
            ERR_clear_error()
            while let certificate = PEM_read_bio_X509(bio, nil, noPassphrase, nil) {
                read.append(certificate)
                if read.count > Self.maximumCount { return problem = Problem(reason: "more than \(Self.maximumCount) certificates") }
            }
            // The end shows as a block whose start is missing.
            let error = ERR_peek_last_error()
            if read.isEmpty {
                problem = Problem(reason: "no certificate in PEM")
            } else if ERR_GET_REASON(error) != PEM_R_NO_START_LINE {
                problem = Problem(reason: "certificate number \(read.count + 1) cannot be read: \(Self.text(error))")
            }
            ERR_clear_error()
        }
        certificates = read
        if pem.count > Self.maximumSize { problem = Problem(reason: "longer than \(Self.maximumSize) bytes") }
        if let problem { throw problem }
    }

    deinit { for certificate in certificates { X509_free(certificate) } }

    /// Checks that each certificate was issued, and signed, by the next.
    func checkOrder() throws(Problem) {
        for (index, (certificate, issuer)) in zip(certificates, certificates.dropFirst()).enumerated() {
            guard X509_check_issued(issuer, certificate) == X509_V_OK else {
                throw Problem(reason: "certificate number \(index + 2) has not issued the one before it: each must be followed by its issuer's")
            }
            guard let key = X509_get0_pubkey(issuer), X509_verify(certificate, key) == 1 else {
                ERR_clear_error()
                throw Problem(reason: "certificate number \(index + 1) is not signed by the one after it")
            }
        }
    }

    /// Whether a private key belongs to the first certificate.
    func fits(_ key: PrivateKey) -> Bool {
        defer { ERR_clear_error() }
        return X509_check_private_key(certificates[0], key.pointer) == 1
    }

    /// What is wrong with the dates of the certificates now; empty if nothing.
    var datesOutOfOrder: [String] {
        certificates.enumerated().compactMap { index, certificate in
            let subject = index == 0 ? "the certificate" : "certificate number \(index + 1) of the chain"
            if X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 { return subject + " has expired" }
            if X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 { return subject + " is not valid yet" }
            return nil
        }
    }

    /// Whether the first certificate is for a host (RFC 6125: alternative names, else the common name; wildcards).
    func covers(host: [UInt8]) -> Bool {
        // An empty name would be one that ends at a NUL.
        guard !host.isEmpty, !host.contains(0) else { return false }
        return host.withUnsafeBytes { bytes in
            X509_check_host(certificates[0], bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, 0, nil) == 1
        }
    }

    fileprivate static func withBIO(_ bytes: [UInt8], _ body: (OpaquePointer) -> Void) {
        bytes.withUnsafeBytes { bytes in
            guard bytes.count <= maximumSize, let base = bytes.baseAddress, let bio = BIO_new_mem_buf(base, Int32(bytes.count)) else { return }
            defer { BIO_free(bio) }
            body(bio)
        }
    }

    private static func text(_ error: UInt) -> String {
        ERR_reason_error_string(error).map { String(cString: $0) } ?? "error \(error)"
    }
}

/// A private key as read from PEM with libcrypto.
final class PrivateKey {
    fileprivate let pointer: OpaquePointer

    /// - Throws: if there is none, or an encrypted one: nobody could enter its passphrase.
    init(pem: [UInt8]) throws(CertificateChain.Problem) {
        var read: OpaquePointer?
        CertificateChain.withBIO(pem) { bio in
            read = PEM_read_bio_PrivateKey(bio, nil, noPassphrase, nil)
            ERR_clear_error()
        }
        guard let read else { throw CertificateChain.Problem(reason: "no private key in PEM without passphrase") }
        pointer = read
    }

    deinit { EVP_PKEY_free(pointer) }
}

/// Without it libcrypto would ask on the terminal.
private let noPassphrase: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = { _, _, _, _ in -1 }
