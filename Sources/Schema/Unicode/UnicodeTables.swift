/// Unicode data in the form that string preparation looks things up in; made from ``UnicodeMappings`` at first use.
struct UnicodeTables: Sendable {
    /// Two-stage table: scalar to a place in `pool`.
    struct Mapping: Sendable {
        /// By scalar / 256: index of the page in `places`, in pages.
        fileprivate(set) var pages: [UInt16]
        /// Pages of 256; 0: the scalar stands for itself, else index into `pool` plus one.
        fileprivate(set) var places: [UInt16]

        fileprivate init() {
            pages = [UInt16](repeating: 0, count: 0x1100)
            places = [UInt16](repeating: 0, count: 256)
        }

        fileprivate mutating func set(_ scalar: UInt32, _ place: Int) {
            let high = Int(scalar >> 8)
            if pages[high] == 0 {
                pages[high] = UInt16(places.count / 256)
                places.append(contentsOf: [UInt16](repeating: 0, count: 256))
            }
            places[Int(pages[high]) * 256 + Int(scalar & 0xff)] = UInt16(place + 1)
        }
    }

    /// Mapping of RFC 4518 section 2.2, then compatibility decomposition.
    let exact: Mapping
    /// The same with case folding.
    let folded: Mapping
    /// Mapped strings one after another, each led by its count.
    let pool: [UInt32]
    /// Canonical composition: first scalar << 32 | second, ascending, and what they make.
    let compositionKeys: [UInt64]
    let compositionResults: [UInt32]

    static let shared = UnicodeTables()

    private init() {
        func scalars(_ text: StaticString) -> [UInt32] {
            text.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }.unicodeScalars.map(\.value)
        }
        var pool: [UInt32] = []
        func read(_ text: StaticString, into mapping: inout Mapping) {
            let all = scalars(text)
            var index = 0
            while index < all.count {
                let scalar = all[index]
                let start = index + 1
                index = start
                while index < all.count, all[index] != 1 { index += 1 }
                mapping.set(scalar, pool.count)
                pool.append(UInt32(index - start))
                pool.append(contentsOf: all[start..<index])
                index += 1
            }
        }
        var exact = Mapping()
        read(UnicodeMappings.exact, into: &exact)
        var folded = exact
        read(UnicodeMappings.folded, into: &folded)
        self.exact = exact
        self.folded = folded
        self.pool = pool
        let triples = scalars(UnicodeMappings.compositions)
        var keys: [UInt64] = []
        var results: [UInt32] = []
        for index in stride(from: 0, to: triples.count - 2, by: 3) {
            keys.append(UInt64(triples[index]) << 32 | UInt64(triples[index + 1]))
            results.append(triples[index + 2])
        }
        compositionKeys = keys
        compositionResults = results
    }

    /// Appends what a scalar is mapped to.
    func append(_ scalar: UInt32, folding: Bool, into out: inout [UInt32]) {
        let mapping = folding ? folded : exact
        let page = Int(mapping.pages[Int(scalar >> 8)])
        let place = Int(mapping.places[page * 256 + Int(scalar & 0xff)])
        if place > 0 {
            let count = Int(pool[place - 1])
            for index in place..<(place + count) { out.append(pool[index]) }
        } else if scalar &- 0xac00 < 11172 {
            // Hangul syllables decompose by arithmetic (Unicode section 3.12).
            let index = scalar - 0xac00
            out.append(0x1100 + index / 588)
            out.append(0x1161 + index % 588 / 28)
            if index % 28 > 0 { out.append(0x11a7 + index % 28) }
        } else {
            out.append(scalar)
        }
    }

    /// The scalar that two make together, nil when they make none.
    func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if first &- 0x1100 < 19, second &- 0x1161 < 21 { return 0xac00 + ((first - 0x1100) * 21 + second - 0x1161) * 28 }
        if first &- 0xac00 < 11172, (first - 0xac00) % 28 == 0, second &- 0x11a8 < 27 { return first + second - 0x11a7 }
        let key = UInt64(first) << 32 | UInt64(second)
        var low = 0
        var high = compositionKeys.count
        while low < high {
            let middle = (low + high) / 2
            if compositionKeys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < compositionKeys.count && compositionKeys[low] == key ? compositionResults[low] : nil
    }
}
