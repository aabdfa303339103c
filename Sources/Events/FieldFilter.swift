/// The values that one filterable field must have, and must not have.
public struct FieldFilter: Hashable, Sendable {
    /// A text that the field must equal or begin with.
    public struct Value: Hashable, Sendable {
        /// The text in UTF-8. Bytes are compared, because two `String`s with different bytes may be
        /// equal.
        public let text: [UInt8]
        /// True if the field may be longer.
        public let isPrefix: Bool

        /// Creates a value or a prefix.
        public init(_ text: some Sequence<UInt8>, isPrefix: Bool = false) {
            self.text = Array(text)
            self.isPrefix = isPrefix
        }

        fileprivate func admits(_ bytes: UnsafeRawBufferPointer) -> Bool {
            isPrefix ? bytes.starts(with: text) : bytes.elementsEqual(text)
        }
    }

    /// The field.
    public let field: EventField
    /// The allowed values, sorted and without duplicates; nil allows anything, including null.
    public private(set) var included: [Value]?
    /// The forbidden values, sorted and without duplicates. Null is not one of them.
    public private(set) var excluded: [Value] = []

    /// The most values of one field.
    public static let maxValues = 64

    /// Reads all values of the field's parameter.
    init(_ field: EventField, _ parameters: [String]) throws(QueryError) {
        self.field = field
        for parameter in parameters {
            for (value, isExcluded) in try Self.split(parameter, field) {
                let checked = try Self.check(value, field)
                if isExcluded { excluded += checked } else { included = (included ?? []) + checked }
            }
        }
        included = included.map(Self.ordered)
        excluded = Self.ordered(excluded)
        guard (included?.count ?? 0) + excluded.count <= Self.maxValues else {
            throw Self.wrong(field, "has more than \(Self.maxValues) values")
        }
    }

    /// Includes the severities from `least` up.
    init(severityFrom least: Severity) {
        field = .severity
        included = Self.ordered(
            Severity.allCases.drop { $0 != least }.map { Value($0.rawValue.utf8) })
    }

    /// Keeps only included values that `other` includes too.
    mutating func formIntersection(_ other: FieldFilter) {
        guard let included, let others = other.included else {
            return included = included ?? other.included
        }
        self.included = included.filter(others.contains)
    }

    /// The single value that the field must have; nil if there is not exactly one.
    public var onlyValue: [UInt8]? {
        guard let included, included.count == 1, !included[0].isPrefix else { return nil }
        return included[0].text
    }

    /// True if a field with this text matches.
    public func admits(_ text: String) -> Bool {
        Array(text.utf8).span.withUnsafeBytes { admits($0) }
    }

    /// True if a field with these bytes, or null, matches.
    func admits(_ bytes: UnsafeRawBufferPointer?) -> Bool {
        guard let bytes else { return included == nil }
        guard included?.contains(where: { $0.admits(bytes) }) ?? true else { return false }
        return !excluded.contains { $0.admits(bytes) }
    }

    // MARK: Reading

    private static func wrong(_ field: EventField, _ detail: String) -> QueryError {
        QueryError(parameter: String(describing: field.name), detail: detail)
    }

    /// Splits at commas. A backslash escapes a following `!`, `*`, `,` or `\`.
    private static func split(
        _ parameter: String, _ field: EventField
    ) throws(QueryError) -> [(value: Value, isExcluded: Bool)] {
        var values: [(value: Value, isExcluded: Bool)] = []
        var text: [UInt8] = []
        var isExcluded = false
        var isPrefix = false
        func end() throws(QueryError) {
            guard !text.isEmpty || isPrefix else {
                throw wrong(field, "has an empty value between its commas or after its '!'")
            }
            values.append((Value(text, isPrefix: isPrefix), isExcluded))
            (text, isExcluded, isPrefix) = ([], false, false)
        }
        let bytes = Array(parameter.utf8)
        var start = 0
        var index = 0
        while index < bytes.count {
            let next: UInt8? = index + 1 < bytes.count ? bytes[index + 1] : nil
            switch bytes[index] {
            case UInt8(ascii: "\\") where next.map(isOperator) ?? false:
                index += 1
                text.append(bytes[index])
            case UInt8(ascii: ","):
                try end()
                start = index + 1
            case UInt8(ascii: "!") where index == start: isExcluded = true
            case UInt8(ascii: "*") where next == nil || next == UInt8(ascii: ","): isPrefix = true
            case let byte: text.append(byte)
            }
            index += 1
        }
        try end()
        return values
    }

    private static func isOperator(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "\\"): true
        default: false
        }
    }

    /// The values that `value` stands for in `field`. A typo must not look like "no such events".
    private static func check(_ value: Value, _ field: EventField) throws(QueryError) -> [Value] {
        switch field {
        case .severity:
            let meant = Severity.allCases.map(\.rawValue.utf8).filter {
                value.isPrefix ? $0.starts(with: value.text) : $0.elementsEqual(value.text)
            }
            guard !meant.isEmpty else {
                throw wrong(
                    field,
                    "must be one of \(Severity.list), not \(EventRules.quoted(value.text))")
            }
            return meant.map { Value($0) }
        case .eventType:
            guard value.isPrefix && value.text.isEmpty || EventRules.isValidType(value.text)
            else {
                throw wrong(
                    field,
                    "has \(EventRules.quoted(value.text)), which is not an event type: a-z 0-9 . _ -, a letter first"
                )
            }
            return [value]
        default: return [value]
        }
    }

    private static func ordered(_ values: [Value]) -> [Value] {
        var seen: Set<Value> = []
        return values.filter { seen.insert($0).inserted }.sorted { left, right in
            left.text == right.text
                ? !left.isPrefix && right.isPrefix
                : left.text.lexicographicallyPrecedes(right.text)
        }
    }
}
