/// Random numbers that are the same in every run (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The same seed gives the same numbers.
    public init(seed: UInt64) { state = seed }

    /// The next number, any 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A number from 0 to below a bound greater than 0.
    public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// So many bytes.
    public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// The input with some bytes changed, dropped, doubled or moved about.
    public mutating func mutated(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        for _ in 0...below(4) {
            guard !bytes.isEmpty else { return [UInt8(truncatingIfNeeded: next())] }
            let index = below(bytes.count)
            switch below(8) {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: next())
            case 1: bytes[index] ^= 1 << UInt8(below(8))
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: next()), at: index)
            case 4: bytes.removeLast(bytes.count - index)
            case 5: bytes.insert(contentsOf: bytes[index..<min(index + 8, bytes.count)], at: below(bytes.count))
            case 6: bytes[index] = [0x00, 0x7f, 0x80, 0x84, 0x88, 0xff, 0x30, 0x0a, 0x20, 0x5c, 0x3a, 0x28][below(12)]
            default: bytes.swapAt(index, below(bytes.count))
            }
        }
        return bytes
    }
}
