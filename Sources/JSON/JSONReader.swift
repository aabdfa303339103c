/// Reads one JSON text from bytes, value by value, as its caller asks for them (RFC 8259).
///
/// The caller says what it expects and gets slices of the input; nothing is copied. Text outside
/// RFC 8259 is refused at its first wrong byte. To read `{"a": [1, 2]}`:
///
///     var reader = JSONReader(bytes)
///     try reader.beginObject()
///     while let key = try reader.nextKey() {  // "a", then nil: the object is closed
///         try reader.beginArray()
///         while try reader.nextElement() {  // true, true, then false: the array is closed
///             let digits = try reader.readNumber()
///         }
///     }
///     try reader.expectEnd()
///
/// After each call that promises a value (`nextKey`, `nextElement` with true, the start of the
/// text), exactly one call must take it; anything else is a programming error and traps. After an
/// error, only `error(_:at:)` may be called.
public struct JSONReader {
    /// The next thing to read.
    enum Expectation {
        case value
        /// The first key or element of a newly opened container, or its end.
        case first
        /// A comma and one more key or element, or the container's end; at depth 0, the text's end.
        case next
    }

    let base: UnsafePointer<UInt8>
    let count: Int
    let depthLimit: Int
    var position = 0
    var depth = 0
    var expectation = Expectation.value
    /// Set whenever white space is skipped; `skipValue` clears it first.
    var sawWhitespace = false
    /// The keys of the objects that `skipValue` has open.
    var keys = KeyTracker()

