/// What one of the filterable fields must be, and must not be.
public struct FieldFilter: Hashable, Sendable {
    /// A text that the field must be, or begin with.
    public struct Value: Hashable, Sendable {
        /// UTF-8, for equal bytes are what counts: two `String`s may be equal with others.
        public let text: [UInt8]
        /// Whether the field may go on.
        public let isPrefix: Bool

        /// A value, or a prefix.
        public init(_ text: some Sequence<UInt8>, isPrefix: Bool = false) {
            self.text = Array(text)
            self.isPrefix = isPrefix
        }

        fileprivate func admits(_ bytes: UnsafeRawBufferPointer) -> Bool {
            isPrefix ? bytes.starts(with: text) : bytes.elementsEqual(text)
        }
    }

    /// What is looked at.
    public let field: EventField
    /// It is one of these; nil when anything will do, null too. In order, each once.
    public private(set) var included: [Value]?
    /// It is none of these, which null is not either. In order, each once.
    public private(set) var excluded: [Value] = []

    /// The most values of one field.
    public static let maxValues = 64

    /// Reads all values that the field's parameter was given.
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

    /// The severities from `least` on.
    init(severityFrom least: Severity) {
        field = .severity
        included = Self.ordered(
            Severity.allCases.drop { $0 != least }.map { Value($0.rawValue.utf8) })
    }

    /// Leaves of what is included only what `other` includes, too.
    mutating func formIntersection(_ other: FieldFilter) {
        guard let included, let others = other.included else {
            return included = included ?? other.included
        }
        self.included = included.filter(others.contains)
    }

    /// The one value that it must be.
    public var onlyValue: [UInt8]? {
        guard let included, included.count == 1, !included[0].isPrefix else { return nil }
        return included[0].text
    }

    /// Whether a field with this text is wanted.
    public func admits(_ text: String) -> Bool {
        Array(text.utf8).span.withUnsafeBytes { admits($0) }
    }

    /// Whether a field with these bytes, or null, is wanted.
    func admits(_ bytes: UnsafeRawBufferPointer?) -> Bool {
        guard let bytes else { return included == nil }
        guard included?.contains(where: { $0.admits(bytes) }) ?? true else { return false }
        return !excluded.contains { $0.admits(bytes) }
    }

    // MARK: Reading

    private static func wrong(_ field: EventField, _ detail: String) -> QueryError {
        QueryError(parameter: String(describing: field.name), detail: detail)
    }

    /// The values between commas. A backslash has the `!`, `*`, comma or backslash behind it mean
    /// nothing.
    private static func split(
        _ parameter: String, _ field: EventField
    ) throws(QueryError) -> [(value: Value, isExcluded: Bool)] {
        var values: [(value: Value, isExcluded: Bool)] = []
        var text: [UInt8] = []
        var isExcluded = false
        var isPrefix = false
        func end() throws(QueryError) {
            guard !text.isEmpty || isPrefix else {
                throw wrong(field, "has an empty value between its commas or behind its '!'")
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

    /// What `value` stands for in `field`: a typing error must not read as "no such events".
    private static func check(_ value: Value, _ field: EventField) throws(QueryError) -> [Value] {
        switch field {
        case .severity:
            let meant = Severity.allCases.map(\.rawValue.utf8).filter {
                value.isPrefix ? $0.starts(with: value.text) : $0.elementsEqual(value.text)
            }
            guard !meant.isEmpty else {
                throw wrong(
                    field,
                    "must be one of \(Severity.list), not \(EventDecoder.quoted(value.text))")
            }
            return meant.map { Value($0) }
        case .eventType:
            guard value.isPrefix && value.text.isEmpty || EventDecoder.isValidType(value.text)
            else {
                throw wrong(
                    field,
                    "has \(EventDecoder.quoted(value.text)), which is not an event type: a-z 0-9 . _ -, a letter first"
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
