/// Finds items in a body without parsing them as JSON, so that a broken item does not affect its
/// neighbors.
enum ItemSearch {
    /// The end of the array item that begins at `start`: before the next comma or bracket. Nil if
    /// the body ends first.
    static func end(of start: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        var depth = 0
        var isInString = false
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\") where isInString: index += 1
            case UInt8(ascii: "\""): isInString.toggle()
            case _ where isInString: break
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return index }
                depth -= 1
            case UInt8(ascii: ",") where depth == 0: return index
            default: break
            }
            index += 1
        }
        return nil
    }

    /// The start of the next line after `start` whose first nonblank byte begins an object; nil if
    /// there is none.
    static func nextLine(behind start: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        var index = start
        while let lineFeed = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) {
            index = lineFeed + 1
            while index < bytes.count, [0x20, 0x09, 0x0D].contains(bytes[index]) { index += 1 }
            guard index < bytes.count else { return nil }
            if bytes[index] == UInt8(ascii: "{") { return index }
        }
        return nil
    }
}
