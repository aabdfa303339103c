package import Events
import System

/// The text of an event for the search index: each of its words once, a token for each word with
/// the short number after it, as in names (`nginx-7`), a token for each filterable field, and one
/// for each pair of those. So one walk along the index serves any two filters, or filters and words
/// together.
///
/// The index only narrows a search: the reader checks each event itself. So the index may claim too
/// much of an event but never too little, and a token may stand for several values. An event with
/// too many words has the first ones and a mark that every search for words finds.
package final class SearchDocument {
    private let scanner = WordScanner()
    // As in `WordScanner`: changed with each word, and by nobody else meanwhile.
    @exclusivity(unchecked) package private(set) var text: [UInt8] = []
    /// The number of tokens in `text`.
    @exclusivity(unchecked) package private(set) var tokens = 0
    /// True if words are missing and the mark is there.
    @exclusivity(unchecked) private var isCut = false
    /// A hash table of the word tokens so far, by their position in `text`.
    @exclusivity(unchecked) private var table = [Entry](repeating: Entry(), count: tableSize)
    private var generation: UInt32 = 0
    /// The positions in `text` of the previous and the current words; a word and its parts share
    /// one.
    @exclusivity(unchecked) private var before: [Range<Int>] = []
    @exclusivity(unchecked) private var here: [Range<Int>] = []
    /// A buffer for a word with the number after it.
    @exclusivity(unchecked) private var pair: [UInt8] = []
    private let pairsFilters: Bool

    private struct Entry {
        var generation: UInt32 = 0
        var start: Int32 = 0
        var count: Int32 = 0
    }

    private static let tableSize = 4096
    /// The most word tokens of an event: three quarters of the hash table. The index inserts or
    /// removes them within 3 ms.
    package static let mostWords = tableSize / 4 * 3
    /// The token of an event that has more. No word or filter looks like it.
    package static let mark = Array(".cut".utf8)

    /// The order in which two of them form a token. Files depend on it.
    private static let filters = EventField.filterable

    /// - Parameter pairsFilters: false to leave out the tokens of two filters, for an index that
    ///   intersects its lists fast.
    package init(pairsFilters: Bool = true) { self.pairsFilters = pairsFilters }

    /// Makes `text` for `event`.
    package func make(_ event: EventView) {
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
        if let foldKey = event.foldKey {
            text += Self.token(foldKey: foldKey)
            text.append(UInt8(ascii: " "))
            tokens += 1
        }
        for (place, field) in Self.filters.enumerated() {
            guard let value = event[field] else { continue }
            Self.appendToken(field, value, to: &text)
            tokens += 1
            guard pairsFilters else { continue }
            for other in Self.filters[(place + 1)...] {
                guard let otherValue = event[other] else { continue }
                Self.appendToken(field, value, other, otherValue, to: &text)
                tokens += 1
            }
        }
    }

    /// Appends a word token unless it is there, and returns its position; nil once there are too
    /// many.
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

    /// Appends the tokens of the previous words with the number at `range`.
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

    /// The tokens for `words`, which follow each other in an event; each is paired with its
    /// neighbors if the index has such pairs.
    package static func tokens(_ words: [[UInt8]]) -> [[UInt8]] {
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

    /// Neither words nor filter tokens begin like this.
    private static let pairMark = Array("..".utf8)

    /// Longer numbers are rare enough by themselves.
    private static func isShortNumber(_ word: UnsafeRawBufferPointer) -> Bool {
        word.count <= 3 && word.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    // MARK: Tokens of filters

    /// A word has no dot, so a token that begins with one is not a word.
    static func appendToken(
        _ field: EventField, _ value: some Sequence<UInt8>, to text: inout [UInt8]
    ) {
        text.append(UInt8(ascii: "."))
        text.append(letter(field))
        text.append(UInt8(ascii: "."))
        appendEscaped(value, to: &text)
        text.append(UInt8(ascii: " "))
    }

    /// Appends the token of two filters at once; `field` comes before `other`.
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

    /// The token of one filter.
    package static func token(_ field: EventField, _ value: [UInt8]) -> [UInt8] {
        var token: [UInt8] = []
        appendToken(field, value, to: &token)
        return token.dropLast()  // the separator
    }

    /// The token of two filters.
    package static func token(
        _ field: EventField, _ value: [UInt8], _ other: EventField, _ otherValue: [UInt8]
    ) -> [UInt8] {
        var token: [UInt8] = []
        appendToken(field, value, other, otherValue, to: &token)
        return token.dropLast()
    }

    /// The token of the key that events are folded by. It has no pairs, because no filter narrows more.
    package static func token(foldKey: Int64) -> [UInt8] {
        Array(".f.\(UInt64(bitPattern: foldKey).hexadecimal)".utf8)
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

    /// Appends `value` with each character at which the index's tokenizer would split replaced.
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
