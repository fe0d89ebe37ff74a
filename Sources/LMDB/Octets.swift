/// Numbers in files: the lowest octet first.
extension [UInt8] {
    mutating func append(number: UInt64, octets: Int = 8) {
        for index in 0..<octets { append(UInt8(truncatingIfNeeded: number >> UInt64(index * 8))) }
    }

    /// A number; 0 where the bytes end before.
    func number(_ place: Int, octets: Int = 8) -> UInt64 {
        guard place >= 0, place + octets <= count else { return 0 }
        var number: UInt64 = 0
        for index in 0..<octets { number |= UInt64(self[place + index]) << UInt64(index * 8) }
        return number
    }

    /// Tells bytes that were written whole from others: eight octets at a time, each step to be undone only by one who means to.
    /// - Parameter start: of the bytes that count.
    func checksum(from start: Int = 0, seed: UInt64 = 0) -> UInt64 {
        var hash = (0xcbf2_9ce4_8422_2325 ^ seed) &* 0x9e37_79b9_7f4a_7c15
        let bytes = unsafe span.bytes
        var place = start
        while place + 8 <= bytes.byteCount {
            // Sound: any eight octets are a number, and they are there.
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian
            hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 29
            place += 8
        }
        hash = (hash ^ number(place, octets: bytes.byteCount - place) ^ UInt64(bytes.byteCount) << 56) &* 0x9e37_79b9_7f4a_7c15
        return hash ^ hash >> 32
    }
}
