/// The cipher suites that a handshake can end with, by their IANA numbers.
struct CipherSuite {
    let name: String
    /// Length of the key in bits.
    let strength: Int

    /// Nil for a number that is not known.
    init?(_ number: UInt16) {
        switch number {
        case 0x1301: (name, strength) = ("TLS_AES_128_GCM_SHA256", 128)
        case 0x1302: (name, strength) = ("TLS_AES_256_GCM_SHA384", 256)
        case 0x1303: (name, strength) = ("TLS_CHACHA20_POLY1305_SHA256", 256)
        case 0xc02b: (name, strength) = ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 128)
        case 0xc02c: (name, strength) = ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 256)
        case 0xc02f: (name, strength) = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 128)
        case 0xc030: (name, strength) = ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 256)
        case 0xcca8: (name, strength) = ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 256)
        case 0xcca9: (name, strength) = ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 256)
        case 0xc009: (name, strength) = ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 128)
        case 0xc00a: (name, strength) = ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 256)
        case 0xc013: (name, strength) = ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 128)
        case 0xc014: (name, strength) = ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 256)
        case 0xc027: (name, strength) = ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 128)
        case 0x009c: (name, strength) = ("TLS_RSA_WITH_AES_128_GCM_SHA256", 128)
        case 0x009d: (name, strength) = ("TLS_RSA_WITH_AES_256_GCM_SHA384", 256)
        case 0x002f: (name, strength) = ("TLS_RSA_WITH_AES_128_CBC_SHA", 128)
        case 0x0035: (name, strength) = ("TLS_RSA_WITH_AES_256_CBC_SHA", 256)
        default: return nil
        }
    }
}
