import Events
import Glibc

/// The calendar and clock by which times are read and shown: local time, or UTC.
struct Clock {
    var isUTC = false

    /// The calendar and clock at `time`.
    private func parts(_ time: Timestamp) -> tm {
        // Rounded down, also before 1970.
        var seconds = time_t((Double(time.milliseconds) / 1000).rounded(.down))
        var parts = tm()
        if isUTC { gmtime_r(&seconds, &parts) } else { localtime_r(&seconds, &parts) }
        return parts
    }

    /// The first moment at which the clock shows `parts`. A time that a clock change skips is
    /// counted on from the time before, so 02:30 is an hour after 01:30.
    private func moment(_ parts: tm) -> Timestamp? {
        func moment(isSummer: Int32) -> (time: Timestamp, isExact: Bool)? {
            var found = parts
            found.tm_isdst = isSummer
            let seconds = isUTC ? timegm(&found) : mktime(&found)
            guard let time = Timestamp(milliseconds: Int64(seconds) * 1000) else { return nil }
            let shown = self.parts(time)
            return (time, shown.tm_hour == parts.tm_hour && shown.tm_min == parts.tm_min)
        }
        let standard = moment(isSummer: 0)
        let exact = [moment(isSummer: 1), standard].compactMap(\.self).filter(\.isExact)
        return exact.map(\.time).min() ?? standard?.time
    }

    // MARK: Reading

    /// The forms that `read` takes.
    static let forms =
        "an age such as 15m, 36h or 1w, a time such as 09:00, a day such as 2026-11-29, today or "
        + "yesterday, both such as '2026-11-29 09:00', or an RFC 3339 time"

    /// Reads a time or an age that somebody typed, into what the HTTP interface takes; nil if it is
    /// neither. A time without a day is the last one before `now`.
    func read(_ text: String, now: Timestamp) -> String? {
        guard Age.milliseconds(text) == nil, text != "now" else {
            return text == "now" ? now.text : text
        }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        if let time = Timestamp(rfc3339: words.joined(separator: "T").utf8) { return time.text }
        guard words.count <= 2, let first = words.first else { return nil }
        if let day = day(first, now) {
            guard let clock = words.count == 1 ? (0, 0, 0) : Self.timeOfDay(words[1]) else {
                return nil
            }
            return moment(day, clock)?.text
        }
        guard words.count == 1, let clock = Self.timeOfDay(first), let today = day("today", now),
            let time = moment(today, clock)
        else { return nil }
        guard time > now, let yesterday = day("yesterday", now) else { return time.text }
        return moment(yesterday, clock)?.text
    }

    private typealias Time = (hour: Int32, minute: Int32, second: Int32)

    private func moment(_ day: tm, _ time: Time) -> Timestamp? {
        var parts = day
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = time
        return moment(parts)
    }

    private func day(_ text: Substring, _ now: Timestamp) -> tm? {
        var parts = parts(now)
        switch text {
        case "today": return parts
        case "yesterday":
            parts.tm_mday -= 1
            // At noon, which exists on each day.
            parts.tm_hour = 12
            return moment(parts).map { self.parts($0) }
        default:
            // The calendar is checked by the parser of RFC 3339.
            guard let date = Timestamp(rfc3339: "\(text)T12:00:00Z".utf8) else { return nil }
            return Clock(isUTC: true).parts(date)
        }
    }

    /// Reads `HH:MM` or `HH:MM:SS`.
    private static func timeOfDay(_ text: Substring) -> Time? {
        let whole = text.utf8.count == 5 ? "\(text):00" : "\(text)"
        guard whole.utf8.count == 8,
            let time = Timestamp(rfc3339: "1970-01-01T\(whole)Z".utf8)
        else { return nil }
        let seconds = Int32(time.milliseconds / 1000)
        return (seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    // MARK: Showing

    /// The time as `YYYY-MM-DD HH:MM:SS`, which `read` takes; in UTC with a `Z`.
    func text(_ time: Timestamp) -> String {
        formatted(parts(time), "%Y-%m-%d %H:%M:%S") + (isUTC ? "Z" : "")
    }

    /// The time as `HH:MM:SS` on the day of `now`, and with its day on others.
    func shortText(_ time: Timestamp, now: Timestamp) -> String {
        let (shown, today) = (parts(time), parts(now))
        guard shown.tm_yday == today.tm_yday, shown.tm_year == today.tm_year else {
            return text(time)
        }
        return formatted(shown, "%H:%M:%S")
    }

    private func formatted(_ parts: tm, _ format: String) -> String {
        var parts = parts
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            let count = strftime(buffer.baseAddress!, buffer.count, format, &parts)
            return String(
                decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
