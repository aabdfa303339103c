/// A valid value of any kind; it points into the reader's bytes.
public struct JSONSlice {
    /// The value as written, without white space around it.
    public let raw: UnsafeRawBufferPointer
    /// The number of nested containers: 0 for a scalar, 1 for `{}`, 2 for `[{}]`.
    public let depth: Int
    /// True if there is white space between its tokens.
    public let hasWhitespace: Bool

    /// Appends the same bytes without the white space between tokens.
    public func appendCompact(to output: inout [UInt8]) {
        let bytes = raw.baseAddress!.assumingMemoryBound(to: UInt8.self)
        guard hasWhitespace else { return output.append(run: bytes, count: raw.count) }
        var runStart = 0
        var index = 0
        while index < raw.count {
            if bytes[index] == UInt8(ascii: "\"") {
                index = endOfString(in: bytes, at: index)
            } else if bytes[index].isJSONWhitespace {
                output.append(run: bytes + runStart, count: index - runStart)
                repeat { index += 1 } while bytes[index].isJSONWhitespace
                runStart = index
            } else {
                index += 1
            }
        }
        output.append(run: bytes + runStart, count: raw.count - runStart)
    }

    private func endOfString(in bytes: UnsafePointer<UInt8>, at opening: Int) -> Int {
        var index = opening + 1
        while true {
            index = bytes.endOfPlainText(from: index, to: raw.count)
            switch bytes[index] {
            case UInt8(ascii: "\""): return index + 1
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
    }
}
