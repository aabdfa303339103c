/// What `/events/stats` is asked: which events, and how they are counted.
public struct StatisticsQuery: Sendable {
    /// Which events; order, limit and cursor mean nothing here.
    public let events: EventQuery
    /// nil for one that gives about 60 buckets.
    public let interval: BucketInterval?
    /// The fields whose values are counted: in the whole range, and those of the first one in each
    /// bucket, too.
    public let fields: [StatisticsField]
    /// Whether what events tell of is counted, not the events.
    public let sumsOccurrences: Bool
    /// Where a range ends that has no `until`.
    public let now: Timestamp

    /// The query parameters beside the filters.
    public static let parameters = ["interval", "by", "occurrences"]

    /// Reads the parameters beside the filters.
    public init(
        _ events: EventQuery, interval: String?, by: String?, occurrences: String?, now: Timestamp
    ) throws(QueryError) {
        self.events = events
        self.now = now
        if let interval {
            guard let interval = BucketInterval(interval) else {
                throw QueryError(
                    parameter: "interval",
                    detail:
                        "must be one of \(BucketInterval.choices); without it there are about 60 buckets"
                )
            }
            self.interval = interval
        } else {
            self.interval = nil
        }
        fields = try by.map(Self.fields) ?? []
        sumsOccurrences = try Bool(parameter: "occurrences", occurrences)
    }

    private static func fields(_ text: String) throws(QueryError) -> [StatisticsField] {
        let names = StatisticsField.all.map(\.name)
        var fields: [StatisticsField] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let place = names.firstIndex(of: String(name)) else {
                throw QueryError(
                    parameter: "by",
                    detail:
                        "takes fields out of \(names.joined(separator: ", ")), separated by commas; \(EventDecoder.quoted(name.utf8)) is none"
                )
            }
            let field = StatisticsField.all[place]
            if !fields.contains(field) { fields.append(field) }
        }
        return fields
    }
}
