import Glibc

/// The items of a text that is read piece by piece: the lines of NDJSON, or the elements of a JSON
/// array. Memory is bounded by the longest item that is allowed.
final class JSONItems {
    enum Item: Equatable {
        case json([UInt8])
        /// It is longer than any event can be, and was passed over.
        case tooLong
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: Int32
    private let name: String
    private var buffer = [UInt8](repeating: 0, count: JSONItems.bufferBytes)
    private var unread = 0..<0
    private var isArray: Bool?
    private var hasEnded = false
    /// Inside of an array's element.
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// Lines or elements so far; the last one's number, counted from 1.
    private(set) var number = 0
    /// Bytes that have been read.
    private(set) var bytesRead = 0

    private static let bufferBytes = 256 * 1024
    /// What a server takes as a line.
    static let itemBytes = 1024 * 1024

    /// Reads from `descriptor`, which is the caller's to close.
    ///
    /// - Parameter name: what messages call it.
    init(_ descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// What an item is called: a line, or an element.
    var noun: String { isArray == true ? "element" : "line" }

    /// The next item that is not blank; nil behind the last.
    func next() throws(Failure) -> Item? {
        if isArray == nil { try begin() }
        while !hasEnded {
            let item = try isArray == true ? nextElement() : nextLine()
            if case .json(let bytes) = item, bytes.isEmpty { continue }
            if let item { return item }
        }
        return nil
    }

    /// An array is told by its first byte.
    private func begin() throws(Failure) {
        while let byte = try peek() {
            guard Self.isBlank(byte) else {
                isArray = byte == UInt8(ascii: "[")
                if isArray == true { unread.removeFirst() }
                return
            }
            if byte == UInt8(ascii: "\n") { number += 1 }
            unread.removeFirst()
        }
        isArray = false
        hasEnded = true
    }

    private func nextLine() throws(Failure) -> Item? {
        var line = Collected()
        number += 1
        while try peek() != nil {
            let end = buffer[unread].firstIndex(of: UInt8(ascii: "\n"))
            line.append(buffer[unread.lowerBound..<(end ?? unread.upperBound)])
            unread = (end.map { $0 + 1 } ?? unread.upperBound)..<unread.upperBound
            if end != nil { return line.item }
        }
        hasEnded = true
        return line.item
    }

    /// What stands between two commas of the array, whatever that is.
    private func nextElement() throws(Failure) -> Item? {
        var element = Collected()
        number += 1
        while try peek() != nil {
            var end = unread.lowerBound
            while end < unread.upperBound, !endsElement(buffer[end]) { end += 1 }
            element.append(buffer[unread.lowerBound..<end])
            guard end < unread.upperBound else {
                unread = end..<end
                continue
            }
            let isLast = buffer[end] == UInt8(ascii: "]")
            unread = (end + 1)..<unread.upperBound
            if isLast { try expectEnd() }
            return element.item
        }
        throw Failure(description: "\(name): the array breaks off in element \(number)")
    }

    /// Follows the text to where an element ends.
    private func endsElement(_ byte: UInt8) -> Bool {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return false
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "]") where depth == 0, UInt8(ascii: ",") where depth == 0: return true
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth = max(0, depth - 1)
        default: break
        }
        return false
    }

    private func expectEnd() throws(Failure) {
        hasEnded = true
        while let byte = try peek() {
            guard Self.isBlank(byte) else {
                throw Failure(description: "\(name): something follows behind the array")
            }
            unread.removeFirst()
        }
    }

    // MARK: Bytes

    private func peek() throws(Failure) -> UInt8? {
        if !unread.isEmpty { return buffer[unread.lowerBound] }
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(
                    description: "cannot read \(name): \(String(cString: strerror(errno)))")
            }
            unread = 0..<count
            bytesRead += count
            return count > 0 ? buffer[0] : nil
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// The bytes of an item, of which no more are kept than it may have.
    private struct Collected {
        private var bytes: [UInt8] = []
        private var isTooLong = false

        mutating func append(_ piece: ArraySlice<UInt8>) {
            isTooLong = isTooLong || bytes.count + piece.count > JSONItems.itemBytes
            if isTooLong { bytes = [] } else { bytes += piece }
        }

        /// Without blanks around it.
        var item: Item {
            guard !isTooLong else { return .tooLong }
            var trimmed = bytes.drop(while: JSONItems.isBlank)
            while let last = trimmed.last, JSONItems.isBlank(last) { trimmed.removeLast() }
            return .json(Array(trimmed))
        }
    }
}
