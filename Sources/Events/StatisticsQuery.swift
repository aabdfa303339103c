/// A query of `/events/stats`: the events, and the way to count them.
public struct StatisticsQuery: Sendable {
    /// The events. Order, limit and cursor are ignored.
    public let events: EventQuery
    /// The length of buckets; nil for one that gives about 60 buckets.
    public let interval: BucketInterval?
    /// The fields whose values are counted in the whole range. Those of the first field are also
    /// counted in each bucket.
    public let fields: [StatisticsField]
    /// True to count the occurrences that events report instead of the events.
    public let sumsOccurrences: Bool
    /// The end of a range without `until`.
    public let now: Timestamp

    /// The query parameters besides the filters.
    public static let parameters = ["interval", "by", "occurrences"]

    /// Reads the parameters besides the filters.
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
                        "takes fields from \(names.joined(separator: ", ")), separated by commas; \(EventRules.quoted(name.utf8)) is not one"
                )
            }
            let field = StatisticsField.all[place]
            if !fields.contains(field) { fields.append(field) }
        }
        return fields
    }
}
