/// Reads what stands in one line of YAML: scalars, flow collections, aliases.
struct FlowReader {
    private let text: [UInt8]
    private let line: Int
    private let anchors: [[UInt8]: YAMLValue]
    private var next = 0

    init(_ text: [UInt8], _ line: Int, _ anchors: [[UInt8]: YAMLValue]) {
        self.text = text
        self.line = line
        self.anchors = anchors
    }

    /// The whole line as one value.
    mutating func whole() throws(YAMLError) -> YAMLValue {
        let value = try value(isNested: false)
        passBlanks()
        guard next == text.count else { throw error("goes on behind its value") }
        return value
    }

    /// The whole line as a key.
    mutating func key() throws(YAMLError) -> [UInt8] {
        guard case .string(let key) = try whole() else {
            throw error("has a key that is no text: quote it")
        }
        return key
    }

    private func error(_ detail: String) -> YAMLError { YAMLError(line: line, detail: detail) }

    private mutating func passBlanks() {
        while next < text.count, text[next] == UInt8(ascii: " ") { next += 1 }
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        passBlanks()
        guard next < text.count, text[next] == UInt8(ascii: character) else { return false }
        next += 1
        return true
    }

    private mutating func value(isNested: Bool) throws(YAMLError) -> YAMLValue {
        passBlanks()
        guard next < text.count else { throw error("ends within a value") }
        if takes("[") { return try list() }
        if takes("{") { return try map() }
        if takes("'") { return .string(try singleQuoted()) }
        if takes("\"") { return .string(try doubleQuoted()) }
        if takes("*") {
            guard let value = anchors[plain(isNested)] else { throw error("has an unknown alias") }
            return value
        }
        return try resolved(plain(isNested))
    }

    private mutating func list() throws(YAMLError) -> YAMLValue {
        var items: [YAMLValue] = []
        while !takes("]") {
            items.append(try value(isNested: true))
            guard takes(",") || text[next...].first == UInt8(ascii: "]") else {
                throw error("has no comma or ] where one is due")
            }
        }
        return .list(items)
    }

    private mutating func map() throws(YAMLError) -> YAMLValue {
        var pairs: [(key: [UInt8], value: YAMLValue)] = []
        while !takes("}") {
            guard case .string(let key) = try value(isNested: true), takes(":") else {
                throw error("has no key where one is due")
            }
            pairs.append((key, try value(isNested: true)))
            guard takes(",") || text[next...].first == UInt8(ascii: "}") else {
                throw error("has no comma or } where one is due")
            }
        }
        return .map(pairs)
    }

    // MARK: Scalars

    /// Up to the end of the line; in a flow collection up to what ends it there.
    private mutating func plain(_ isNested: Bool) -> [UInt8] {
        let start = next
        while next < text.count {
            if isNested {
                if ",[]{}".utf8.contains(text[next]) { break }
                let follower = next + 1 < text.count ? text[next + 1] : UInt8(ascii: " ")
                if text[next] == UInt8(ascii: ":"), follower == UInt8(ascii: " ") { break }
            }
            next += 1
        }
        var found = text[start..<next]
        while found.last == UInt8(ascii: " ") { found.removeLast() }
        return Array(found)
    }

    /// What a plain scalar means by the core schema, where YAML 1.1 means the same by it.
    private func resolved(_ scalar: [UInt8]) throws(YAMLError) -> YAMLValue {
        let word = String(decoding: scalar, as: UTF8.self)
        if ["null", "true", "false"].contains(word) { return .literal(scalar) }
        let otherwise = ["~", "yes", "no", "on", "off", "y", "n", "null", "true", "false"]
        guard let first = scalar.first, !otherwise.contains(word.lowercased()),
            !"&!%@`|>".utf8.contains(first), !word.contains(" #"), !word.contains(": ")
        else { throw error("has a plain scalar that may mean several things: quote it") }
        guard scalar.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            if Double(word) != nil || word.hasSuffix(":") {
                throw error("has a plain scalar that may mean several things: quote it")
            }
            return .string(scalar)
        }
        guard scalar.count == 1 || first != UInt8(ascii: "0") else {
            throw error("has a number with a zero before it")
        }
        return .literal(scalar)
    }

    private mutating func singleQuoted() throws(YAMLError) -> [UInt8] {
        var found: [UInt8] = []
        while next < text.count {
            let byte = text[next]
            next += 1
            guard byte == UInt8(ascii: "'") else {
                found.append(byte)
                continue
            }
            guard next < text.count, text[next] == byte else { return found }
            found.append(byte)
            next += 1
        }
        throw error("ends within quotes")
    }

    private mutating func doubleQuoted() throws(YAMLError) -> [UInt8] {
        let escapes: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
            UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
        ]
        var found: [UInt8] = []
        while next < text.count {
            let byte = text[next]
            next += 1
            if byte == UInt8(ascii: "\"") { return found }
            guard byte == UInt8(ascii: "\\") else {
                found.append(byte)
                continue
            }
            guard next < text.count, let escaped = escapes[text[next]] else {
                throw error("has an escape other than \\n, \\r, \\t, \\\" and \\\\")
            }
            found.append(escaped)
            next += 1
        }
        throw error("ends within quotes")
    }
}
