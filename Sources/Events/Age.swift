/// A length of time as people write it: digits and `s`, `m`, `h`, `d`, `w` or `y`, which is 365 days.
public enum Age {
    /// Parses `text`; nil if it is invalid, or longer than a hundred thousand years.
    public static func milliseconds(_ text: String) -> Int64? {
        let unit: Int64
        switch text.utf8.last {
        case UInt8(ascii: "s"): unit = 1000
        case UInt8(ascii: "m"): unit = 60_000
        case UInt8(ascii: "h"): unit = 3_600_000
        case UInt8(ascii: "d"): unit = 86_400_000
        case UInt8(ascii: "w"): unit = 7 * 86_400_000
        case UInt8(ascii: "y"): unit = 365 * 86_400_000
        default: return nil
        }
        let digits = text.utf8.dropLast()
        guard !digits.isEmpty, digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
            let count = Int64(text.dropLast()), count < 36_525_000 * 86_400_000 / unit
        else { return nil }
        return count * unit
    }
}
