/// Finds the items of a text that arrives piece by piece, without validating them: objects one
/// after another, on one or several lines; elements of an array; items of a Kubernetes list.
///
/// A broken item affects no other, as long as JSON leaves no doubt where the next one begins.
/// Memory is limited by the longest allowed item.
public struct ItemScanner: Sendable {
    /// An item and its position.
    public struct Item: Sendable {
        /// Its first byte in the whole text.
        public let offset: Int
        /// The line that it begins in, counted from 0.
        public let line: Int
        /// Its number in an array, counted from 1.
        public let element: Int?
        /// Its number in a list, counted from 1.
        public let member: Int?
        /// The item itself.
        public let content: Content
    }

    /// The kinds of items.
    public enum Content: Equatable, Sendable {
        /// It may be JSON.
        case json([UInt8])
        /// It was longer than allowed, and was skipped.
        case tooLong
        /// A list, whose items came before it.
        case list
        /// An array or a list without its closing bracket.
        case cutOff
    }

    private struct Container {
        let isList: Bool
        /// The number of elements so far.
        var count = 0
        /// After the opening bracket, or a comma.
        var awaitsElement = true
    }

    private enum Mode {
        /// Between two items.
        case between
        /// In a value that began at `head`.
        case value
        /// In a line that is not JSON, which began at `head`.
        case line
        /// After the items of a list.
        case tail
    }

    private let itemBytes: Int
    /// The bytes not yet passed. They begin at `base` of the whole text.
    private var buffer: [UInt8] = []
    private var base = 0
    /// The first byte of the current item.
    private var head = 0
    private var index = 0
    private var hasEnded = false
    private var mode = Mode.between
    private var containers: [Container] = []
    /// The line of `head`, and its start in the whole text.
    private var line: Int
    private var lineStart = 0
    /// The bytes that were read again, because a broken item reached over several lines.
    private var reread = 0

    // In a value:
    /// For each open object or array, true if it is an object.
    private var nesting: [Bool] = []
    private var isInString = false
    private var isEscaped = false
    /// The last byte outside of strings that is not white space; a quote after a string.
    private var previous: UInt8 = 0
    private var stringStart = 0
    private var isItemsKey = false
    private var isNative = false
    private var isTooLong = false

    /// Deeper than any JSON that is accepted.
    private static let mostDepth = 600

    /// Starts at a line.
    ///
    /// - Parameters:
    ///   - itemBytes: the longest item.
    ///   - line: the number of the first line.
    public init(itemBytes: Int, line: Int = 0) {
        self.itemBytes = itemBytes
        self.line = line
    }

    /// Continues within an array after `count` elements.
    public mutating func resumeArray(after count: Int) {
        containers = [Container(isList: false, count: count, awaitsElement: count == 0)]
    }

    /// True if it waits for the start of an item, outside of arrays and lists.
    public var isBetweenItems: Bool { mode == .between && containers.isEmpty }

    /// Takes the next bytes of the text.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if head > 0 {
            buffer.removeFirst(head)
            base += head
            index -= head
            stringStart -= head
            head = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Notes that there are no more bytes.
    public mutating func end() { hasEnded = true }

    /// Returns the next complete item; nil if more bytes are needed, or after the last one.
    public mutating func next() -> Item? {
        while true {
            let item: Item? =
                switch mode {
                case .between: beginItem()
                case .value, .tail: scanValue()
                case .line: scanLine()
                }
            if let item { return item }
            guard index == buffer.count else { continue }
            return hasEnded ? finish() : nil
        }
    }

    // MARK: Between items

    private mutating func beginItem() -> Item? {
        while index < buffer.count, Self.isBlank(buffer[index]) { index += 1 }
        pass(to: index)
        guard index < buffer.count else { return nil }
        guard let container = containers.last else {
            switch buffer[index] {
            case UInt8(ascii: "["):
                containers.append(Container(isList: false))
                index += 1
            case UInt8(ascii: "{"): beginValue()
            default: mode = .line
            }
            return nil
        }
        switch buffer[index] {
        case UInt8(ascii: "]"):
            // A comma before the bracket promised an element.
            let isMissing = container.awaitsElement && container.count > 0
            if isMissing { containers[containers.count - 1].count += 1 }
            let item = isMissing ? self.item(.json([])) : container.isList ? self.item(.list) : nil
            containers.removeLast()
            index += 1
            if container.isList {
                beginValue()
                mode = .tail
                nesting = [true]
                previous = UInt8(ascii: "]")
            }
            return item
        case UInt8(ascii: ","):
            defer { containers[containers.count - 1].awaitsElement = true }
            guard container.awaitsElement else {
                index += 1
                return nil
            }
            containers[containers.count - 1].count += 1
            let item = item(.json([]))
            index += 1
            return item
        default:
            containers[containers.count - 1].count += 1
            containers[containers.count - 1].awaitsElement = false
            beginValue()
            return nil
        }
    }

    private mutating func beginValue() {
        mode = .value
        nesting = []
        isInString = false
        isEscaped = false
        previous = 0
        isItemsKey = false
        isNative = false
    }

    // MARK: Values

