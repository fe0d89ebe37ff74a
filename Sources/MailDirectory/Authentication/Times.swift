#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import BER

/// The mail system's durations: digits and a unit (1.11).
enum Durations {
    /// Seconds, rounded down; nil for what is none. Without a unit it is seconds.
    static func seconds(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let factor: Int
        switch text.dropFirst(digits.count) {
        case "", "s": factor = 1
        case "ms": return number / 1000
        case "m": factor = 60
        case "h": factor = 3600
        case "d": factor = 86_400
        default: return nil
        }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : seconds
    }
}

/// Generalized Time (RFC 4517 section 3.3.13) in UTC as the mail system writes it, with milliseconds or without: compared as numbers
/// (pitfall 29).
enum Moments {
    /// Milliseconds since 1970.
    static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000
    }

    /// Milliseconds since 1970; nil for what is no time of this form.
    static func parse(_ value: [UInt8]) -> Int? { parse(value.rawSpan) }

    /// The same of borrowed bytes.
    static func parse(_ value: RawSpan) -> Int? {
        let end = value.byteCount - 1
        guard end >= 14, end <= 23, value[at: end] == UInt8(ascii: "Z") else { return nil }
        func isDigit(_ index: Int) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= value[at: index] }
        func digit(_ index: Int) -> Int { Int(value[at: index] & 0x0f) }
        func pair(_ index: Int) -> Int { digit(index) * 10 + digit(index + 1) }
        for index in 0..<14 where !isDigit(index) { return nil }
        let (year, month, day) = (pair(0) * 100 + pair(2), pair(4), pair(6))
        let (hour, minute, second) = (pair(8), pair(10), pair(12))
        guard 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second <= 60 else { return nil }
        var milliseconds = 0
        if end > 14 {
            guard value[at: 14] == UInt8(ascii: ".") || value[at: 14] == UInt8(ascii: ","), end > 15 else { return nil }
            var scale = 100
            for index in 15..<end {
                guard isDigit(index) else { return nil }
                milliseconds += digit(index) * scale
                scale /= 10
            }
        }
        // Days of a date of the Gregorian calendar, with years that begin in March.
        let years = month <= 2 ? year - 1 : year
        let era = (years >= 0 ? years : years - 399) / 400
        let yearOfEra = years - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + milliseconds
    }

    /// `YYYYMMDDHHMMSS.sssZ`.
    static func format(_ milliseconds: Int) -> [UInt8] {
        // Before 1970, too, the fraction counts forward.
        let fraction = (milliseconds % 1000 + 1000) % 1000
        var seconds = time_t((milliseconds - fraction) / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text: [UInt8] = []
        text.reserveCapacity(19)
        func append(_ number: Int, digits: Int) {
            var divisor = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(ascii: "0") | UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        append(Int(parts.tm_year) + 1900, digits: 4)
        append(Int(parts.tm_mon) + 1, digits: 2)
        append(Int(parts.tm_mday), digits: 2)
        append(Int(parts.tm_hour), digits: 2)
        append(Int(parts.tm_min), digits: 2)
        append(Int(parts.tm_sec), digits: 2)
        text.append(UInt8(ascii: "."))
        append(fraction, digits: 3)
        text.append(UInt8(ascii: "Z"))
        return text
    }
}
