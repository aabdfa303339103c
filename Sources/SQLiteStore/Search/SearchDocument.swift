import Events

/// What the search index is given of an event: its words, each once, a token for each word with the short
/// number behind it, as names have them (`nginx-7`), and one for each field that filters know and for each
/// pair of them. So one walk along the index serves any two filters, or filters and words together.
///
/// The index only narrows: what reads it looks at the event itself. It may thus know more of an
/// event than is true, never less, and a token may stand for several values. An event with more
/// words than its bound has the first ones and a mark, by which every search for words finds it.
final class SearchDocument {
    private let scanner = WordScanner()
    // As in `WordScanner`: changed with each word, and by nobody else meanwhile.
    @exclusivity(unchecked) private(set) var text: [UInt8] = []
    /// Tokens in `text`.
    @exclusivity(unchecked) private(set) var tokens = 0
    /// Whether words are missing, and the mark is there.
    @exclusivity(unchecked) private var isCut = false
    /// A hash table of the tokens of words so far: where each lies in `text`.
    @exclusivity(unchecked) private var table = [Entry](repeating: Entry(), count: tableSize)
    private var generation: UInt32 = 0
    /// Where the words of the place before and of the present one lie in `text`: a word and its parts
    /// share one.
    @exclusivity(unchecked) private var before: [Range<Int>] = []
    @exclusivity(unchecked) private var here: [Range<Int>] = []
    /// A word with the number behind it, while that is made.
    @exclusivity(unchecked) private var pair: [UInt8] = []

    private struct Entry {
        var generation: UInt32 = 0
        var start: Int32 = 0
        var count: Int32 = 0
    }

    private static let tableSize = 4096
    /// Tokens of words that an event has at most: three quarters of the hash table. The index takes
    /// them, or gives them up, within 3 ms.
    static let mostWords = tableSize / 4 * 3
    /// The token of an event that has more. No word and no filter is written so.
    static let mark = Array(".cut".utf8)

    /// The order in which two of them make a token, which files keep.
    private static let filters = EventField.filterable

    /// Makes `text` that of `event`.
    func make(_ event: EventView) {
        text.removeAll(keepingCapacity: true)
        generation += 1
        tokens = 0
        isCut = false
        for field in TextMatcher.fields where !isCut {
            guard let bytes = event[field] else { continue }
            here.removeAll(keepingCapacity: true)
            scanner.scan(bytes, isJSON: field == .metadata) { word, isWhole in
                if isWhole {
                    swap(&before, &here)
                    here.removeAll(keepingCapacity: true)
                }
                guard let range = append(word) else { return }
                here.append(range)
                if Self.isShortNumber(word) { appendPairs(with: range) }
            }
        }
        if isCut {
            text += Self.mark
            text.append(UInt8(ascii: " "))
            tokens += 1
        }
        appendFilters(event)
    }

    private func appendFilters(_ event: EventView) {
        for (place, field) in Self.filters.enumerated() {
            guard let value = event[field] else { continue }
            Self.appendToken(field, value, to: &text)
            tokens += 1
            for other in Self.filters[(place + 1)...] {
                guard let otherValue = event[other] else { continue }
                Self.appendToken(field, value, other, otherValue, to: &text)
                tokens += 1
            }
        }
    }

