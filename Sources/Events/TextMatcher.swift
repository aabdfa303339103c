import Glibc

/// Checks events against a text query by reading their texts. Only one thread at a time may use it.
public final class TextMatcher {
    /// A word to search for.
    private struct Needle {
        let bytes: [UInt8]
        let isPrefix: Bool
        let term: Int
        /// Its position in the term.
        let bit: UInt32
    }

    private let terms: [TextQuery.Term]
    private var needles: [Needle] = []
    private let scanner = WordScanner()
    /// For each term, one bit for each of its words, set if the words up to it end at the previous
    /// position.
    private var ending: [UInt32]
    /// Bits of the words at the current position.
    private var here: [UInt32]
    private var isHereEmpty = true
    private var found: [Bool]

    /// The fields that are searched.
    public static let fields: [EventField] = [.title, .description, .objectName, .metadata]

    /// Prepares to search for `query`.
    public init(_ query: TextQuery) {
        terms = query.terms
        ending = Array(repeating: 0, count: terms.count)
        here = ending
        found = Array(repeating: false, count: terms.count)
        for (index, term) in terms.enumerated() {
            for (place, word) in term.words.enumerated() {
                needles.append(
                    Needle(
                        bytes: word,
                        isPrefix: term.endsInPrefix && place == term.words.count - 1,
                        term: index, bit: 1 << UInt32(place)))
            }
        }
    }

    /// True if the event has every required term, each within one field, and no excluded one.
    public func matches(_ event: EventView) -> Bool {
        for index in terms.indices { found[index] = false }
        for field in Self.fields {
            guard let text = event[field] else { continue }
            for index in terms.indices { (ending[index], here[index]) = (0, 0) }
            scanner.scan(text, isJSON: field == .metadata) { word, isWhole in
                if isWhole { advance() }
                note(word)
            }
            advance()
        }
        return terms.indices.allSatisfy { found[$0] != terms[$0].isExcluded }
    }

    /// Ends the current position: sequences that ended before it and continue at it now end here.
    private func advance() {
        guard !isHereEmpty else {
            // Most positions have none of the words.
            for index in ending.indices { ending[index] = 0 }
            return
        }
        for index in terms.indices {
            ending[index] = (ending[index] << 1 | 1) & here[index]
            here[index] = 0
            if ending[index] >> (terms[index].words.count - 1) & 1 != 0 { found[index] = true }
        }
        isHereEmpty = true
    }

    /// Notes a word, or a part of it, at the current position.
    private func note(_ word: UnsafeRawBufferPointer) {
        for needle in needles {
            let count = needle.bytes.count
            guard needle.isPrefix ? word.count >= count : word.count == count,
                memcmp(word.baseAddress!, needle.bytes, count) == 0
            else { continue }
            here[needle.term] |= needle.bit
            isHereEmpty = false
        }
    }
}
