import JSON

/// Splits texts into words for search. Stored texts and queries are split alike.
///
/// A word is a run of letters and digits, in lower case: `kube-system/coredns` has three,
/// `10.0.0.1` four. A word in camel case counts as a whole and by its parts, which share its
/// position: `CrashLoopBackOff` is also `crash`, `loop`, `back` and `off`. Accents count.
public final class WordScanner {
    /// The bytes of a word that are used. Identifiers are shorter, and anything longer is data.
    public static let maxBytes = 64

    // Each byte changes the fields below. Nothing enters `scan` while it runs, and checking that
    // would take a tenth of its time.

    /// The word so far, and its length in the text.
    private let word = UnsafeMutableRawBufferPointer.allocate(byteCount: maxBytes, alignment: 1)
    @exclusivity(unchecked) private var count = 0
    /// The starts of the word's parts, except 0.
    @exclusivity(unchecked) private var partStarts: [Int] = []
    @exclusivity(unchecked) private var previous = Kind.separator
    /// The end of the part of the text to read.
    @exclusivity(unchecked) private var end = 0

    private enum Kind: UInt8 { case separator, upper, other, escape, beyondASCII }

    /// The kind of each byte.
    private static let kinds: [Kind] = (0...UInt8.max).map { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): .other
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): .upper
        case UInt8(ascii: "\\"): .escape
        case 0x80...: .beyondASCII
        default: .separator
        }
    }

    /// The whole words of `text`, with repetitions.
    static func words(_ text: some Collection<UInt8>) -> [[UInt8]] {
        var words: [[UInt8]] = []
        Array(text).withUnsafeBytes { text in
            WordScanner().scan(text) { word, isWhole in if isWhole { words.append(Array(word)) } }
        }
        return words
    }

    /// Creates a scanner, which can scan one text after another.
    public init() {}

    deinit { word.deallocate() }

    /// Calls `body` with each word of `text` and its parts: the bytes, and true for a whole word,
    /// which comes before its parts.
    ///
    /// - Parameter isJSON: true to decode escapes that begin with a backslash.
    public func scan(
        _ text: UnsafeRawBufferPointer, isJSON: Bool = false,
        _ body: (_ word: UnsafeRawBufferPointer, _ isWhole: Bool) -> Void
    ) {
        end = text.count
        Self.kinds.withUnsafeBufferPointer { kinds in
            var index = 0
            while index < end {
                let byte = text[index]
                let kind = kinds[Int(byte)]
                index += 1
                switch kind {
                case .other, .upper: append(byte | 0x20, kind)
                case .separator: finish(body)
                case .escape where isJSON: append(Self.escape(text, &index), body)
                case .escape: finish(body)
                case .beyondASCII:
                    index -= 1
                    append(Self.scalar(text, &index), body)
                }
            }
        }
        finish(body)
    }

    /// Ends the current scan from within its `body`. Parts of the current word may still come.
    public func stop() { end = 0 }

    /// Appends an ASCII letter or digit in lower case.
    private func append(_ byte: UInt8, _ kind: Kind) {
        if kind != previous, count > 0 { noteBoundary(byte, kind) }
        if count < Self.maxBytes { word[count] = byte }
        count += 1
        previous = kind
    }

    /// Notes a part that begins: at a capital after another kind of byte, or at the last of several
    /// capitals before a small letter (`HTTPServer`).
    private func noteBoundary(_ byte: UInt8, _ kind: Kind) {
        if kind == .upper {
            partStarts.append(count)
        } else if byte > UInt8(ascii: "9"), count > 1, partStarts.last != count - 1 {
            partStarts.append(count - 1)
        }
    }

    private func append(
        _ scalar: Unicode.Scalar, _ body: (UnsafeRawBufferPointer, Bool) -> Void
    ) {
        let properties = scalar.properties
        guard scalar != "\u{FFFD}",
            properties.isAlphabetic || properties.numericType != nil
                || properties.generalCategory == .nonspacingMark
        else { return finish(body) }
        for byte in properties.lowercaseMapping.utf8 { append(byte, .other) }
    }

    private func finish(_ body: (UnsafeRawBufferPointer, Bool) -> Void) {
        guard count > 0 else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: word[..<min(count, Self.maxBytes)])
        body(bytes, true)
        if !partStarts.isEmpty {
            var start = 0
            for end in partStarts + [count] where end <= Self.maxBytes {
                body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), false)
                start = end
            }
            partStarts.removeAll(keepingCapacity: true)
        }
        count = 0
        previous = .separator
    }

    /// The scalar at `index`, which is moved past it. Bytes that are not UTF-8 separate words.
    private static func scalar(_ text: UnsafeRawBufferPointer, _ index: inout Int)
        -> Unicode.Scalar
    {
        var decoder = UTF8()
        var bytes = text[index...].prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&bytes) else {
            index += 1
            return "\u{FFFD}"
        }
        index += UTF8.width(scalar)
        return scalar
    }

    /// The character that the backslash before `index` introduces; `index` is moved past it.
    private static func escape(_ text: UnsafeRawBufferPointer, _ index: inout Int)
        -> Unicode.Scalar
    {
        guard index < text.count else { return " " }
        let kind = text[index]
        index += 1
        guard kind == UInt8(ascii: "u"), let first = hexadecimal(text, &index) else { return " " }
        if let scalar = Unicode.Scalar(first) { return scalar }
        // A surrogate, whose other half follows in its own escape.
        guard index + 1 < text.count, text[index] == UInt8(ascii: "\\"),
            text[index + 1] == UInt8(ascii: "u")
        else { return " " }
        index += 2
        guard let second = hexadecimal(text, &index) else { return " " }
        let value =
            0x10000 + (UInt32(first) & 0x3FF) << 10 + (UInt32(second) & 0x3FF)
        return Unicode.Scalar(value) ?? " "
    }

    private static func hexadecimal(_ text: UnsafeRawBufferPointer, _ index: inout Int) -> UInt16? {
        guard index + 4 <= text.count else { return nil }
        var value: UInt16 = 0
        for byte in text[index..<(index + 4)] {
            guard let digit = byte.hexDigitValue else { return nil }
            value = value << 4 | UInt16(digit)
        }
        index += 4
        return value
    }
}
