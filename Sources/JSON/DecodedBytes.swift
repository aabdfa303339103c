/// The bytes of a valid string with its escapes decoded, one after another.
struct DecodedBytes: Sequence, IteratorProtocol {
    private var cursor: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    /// The remaining bytes of the character that the last escape encodes.
    private var pending: UTF8.EncodedScalar.Iterator?

    init(cursor: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>) {
        self.cursor = cursor
        self.end = end
    }

    mutating func next() -> UInt8? {
        if pending != nil {
            if let byte = pending!.next() { return byte }
            pending = nil
        }
        guard cursor < end else { return nil }
        let byte = take()
        guard byte == UInt8(ascii: "\\") else { return byte }
        switch take() {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "u"):
            pending = UTF8.encode(takeScalar())!.makeIterator()
            return pending!.next()
        case let same: return same
        }
    }

    /// Appends everything that is left, with the text between escapes in one piece.
    mutating func append(to output: inout [UInt8]) {
        while cursor < end {
            let plain = plainCount
            output.append(run: cursor, count: plain)
            cursor += plain
            guard let first = next() else { return }
            output.append(first)
            while let byte = pending?.next() { output.append(byte) }
        }
    }

    /// The number of bytes before the next escape.
    private var plainCount: Int {
        var count = 0
        while true {
            count = cursor.endOfPlainText(from: count, to: end - cursor)
            if count == end - cursor || cursor[count] == UInt8(ascii: "\\") { return count }
            count += 1
        }
    }

    private mutating func take() -> UInt8 {
        defer { cursor += 1 }
        return cursor.pointee
    }

    /// The character of one `\uXXXX`, or of two that form a surrogate pair, after the first `\u`.
    private mutating func takeScalar() -> Unicode.Scalar {
        let first = takeCodeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        cursor += 2
        return UTF16.decode(UTF16.EncodedScalar([first, takeCodeUnit()]))
    }

    private mutating func takeCodeUnit() -> UInt16 {
        (0..<4).reduce(0) { unit, _ in unit << 4 | UInt16(take().hexDigitValue!) }
    }
}