    /// Appends a token of words unless it is there, and says where it is; nil once there are as many
    /// as there may be.
    private func append(_ word: UnsafeRawBufferPointer) -> Range<Int>? {
        guard !isCut else { return nil }
        var hash: UInt32 = 0x811C_9DC5
        for byte in word { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        var slot = Int(hash ^ hash >> 16) & (Self.tableSize - 1)
        while table[slot].generation == generation {
            let entry = table[slot]
            let range = Int(entry.start)..<Int(entry.start + entry.count)
            if range.count == word.count, text[range].elementsEqual(word) { return range }
            slot = (slot + 1) & (Self.tableSize - 1)
        }
        guard tokens < Self.mostWords else {
            isCut = true
            scanner.stop()
            return nil
        }
        tokens += 1
        table[slot] = Entry(
            generation: generation, start: Int32(text.count), count: Int32(word.count))
        let start = text.count
        text.append(contentsOf: word)
        text.append(UInt8(ascii: " "))
        return start..<(start + word.count)
    }

    // MARK: Tokens of words

    /// Appends the tokens of the words before with the number at `range`.
    private func appendPairs(with range: Range<Int>) {
        for word in before {
            pair.removeAll(keepingCapacity: true)
            pair += Self.pairMark
            pair += text[word]
            pair.append(UInt8(ascii: "."))
            pair += text[range]
            _ = pair.withUnsafeBytes { append($0) }
        }
    }

    /// What stands for `words`, which follow each other in an event, each with the words beside it where
    /// the index has that.
    static func tokens(_ words: [[UInt8]]) -> [[UInt8]] {
        words.indices.flatMap { index -> [[UInt8]] in
            let word = words[index]
            let isCovered =
                index + 1 < words.count && words[index + 1].withUnsafeBytes(isShortNumber)
            guard index > 0, word.withUnsafeBytes(isShortNumber) else {
                return isCovered ? [] : [word]
            }
            return [pairMark + words[index - 1] + [UInt8(ascii: ".")] + word]
        }
    }

    /// Neither a word nor a filter's token begins so.
    private static let pairMark = Array("..".utf8)

    /// Longer ones are rare enough by themselves.
    private static func isShortNumber(_ word: UnsafeRawBufferPointer) -> Bool {
        word.count <= 3 && word.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    // MARK: Tokens of filters

    /// A word never has a dot, so a token that begins with one is no word.
    static func appendToken(
        _ field: EventField, _ value: some Sequence<UInt8>, to text: inout [UInt8]
    ) {
        text.append(UInt8(ascii: "."))
        text.append(letter(field))
        text.append(UInt8(ascii: "."))
        appendEscaped(value, to: &text)
        text.append(UInt8(ascii: " "))
    }

    /// The token of two filters at once; `field` comes before `other`.
    static func appendToken(
        _ field: EventField, _ value: some Sequence<UInt8>, _ other: EventField,
        _ otherValue: some Sequence<UInt8>, to text: inout [UInt8]
    ) {
        text.append(UInt8(ascii: "."))
        text.append(letter(field))
        text.append(letter(other))
        text.append(UInt8(ascii: "."))
        appendEscaped(value, to: &text)
        text.append(UInt8(ascii: "."))
        appendEscaped(otherValue, to: &text)
        text.append(UInt8(ascii: " "))
    }

    /// A filter's token alone.
    static func token(_ field: EventField, _ value: [UInt8]) -> [UInt8] {
        var token: [UInt8] = []
        appendToken(field, value, to: &token)
        return token.dropLast()  // the separator
    }

    /// The token of two filters alone.
    static func token(
        _ field: EventField, _ value: [UInt8], _ other: EventField, _ otherValue: [UInt8]
    ) -> [UInt8] {
        var token: [UInt8] = []
        appendToken(field, value, other, otherValue, to: &token)
        return token.dropLast()
    }

    private static func letter(_ field: EventField) -> UInt8 {
        switch field {
        case .eventType: UInt8(ascii: "t")
        case .severity: UInt8(ascii: "s")
        case .objectKind: UInt8(ascii: "k")
        case .objectNamespace: UInt8(ascii: "n")
        case .cluster: UInt8(ascii: "c")
        case .reason: UInt8(ascii: "r")
        default: UInt8(ascii: "o")
        }
    }

    /// What the tokenizer of the index would cut at becomes one character.
    private static func appendEscaped(_ value: some Sequence<UInt8>, to text: inout [UInt8]) {
        for byte in value {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                0x80...:
                text.append(byte)
            default: text.append(UInt8(ascii: "_"))
            }
        }
    }
}
