#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A moment, as people and programs write it.
public struct PointInTime: Sendable, Hashable {
    /// Since 1970.
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// Reads `2026-01-02T03:04:05Z` (also with a fraction, without seconds, time or `Z`; always UTC), `20260102030405Z` (Generalized
    /// Time), or `10m ago`, with `s`, `m`, `h` or `d`.
    public init(_ text: String, now: Int64 = PointInTime.now) throws(ConfigurationError) {
        if let ago = Self.ago(text, now) {
            microseconds = ago
            return
        }
        guard let value = Self.calendar(text) else {
            throw ConfigurationError("time '\(text)' must be like 2026-01-02T03:04:05Z (UTC), 20260102030405Z or '10m ago'")
        }
        microseconds = value
    }

    /// The system's clock.
    public static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    private static func ago(_ text: String, _ now: Int64) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 2, words[1] == "ago", let unit = words[0].last, let count = Int64(words[0].dropLast()), count >= 0 else { return nil }
        let seconds: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let scale = seconds[unit] else { return nil }
        let (span, overflow) = count.multipliedReportingOverflow(by: scale * 1_000_000)
        return overflow ? nil : max(0, now - span)
    }

    private static func calendar(_ text: String) -> Int64? {
        var rest = Array(text.utf8)
        if rest.last == UInt8(ascii: "Z") { rest.removeLast() }
        var fraction: Int64 = 0
        if let point = rest.firstIndex(of: UInt8(ascii: ".")) {
            let digits = rest[(point + 1)...]
            guard !digits.isEmpty, digits.count <= 9, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
            for place in 0..<6 { fraction = fraction * 10 + (place < digits.count ? Int64(digits[digits.startIndex + place]) - 0x30 : 0) }
            rest.removeSubrange(point...)
        }
        // The separators stand where they should, or there are none.
        let isSeparated = rest.contains(UInt8(ascii: "-"))
        var digits: [UInt8] = []
        for (place, byte) in rest.enumerated() {
            if isSeparated, let expected: [UInt8] = [4: [0x2d], 7: [0x2d], 10: [0x54, 0x20], 13: [0x3a], 16: [0x3a]][place] {
                guard expected.contains(byte) else { return nil }
            } else {
                guard 0x30...0x39 ~= byte else { return nil }
                digits.append(byte - 0x30)
            }
        }
        guard [8, 12, 14].contains(digits.count), fraction == 0 || digits.count == 14 else { return nil }
        digits += Array(repeating: 0, count: 14 - digits.count)
        func number(_ range: Range<Int>) -> Int64 { digits[range].reduce(0) { $0 * 10 + Int64($1) } }
        let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
        let (hour, minute, second) = (number(8..<10), number(10..<12), number(12..<14))
        guard year >= 1970, 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second <= 60 else { return nil }
        // Days since 1970 in the Gregorian calendar, of years that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction
    }
}
