#if canImport(Glibc)
import Glibc
#endif

/// Inputs that fuzzing begins with, and their mutations.
public struct Corpus: Sendable {
    public let elements: [[UInt8]]

    /// Reads a file of `Tests/Corpora`.
    /// - Parameter byLine: each line is an element; else the whole file is one.
    public init?(_ name: String, byLine: Bool) {
        let folder = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
        guard let file = fopen(folder + "/Corpora/" + name, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while true {
            let byte = getc(file)
            if byte < 0 { break }
            bytes.append(UInt8(truncatingIfNeeded: byte))
        }
        elements = byLine ? bytes.split(separator: 10).map { Array($0) } : [bytes]
    }

    /// How many rounds a fuzzing test makes: `FUZZ_ROUNDS`, or what it brings along.
    public static func rounds(_ usual: Int) -> Int { getenv("FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? usual }

    /// An element with some of its octets changed, doubled, exchanged with those of others, or left out.
    public func mutation(using random: inout SeededGenerator) -> [UInt8] {
        var bytes = elements.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0...8, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4:
                let other = elements.randomElement(using: &random) ?? []
                bytes.insert(contentsOf: other.suffix(Int.random(in: 0...other.count, using: &random)), at: place)
            default: bytes.insert(contentsOf: Array(repeating: bytes.isEmpty ? 0 : bytes[min(place, bytes.count - 1)], count: Int.random(in: 0...40, using: &random)), at: place)
            }
        }
        return bytes
    }
}
