/// Passwords that many people have (4.5.1). Of each only a number is kept, 8 octets; letter case does not count.
public struct CommonPasswords: Sendable {
    /// Sorted.
    private var hashes: [UInt64] = []

    /// None.
    public init() {}

    /// - Parameter list: one on each line; empty lines and those that begin with `#!` are left out.
    public init(_ list: [UInt8]) {
        for line in list.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) where !line.starts(with: Array("#!".utf8)) {
            hashes.append(Self.hash(line))
        }
        hashes.sort()
    }

    /// How many there are.
    public var count: Int { hashes.count }

    func contains(_ password: [UInt8]) -> Bool {
        let wanted = Self.hash(password)
        var range = hashes.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if hashes[middle] == wanted { return true }
            range = hashes[middle] < wanted ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return false
    }

    /// FNV-1a: two passwords that share a number among millions are not to be expected, and would only be refused.
    private static func hash(_ password: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in password {
            let lower = 0x41...0x5a ~= byte ? byte | 0x20 : byte
            hash = (hash ^ UInt64(lower)) &* 0x0000_0100_0000_01b3
        }
        return hash
    }
}
