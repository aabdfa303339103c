/// A moment in milliseconds since 1970 UTC, between the years 0000 and 9999.
public struct Timestamp: Equatable, Comparable, Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z; negative before.
    public let milliseconds: Int64

    /// Creates a moment; nil outside the years 0000 to 9999, which RFC 3339 cannot write.
    public init?(milliseconds: Int64) {
        guard milliseconds >= Self.earliest, milliseconds <= Self.latest else { return nil }
        self.milliseconds = milliseconds
    }

    /// The moment in these years that is nearest to `milliseconds`.
    public init(clamping milliseconds: Int64) {
        self.milliseconds = Swift.min(Swift.max(milliseconds, Self.earliest), Self.latest)
    }

    /// The first moment of year 0.
    public static let min = Timestamp(milliseconds: earliest)!
    /// The last moment of year 9999.
    public static let max = Timestamp(milliseconds: latest)!

    /// The times that an event may have: the years 1970 to 2099.
    public static let storable =
        Timestamp(milliseconds: 0)!...Timestamp(milliseconds: 4_102_444_799_999)!

    private static let earliest: Int64 = -62_167_219_200_000
    private static let latest: Int64 = 253_402_300_799_999

    /// Orders earlier before later.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Parses RFC 3339 `date-time` (section 5.6), with any offset and any fraction, which is cut to
    /// three digits. A leap second is the first moment of the next minute.
    public init?(rfc3339 text: some Collection<UInt8>) {
        var bytes = text.makeIterator()
        func literal(_ wanted: Unicode.Scalar) -> Bool { bytes.next() == UInt8(ascii: wanted) }
        func number(_ digits: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let byte = bytes.next(), byte &- UInt8(ascii: "0") < 10 else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(4), literal("-"), let month = number(2), literal("-"),
            let day = number(2),
            (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year),
            let separator = bytes.next(), separator | 0x20 == UInt8(ascii: "t"),
            let hour = number(2), hour < 24, literal(":"), let minute = number(2), minute < 60,
            literal(":"),
            let second = number(2), second <= 60
        else { return nil }
        var next = bytes.next()
        var fraction: Int64 = 0
        if next == UInt8(ascii: ".") {
            var scale: Int64 = 100
            var digits = 0
            next = bytes.next()
            while let byte = next, byte &- UInt8(ascii: "0") < 10 {
                fraction += Int64(byte - UInt8(ascii: "0")) * scale
                scale /= 10
                digits += 1
                next = bytes.next()
            }
            guard digits > 0 else { return nil }
        }
        var offsetMinutes: Int64 = 0
        switch next {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): break
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard let hours = number(2), hours < 24, literal(":"), let minutes = number(2),
                minutes < 60
            else {
                return nil
            }
            offsetMinutes = (hours * 60 + minutes) * (next == UInt8(ascii: "+") ? 1 : -1)
        default: return nil
        }
        guard bytes.next() == nil else { return nil }
        let days = Self.daysSince1970(year: year, month: month, day: day)
        let minutes = (days * 24 + hour) * 60 + minute - offsetMinutes
        self.init(milliseconds: (minutes * 60 + second) * 1000 + fraction)
    }

    /// Parses the stored form, `YYYY-MM-DDTHH:MM:SS.sssZ`. It is needed for every event examined,
    /// so it avoids the cost of `init(rfc3339:)`.
    public init?(stored text: UnsafeRawBufferPointer) {
        guard text.count == 24 else { return nil }
        var areDigits = true
        func number(_ range: Range<Int>) -> Int64 {
            range.reduce(0) { value, index in
                let digit = text[index] &- UInt8(ascii: "0")
                if digit > 9 { areDigits = false }
                return value * 10 + Int64(digit)
            }
        }
        let year = number(0..<4)
        let month = number(5..<7)
        let day = number(8..<10)
        let hour = number(11..<13)
        let minute = number(14..<16)
        let second = number(17..<19)
        let millisecond = number(20..<23)
        guard areDigits, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"),
            text[16] == UInt8(ascii: ":"), text[19] == UInt8(ascii: "."),
            text[23] == UInt8(ascii: "Z"), (1...12).contains(month), day >= 1,
            day <= Self.days(in: month, of: year), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = Self.daysSince1970(year: year, month: month, day: day)
        self.init(
            milliseconds: (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond)
    }

    /// Calendar and clock in UTC.
    struct Parts {
        var year, month, day, hour, minute, second, millisecond: Int64
    }

    var parts: Parts {
        let day = (milliseconds - Self.floorRemainder(milliseconds, 86_400_000)) / 86_400_000
        let time = Self.floorRemainder(milliseconds, 86_400_000)
        // Civil from days: https://howardhinnant.github.io/date_algorithms.html
        let shifted = day + 719_468
        let era = (shifted - Self.floorRemainder(shifted, 146_097)) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return Parts(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * monthIndex + 2) / 5 + 1, hour: time / 3_600_000,
            minute: time / 60_000 % 60, second: time / 1000 % 60, millisecond: time % 1000)
    }

    private static func floorRemainder(_ value: Int64, _ divisor: Int64) -> Int64 {
        let remainder = value % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }

    /// Days from civil, same source.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear - floorRemainder(shiftedYear, 400)) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Appends `YYYY-MM-DDTHH:MM:SS.sssZ`, whose text order is time order.
    public func append(to output: inout [UInt8]) {
        let parts = parts
        var text: InlineArray<24, UInt8> = .init(repeating: UInt8(ascii: "0"))
        var end = 0
        func put(_ value: Int64, digits: Int, then mark: UInt8) {
            var rest = UInt64(truncatingIfNeeded: value)
            end += digits
            for place in 1...digits {
                text[end - place] += UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            text[end] = mark
            end += 1
        }
        put(parts.year, digits: 4, then: UInt8(ascii: "-"))
        put(parts.month, digits: 2, then: UInt8(ascii: "-"))
        put(parts.day, digits: 2, then: UInt8(ascii: "T"))
        put(parts.hour, digits: 2, then: UInt8(ascii: ":"))
        put(parts.minute, digits: 2, then: UInt8(ascii: ":"))
        put(parts.second, digits: 2, then: UInt8(ascii: "."))
        put(parts.millisecond, digits: 3, then: UInt8(ascii: "Z"))
        text.span.withUnsafeBytes { output.append(contentsOf: $0) }
    }

    /// `YYYY-MM-DDTHH:MM:SS.sssZ`
    public var text: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
