import Foundation
import TestSupport
import Testing

@testable import Events

@Suite("Timestamp")
struct TimestampTests {
    private static func parse(_ text: String) -> Int64? {
        Timestamp(rfc3339: Array(text.utf8))?.milliseconds
    }

    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0)!
        return calendar
    }()

    /// `YYYY-MM-DDTHH:MM:SS` by Foundation; correct from 1583 on, because it counts Julian days
    /// before.
    private static func reference(_ seconds: Int64) -> String {
        let date = Date(timeIntervalSince1970: TimeInterval(seconds))
        let parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .minute, .second], from: date)
        return String(
            format: "%04d-%02d-%02dT%02d:%02d:%02d", parts.year!, parts.month!, parts.day!,
            parts.hour!, parts.minute!, parts.second!)
    }

    @Test("Random moments are parsed like in Foundation, and written back")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<5_000 {
            let seconds = Int64.random(in: -12_212_553_600...253_402_300_799, using: &generator)
            let fraction = Int64.random(in: 0...999, using: &generator)
            let time = try #require(Timestamp(milliseconds: seconds * 1000 + fraction))
            #expect(time.text == Self.reference(seconds) + String(format: ".%03dZ", fraction))
            #expect(Timestamp(rfc3339: time.text.utf8) == time)
        }
    }

    @Test("Random moments with an offset are the moments that Foundation names")
    func offsets() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2_000 {
            let seconds = Int64.random(in: -12_212_000_000...253_402_000_000, using: &generator)
            let minutes = Int64.random(in: -1439...1439, using: &generator)
            let zone = String(
                format: "%@%02d:%02d", minutes < 0 ? "-" : "+", abs(minutes) / 60, abs(minutes) % 60
            )
            let text = Self.reference(seconds + minutes * 60) + zone
            #expect(Self.parse(text) == seconds * 1000, "\(text)")
        }
    }

    @Test("Every month of all years begins on the counted day")
    func months() throws {
        // 1970-01-01 is 719,528 days after 0000-01-01.
        var day: Int64 = -719_528
        for year in 0...9999 {
            let isLeap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            for (index, length) in lengths.enumerated() {
                let parts = try #require(Timestamp(milliseconds: day * 86_400_000)).parts
                guard parts.year == year, parts.month == index + 1, parts.day == 1 else {
                    Issue.record("day \(day) is the first of month \(index + 1) of \(year)")
                    return
                }
                day += Int64(length)
            }
            let year = String(format: "%04d", year)
            #expect((Self.parse("\(year)-02-29T12:00:00Z") != nil) == isLeap)
        }
        #expect(day * 86_400_000 - 1 == Self.parse("9999-12-31T23:59:59.999Z"))
    }

    @Test(
        "Leap days are those of the Gregorian calendar",
        arguments: [
            ("0000", true), ("0004", true), ("0100", false), ("0400", true), ("1900", false),
            ("1999", false), ("2000", true), ("2024", true), ("2026", false), ("2100", false),
            ("9996", true), ("9999", false),
        ])
    func leapYears(year: String, isLeap: Bool) {
        #expect((Self.parse("\(year)-02-29T12:00:00Z") != nil) == isLeap)
        #expect(Self.parse("\(year)-02-28T12:00:00Z") != nil)
        #expect(Self.parse("\(year)-02-30T12:00:00Z") == nil)
    }

    @Test("A month has no more days than it has")
    func daysOfMonths() {
        for (index, length) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
            let month = String(format: "2026-%02d", index + 1)
            #expect(Self.parse("\(month)-\(length)T00:00:00Z") != nil)
            #expect(Self.parse("\(month)-\(length + 1)T00:00:00Z") == nil)
        }
    }

    @Test(
        "Digits after the third are cut, not rounded",
        arguments: [
            (".1", 100), (".12", 120), (".123", 123), (".1239", 123), (".9999999999", 999),
            (".000999", 0), (".0", 0), ("", 0), (".123" + String(repeating: "9", count: 400), 123),
        ] as [(String, Int64)])
    func fractions(fraction: String, milliseconds: Int64) {
        #expect(Self.parse("2026-11-23T10:30:45\(fraction)Z") == 1_795_429_845_000 + milliseconds)
        // Before 1970 too, time moves forward within a second.
        #expect(Self.parse("1969-12-31T23:59:59\(fraction)Z") == -1000 + milliseconds)
    }

    @Test("A leap second is the first moment of the next minute")
    func leapSecond() {
        #expect(Self.parse("2016-12-31T23:59:60Z") == Self.parse("2017-01-01T00:00:00Z"))
        #expect(Self.parse("2016-12-31T23:59:60.5Z") == Self.parse("2017-01-01T00:00:00.5Z"))
        #expect(Self.parse("2017-01-01T00:59:60+01:00") == Self.parse("2017-01-01T00:00:00Z"))
        #expect(Self.parse("2016-12-31T23:59:61Z") == nil)
    }

    @Test("Years 0000 to 9999 and no other, offsets counted in")
    func bounds() {
        let earliest: Int64 = -62_167_219_200_000
        let latest: Int64 = 253_402_300_799_999
        #expect(Timestamp(milliseconds: earliest)?.text == "0000-01-01T00:00:00.000Z")
        #expect(Timestamp(milliseconds: latest)?.text == "9999-12-31T23:59:59.999Z")
        for outside in [earliest - 1, latest + 1, .min, .max] {
            #expect(Timestamp(milliseconds: outside) == nil)
        }
        #expect(Self.parse("0000-01-01T00:00:00Z") == earliest)
        #expect(Self.parse("0000-01-01T00:00:00+00:01") == nil)
        #expect(Self.parse("0000-01-01T00:01:00+00:01") == earliest)
        #expect(Self.parse("9999-12-31T23:59:59.999Z") == latest)
        #expect(Self.parse("9999-12-31T23:59:59.999-00:01") == nil)
        #expect(Self.parse("9999-12-31T23:58:59.999-00:01") == latest)
        #expect(Self.parse("9999-12-31T23:59:60Z") == nil)
    }

    @Test(
        "Small letters and every offset that RFC 3339 has are read",
        arguments: [
            "2026-11-23t10:30:45.123z", "2026-11-23T10:30:45.123+00:00",
            "2026-11-23T10:30:45.123-00:00", "2026-11-24T10:29:45.123+23:59",
            "2026-11-22T10:31:45.123-23:59", "2026-11-23T16:15:45.123+05:45",
        ])
    func accepted(text: String) {
        #expect(Self.parse(text) == testMoment.milliseconds)
    }

    @Test(
        "What RFC 3339 does not have is refused",
        arguments: [
            "", "Z", "2026", "2026-11-23", "2026-11-23T10:30:45", "2026-11-23T10:30Z",
            "2026-11-23T10Z", "2026-11-23 10:30:45Z", "2026-11-23T10:30:45.Z",
            "2026-11-23T10:30:45,123Z", "2026-11-23T10:30:45.12.3Z", "2026-11-23T10:30:45.123",
            "2026-11-23T10:30:45.123ZZ", "2026-11-23T10:30:45Z ", " 2026-11-23T10:30:45Z",
            "2026-11-23T10:30:45Z\n", "2026-11-23T10:30:45Z\0", "2026-11-23T24:00:00Z",
            "2026-11-23T23:60:00Z", "2026-11-23T10:30:61Z", "2026-11-23T10:30:99Z",
            "2026-00-23T10:30:45Z", "2026-13-23T10:30:45Z", "2026-11-00T10:30:45Z",
            "2026-11-31T10:30:45Z", "2026-11-23T10:30:45+24:00", "2026-11-23T10:30:45+00:60",
            "2026-11-23T10:30:45+0100", "2026-11-23T10:30:45+01", "2026-11-23T10:30:45+1:00",
            "2026-11-23T10:30:45+01:0", "2026-11-23T10:30:45+01:000", "2026-11-23T10:30:45 +01:00",
            "2026-11-23T10:30:45Z+01:00", "2026-11-23T10:30:45+", "2026-11-23T10:30:45.+01:00",
            "226-11-23T10:30:45Z", "02026-11-23T10:30:45Z", "-2026-11-23T10:30:45Z",
            "+2026-11-23T10:30:45Z", "2026-1-23T10:30:45Z", "2026-11-3T10:30:45Z",
            "2026-11-23T1:30:45Z", "20261123T103045Z", "2026-W48-1T10:30:45Z", "2026-327T10:30:45Z",
            "2026/11/23T10:30:45Z", "1795429845", "now", "２026-11-23T10:30:45Z",
            "2026-11-23T10:30:45−01:00", "Mon, 23 Nov 2026 10:30:45 GMT",
        ])
    func malformed(text: String) {
        #expect(Self.parse(text) == nil)
    }

    @Test("No byte can replace a required one")
    func everyByte() {
        let text = Array("2026-11-23T10:30:45.123Z".utf8)
        let digits = Set(UInt8(ascii: "0")...UInt8(ascii: "9"))
        for index in text.indices {
            var allowed: Set<UInt8> = digits.contains(text[index]) ? digits : [text[index]]
            if text[index] == UInt8(ascii: "T") || text[index] == UInt8(ascii: "Z") {
                allowed.insert(text[index] | 0x20)
            }
            for byte in UInt8.min ... .max where !allowed.contains(byte) {
                var changed = text
                changed[index] = byte
                #expect(Timestamp(rfc3339: changed) == nil, "byte \(byte) at \(index)")
            }
            #expect(Timestamp(rfc3339: text[..<index]) == nil)
        }
    }

    @Test("Only the form in which times are stored is read as stored, and to the same moment")
    func stored() {
        func read(_ text: [UInt8]) -> Timestamp? {
            text.withUnsafeBytes { Timestamp(stored: $0) }
        }
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<1_000 {
            let time = Timestamp(
                milliseconds: .random(
                    in: -62_000_000_000_000...253_000_000_000_000, using: &generator))!
            #expect(read(Array(time.text.utf8)) == time)
        }
        let text = Array("2024-02-29T23:59:59.999Z".utf8)
        for index in text.indices {
            for byte in UInt8.min ... .max {
                var changed = text
                changed[index] = byte
                let isStored = Timestamp(rfc3339: changed)?.text.utf8.elementsEqual(changed)
                #expect((read(changed) != nil) == (isStored ?? false), "byte \(byte) at \(index)")
            }
            #expect(read(Array(text[..<index])) == nil)
        }
    }

    @Test("The order of the texts is that of the moments")
    func order() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<1_000 {
            let near = Int64.random(
                in: -62_000_000_000_000...253_000_000_000_000, using: &generator)
            let other = near + Int64.random(in: -100_000...100_000, using: &generator)
            let left = try #require(Timestamp(milliseconds: near))
            let right = try #require(Timestamp(milliseconds: other))
            #expect((left < right) == (left.text < right.text))
            #expect((left < right) == (near < other))
        }
    }
}
