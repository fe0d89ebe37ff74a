import BER
import Schema

/// Values of one attribute in canonical form, numbered in the order they were added. Equal ones are found in constant time,
/// however many there are.
struct CanonicalValues: Sendable {
    private var bytes: [UInt8] = []
    /// Where each value ends in ``bytes``.
    private var ends: [Int] = []
    /// Numbers of removed values.
    private var removed: Set<Int> = []
    /// Open addressing: number plus one, 0 for free. Empty while there are few values, which are compared one by one.
    private var slots: [Int32] = []
    private static let linearLimit = 16

    /// Values added, those removed included.
    var count: Int { ends.count }

    /// Adds a value; false, with nothing added, if it is not valid for the rule. Without a rule values are compared octet by octet.
    mutating func append(_ value: RawSpan, by rule: MatchingRule?, _ schema: Schema) -> Bool {
        if let rule {
            guard schema.normalize(value, by: rule, into: &bytes) else { return false }
        } else {
            bytes.append(value)
        }
        finish()
        return true
    }

    /// Adds a value that is in canonical form already.
    mutating func append(canonical: RawSpan) {
        bytes.append(canonical)
        finish()
    }

    private mutating func finish() {
        ends.append(bytes.count)
        if slots.isEmpty {
            if ends.count > Self.linearLimit { rebuild(size: 64) }
        } else if ends.count * 2 > slots.count {
            rebuild(size: slots.count * 4)
        } else {
            insert(ends.count - 1)
        }
    }

    private mutating func rebuild(size: Int) {
        slots = Array(repeating: 0, count: size)
        for number in ends.indices { insert(number) }
    }

    private mutating func insert(_ number: Int) {
        var slot = hash(self[number])
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(truncatingIfNeeded: number + 1)
    }

    /// Seeded per process: nobody outside can choose values that collide.
    private func hash(_ value: RawSpan) -> Int {
        var hasher = Hasher()
        value.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize() & (slots.count - 1)
    }

    /// One value.
    subscript(number: Int) -> RawSpan {
        @_lifetime(borrow self) get {
            let start = number == 0 ? 0 : ends[number - 1]
            return bytes.rawSpan.slice(ByteRange(start: start, count: ends[number] - start))
        }
    }

    /// The number of the value that equals this one, other than `excluded`.
    func find(_ canonical: RawSpan, except excluded: Int? = nil) -> Int? {
        if slots.isEmpty {
            for number in ends.indices where number != excluded && !removed.contains(number) {
                if self[number].elementsEqual(canonical) { return number }
            }
            return nil
        }
        var slot = hash(canonical)
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if number != excluded, !removed.contains(number), self[number].elementsEqual(canonical) { return number }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Forgets a value; the numbers of the others stay.
    mutating func remove(_ number: Int) { removed.insert(number) }

    /// The first value that is there a second time.
    var firstDuplicate: Int? {
        guard count > 1 else { return nil }
        for number in ends.indices where !removed.contains(number) && find(self[number], except: number) != nil { return number }
        return nil
    }
}
