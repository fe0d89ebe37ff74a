import CCrypto

/// Channel binding by the server's certificate: `tls-server-end-point` (RFC 5929 section 4).
enum ServerEndPoint {
    /// The certificate's hash, by the hash function of its signature, or SHA-256 in place of MD5 and SHA-1; nil for a certificate whose
    /// signature has no hash function of its own.
    /// - Parameter certificate: in DER.
    static func hash(ofDER certificate: [UInt8]) -> [UInt8]? {
        // Sound: the pointers are used before they are freed, and the digest is no longer than its buffer.
        let parsed = certificate.withUnsafeBufferPointer { bytes in
            var position = bytes.baseAddress
            return d2i_X509(nil, &position, bytes.count)
        }
        guard let parsed else { return nil }
        defer { X509_free(parsed) }
        var digest: Int32 = 0
        guard X509_get_signature_info(parsed, &digest, nil, nil, nil) == 1, digest != NID_undef else { return nil }
        let name = digest == NID_md5 || digest == NID_sha1 ? NID_sha256 : digest
        guard let function = EVP_get_digestbyname(OBJ_nid2sn(name)) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_digest(parsed, function, &bytes, &count) == 1 else { return nil }
        return Array(bytes.prefix(Int(count)))
    }
}
