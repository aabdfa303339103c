import Glibc
import System

/// The items of a text that is read piece by piece: the lines of NDJSON, or the elements of a JSON
/// array. Memory is bounded by the longest allowed item.
final class JSONItems {
    enum Item: Equatable {
        case json([UInt8])
        /// It is longer than any event can be, and was skipped.
        case tooLong
        /// The array ends without its bracket.
        case cutOff
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
    private var isCutOff = false
    private var element = ElementScanner()
    /// The line feeds consumed.
    private var lineFeeds = 0
    /// The number of the last line or element, counted from 1.
    private(set) var number = 0
    /// The bytes read.
    private(set) var bytesRead = 0

    private static let bufferBytes = 256 * 1024
    /// The longest line that a server accepts.
    static let itemBytes = 1024 * 1024

    /// Reads from `descriptor`, which the caller must close.
    ///
    /// - Parameter name: the name of the input in messages.
    init(_ descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// The name of the last item's kind: line or element.
    private(set) var noun = "line"

    /// The next item that is not blank; nil after the last. An error in one affects no other.
    func next() throws(Failure) -> Item? {
        while !hasEnded {
            if isArray == nil { try begin() }
            guard !hasEnded else { break }
            let item = try isArray == true ? nextElement() : nextLine()
            if case .json(let bytes) = item, bytes.isEmpty { continue }
            return item
        }
        defer { isCutOff = false }
        return isCutOff ? .cutOff : nil
    }

    /// Recognizes an array by its first byte.
    private func begin() throws(Failure) {
        if bytesRead == 0 { try passByteOrderMark() }
        while let byte = try peek() {
            guard Self.isBlank(byte) else {
                isArray = byte == UInt8(ascii: "[")
                if isArray == true { take(unread.lowerBound + 1) }
                return
            }
            take(unread.lowerBound + 1)
        }
        isArray = isArray ?? false
        hasEnded = true
    }

    private func passByteOrderMark() throws(Failure) {
        guard try peek() != nil else { return }
        let start = buffer[unread].prefix(3)
        if start == [0xEF, 0xBB, 0xBF] { unread.removeFirst(3) }
        guard ![[0xFF, 0xFE], [0xFE, 0xFF]].contains(Array(start.prefix(2))) else {
            throw Failure(
                description: "\(name) is UTF-16; make it UTF-8, as by iconv -f UTF-16 -t UTF-8")
        }
    }

    private func nextLine() throws(Failure) -> Item {
        var line = Collected()
        noun = "line"
        number = lineFeeds + 1
        while try peek() != nil {
            let end = buffer[unread].firstIndex(of: UInt8(ascii: "\n"))
            line.append(buffer[unread.lowerBound..<(end ?? unread.upperBound)])
            take(end.map { $0 + 1 } ?? unread.upperBound)
            if end != nil { return line.item }
        }
        hasEnded = true
        return line.item
    }

    /// The text between two commas of the array, valid or not.
    private func nextElement() throws(Failure) -> Item {
        var collected = Collected()
        noun = "element"
        number += 1
        while try peek() != nil {
            for index in unread {
                let step = element.take(buffer[index])
                guard step != .inside else { continue }
                collected.append(buffer[unread.lowerBound..<index])
                take(step == .anotherBegan ? index : index + 1)
                // The text after the array is examined separately.
                if step == .arrayEnded { isArray = nil }
                return collected.item
            }
            collected.append(buffer[unread])
            take(unread.upperBound)
        }
        hasEnded = true
        // A truncated element reports itself.
        isCutOff = element.isWhole
        return collected.item
    }

    private func take(_ end: Int) {
        lineFeeds += buffer[unread.lowerBound..<end].count { $0 == UInt8(ascii: "\n") }
        unread = end..<unread.upperBound
    }

    // MARK: Bytes

    private func peek() throws(Failure) -> UInt8? {
        if !unread.isEmpty { return buffer[unread.lowerBound] }
        let count = retryingInterrupts { read(descriptor, &buffer, buffer.count) }
        guard count >= 0 else {
            throw Failure(description: "cannot read \(name): \(SystemError.text(of: errno))")
        }
        unread = 0..<count
        bytesRead += count
        return count > 0 ? buffer[0] : nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// The bytes of an item, of which only the allowed length is kept.
    private struct Collected {
        private var bytes: [UInt8] = []
        private var isTooLong = false

        mutating func append(_ piece: ArraySlice<UInt8>) {
            isTooLong = isTooLong || bytes.count + piece.count > JSONItems.itemBytes
            if isTooLong { bytes = [] } else { bytes += piece }
        }

        /// The item without blanks around it.
        var item: Item {
            guard !isTooLong else { return .tooLong }
            var trimmed = bytes.drop(while: JSONItems.isBlank)
            while let last = trimmed.last, JSONItems.isBlank(last) { trimmed.removeLast() }
            return .json(Array(trimmed))
        }
    }
}
