#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Hands values from one thread to another in order; whoever is too fast waits.
@safe final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    // Sound: `elements` and `isClosed` are touched only with `lock` held; the rest never changes after init.
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let limit: Int
    private var elements: [Element] = []
    private var isClosed = false

    /// - Parameter limit: how many values may wait.
    init(limit: Int) {
        self.limit = limit
        unsafe lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        unsafe condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(lock)
        unsafe condition.deallocate()
        unsafe lock.deallocate()
    }

    /// Waits for room. False if the queue is closed: the value is lost.
    func put(_ element: Element) -> Bool {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        while elements.count >= limit, !isClosed { unsafe pthread_cond_wait(condition, lock) }
        guard !isClosed else { return false }
        elements.append(element)
        unsafe pthread_cond_broadcast(condition)
        return true
    }

    /// Waits for a value. Nil if the queue is closed: what was in it is lost.
    func take() -> Element? {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        while elements.isEmpty, !isClosed { unsafe pthread_cond_wait(condition, lock) }
        guard !isClosed else { return nil }
        let element = elements.removeFirst()
        unsafe pthread_cond_broadcast(condition)
        return element
    }

    /// Ends all waiting on both sides.
    func close() {
        unsafe pthread_mutex_lock(lock)
        isClosed = true
        elements = []
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(lock)
    }
}
