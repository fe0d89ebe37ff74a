/// The pages of a database file that hold nothing in one of its states.
struct FreePages: Sendable {
    /// One bit for each page.
    private var words: [UInt64]
    /// The first page of the file that this state has never used.
    private let end: Int

    /// - Parameters:
    ///   - transaction: a read transaction that sees the state.
    ///   - lastPage: the last page that the state uses.
    init(_ transaction: borrowing Transaction, lastPage: Int) throws(LMDBError) {
        end = lastPage + 1
        var words = [UInt64](repeating: 0, count: (end + 63) / 64)
        let used = UInt(lastPage + 1)
        try transaction.forEachFreePage { page in
            if page < used { words[Int(page) / 64] |= 1 << UInt64(page % 64) }
        }
        self.words = words
    }

    /// The pages that this state uses and an earlier one did not: all that commits have written in between and that is still needed, but for the two meta
    /// pages. In rising order.
    func pagesInUse(freeIn earlier: FreePages) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for index in words.indices {
            var word = ~words[index] & earlier.free(word: index)
            if index == words.count - 1, end % 64 != 0 { word &= (1 << UInt64(end % 64)) - 1 }
            while word != 0 {
                let start = word.trailingZeroBitCount
                let length = (~(word >> UInt64(start))).trailingZeroBitCount
                let range = (index * 64 + start)..<(index * 64 + start + length)
                if let last = ranges.last, last.upperBound == range.lowerBound {
                    ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    ranges.append(range)
                }
                word = start + length < 64 ? word & (UInt64.max << UInt64(start + length)) : 0
            }
        }
        return ranges
    }

    /// Sixty-four pages, of which those after the end hold nothing.
    private func free(word index: Int) -> UInt64 {
        guard index < words.count else { return .max }
        return index == words.count - 1 && end % 64 != 0 ? words[index] | UInt64.max << UInt64(end % 64) : words[index]
    }
}

extension Transaction {
    /// The numbers of the pages that hold nothing, in the state that this read transaction sees.
    fileprivate borrowing func forEachFreePage(_ body: (UInt) -> Void) throws(LMDBError) {
        let number = MemoryLayout<UInt>.size
        var pair = try first(in: .freeList)
        while let current = pair {
            // A count, then so many page numbers.
            for place in stride(from: number, to: current.value.byteCount / number * number, by: number) {
                // Sound: the place and seven octets after it are inside the value; any eight octets are a number.
                body(unsafe current.value.unsafeLoadUnaligned(fromByteOffset: place, as: UInt.self))
            }
            pair = try next(in: .freeList)
        }
    }

    /// How many pages of the file hold nothing, in the state that this read transaction sees. Takes time that grows with their number.
    public borrowing func freePages() throws(LMDBError) -> Int {
        var count = 0
        try forEachFreePage { _ in count += 1 }
        return count
    }
}
