import CCrypto

/// The subject of a certificate as a name (RFC 4514).
enum CertificateSubject {
    /// - Parameter certificate: in DER.
    /// - Throws: if it cannot be read or has no subject.
    static func string(ofDER certificate: [UInt8]) throws(TLSError) -> [UInt8] {
        // Sound: the pointers are used before they are freed, and the bytes of the BIO are copied before it is.
        let parsed = certificate.withUnsafeBufferPointer { bytes in
            var position = bytes.baseAddress
            return d2i_X509(nil, &position, bytes.count)
        }
        guard let parsed else { throw TLSError("the client's certificate cannot be read") }
        defer { X509_free(parsed) }
        guard let name = X509_get_subject_name(parsed), X509_NAME_entry_count(name) > 0 else {
            throw TLSError("the client's certificate has no subject")
        }
        guard let output = BIO_new(BIO_s_mem()) else { throw TLSError("no memory") }
        defer { BIO_free(output) }
        guard muster_print_name(output, name) >= 0 else { throw TLSError("the subject of the client's certificate cannot be read") }
        var contents: UnsafeMutablePointer<CChar>?
        let count = muster_bio_contents(output, &contents)
        guard count > 0, let contents else { throw TLSError("the subject of the client's certificate is empty") }
        return UnsafeBufferPointer(start: contents, count: count).map { UInt8(bitPattern: $0) }
    }
}
