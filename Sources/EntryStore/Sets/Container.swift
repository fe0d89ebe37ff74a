import BER

/// The stored form of a ``BlockSet``: never more than 1,025 bytes, so that a value stays inside an LMDB page.
///
/// First octet the form, then little-endian 16-bit numbers:
/// `0` the members in order (at most 256); `1` the bitmap; `2` runs as pairs of first member and length less one (at most 128).
enum Container {
    private static let maxMembers = 256
    private static let maxRuns = 128
    /// So many changes are sorted by putting each in its place.
    private static let fewChanges = 16

    /// Adds the members of a stored container to a set. Bytes that are no container add nothing and give false.
    @discardableResult
    static func decode(_ bytes: RawSpan, into set: inout BlockSet) -> Bool {
        guard bytes.byteCount >= 1 else { return false }
        switch bytes[at: 0] {
        case 0:
            var position = 1
            while position + 2 <= bytes.byteCount {
                set.insert(number(bytes, position))
                position += 2
            }
            return true
        case 1:
            guard bytes.byteCount == 1 + BlockSet.capacity / 8 else { return false }
            var words = set.words.mutableSpan
            for index in 0..<BlockSet.wordCount {
                // Sound: the length was just checked; any eight bytes are a UInt64.
                let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 1 + index * 8, as: UInt64.self)
                words[index] |= UInt64(littleEndian: word)
            }
            return true
        case 2:
            var position = 1
            while position + 4 <= bytes.byteCount {
                let first = number(bytes, position)
                let last = min(first + number(bytes, position + 2), BlockSet.capacity - 1)
                set.insert(first...max(first, last))
                position += 4
            }
            return true
        default:
            return false
        }
    }

    /// How many members a stored container has, without unpacking it (a bitmap's are counted).
    static func count(_ bytes: RawSpan) -> Int {
        guard bytes.byteCount >= 1 else { return 0 }
        switch bytes[at: 0] {
        case 0: return (bytes.byteCount - 1) / 2
        case 2:
            var total = 0
            var position = 1
            while position + 4 <= bytes.byteCount {
                total += number(bytes, position + 2) + 1
                position += 4
            }
            return total
        default:
            var set = BlockSet()
            decode(bytes, into: &set)
            return set.count
        }
    }

    /// Appends the members of a list of ids or runs; false if there are more than so many, or a container of another form.
    static func members(_ bytes: RawSpan, block: UInt32, atMost limit: Int, into ids: inout [EntryID]) -> Bool {
        guard bytes.byteCount >= 1 else { return false }
        if bytes[at: 0] == 0 {
            guard bytes.byteCount <= 1 + 2 * limit else { return false }
            ids.reserveCapacity(ids.count + bytes.byteCount / 2)
            var position = 1
            while position + 2 <= bytes.byteCount {
                ids.append(EntryID(block: block, offset: number(bytes, position)))
                position += 2
            }
            return true
        }
        guard bytes[at: 0] == 2, count(bytes) <= limit else { return false }
        var position = 1
        while position + 4 <= bytes.byteCount {
            let first = number(bytes, position)
            for offset in first...min(first + number(bytes, position + 2), BlockSet.capacity - 1) {
                ids.append(EntryID(block: block, offset: offset))
            }
            position += 4
        }
        return true
    }

    /// Whether a stored container has a member, without unpacking it.
    static func contains(_ bytes: RawSpan, _ offset: Int) -> Bool {
        guard bytes.byteCount >= 1 else { return false }
        let stride = bytes[at: 0] == 2 ? 4 : 2
        switch bytes[at: 0] {
        case 1:
            let place = 1 + offset >> 3
            return place < bytes.byteCount && bytes[at: place] & (1 << UInt8(offset & 7)) != 0
        case 0, 2:
            // The last member, or run, that begins at or before the offset.
            var low = 0
            var high = (bytes.byteCount - 1) / stride
            while low < high {
                let middle = (low + high) >> 1
                if number(bytes, 1 + middle * stride) <= offset { low = middle + 1 } else { high = middle }
            }
            guard low > 0 else { return false }
            let first = number(bytes, 1 + (low - 1) * stride)
            return stride == 2 ? first == offset : offset <= first + number(bytes, 1 + (low - 1) * stride + 2)
        default: return false
        }
    }

    /// The smallest stored form of a set that is not empty.
    static func encode(_ set: borrowing BlockSet, into out: inout [UInt8]) {
        let count = set.count
        let words = set.words.span
        var runs = 0
        var carry: UInt64 = 0
        for index in 0..<BlockSet.wordCount {
            let word = words[index]
            runs += (word & ~(word << 1 | carry)).nonzeroBitCount
            carry = word >> 63
        }
        if count <= maxMembers, count <= runs * 2 {
            out.append(0)
            var from = 0
            while let member = set.first(from: from) {
                append(member, to: &out)
                from = member + 1
            }
        } else if runs <= maxRuns {
            out.append(2)
            var from = 0
            while let first = set.first(from: from) {
                let end = set.firstMissing(from: first)
                append(first, to: &out)
                append(end - 1 - first, to: &out)
                from = end
            }
        } else {
            out.append(1)
            appendBitmap(set, to: &out)
        }
    }

    private static func appendBitmap(_ set: borrowing BlockSet, to out: inout [UInt8]) {
        let words = set.words.span
        #if _endian(little)
        // Sound: any words are octets, and in this order.
        unsafe words.withUnsafeBytes { unsafe out.append(contentsOf: $0) }
        #else
        for index in 0..<BlockSet.wordCount {
            let word = words[index]
            for shift in stride(from: UInt64(0), to: 64, by: 8) { out.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        #endif
    }

    /// The stored form of a stored set with some more members, if that can be made without unpacking it: the same as ``encode(_:into:)``
    /// would make. Otherwise nothing, and false.
    /// - Parameter ids: of the block, ascending.
    static func append(_ ids: ArraySlice<UInt64>, to bytes: RawSpan, into out: inout [UInt8]) -> Bool {
        guard bytes.byteCount >= 1 else { return false }
        switch bytes[at: 0] {
        case 0: return appendMembers(ids, to: bytes, into: &out)
        case 1: return setBits(ids, in: bytes, into: &out)
        case 2: return appendRuns(ids, to: bytes, into: &out)
        default: return false
        }
    }

    /// Members behind the last one, nearly always, as long as no other form is shorter.
    private static func appendMembers(_ ids: ArraySlice<UInt64>, to bytes: RawSpan, into out: inout [UInt8]) -> Bool {
        var count = (bytes.byteCount - 1) / 2
        guard count > 0, count + ids.count <= maxMembers else { return false }
        var last = number(bytes, 1)
        var runs = 1
        for index in 1..<count {
            let member = number(bytes, 1 + index * 2)
            if member != last + 1 { runs += 1 }
            last = member
        }
        let start = out.count
        out.append(bytes.extracting(0..<1 + count * 2))
        for id in ids {
            let member = EntryID(rawValue: id).offset
            if member == last { continue }
            if member != last + 1 { runs += 1 }
            guard member > last else {
                out.removeLast(out.count - start)
                return false
            }
            append(member, to: &out)
            last = member
            count += 1
        }
        if count <= runs * 2 { return true }
        out.removeLast(out.count - start)
        return false
    }

    /// The stored form of a stored list of members after some changes, if it stays a list and the changes are few; otherwise nothing, and
    /// false. True and nothing if no member is left.
    /// - Parameters:
    ///   - changes: ids of the block in any order, with a mark if they go; of several of one id the last counts.
    ///   - removal: the mark, a bit that no id has.
    static func change(_ changes: ArraySlice<UInt64>, removal: UInt64, in bytes: RawSpan, into out: inout [UInt8]) -> Bool {
        let members = (bytes.byteCount - 1) / 2
        guard members > 0, bytes[at: 0] == 0, changes.count <= fewChanges, members + changes.count <= maxMembers else { return false }
        // Sorted: the offset, and in the lowest bit whether it goes.
        var sorted: InlineArray<16, Int> = InlineArray(repeating: 0)
        var count = 0
        for change in changes {
            let word = EntryID(rawValue: change & ~removal).offset << 1 | (change & removal != 0 ? 1 : 0)
            var place = count
            while place > 0, sorted[place - 1] >> 1 > word >> 1 { place -= 1 }
            if place > 0, sorted[place - 1] >> 1 == word >> 1 {
                sorted[place - 1] = word
                continue
            }
            var index = count
            while index > place {
                sorted[index] = sorted[index - 1]
                index -= 1
            }
            sorted[place] = word
            count += 1
        }
        let start = out.count
        out.append(0)
        var last = -2
        var runs = 0
        func take(_ member: Int) {
            if member != last + 1 { runs += 1 }
            last = member
            append(member, to: &out)
        }
        var next = 0
        for index in 0..<members {
            let member = number(bytes, 1 + index * 2)
            while next < count, sorted[next] >> 1 < member {
                if sorted[next] & 1 == 0 { take(sorted[next] >> 1) }
                next += 1
            }
            if next < count, sorted[next] >> 1 == member {
                if sorted[next] & 1 == 0 { take(member) }
                next += 1
            } else {
                take(member)
            }
        }
        while next < count {
            if sorted[next] & 1 == 0 { take(sorted[next] >> 1) }
            next += 1
        }
        let left = (out.count - start - 1) / 2
        if left > 0, left <= runs * 2 { return true }
        out.removeLast(out.count - start)
        return left == 0
    }

    /// A bitmap stays one unless runs grow together.
    private static func setBits(_ ids: ArraySlice<UInt64>, in bytes: RawSpan, into out: inout [UInt8]) -> Bool {
        guard bytes.byteCount == 1 + BlockSet.capacity / 8 else { return false }
        let start = out.count
        out.append(bytes)
        for id in ids {
            let member = EntryID(rawValue: id).offset
            func isSet(_ member: Int) -> Bool {
                member >= 0 && member < BlockSet.capacity && out[start + 1 + member >> 3] & (1 << UInt8(member & 7)) != 0
            }
            if isSet(member - 1), isSet(member + 1) {
                out.removeLast(out.count - start)
                return false
            }
            out[start + 1 + member >> 3] |= 1 << UInt8(member & 7)
        }
        return true
    }

    /// Members behind the last run.
    private static func appendRuns(_ ids: ArraySlice<UInt64>, to bytes: RawSpan, into out: inout [UInt8]) -> Bool {
        var runs = (bytes.byteCount - 1) / 4
        guard runs > 0 else { return false }
        var members = 0
        for index in 0..<runs { members += number(bytes, 3 + index * 4) + 1 }
        var first = number(bytes, 1 + (runs - 1) * 4)
        var last = first + number(bytes, 3 + (runs - 1) * 4)
        let start = out.count
        out.append(bytes.extracting(0..<1 + (runs - 1) * 4))
        var isRight = last < BlockSet.capacity
        for id in ids where isRight {
            let member = EntryID(rawValue: id).offset
            if member == last { continue }
            members += 1
            if member == last + 1 {
                last = member
            } else if member > last {
                append(first, to: &out)
                append(last - first, to: &out)
                (first, last) = (member, member)
                runs += 1
            } else {
                isRight = false
            }
        }
        append(first, to: &out)
        append(last - first, to: &out)
        if isRight, runs <= maxRuns, members > maxMembers || members > runs * 2 { return true }
        out.removeLast(out.count - start)
        return false
    }

    /// The stored form of ids of one block in ascending order, if it is a short one (members or runs); else nothing, and false.
    static func encode(ascending ids: ArraySlice<UInt64>, into out: inout [UInt8]) -> Bool {
        var runs = 0
        var last: UInt64?
        for id in ids {
            if let last, id == last + 1 {} else { runs += 1 }
            last = id
        }
        if ids.count <= maxMembers, ids.count <= runs * 2 {
            out.append(0)
            for id in ids { append(EntryID(rawValue: id).offset, to: &out) }
            return true
        }
        guard runs <= maxRuns else { return false }
        out.append(2)
        var first: UInt64?
        last = nil
        for id in ids {
            if let end = last, id == end + 1 {
                last = id
                continue
            }
            if let first, let last { appendRun(first, last, to: &out) }
            first = id
            last = id
        }
        if let first, let last { appendRun(first, last, to: &out) }
        return true
    }

    private static func appendRun(_ first: UInt64, _ last: UInt64, to out: inout [UInt8]) {
        append(EntryID(rawValue: first).offset, to: &out)
        append(Int(truncatingIfNeeded: last - first), to: &out)
    }

    private static func number(_ bytes: RawSpan, _ position: Int) -> Int {
        (Int(bytes[at: position]) | Int(bytes[at: position + 1]) << 8) & (BlockSet.capacity - 1)
    }

    private static func append(_ number: Int, to out: inout [UInt8]) {
        out.append(UInt8(truncatingIfNeeded: number))
        out.append(UInt8(truncatingIfNeeded: number >> 8))
    }
}
