#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// Moments of changes: no two changes of a process have the same, and later ones have greater ones, whatever the system's clock does.
final class ChangeClock: Sendable {
    /// The clock of the process.
    static let shared = ChangeClock()

    /// Microseconds since 1970 of the last moment given out.
    private let last = Mutex<Int64>(0)

    private init() {}

    /// The time of one change.
    struct Moment: Sendable {
        /// Microseconds since 1970.
        let microseconds: Int64

        /// Generalized Time in whole seconds: `YYYYMMDDHHMMSSZ`.
        var timestamp: [UInt8] {
            var text = digits
            text.append(UInt8(ascii: "Z"))
            return text
        }

        /// A change sequence number as OpenLDAP writes it: time, count, server, modification.
        var changeSequenceNumber: [UInt8] {
            var text = digits
            text.append(UInt8(ascii: "."))
            Self.append(microseconds % 1_000_000, width: 6, &text)
            text.append(contentsOf: "Z#000000#000#000000".utf8)
            return text
        }

        /// `YYYYMMDDHHMMSS` in UTC.
        private var digits: [UInt8] {
            let seconds = microseconds / 1_000_000
            let time = seconds % 86_400
            // Days to a date of the Gregorian calendar, with years that begin in March.
            let day = seconds / 86_400 + 719_468
            let era = day / 146_097
            let dayOfEra = day % 146_097
            let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
            let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
            let march = (5 * dayOfYear + 2) / 153
            let month = march < 10 ? march + 3 : march - 9
            var text: [UInt8] = []
            text.reserveCapacity(41)
            Self.append(era * 400 + yearOfEra + (month <= 2 ? 1 : 0), width: 4, &text)
            Self.append(month, width: 2, &text)
            Self.append(dayOfYear - (153 * march + 2) / 5 + 1, width: 2, &text)
            Self.append(time / 3600, width: 2, &text)
            Self.append(time / 60 % 60, width: 2, &text)
            Self.append(time % 60, width: 2, &text)
            return text
        }

        private static func append(_ number: Int64, width: Int, _ text: inout [UInt8]) {
            var scale: Int64 = 1
            for _ in 1..<width { scale *= 10 }
            while scale > 0 {
                text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / scale % 10))
                scale /= 10
            }
        }
    }

    /// The moment of a change that happens now.
    func next() -> Moment {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        // A clock before 1970 counts as 1970.
        let microseconds = max(0, Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)
        return last.withLock {
            $0 = max($0 + 1, microseconds)
            return Moment(microseconds: $0)
        }
    }
}
