import BER
import EntryStore
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The operation log: one line per event in the form of slapd's `stats` level, which administrators and their tools search.
///
/// Caveats first: when it is off, nothing is written and a caller pays one branch on ``isEnabled``; ask it before preparing arguments.
/// Lines are gathered in memory and written by a thread of the log's own, so that a slow disk or pipe never holds up an event loop;
/// when more than 8 MiB wait, further lines are dropped and their number is logged. Any thread may write; lines never mix.
///
/// Each line begins with the time (UTC, RFC 3339). Bytes from clients that could break a line (control characters, quotation marks)
/// are written as `\xx`.
public final class OperationLog: Sendable {
    /// Where lines go.
    public enum Destination: Sendable, Hashable {
        case standardError
        /// A file that is made if it does not exist, and appended to.
        case file(String)
    }

    /// The file could not be opened.
    public struct OpenError: Error, CustomStringConvertible {
        public let path: String
        public let errno: Int32
        public var description: String { "cannot open log file \(path): \(String(cString: strerror(errno)))" }
    }

    /// Whether lines are wanted at all.
    public let isEnabled: Bool

    /// The log that is off.
    public static let disabled = OperationLog()

    private struct State {
        var bytes: [UInt8] = []
        var dropped = 0
        var isClosed = false
    }
    private static let limit = 8 << 20

    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private let state = Mutex(State())
    /// Held while writing to the descriptor, so that two writers keep the order in which lines were made.
    private let output = Mutex(())
    private let wakeUp: Semaphore

    private init() {
        isEnabled = false
        descriptor = -1
        ownsDescriptor = false
        wakeUp = Semaphore()
    }

    /// Opens the log and starts its thread.
    public init(to destination: Destination) throws(OpenError) {
        switch destination {
        case .standardError:
            descriptor = STDERR_FILENO
            ownsDescriptor = false
        case .file(let path):
            let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
            guard opened >= 0 else { throw OpenError(path: path, errno: errno) }
            descriptor = opened
            ownsDescriptor = true
        }
        isEnabled = true
        wakeUp = Semaphore()
        startThread()
    }

    deinit {
        if ownsDescriptor { close(descriptor) }
    }

    /// Writes out everything that waits, before it returns.
    public func flush() {
        guard isEnabled else { return }
        output.withLock { _ in
            let (bytes, dropped) = state.withLock { state in
                defer {
                    state.bytes = []
                    state.dropped = 0
                }
                return (state.bytes, state.dropped)
            }
            send(bytes)
            if dropped > 0 { send(Array("log overrun: \(dropped) lines dropped\n".utf8)) }
        }
    }

    /// Writes out everything that waits and ends the log's thread. Later lines are dropped.
    public func finish() {
        guard isEnabled else { return }
        state.withLock { $0.isClosed = true }
        wakeUp.signal()
        flush()
    }

    /// Adds one line about a connection (`operation` nil) or an operation.
    public func line(connection: UInt64, operation: UInt64? = nil, _ body: (inout Line) -> Void) {
        guard isEnabled else { return }
        var line = Line()
        line.timestamp()
        line.text("conn=")
        line.number(connection)
        if let operation {
            line.text(" op=")
            line.number(operation)
        }
        line.byte(0x20)
        body(&line)
        line.byte(0x0a)
        let finished = line.bytes
        let wasEmpty = state.withLock { state in
            guard !state.isClosed else { return false }
            guard state.bytes.count + finished.count <= Self.limit else {
                state.dropped += 1
                return false
            }
            let wasEmpty = state.bytes.isEmpty
            state.bytes.append(contentsOf: finished)
            return wasEmpty
        }
        if wasEmpty { wakeUp.signal() }
    }

    private func send(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
            }
            if written > 0 {
                offset += written
            } else if written < 0 && errno == EINTR {
                continue
            } else {
                return  // Nothing can be told to anybody when the log itself cannot be written.
            }
        }
    }

    private func startThread() {
        // The thread keeps the log alive until ``finish()``; without one, ``flush()`` alone writes.
        _ = try? BackgroundThread { self.run() }
    }

    private func run() {
        while true {
            wakeUp.wait()
            if state.withLock({ $0.isClosed }) { return }
            usleep(10_000)  // lets lines gather: one system call for many
            flush()
        }
    }
}

/// A counting semaphore of the system.
private final class Semaphore: @unchecked Sendable {
    // Sound: the pointer never changes, and sem_t is made to be used by several threads.
    private let semaphore: UnsafeMutablePointer<sem_t>
    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }
    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}

extension OperationLog {
    /// A line being made.
    public struct Line {
        var bytes: [UInt8] = []

        init() { bytes.reserveCapacity(256) }

        mutating func byte(_ byte: UInt8) { bytes.append(byte) }

        /// Fixed text.
        public mutating func text(_ text: StaticString) {
            text.withUTF8Buffer { bytes.append(contentsOf: $0) }
        }

        /// A number in decimal.
        public mutating func number(_ value: some BinaryInteger) {
            bytes.append(contentsOf: String(value).utf8)
        }

        /// Bytes from outside, made harmless.
        public mutating func escaped(_ value: borrowing RawSpan) {
            for index in 0..<value.byteCount { escape(value[at: index]) }
        }

        /// Text from outside, made harmless.
        public mutating func escaped(_ value: String) {
            for byte in value.utf8 { escape(byte) }
        }

        private mutating func escape(_ byte: UInt8) {
            if byte >= 0x20 && byte != 0x22 && byte != 0x7f {
                bytes.append(byte)
            } else {
                let digits: StaticString = "0123456789abcdef"
                digits.withUTF8Buffer { digits in
                    bytes.append(0x5c)
                    bytes.append(digits[Int(byte >> 4)])
                    bytes.append(digits[Int(byte & 15)])
                }
            }
        }

        /// `name="value"`, with a space before it if something stands there.
        public mutating func quoted(_ name: StaticString, _ value: borrowing RawSpan) {
            text(name)
            text("=\"")
            escaped(value)
            text("\"")
        }

        /// Seconds with six decimals, as slapd's `etime`.
        public mutating func seconds(_ duration: Duration) {
            let (seconds, attoseconds) = duration.components
            number(seconds)
            byte(0x2e)
            let digits = String(attoseconds / 1_000_000_000_000)
            for _ in digits.utf8.count..<max(6, digits.utf8.count) { byte(0x30) }
            bytes.append(contentsOf: digits.utf8)
        }

        mutating func timestamp() {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            var parts = tm()
            var seconds = now.tv_sec
            gmtime_r(&seconds, &parts)
            padded(Int(parts.tm_year) + 1900, 4)
            byte(0x2d)
            padded(Int(parts.tm_mon) + 1, 2)
            byte(0x2d)
            padded(Int(parts.tm_mday), 2)
            byte(0x54)
            padded(Int(parts.tm_hour), 2)
            byte(0x3a)
            padded(Int(parts.tm_min), 2)
            byte(0x3a)
            padded(Int(parts.tm_sec), 2)
            byte(0x2e)
            padded(now.tv_nsec / 1000, 6)
            text("Z ")
        }

        private mutating func padded(_ value: Int, _ width: Int) {
            var divisor = 1
            for _ in 1..<width { divisor *= 10 }
            while divisor > 0 {
                byte(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
                divisor /= 10
            }
        }
    }
}
