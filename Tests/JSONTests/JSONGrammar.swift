/// RFC 8259 written as plainly as possible, for comparison. It judges only whole texts and copies
/// freely.
struct JSONGrammar {
    private var rest: ArraySlice<UInt8>
    private let depthLimit: Int

    /// True if `text` is JSON without duplicate keys in an object, nested no deeper than
    /// `depthLimit`.
    static func accepts(_ text: [UInt8], depthLimit: Int = 512) -> Bool {
        var grammar = JSONGrammar(rest: text[...], depthLimit: depthLimit)
        return grammar.takeElement(depth: 0) && grammar.rest.isEmpty
    }

    private mutating func takeElement(depth: Int) -> Bool {
        skipWhitespace()
        guard takeValue(depth: depth) else { return false }
        skipWhitespace()
        return true
    }

    private mutating func skipWhitespace() {
        rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    private mutating func takeValue(depth: Int) -> Bool {
        if take("{") { return depth < depthLimit && takeMembers(depth: depth + 1) }
        if take("[") { return depth < depthLimit && takeElements(depth: depth + 1) }
        if rest.first == UInt8(ascii: "\"") { return takeString() != nil }
        return take("true") || take("false") || take("null") || takeNumber()
    }

    private mutating func takeElements(depth: Int) -> Bool {
        skipWhitespace()
        if take("]") { return true }
        repeat {
            guard takeElement(depth: depth) else { return false }
        } while take(",")
        return take("]")
    }

    private mutating func takeMembers(depth: Int) -> Bool {
        skipWhitespace()
        if take("}") { return true }
        var keys: Set<[UInt16]> = []
        repeat {
            skipWhitespace()
            guard let key = takeString(), keys.insert(key).inserted else { return false }
            skipWhitespace()
            guard take(":"), takeElement(depth: depth) else { return false }
        } while take(",")
        return take("}")
    }

    private mutating func takeNumber() -> Bool {
        _ = take("-")
        guard take("0") || takeDigits() else { return false }
        if take("."), !takeDigits() { return false }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            return takeDigits()
        }
        return true
    }

    private mutating func takeDigits() -> Bool {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        return !digits.isEmpty
    }

    /// The string's UTF-16; nil if it is malformed.
    private mutating func takeString() -> [UInt16]? {
        guard take("\"") else { return nil }
        var units: [UInt16] = []
        while let byte = rest.first, byte != UInt8(ascii: "\"") {
            if take("\\") {
                guard let unit = takeEscape() else { return nil }
                units.append(unit)
            } else {
                let plain = rest.prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
                guard plain.allSatisfy({ $0 >= 0x20 }),
                    let text = String(validating: plain, as: UTF8.self)
                else { return nil }
                units.append(contentsOf: text.utf16)
                rest = rest.dropFirst(plain.count)
            }
        }
        guard take("\""), String(validating: units, as: UTF16.self) != nil else { return nil }
        return units
    }

    private mutating func takeEscape() -> UInt16? {
        if take("u") {
            let digits = rest.prefix(4)
            rest = rest.dropFirst(4)
            // Int(_:radix:) would accept a sign.
            let isHex = digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
            guard digits.count == 4, isHex else { return nil }
            return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        }
        let escapes: KeyValuePairs<String, UInt16> = [
            "\"": 0x22, "\\": 0x5C, "/": 0x2F, "b": 0x08, "f": 0x0C, "n": 0x0A, "r": 0x0D,
            "t": 0x09,
        ]
        return escapes.first { take($0.key) }?.value
    }
}
