extension UInt8 {
    /// True if the byte may occur between tokens (RFC 8259, section 2).
    package var isJSONWhitespace: Bool {
        self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09
    }

    /// The value of an ASCII hexadecimal digit of either case.
    package var hexDigitValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The value of an ASCII hexadecimal digit in lower case.
    package var lowercaseHexDigitValue: UInt8? {
        (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(self) ? nil : hexDigitValue
    }

    /// The hexadecimal digit, in lower case, of a value from 0 to 15.
    package var hexDigit: UInt8 {
        self < 10 ? UInt8(ascii: "0") + self : UInt8(ascii: "a") + self - 10
    }

    /// The byte in upper-case hexadecimal.
    var twoHexDigits: String {
        (self < 0x10 ? "0" : "") + String(self, radix: 16, uppercase: true)
    }
}
