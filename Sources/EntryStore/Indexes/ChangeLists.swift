/// Lists of numbers, nearly always ascending, which grow in any order among each other: as differences of mostly one octet, in
/// chunks of one pool. The first number of a list takes no chunk.
struct ChangeLists {
    private struct List {
        var first: UInt64
        var last: UInt64
        /// Where the first chunk begins in the pool.
        var start: Int
        /// Where the last chunk begins.
        var chunk: Int
        /// Octets used in the last chunk.
        var position: UInt32
        /// Octets of the last chunk, less those for the place of the next one; 0: there is no chunk.
        var capacity: UInt32
    }

    private var lists: [List] = []
    private var pool: [UInt8] = []

    /// Marks a number as a step of another kind; steps across the mark are written in full.
    static let mark: UInt64 = 1 << 63
    private static let firstCapacity: UInt32 = 24
    private static let lastCapacity: UInt32 = 1016
    private static let linkSize = 8
    /// Octets that one number takes at most.
    private static let longest: UInt32 = 11

    /// How many lists there are.
    var count: Int { lists.count }
    /// Octets taken.
    var memory: Int { lists.count * MemoryLayout<List>.stride + pool.count }

    /// Adds a number to a list; list `count` is a new one. A number that is the list's last already is left out.
    @inline(__always)
    mutating func append(_ number: UInt64, to list: Int) {
        if list == lists.count {
            lists.append(List(first: number, last: number, start: 0, chunk: 0, position: 0, capacity: 0))
            return
        }
        let last = lists[list].last
        if number == last { return }
        if lists[list].capacity - lists[list].position < Self.longest { addChunk(list) }
        var place = lists[list].chunk + Int(lists[list].position)
        let start = place
        if number > last, number & Self.mark == 0 {
            write((number - last) << 1, &place)
        } else {
            write(1, &place)
            write(number, &place)
        }
        lists[list].position += UInt32(truncatingIfNeeded: place - start)
        lists[list].last = number
    }

    /// Seven bits an octet, the lowest first; the top bit says that more come.
    @inline(__always)
    private mutating func write(_ number: UInt64, _ place: inout Int) {
        var rest = number
        while rest >= 0x80 {
            pool[place] = UInt8(truncatingIfNeeded: rest) | 0x80
            place += 1
            rest >>= 7
        }
        pool[place] = UInt8(truncatingIfNeeded: rest)
        place += 1
    }

    private func read(_ place: inout Int) -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let octet = pool[place]
            place += 1
            number |= UInt64(octet & 0x7f) << shift
            if octet < 0x80 { return number }
            shift += 7
        }
    }

    private static func capacity(after capacity: UInt32) -> UInt32 {
        capacity == 0 ? firstCapacity : min(capacity * 2 + UInt32(linkSize), lastCapacity)
    }

    @inline(never)
    private mutating func addChunk(_ list: Int) {
        let place = pool.count
        let capacity = lists[list].capacity
        if capacity == 0 {
            lists[list].start = place
        } else {
            let link = lists[list].chunk + Int(capacity)
            for index in 0..<Self.linkSize { pool[link + index] = UInt8(truncatingIfNeeded: place >> (index * 8)) }
        }
        let next = Self.capacity(after: capacity)
        lists[list].chunk = place
        lists[list].position = 0
        lists[list].capacity = next
        pool.append(contentsOf: repeatElement(0, count: Int(next) + Self.linkSize))
    }

    /// Replaces `numbers` by those of a list, in the order they were added.
    func read(_ list: Int, into numbers: inout [UInt64]) {
        numbers.removeAll(keepingCapacity: true)
        let list = lists[list]
        var last = list.first
        numbers.append(last)
        guard list.capacity > 0 else { return }
        let end = list.chunk + Int(list.position)
        var chunk = list.start
        var capacity = Self.firstCapacity
        var place = chunk
        // A place in another chunk is never `end`: the writer begins a chunk only to write into it.
        while place != end {
            if Int(capacity) - (place - chunk) < Int(Self.longest) {
                let link = chunk + Int(capacity)
                chunk = 0
                for index in 0..<Self.linkSize { chunk |= Int(pool[link + index]) << (index * 8) }
                capacity = Self.capacity(after: capacity)
                place = chunk
                continue
            }
            let step = read(&place)
            last = step == 1 ? read(&place) : last + (step >> 1)
            numbers.append(last)
        }
    }
}
