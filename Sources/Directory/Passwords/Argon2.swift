import BER
import CArgon2
import LDAP

/// Argon2 (RFC 9106) by libargon2, stored as a PHC string: `$argon2id$v=19$m=7168,t=5,p=1$SALT$HASH`.
struct Argon2: Equatable {
    var type = Argon2_id
    var version: UInt32 = 0x13
    var parameters = Argon2Parameters()
    var salt: [UInt8] = []
    var hash: [UInt8] = []

    /// What a stored value may ask for at most: a hostile one must not take the server's memory, nor a thread for long.
    private static let memoryLimit: UInt32 = 1 << 20
    private static let workLimit: UInt64 = 1 << 22
    private static let laneLimit: UInt32 = 64

    /// Nil for what is no such string, and for parameters beyond the limits.
    init?(_ stored: RawSpan) {
        guard stored.byteCount <= 1024 else { return nil }
        var parts = stored.array.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 5 || parts.count == 6, parts.removeFirst().isEmpty else { return nil }
        switch parts.removeFirst() {
        case "argon2d": type = Argon2_d
        case "argon2i": type = Argon2_i
        case "argon2id": type = Argon2_id
        default: return nil
        }
        if parts.count == 4 {
            switch parts.removeFirst() {
            case "v=19": version = 0x13
            case "v=16": version = 0x10
            default: return nil
            }
        } else {
            version = 0x10
        }
        var numbers: [UInt32] = []
        for (field, name) in zip(parts[0].split(separator: ",", omittingEmptySubsequences: false), ["m=", "t=", "p="]) {
            guard field.hasPrefix(name), let number = UInt32(field.dropFirst(2)) else { return nil }
            numbers.append(number)
        }
        guard numbers.count == 3, parts[0].split(separator: ",", omittingEmptySubsequences: false).count == 3 else { return nil }
        parameters = Argon2Parameters(memory: numbers[0], iterations: numbers[1], lanes: numbers[2])
        guard parameters.isAcceptable, let salt = UnpaddedBase64.decode(Array(parts[1].utf8)), let hash = UnpaddedBase64.decode(Array(parts[2].utf8)),
            salt.count >= 8, hash.count >= 4, hash.count <= 512
        else { return nil }
        self.salt = salt
        self.hash = hash
    }

    /// A new hash.
    /// - Throws: `other` if there is no memory for it.
    init(_ password: [UInt8], _ parameters: Argon2Parameters) throws(LDAPError) {
        self.parameters = parameters
        salt = try RandomBytes.make(16)
        guard let hash = compute(password.rawSpan, length: 32) else { throw LDAPError(.other, "the password could not be hashed") }
        self.hash = hash
    }

    /// The PHC string.
    var text: [UInt8] {
        let name = type == Argon2_d ? "argon2d" : type == Argon2_i ? "argon2i" : "argon2id"
        let head = "$\(name)$v=\(version)$m=\(parameters.memory),t=\(parameters.iterations),p=\(parameters.lanes)$"
        return Array(head.utf8) + UnpaddedBase64.encode(salt) + [UInt8(ascii: "$")] + UnpaddedBase64.encode(hash)
    }

    func verify(_ password: RawSpan) -> Bool {
        guard let found = compute(password, length: hash.count) else { return false }
        return ConstantTime.isEqual(found.rawSpan, hash.rawSpan)
    }

    private func compute(_ password: RawSpan, length: Int) -> [UInt8]? {
        guard let count = UInt32(exactly: password.byteCount) else { return nil }
        var salt = self.salt
        var isGood = false
        let found = [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            isGood = password.withUnsafeBytes { bytes in
                salt.withUnsafeMutableBufferPointer { salt in
                    var context = argon2_context()
                    context.out = buffer.baseAddress
                    context.outlen = UInt32(length)
                    // libargon2 writes to the password only if it is told to wipe it.
                    context.pwd = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
                    context.pwdlen = count
                    context.salt = salt.baseAddress
                    context.saltlen = UInt32(salt.count)
                    context.t_cost = parameters.iterations
                    context.m_cost = parameters.memory
                    context.lanes = parameters.lanes
                    // Lanes one after the other: the number of threads that hash is the pool's to say.
                    context.threads = 1
                    context.version = version
                    return argon2_ctx(&context, type) == ARGON2_OK.rawValue
                }
            }
            filled = isGood ? length : 0
        }
        return isGood ? found : nil
    }

    fileprivate static func accepts(_ parameters: Argon2Parameters) -> Bool {
        1...laneLimit ~= parameters.lanes && parameters.iterations >= 1 && parameters.memory >= 8 * parameters.lanes
            && parameters.memory <= memoryLimit && UInt64(parameters.memory) * UInt64(parameters.iterations) <= workLimit
    }
}

/// How much work Argon2 is to be.
public struct Argon2Parameters: Sendable, Hashable {
    /// KiB.
    public var memory: UInt32
    /// Passes over the memory.
    public var iterations: UInt32
    public var lanes: UInt32

    /// By default what OpenLDAP's module pw-argon2 of today uses.
    public init(memory: UInt32 = 7168, iterations: UInt32 = 5, lanes: UInt32 = 1) {
        self.memory = memory
        self.iterations = iterations
        self.lanes = lanes
    }

    /// Whether they are valid and within what the server does for a stored value: at most 1 GiB, at most 4 GiB over all passes, at most
    /// 64 lanes.
    public var isAcceptable: Bool { Argon2.accepts(self) }
}