    private mutating func scanValue() -> Item? {
        while index < buffer.count {
            let byte = buffer[index]
            if isInString {
                // A string cannot have a line feed, so this one has no end.
                if byte == UInt8(ascii: "\n") { return breakOff() }
                advance()
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    endString()
                    if nesting.isEmpty { return complete() }
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\n") where nesting.isEmpty: return complete()
            case _ where Self.isBlank(byte): break
            case UInt8(ascii: "\""):
                isInString = true
                stringStart = index + 1
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if nesting.isEmpty {
                    if index > head || isTooLong { return complete() }
                } else if isListBegin(byte) {
                    index += 1
                    pass(to: index)
                    mode = .between
                    isTooLong = false
                    containers.append(Container(isList: true))
                    return nil
                } else if byte == UInt8(ascii: "{") && !mayBeginObject
                    || nesting.count == Self.mostDepth
                {
                    return breakOff()
                }
                nesting.append(byte == UInt8(ascii: "{"))
                previous = byte
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if nesting.isEmpty, byte == UInt8(ascii: "]") { return complete() }
                previous = byte
                guard nesting.popLast() != nil, nesting.isEmpty else { break }
                index += 1
                return complete()
            case UInt8(ascii: ",") where nesting.isEmpty: return complete()
            default: previous = byte
            }
            advance()
        }
        return nil
    }

    /// Passes one byte of the item, and drops those of an item that is too long.
    private mutating func advance() {
        index += 1
        guard index - head > itemBytes || mode == .tail else { return }
        if mode != .tail { isTooLong = true }
        pass(to: index)
    }

    private mutating func endString() {
        isInString = false
        defer { previous = UInt8(ascii: "\"") }
        guard nesting == [true], mode == .value, previous != UInt8(ascii: ":"), stringStart >= head
        else { return }
        let key = buffer[stringStart..<index - 1]
        isItemsKey = key.elementsEqual("items".utf8)
        isNative = isNative || key.elementsEqual("event_type".utf8)
    }

    /// True if an array that begins here holds the items of a list.
    private func isListBegin(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "[") && isItemsKey && previous == UInt8(ascii: ":")
            && nesting == [true] && mode == .value && !isNative
            && containers.last?.isList != true
    }

    private var mayBeginObject: Bool {
        if nesting.last == true { return previous == UInt8(ascii: ":") }
        return previous == UInt8(ascii: "[") || previous == UInt8(ascii: ",")
    }

    /// Ends the item before `index`.
    private mutating func complete() -> Item? {
        defer { mode = .between }
        guard mode != .tail else {
            pass(to: index)
            return nil
        }
        return take(to: index)
    }

    /// Ends an item that is broken at `index`, and continues where the next one may begin.
    private mutating func breakOff() -> Item? {
        defer { mode = .between }
        guard mode != .tail else {
            pass(to: index)
            return item(.cutOff)
        }
        guard !isTooLong, let lineFeed = buffer[head..<index].firstIndex(of: UInt8(ascii: "\n"))
        else { return take(to: index) }
        // The line is the item, unless it only opens an object that was written over several lines.
        let isOpening = buffer[(head + 1)..<lineFeed].allSatisfy(Self.isBlank)
        let end = isOpening ? nextObject(after: lineFeed) : lineFeed
        // Not more often than once, on average of what came before.
        guard reread + index - end <= base + index else { return take(to: index) }
        reread += index - end
        index = end
        return take(to: end)
    }

    /// The start of the next line that begins an object outside of the one at `head`, judged by its
    /// indentation; `index` if there is none.
    private func nextObject(after lineFeed: Int) -> Int {
        let column = base + head - lineStart
        var start = lineFeed + 1
        while start < index {
            let text = buffer[start..<index]
            let first = text.firstIndex { !Self.isBlank($0) || $0 == UInt8(ascii: "\n") } ?? index
            if first < index, buffer[first] == UInt8(ascii: "{"), first - start <= column {
                return first
            }
            guard let next = text.firstIndex(of: UInt8(ascii: "\n")) else { break }
            start = next + 1
        }
        return index
    }

    // MARK: Lines

    private mutating func scanLine() -> Item? {
        while index < buffer.count {
            if buffer[index] == UInt8(ascii: "\n") { return complete() }
            advance()
        }
        return nil
    }

    // MARK: The end

    private mutating func finish() -> Item? {
        switch mode {
        case .line: return complete()
        case .tail: return breakOff()
        case .value:
            let item = breakOff()
            // An item that is cut off says so itself.
            if index == buffer.count { containers = [] }
            return item
        case .between:
            guard let container = containers.last else { return nil }
            if container.awaitsElement { containers[containers.count - 1].count += 1 }
            defer { containers = [] }
            return item(.cutOff)
        }
    }

    // MARK: Places

    /// Makes `end` the head.
    private mutating func pass(to end: Int) {
        for place in head..<end where buffer[place] == UInt8(ascii: "\n") {
            line += 1
            lineStart = base + place + 1
        }
        head = end
    }

    private mutating func take(to end: Int) -> Item {
        defer {
            isTooLong = false
            pass(to: end)
        }
        guard !isTooLong else { return item(.tooLong) }
        var bytes = buffer[head..<end]
        while let last = bytes.last, Self.isBlank(last) { bytes.removeLast() }
        return item(.json(Array(bytes)))
    }

    private func item(_ content: Content) -> Item {
        let isListed = containers.last?.isList == true
        return Item(
            offset: base + head, line: line,
            element: containers.first.flatMap { $0.isList ? nil : $0.count },
            member: isListed ? containers.last?.count : nil, content: content)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }
}
