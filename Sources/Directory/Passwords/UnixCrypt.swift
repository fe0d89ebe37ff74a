import BER
import CCrypt
import LDAP

/// {CRYPT}: what the system's `crypt` knows, from DES to yescrypt.
enum UnixCrypt {
    /// `crypt` takes no longer ones.
    private static let passwordLimit = 511

    static func verify(_ stored: RawSpan, _ password: RawSpan) -> Bool {
        let stored = stored.array
        guard isAcceptable(stored), let found = compute(password, setting: stored) else { return false }
        return ConstantTime.isEqual(found.rawSpan, stored.rawSpan)
    }

    /// With the scheme that the system prefers (yescrypt).
    /// - Throws: `constraintViolation` for passwords that `crypt` cannot take, `other` if it fails.
    static func hash(_ password: [UInt8]) throws(LDAPError) -> [UInt8] {
        guard password.count <= passwordLimit, !password.contains(0) else {
            throw LDAPError(.constraintViolation, "a password for {CRYPT} has at most \(passwordLimit) bytes, none of them NUL")
        }
        var output = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        guard crypt_gensalt_rn(nil, 0, nil, 0, &output, Int32(output.count)) != nil else {
            throw LDAPError(.other, "the system makes no salts for crypt")
        }
        let setting = output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        guard let hash = compute(password.rawSpan, setting: setting) else { throw LDAPError(.other, "the password could not be hashed") }
        return hash
    }

    private static func compute(_ password: RawSpan, setting: [UInt8]) -> [UInt8]? {
        let bytes = password.array
        // `crypt` would stop at a NUL: another password with the same beginning would do.
        guard bytes.count <= passwordLimit, !bytes.contains(0), !setting.contains(0) else { return nil }
        let phrase = bytes.map { CChar(bitPattern: $0) } + [0]
        let salt = setting.map { CChar(bitPattern: $0) } + [0]
        // On the heap, zeroed: 32 KiB.
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        data.initialize(to: crypt_data())
        defer {
            data.pointee = crypt_data()
            data.deallocate()
        }
        guard let found = crypt_rn(phrase, salt, data, Int32(MemoryLayout<crypt_data>.size)) else { return nil }
        return Array(String(cString: found).utf8)
    }

    /// Whether a stored value asks for no more work than a few seconds.
    static func isAcceptable(_ stored: [UInt8]) -> Bool {
        let text = String(decoding: stored, as: UTF8.self)
        guard stored.count >= 13, stored.count <= 384 else { return false }
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard text.hasPrefix("$"), parts.count >= 3 else {
            // DES has two characters of salt. BSDi's has a number of iterations, 24 bits in four characters.
            if text.hasPrefix("_") { return stored.count > 4 && stored[4] == UInt8(ascii: ".") }
            return !text.hasPrefix("*")
        }
        switch parts[1] {
        case "2", "2a", "2b", "2x", "2y": return Int(parts[2]).map { $0 <= 16 } ?? false
        case "5", "6":
            guard parts[2].hasPrefix("rounds=") else { return true }
            return Int(parts[2].dropFirst(7)).map { $0 <= 5_000_000 } ?? false
        case "y", "gy":
            // Flavour, memory and block size are a character each in what the system makes; N = 2^(place + 1) blocks of 4 KiB.
            let fields = Array(parts[2].utf8)
            guard fields.count == 3, fields[0] == UInt8(ascii: "j"), let memory = place(fields[1]), let block = place(fields[2]) else { return false }
            return memory <= 17 && block <= 31
        case "7":
            // N as a character, then r and p in five each, least first.
            let fields = Array(parts[2].utf8)
            guard fields.count >= 11, let memory = place(fields[0]), let block = number(fields[1..<6]), let lanes = number(fields[6..<11]) else {
                return false
            }
            return memory <= 17 && block <= 32 && lanes <= 4
        case "sha1": return Int(parts[2]).map { $0 <= 5_000_000 } ?? false
        case "1", "3": return true
        default:
            // Sun's MD5: `$md5,rounds=N$`.
            guard parts[1].hasPrefix("md5") else { return false }
            guard let rounds = parts[1].split(separator: "=").dropFirst().first else { return true }
            return Int(rounds).map { $0 <= 1_000_000 } ?? false
        }
    }

    private static let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static func place(_ byte: UInt8) -> Int? { alphabet.firstIndex(of: byte) }
    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        var number = 0
        for byte in bytes.reversed() {
            guard let value = place(byte) else { return nil }
            number = number << 6 | value
        }
        return number
    }
}
