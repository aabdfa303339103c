/// Hexadecimal digits, in lower case.
enum HexDigits {
    /// The digit of a value from 0 to 15.
    static func lowercase(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Appends the 16 digits of `bits`.
    static func append(_ bits: UInt64, to output: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) {
            output.append(lowercase(UInt8(truncatingIfNeeded: bits >> shift) & 15))
        }
    }

    /// The value of a digit; nil for any other byte, including capitals.
    static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
