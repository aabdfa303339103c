import System

/// The trace that a request is part of (https://www.w3.org/TR/trace-context/).
struct TraceID: CustomStringConvertible {
    private let high, low: UInt64

    /// The value of the header field `traceparent`; nil if it is invalid, because then "the vendor
    /// MUST ignore the traceparent".
    init?(traceparent: UnsafeRawBufferPointer) {
        // version "-" trace-id "-" parent-id "-" trace-flags; later versions may append to it.
        guard traceparent.count >= 55,
            [2, 35, 52].allSatisfy({ traceparent[$0] == UInt8(ascii: "-") }),
            let version = Self.number(traceparent, 0..<2), version != 0xFF,
            version == 0
                ? traceparent.count == 55
                : traceparent.count == 55 || traceparent[55] == UInt8(ascii: "-"),
            let high = Self.number(traceparent, 3..<19),
            let low = Self.number(traceparent, 19..<35), high | low != 0,
            let parent = Self.number(traceparent, 36..<52), parent != 0,
            Self.number(traceparent, 53..<55) != nil
        else { return nil }
        self.high = high
        self.low = low
    }

    /// Lower case only: HEXDIGLC.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        for byte in bytes[range] {
            guard let value = ASCII.hexValue(byte), ASCII.lowercase(byte) == byte else {
                return nil
            }
            number = number << 4 | UInt64(value)
        }
        return number
    }

    /// 32 digits.
    var description: String {
        high.hexadecimal + low.hexadecimal
    }
}
