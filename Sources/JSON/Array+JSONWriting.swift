/// JSON writing by appending to bytes. The caller adds commas, colons and brackets.
extension [UInt8] {
    /// Appends `utf8` as a JSON string with quotes.
    ///
    /// Escapes what RFC 8259 (section 7) demands and nothing else. Bytes that are not UTF-8 become
    /// U+FFFD, one for each maximal part of a sequence, as in `String(decoding:as:)`.
    public mutating func appendJSONString(_ utf8: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        if let start = utf8.baseAddress {
            appendEscaped(start.assumingMemoryBound(to: UInt8.self), count: utf8.count)
        }
        append(UInt8(ascii: "\""))
    }

    /// Appends `text` as a JSON string with quotes.
    public mutating func appendJSONString(_ text: String) {
        var text = text
        text.withUTF8 { appendJSONString(UnsafeRawBufferPointer($0)) }
    }

    /// Appends `text` as a JSON string with quotes.
    public mutating func appendJSONString(_ text: StaticString) {
        appendJSONString(
            UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends `value` in decimal.
    public mutating func appendInteger(_ value: Int) {
        // Int.min has 19 digits and a sign.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var index = digits.count
            var rest = value.magnitude
            repeat {
                index -= 1
                digits[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 {
                index -= 1
                digits[index] = UInt8(ascii: "-")
            }
            append(contentsOf: digits[index...])
        }
    }

    /// Appends the last `digits` decimal digits of `value`, which is not negative.
    package mutating func appendInteger(_ value: Int, digits: Int) {
        let start = count
        append(contentsOf: repeatElement(UInt8(ascii: "0"), count: digits))
        var rest = value
        for place in (start..<count).reversed() {
            self[place] += UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Appends `value` as 16 hexadecimal digits, in lower case.
    package mutating func appendHexadecimal(_ value: UInt64) {
        var digits: InlineArray<16, UInt8> = .init(repeating: 0)
        for place in 0..<16 {
            digits[place] = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * place) & 15).hexDigit
        }
        digits.span.withUnsafeBytes { append(contentsOf: $0) }
    }

    /// Appends a JSON array with each of `items` written by `write`.
    public mutating func appendJSONArray<Item>(
        of items: [Item], _ write: (Item, inout [UInt8]) -> Void
    ) {
        var separator: StaticString = "["
        for item in items {
            append(separator)
            separator = ","
            write(item, &self)
        }
        append(items.isEmpty ? "[]" : "]")
    }

    /// Appends the bytes of `text` as they are.
    public mutating func append(_ text: StaticString) {
        append(run: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    mutating func append(run start: UnsafePointer<UInt8>, count: Int) {
        append(contentsOf: UnsafeBufferPointer(start: start, count: count))
    }

    private mutating func appendEscaped(_ bytes: UnsafePointer<UInt8>, count: Int) {
        var runStart = 0
        var index = 0
        while true {
            index = bytes.endOfPlainText(from: index, to: count)
            guard index < count else { break }
            let sequence = bytes.utf8Sequence(at: index, to: count)
            if sequence > 1 {
                index += sequence
                continue
            }
            append(run: bytes + runStart, count: index - runStart)
            if sequence == 1 {
                appendEscape(of: bytes[index])
                index += 1
            } else {
                append("\u{FFFD}")
                index += Swift.max(1, -sequence)
            }
            runStart = index
        }
        append(run: bytes + runStart, count: count - runStart)
    }

    private mutating func appendEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0A: append("\\n")
        case 0x0C: append("\\f")
        case 0x0D: append("\\r")
        default:
            append("\\u00")
            append(contentsOf: byte.twoHexDigits.utf8)
        }
    }
}
