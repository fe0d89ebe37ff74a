import BER

/// Generalized Time (RFC 4517 section 3.3.13) and UTC Time (section 3.3.34).
struct Times {
    var year = 0
    var month = 1
    var day = 1
    var hour = 0
    var minute = 0
    /// 60 in a leap second.
    var second = 0
    /// Billionths of a second; finer fractions are cut off.
    var fraction = 0

    private static func number(_ value: RawSpan, _ index: inout Int, digits: Int) -> Int? {
        guard value.byteCount - index >= digits else { return nil }
        var result = 0
        for _ in 0..<digits {
            let byte = value[at: index]
            guard CharacterClass.isDigit(byte) else { return nil }
            result = result * 10 + Int(byte &- 0x30)
            index += 1
        }
        return result
    }

    private static func nextIsDigit(_ value: RawSpan, _ index: Int) -> Bool {
        index < value.byteCount && CharacterClass.isDigit(value[at: index])
    }

    /// Days of a month in the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private var isDate: Bool {
        (1...12).contains(month) && day >= 1 && day <= Self.days(year, month)
    }

    /// Reads a Generalized Time and brings it to UTC; nil when it is none.
    init?(generalizedTime value: RawSpan) {
        var index = 0
        guard let year = Self.number(value, &index, digits: 4), let month = Self.number(value, &index, digits: 2),
            let day = Self.number(value, &index, digits: 2), let hour = Self.number(value, &index, digits: 2)
        else { return nil }
        (self.year, self.month, self.day, self.hour) = (year, month, day, hour)
        guard isDate, hour < 24 else { return nil }
        // What a fraction is a fraction of, in seconds.
        var unit = 3600
        if Self.nextIsDigit(value, index) {
            guard let minute = Self.number(value, &index, digits: 2), minute < 60 else { return nil }
            self.minute = minute
            unit = 60
            if Self.nextIsDigit(value, index) {
                guard let second = Self.number(value, &index, digits: 2), second <= 60 else { return nil }
                self.second = second
                unit = 1
            }
        }
        if index < value.byteCount, value[at: index] == 0x2e || value[at: index] == 0x2c {
            index += 1
            guard Self.nextIsDigit(value, index) else { return nil }
            var billionths = 0
            var scale = 1_000_000_000
            while Self.nextIsDigit(value, index) {
                scale /= 10
                billionths += Int(value[at: index] &- 0x30) * scale
                index += 1
            }
            // At most an hour in billionths: far from overflow.
            let total = billionths * unit
            let seconds = total / 1_000_000_000
            fraction = total % 1_000_000_000
            minute += seconds / 60
            if unit > 1 { second += seconds % 60 }
        }
        guard let offset = Self.offset(value, &index), index == value.byteCount, shift(minutes: -offset) else { return nil }
    }

    /// Reads a UTC Time (two digits of the year: 00 to 49 are of this century, as X.509 has it); nil when it is none.
    init?(utcTime value: RawSpan) {
        var index = 0
        guard let year = Self.number(value, &index, digits: 2), let month = Self.number(value, &index, digits: 2),
            let day = Self.number(value, &index, digits: 2), let hour = Self.number(value, &index, digits: 2),
            let minute = Self.number(value, &index, digits: 2)
        else { return nil }
        (self.year, self.month, self.day, self.hour, self.minute) = (year < 50 ? 2000 + year : 1900 + year, month, day, hour, minute)
        guard isDate, hour < 24, minute < 60 else { return nil }
        if Self.nextIsDigit(value, index) {
            guard let second = Self.number(value, &index, digits: 2), second < 60 else { return nil }
            self.second = second
        }
        if index == value.byteCount { return }
        guard let offset = Self.offset(value, &index), index == value.byteCount, shift(minutes: -offset) else { return nil }
    }

    /// `Z`, or `+hh[mm]`, `-hh[mm]`: minutes east of Greenwich.
    private static func offset(_ value: RawSpan, _ index: inout Int) -> Int? {
        guard index < value.byteCount else { return nil }
        let sign = value[at: index]
        index += 1
        if sign == 0x5a { return 0 }
        guard sign == 0x2b || sign == 0x2d, let hours = number(value, &index, digits: 2), hours < 24 else { return nil }
        var minutes = hours * 60
        if index < value.byteCount {
            guard let more = number(value, &index, digits: 2), more < 60 else { return nil }
            minutes += more
        }
        return sign == 0x2d ? -minutes : minutes
    }

    /// Moves by less than two days; false when the year leaves 0000…9999.
    private mutating func shift(minutes: Int) -> Bool {
        guard minutes != 0 else { return true }
        var total = hour * 60 + minute + minutes
        var days = 0
        while total < 0 { total += 1440; days -= 1 }
        while total >= 1440 { total -= 1440; days += 1 }
        (hour, minute) = (total / 60, total % 60)
        while days < 0 {
            day -= 1
            if day == 0 {
                month -= 1
                if month == 0 { month = 12; year -= 1 }
                guard year >= 0 else { return false }
                day = Self.days(year, month)
            }
            days += 1
        }
        while days > 0 {
            day += 1
            if day > Self.days(year, month) {
                day = 1
                month += 1
                if month == 13 { month = 1; year += 1 }
                guard year <= 9999 else { return false }
            }
            days -= 1
        }
        return true
    }

    /// Appends `YYYYMMDDHHMMSS[.f]`, the fraction without trailing zeros: text that sorts as the times do.
    /// (A `Z` behind would sort whole seconds after their fractions.)
    func append(into out: inout [UInt8]) {
        func digits(_ number: Int, _ count: Int, _ out: inout [UInt8]) {
            var divisor = 1
            for _ in 1..<count { divisor *= 10 }
            while divisor > 0 {
                out.append(0x30 + UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        digits(year, 4, &out)
        for part in [month, day, hour, minute, second] { digits(part, 2, &out) }
        if fraction > 0 {
            out.append(0x2e)
            digits(fraction, 9, &out)
            while out.last == 0x30 { out.removeLast() }
        }
    }
}
