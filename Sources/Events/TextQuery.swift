/// The query `q`: words, phrases and prefixes that an event must have or must not have.
///
/// Terms are separated by white space. A term is a text in quotes or one without white space;
/// several words in it must follow each other. A leading `-` excludes the term, and a trailing `*`
/// makes its last word a prefix.
public struct TextQuery: Hashable, Sendable {
    /// Words that follow each other in one field.
    struct Term: Hashable, Sendable {
        var words: [[UInt8]]
        var endsInPrefix = false
        var isExcluded = false
    }

    /// Words that an event must have to match, in lower case, no longer than `WordScanner.maxBytes`.
    public struct RequiredWords: Hashable, Sendable {
        /// The words, which follow each other in one field.
        public let words: [[UInt8]]
        /// The start of the word after them.
        public let prefix: [UInt8]?
    }

    let terms: [Term]

    /// The longest query text, in bytes.
    public static let maxBytes = 1024
    /// The most words in all terms together.
    public static let maxWords = 16
    /// The shortest prefix, in bytes. A shorter one would match half of the dictionary.
    public static let minPrefixBytes = 2

    /// Reads the value of the parameter `q`.
    public init(_ text: String) throws(QueryError) {
        func wrong(_ detail: String) -> QueryError { QueryError(parameter: "q", detail: detail) }
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maxBytes else {
            throw wrong("is longer than \(Self.maxBytes) bytes")
        }
        var terms: [Term] = []
        var index = 0
        while let (term, source) = try Self.term(bytes, &index) {
            guard !term.words.isEmpty else {
                throw wrong("has \(EventRules.quoted(source)), which has no word")
            }
            guard !term.endsInPrefix || term.words.last!.count >= Self.minPrefixBytes else {
                throw wrong(
                    "has \(EventRules.quoted(source)); '*' needs at least \(Self.minPrefixBytes) characters before it"
                )
            }
            terms.append(term)
        }
        guard terms.contains(where: { !$0.isExcluded }) else {
            throw wrong("names no word that an event must have")
        }
        guard terms.reduce(0, { $0 + $1.words.count }) <= Self.maxWords else {
            throw wrong("has more than \(Self.maxWords) words")
        }
        self.terms = terms
    }

    /// The term at `index`, and its source; nil at the end. Moves `index` past it.
    private static func term(
        _ bytes: [UInt8], _ index: inout Int
    ) throws(QueryError) -> (Term, ArraySlice<UInt8>)? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        guard index < bytes.count else { return nil }
        let start = index
        var term = Term(words: [])
        if bytes[index] == UInt8(ascii: "-") {
            term.isExcluded = true
            index += 1
        }
        let words: ArraySlice<UInt8>
        if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
            guard let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "\"")) else {
                throw QueryError(parameter: "q", detail: "has a quote that is not closed")
            }
            words = bytes[(index + 1)..<end]
            index = end + 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "*") {
                term.endsInPrefix = true
                index += 1
            }
        } else {
            let end = bytes[index...].firstIndex(where: isSpace) ?? bytes.count
            words = bytes[index..<end]
            term.endsInPrefix = words.last == UInt8(ascii: "*")
            index = end
        }
        term.words = WordScanner.words(words)
        return (term, bytes[start..<index])
    }

    /// Bytes that are equal for equivalent queries.
    var signature: [UInt8] {
        let terms = terms.map { term -> [UInt8] in
            let marks = (term.isExcluded ? "-" : "") + (term.endsInPrefix ? "*" : "")
            return Array(marks.utf8) + Array(term.words.joined(separator: [UInt8(ascii: " ")]))
        }
        let ordered = Set(terms).sorted { $0.lexicographicallyPrecedes($1) }
        return Array(ordered.joined(separator: [UInt8(ascii: ",")]))
    }

    /// The words that every match must have; those of a term follow each other.
    public var required: [RequiredWords] {
        terms.filter { !$0.isExcluded }.map { term in
            RequiredWords(
                words: term.endsInPrefix ? term.words.dropLast() : term.words,
                prefix: term.endsInPrefix ? term.words.last : nil)
        }
    }
}
