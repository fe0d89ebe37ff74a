#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// A row of numbers, zeros at first, that any thread may read and change at any time. Of its memory only that is used where something was changed.
@safe final class SharedWords<Word: AtomicRepresentable & FixedWidthInteger>: @unchecked Sendable {
    // Sound: the words are atomic, and zeros are one; the pointer is set in init, and what it points to is freed in deinit.
    private let words: UnsafeMutablePointer<Atomic<Word>>
    let count: Int

    /// Nil if there is no memory for it.
    init?(count: Int) {
        self.count = count
        let size = count * MemoryLayout<Atomic<Word>>.stride
        guard count > 0, let memory = unsafe calloc(count, MemoryLayout<Atomic<Word>>.stride) else { return nil }
        unsafe words = memory.bindMemory(to: Atomic<Word>.self, capacity: count)
        #if os(Linux)
        // Who looks up touches words at random, and to find the page of one costs more than to read it, unless pages are large.
        let page: UInt = 1 << 21
        let start = (UInt(bitPattern: memory) + page - 1) & ~(page - 1)
        let end = (UInt(bitPattern: memory) + UInt(size)) & ~(page - 1)
        if end > start { unsafe madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_HUGEPAGE) }
        #endif
    }

    deinit { unsafe free(words) }

    /// Traps unless the place is in the row: that is the caller's to know.
    @inline(__always)
    subscript(_ place: Int) -> Atomic<Word> {
        _read {
            precondition(place >= 0 && place < count)
            yield unsafe words[place]
        }
    }
}
