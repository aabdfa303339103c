/// Reads the part of YAML 1.2 that openapi.yaml keeps to: block and flow collections, anchors of whole
/// values, comments on lines of their own, `|` and `>-` blocks; every other scalar on one line.
///
/// What lies outside is an error, and nothing is guessed. Tests/Contract compares what comes of
/// openapi.yaml with another reader's.
struct YAMLReader {
    private struct Line {
        let number: Int
        /// Of `text`, which begins behind it.
        var indent: Int
        var text: [UInt8]
    }

    private var lines: [Line]
    private var next = 0
    private var anchors: [[UInt8]: YAMLValue] = [:]

    /// The value of a whole document.
    static func read(_ text: [UInt8]) throws(YAMLError) -> YAMLValue {
        var reader = YAMLReader(text)
        reader.passEmptyLines()
        let value = try reader.block(deeperThan: -1)
        reader.passEmptyLines()
        guard reader.isAtEnd else { throw reader.error("is indented less than its neighbours") }
        return value
    }

    private init(_ text: [UInt8]) {
        var number = 0
        lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            number += 1
            let indent = $0.prefix { $0 == UInt8(ascii: " ") }.count
            return Line(number: number, indent: indent, text: Array($0.dropFirst(indent)))
        }
    }

    private var isAtEnd: Bool { next == lines.count }

    private func error(_ detail: String) -> YAMLError {
        YAMLError(line: lines[min(next, lines.count - 1)].number, detail: detail)
    }

    private mutating func passEmptyLines() {
        while !isAtEnd, lines[next].text.first ?? UInt8(ascii: "#") == UInt8(ascii: "#") {
            next += 1
        }
    }

    // MARK: Blocks

    /// The list, the map or the one scalar that begins in the next line.
    private mutating func block(deeperThan outer: Int) throws(YAMLError) -> YAMLValue {
        guard !isAtEnd, lines[next].indent > outer else { throw error("has no value") }
        let indent = lines[next].indent
        if Self.isItem(lines[next].text) { return try list(indent) }
        return try Self.keyEnd(lines[next].text) == nil ? value(outer) : map(indent)
    }

    private static func isItem(_ text: [UInt8]) -> Bool {
        text.starts(with: "- ".utf8) || text == Array("-".utf8)
    }

    private mutating func list(_ indent: Int) throws(YAMLError) -> YAMLValue {
        var items: [YAMLValue] = []
        while !isAtEnd, lines[next].indent == indent, Self.isItem(lines[next].text) {
            drop(1)
            items.append(
                try anchored { reader throws(YAMLError) in try reader.block(deeperThan: indent) })
            passEmptyLines()
        }
        return .list(items)
    }

    private mutating func map(_ indent: Int) throws(YAMLError) -> YAMLValue {
        var pairs: [(key: [UInt8], value: YAMLValue)] = []
        while !isAtEnd, lines[next].indent == indent, !Self.isItem(lines[next].text) {
            guard let end = Self.keyEnd(lines[next].text) else { throw error("has no key") }
            var flow = FlowReader(Array(lines[next].text[..<end]), lines[next].number, anchors)
            let key = try flow.key()
            guard !pairs.contains(where: { $0.key == key }) else { throw error("has a key twice") }
            drop(end + 1)
            let value = try anchored { reader throws(YAMLError) in
                // A list may stand as far left as its key.
                let isList = !reader.isAtEnd && Self.isItem(reader.lines[reader.next].text)
                return reader.isInline
                    ? try reader.value(indent)
                    : try reader.block(deeperThan: isList ? indent - 1 : indent)
            }
            pairs.append((key, value))
            passEmptyLines()
        }
        return .map(pairs)
    }

    /// Whether what comes stands behind a key in its line.
    private var isInline = false

    /// Takes `count` bytes and the blanks behind them off the next line, and the line if it is empty then.
    private mutating func drop(_ count: Int) {
        let rest = lines[next].text.dropFirst(count)
        let blanks = rest.prefix { $0 == UInt8(ascii: " ") }.count
        lines[next].indent += count + blanks
        lines[next].text = Array(rest.dropFirst(blanks))
        isInline = !lines[next].text.isEmpty
        if !isInline { passEmptyLines() }
    }

    /// What `read` reads, kept for aliases where an anchor stands before it.
    private mutating func anchored(
        _ read: (inout YAMLReader) throws(YAMLError) -> YAMLValue
    ) throws(YAMLError) -> YAMLValue {
        guard isInline, lines[next].text.first == UInt8(ascii: "&") else { return try read(&self) }
        let name = Array(lines[next].text.dropFirst().prefix { $0 != UInt8(ascii: " ") })
        drop(name.count + 1)
        let value = try read(&self)
        anchors[name] = value
        return value
    }

    /// How long the key is that `text` begins with; nil if it begins with none.
    private static func keyEnd(_ text: [UInt8]) -> Int? {
        if "{[*|>".utf8.contains(text[0]) { return nil }
        var start = 0
        if text[0] == UInt8(ascii: "'") || text[0] == UInt8(ascii: "\"") {
            guard let quote = text.dropFirst().firstIndex(of: text[0]) else { return nil }
            start = quote + 1
            guard start < text.count, text[start] == UInt8(ascii: ":") else { return nil }
        }
        return text.indices.dropFirst(start).first { index in
            text[index] == UInt8(ascii: ":")
                && (index + 1 == text.count || text[index + 1] == UInt8(ascii: " "))
        }
    }

    // MARK: What stands in one line

    private mutating func value(_ indent: Int) throws(YAMLError) -> YAMLValue {
        let line = lines[next]
        next += 1
        switch line.text {
        case Array("|".utf8): return .string(try literalBlock(deeperThan: indent))
        case Array(">-".utf8): return .string(try foldedBlock(deeperThan: indent))
        default:
            var flow = FlowReader(line.text, line.number, anchors)
            return try flow.whole()
        }
    }

    private mutating func blockLines(deeperThan outer: Int) throws(YAMLError) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var indent: Int?
        while !isAtEnd, lines[next].text.isEmpty || lines[next].indent > outer {
            let line = lines[next]
            next += 1
            if line.text.isEmpty {
                found.append([])
                continue
            }
            let first = indent ?? line.indent
            indent = first
            guard line.indent >= first else { throw error("is indented less than its block") }
            found.append(
                Array(repeating: UInt8(ascii: " "), count: line.indent - first) + line.text)
        }
        while found.last?.isEmpty == true { found.removeLast() }
        return found
    }

    private mutating func literalBlock(deeperThan outer: Int) throws(YAMLError) -> [UInt8] {
        try blockLines(deeperThan: outer).reduce(into: []) { text, line in
            text += line + [UInt8(ascii: "\n")]
        }
    }

    private mutating func foldedBlock(deeperThan outer: Int) throws(YAMLError) -> [UInt8] {
        let found = try blockLines(deeperThan: outer)
        guard found.allSatisfy({ $0.first ?? UInt8(ascii: " ") != UInt8(ascii: " ") }) else {
            throw error("follows a folded block with paragraphs or indented lines")
        }
        return Array(found.joined(separator: [UInt8(ascii: " ")]))
    }
}
