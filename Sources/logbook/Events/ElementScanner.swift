/// Finds the ends of a JSON array's elements without validating them. After a broken element it
/// finds the next one, if the text leaves no doubt.
struct ElementScanner {
    enum Step {
        case inside
        /// This byte ends the element and is not part of it.
        case ended
        /// This byte ends the element and the array.
        case arrayEnded
        /// This byte begins another element; the previous one has no end.
        case anotherBegan
    }

    /// For each open container, true if it is an object.
    private var isObject: [Bool] = []
    private var isInString = false
    private var isEscaped = false
    /// True if only a key or the end may follow.
    private var awaitsKey = false
    /// True if the comma after a broken element is still to come.
    private var owesComma = false

    /// No event is nested so deeply.
    private static let mostDepth = 1024

    /// True if no element is open.
    var isWhole: Bool { isObject.isEmpty && !isInString }

    mutating func take(_ byte: UInt8) -> Step {
        if isInString { return takeInString(byte) }
        if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { return .inside }
        if owesComma {
            owesComma = false
            if byte == UInt8(ascii: ",") { return .inside }
        }
        let awaitedKey = awaitsKey
        awaitsKey = false
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{") where awaitedKey:
            isObject = []
            return .anotherBegan
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            awaitsKey = byte == UInt8(ascii: "{")
            guard isObject.count < Self.mostDepth else { break }
            isObject.append(awaitsKey)
        case UInt8(ascii: ","):
            if isObject.isEmpty { return .ended }
            awaitsKey = isObject.last == true
        case UInt8(ascii: "]") where isObject.isEmpty: return .arrayEnded
        case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = isObject.popLast()
        default: break
        }
        return .inside
    }

    private mutating func takeInString(_ byte: UInt8) -> Step {
        if byte == UInt8(ascii: "\n") {
            // No string contains one, so this string has no end.
            self = ElementScanner()
            owesComma = true
            return .ended
        }
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
        }
        return .inside
    }
}
