import Glibc

/// RFC 9110, 5.6.7: IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    /// The whole Date field line for `seconds` since 1970.
    static func fieldLine(seconds: Int64) -> [UInt8] {
        let days: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months: [StaticString] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var line: [UInt8] = []
        func appendTwoDigits(_ value: Int32) {
            line.append(UInt8(value / 10) + UInt8(ascii: "0"))
            line.append(UInt8(value % 10) + UInt8(ascii: "0"))
        }
        line.append("Date: ")
        line.append(days[Int(parts.tm_wday)])
        line.append(", ")
        appendTwoDigits(parts.tm_mday)
        line.append(" ")
        line.append(months[Int(parts.tm_mon)])
        line.append(" ")
        line.appendDecimal(Int(parts.tm_year) + 1900)
        line.append(" ")
        appendTwoDigits(parts.tm_hour)
        line.append(":")
        appendTwoDigits(parts.tm_min)
        line.append(":")
        appendTwoDigits(parts.tm_sec)
        line.append(" GMT\r\n")
        return line
    }
}