    /// Starts at the first byte.
    ///
    /// - Parameters:
    ///   - bytes: the text. It must stay alive and unchanged while this reader or its slices are in
    ///     use.
    ///   - depthLimit: the most containers that may be open at once; one more is an error.
    public init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = 512) {
        // An empty buffer may have no address; this one is never read.
        let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
        base = start.assumingMemoryBound(to: UInt8.self)
        count = bytes.count
        self.depthLimit = depthLimit
    }

    /// The offset of the next unread byte.
    public var offset: Int { position }

    /// A position before a value, to return to.
    public struct Mark {
        fileprivate let position: Int
        fileprivate let depth: Int
    }

    /// Marks the beginning of the next value.
    public mutating func mark() throws(JSONError) -> Mark {
        _ = try peekKind()
        return Mark(position: position, depth: depth)
    }

    /// Returns to the beginning of the value at `mark`.
    public mutating func goBack(to mark: Mark) {
        position = mark.position
        depth = mark.depth
        expectation = .value
    }

    /// The bytes from the value at `mark` up to the reader's position.
    public func bytes(from mark: Mark) -> UnsafeRawBufferPointer { slice(from: mark.position) }

    // MARK: Containers

    /// Reads the `{` of an object.
    public mutating func beginObject() throws(JSONError) {
        try expect(.object)
        try openContainer()
    }

    /// Reads the next key of the object, with the comma before it and the colon after it.
    ///
    /// Does not compare it with earlier keys.
    ///
    /// - Returns: nil if the object was closed instead.
    public mutating func nextKey() throws(JSONError) -> JSONString? {
        guard try advance(to: UInt8(ascii: "}"), of: "object") else { return nil }
        guard position < count, base[position] == UInt8(ascii: "\"") else {
            throw missingMember("a key in double quotes", closing: "}")
        }
        let key = try scanString()
        skipWhitespace()
        guard position < count, base[position] == UInt8(ascii: ":") else {
            throw error("expected ':' after a key, found \(found(at: position))", at: position)
        }
        position += 1
        expectation = .value
        return key
    }

    /// Reads the `[` of an array.
    public mutating func beginArray() throws(JSONError) {
        try expect(.array)
        try openContainer()
    }

    /// Goes to the next element of the array, past the comma before it.
    ///
    /// - Returns: false if the array was closed instead.
    public mutating func nextElement() throws(JSONError) -> Bool {
        guard try advance(to: UInt8(ascii: "]"), of: "array") else { return false }
        guard kind(at: position) != nil else { throw missingMember("a value", closing: "]") }
        expectation = .value
        return true
    }

    mutating func openContainer() throws(JSONError) {
        guard depth < depthLimit else {
            throw error("values are nested deeper than \(depthLimit) levels", at: position)
        }
        position += 1
        depth += 1
        expectation = .first
    }

    /// Goes to the start of a key or an element, past the comma if one is due.
    ///
    /// - Returns: false if the container was closed instead.
    @inline(__always)
    private mutating func advance(
        to close: UInt8, of container: StaticString
    ) throws(JSONError) -> Bool {
        precondition(depth > 0 && expectation != .value, "a value was promised and is still unread")
        skipWhitespace()
        let byte: UInt8? = position < count ? base[position] : nil
        if byte == close {
            position += 1
            depth -= 1
            expectation = .next
            return false
        }
        guard expectation == .next else { return true }
        guard byte == UInt8(ascii: ",") else {
            let end = Character(Unicode.Scalar(close))
            throw error(
                "expected ',' or '\(end)' after a value in an \(container), "
                    + "found \(found(at: position))", at: position)
        }
        position += 1
        skipWhitespace()
        return true
    }

    private func missingMember(_ wanted: String, closing: String) -> JSONError {
        let expected = expectation == .first ? "\(wanted) or '\(closing)'" : "\(wanted) after ','"
        return error("expected \(expected), found \(found(at: position))", at: position)
    }

    // MARK: Scalars

    /// Returns the kind of the next value, judged by its first byte, and stops before it.
    public mutating func peekKind() throws(JSONError) -> JSONKind {
        precondition(expectation == .value, "no value is due; call nextKey or nextElement first")
        skipWhitespace()
        guard let kind = kind(at: position) else { throw missingValue() }
        return kind
    }

    /// Reads a string.
    public mutating func readString() throws(JSONError) -> JSONString {
        try expect(.string)
        return try scanString()
    }

    /// Reads a number and returns it as written, of any size and precision.
    public mutating func readNumber() throws(JSONError) -> UnsafeRawBufferPointer {
        try expect(.number)
        return try scanNumber()
    }

    /// Reads a number; nil if it is not written as an integer or is too large.
    public mutating func readInteger() throws(JSONError) -> Int? {
        Int(String(decoding: try readNumber(), as: UTF8.self))
    }

    /// Reads the number whose first byte is at `position` (RFC 8259, section 6).
    mutating func scanNumber() throws(JSONError) -> UnsafeRawBufferPointer {
        let start = position
        if base[position] == UInt8(ascii: "-") { position += 1 }
        if position < count, base[position] == UInt8(ascii: "0") {
            position += 1
            if position < count, isDigit(base[position]) {
                throw error("a number cannot start with a zero before other digits", at: position)
            }
        } else {
            try skipDigits("after '-'")
        }
        if position < count, base[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits("after the decimal point")
        }
        if position < count, base[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < count, isSign(base[position]) { position += 1 }
            try skipDigits("in the exponent")
        }
        expectation = .next
        return slice(from: start)
    }

    /// Reads `true` or `false`.
    public mutating func readBool() throws(JSONError) -> Bool {
        try expect(.bool)
        return try scanBool()
    }

    /// Reads `null`.
    public mutating func readNull() throws(JSONError) {
        try expect(.null)
        try scan("null")
    }

    private mutating func expect(_ wanted: JSONKind) throws(JSONError) {
        let kind = try peekKind()
        guard kind == wanted else {
            throw error("expected \(wanted.name), found \(kind.name)", at: position)
        }
    }

    private mutating func skipDigits(_ place: StaticString) throws(JSONError) {
        guard position < count, isDigit(base[position]) else {
            throw error("expected a digit \(place), found \(found(at: position))", at: position)
        }
        repeat { position += 1 } while position < count && isDigit(base[position])
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private func isSign(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
    }

    mutating func scanBool() throws(JSONError) -> Bool {
        let value = base[position] == UInt8(ascii: "t")
        try scan(value ? "true" : "false")
        return value
    }

    mutating func scan(_ literal: StaticString) throws(JSONError) {
        for place in 0..<literal.utf8CodeUnitCount {
            guard position < count, base[position] == literal.utf8Start[place] else {
                throw error("expected '\(literal)', found \(found(at: position))", at: position)
            }
            position += 1
        }
        expectation = .next
    }

    // MARK: The end

    /// Skips white space; true if nothing is left after it.
    public mutating func atEnd() -> Bool {
        skipWhitespace()
        return position == count
    }

    /// True if the next byte begins an object; call this after `atEnd`.
    public var isBeforeObject: Bool { position < count && base[position] == UInt8(ascii: "{") }

    /// Prepares to read another text that follows this one.
    public mutating func beginNextText() {
        precondition(depth == 0 && expectation == .next, "the text's value is still unread")
        expectation = .value
    }

    /// Refuses anything but white space after the value.
    public mutating func expectEnd() throws(JSONError) {
        precondition(depth == 0 && expectation == .next, "the text's value is still unread")
        guard atEnd() else {
            throw error("expected the end of the text, found \(found(at: position))", at: position)
        }
    }

    // MARK: Bytes

    /// An error at `offset`, with its line and column.
    public func error(_ message: String, at offset: Int) -> JSONError {
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, count) where base[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        return JSONError(
            message: message, offset: offset, line: line, column: offset - lineStart + 1)
    }

    /// The byte at `index` as error messages name it.
    func found(at index: Int) -> String {
        guard index < count else { return "the end of the text" }
        let byte = base[index]
        return 0x21...0x7E ~= byte
            ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(byte.twoHexDigits)"
    }

    func slice(from start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + start, count: position - start)
    }

    @inline(__always)
    private func kind(at index: Int) -> JSONKind? {
        guard index < count else { return nil }
        switch base[index] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: return nil
        }
    }

    private func missingValue() -> JSONError {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if position == 0, UnsafeBufferPointer(start: base, count: count).starts(with: mark) {
            return error(
                "the text starts with a byte order mark (EF BB BF), which JSON cannot have", at: 0)
        }
        return error("expected a value, found \(found(at: position))", at: position)
    }

    @inline(__always)
    private mutating func skipWhitespace() {
        guard position < count, base[position] <= UInt8(ascii: " ") else { return }
        let start = position
        while position < count, base[position].isJSONWhitespace { position += 1 }
        if position > start { sawWhitespace = true }
    }
}

/// The kind of a JSON value (RFC 8259, section 3).
public enum JSONKind: Sendable {
    /// `{…}`
    case object
    /// `[…]`
    case array
    /// `"…"`
    case string
    /// `-1.5e3`
    case number
    /// `true` or `false`
    case bool
    /// `null`
    case null

    /// The name of the kind in error messages.
    var name: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "true or false"
        case .null: "null"
        }
    }
}
