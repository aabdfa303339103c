import EventStore
import Events

/// The tsquery that narrows a search: it may admit too much, never too little. Tokens hold no quote
/// and no backslash, so quoting them is enough.
struct WordQuery {
    /// The query's text; nil if the column `words` cannot narrow the search.
    let text: [UInt8]?

    /// The fields with an index of their own in page order.
    private static let indexed: Set<EventField> = [.severity, .eventType, .objectName]

    init(_ conditions: EventConditions) {
        var words: [[UInt8]] = []
        for required in conditions.text?.required ?? [] {
            words += SearchDocument.tokens(required.words).map { Self.quoted($0) }
            if let prefix = required.prefix { words.append(Self.quoted(prefix, isPrefix: true)) }
        }
        for filter in conditions.metadata {
            words += filter.requiredWords.prefix(TextQuery.maxWords).map { Self.quoted($0) }
            if let choices = filter.choices {
                words.append(Self.any(choices.map { Self.quoted($0) }))
            }
        }
        var parts: [[UInt8]] = []
        if !words.isEmpty {
            // An event with too many words has only the first ones, and a mark.
            parts.append(Self.any([Self.all(words), Self.quoted(SearchDocument.mark)]))
        }
        for filter in conditions.fields {
            guard let included = filter.included, !included.contains(where: { $0.text.isEmpty }),
                !Self.indexed.contains(filter.field)
                    || filter.onlyValue == nil && filter.field == .objectName
            else { continue }
            parts.append(
                Self.any(
                    included.map {
                        Self.quoted(
                            SearchDocument.token(filter.field, $0.text), isPrefix: $0.isPrefix)
                    }))
        }
        text = parts.isEmpty ? nil : Self.all(parts)
    }

    private static func quoted(_ token: [UInt8], isPrefix: Bool = false) -> [UInt8] {
        let quote = UInt8(ascii: "'")
        return [quote] + WordList.stored(token) + [quote] + (isPrefix ? Array(":*".utf8) : [])
    }

    private static func any(_ parts: [[UInt8]]) -> [UInt8] { joined(parts, "|") }
    private static func all(_ parts: [[UInt8]]) -> [UInt8] { joined(parts, "&") }

    private static func joined(_ parts: [[UInt8]], _ sign: Unicode.Scalar) -> [UInt8] {
        guard parts.count > 1 else { return parts.first ?? [] }
        return [UInt8(ascii: "(")] + parts.joined(separator: [UInt8(ascii: sign)])
            + [UInt8(ascii: ")")]
    }
}
