package import Events

extension StatisticsQuery {
    /// The buckets of the range. Without `until` it ends now; without `since` it begins with the
    /// oldest event. So no event's claimed time can stretch it into the future.
    ///
    /// - Parameter oldest: reads the `created_at` of the oldest event; nil if there is none.
    /// - Returns: a failure if there are too many.
    package func buckets<Failure: Error>(
        oldest: () throws(Failure) -> String?
    ) throws(Failure) -> Result<Buckets, QueryError> {
        let until = events.conditions.until.map(Self.moment) ?? now
        let since =
            if let text = events.conditions.since {
                Self.moment(text)
            } else {
                min(try oldest().map(Self.moment) ?? until, until)
            }
        return Result { () throws(QueryError) in
            try Buckets(since: since, until: until, interval: interval)
        }
    }

    /// A database may hold any text; an invalid time sorts before or after all times.
    private static func moment(_ text: String) -> Timestamp {
        Timestamp(rfc3339: text.utf8)
            ?? (text < Timestamp.max.text ? .min : .max)
    }
}

/// Counts of events that a store lends one by one: once, or twice if the first field has too many
/// values to count each of them in each bucket.
package struct StatisticsTally {
    /// The events, or their occurrences, in each bucket.
    package private(set) var events: [Int]
    /// The most frequent values of each field.
    package private(set) var counts: [StatisticsField: [EventStatistics.Count]] = [:]
    /// The counts of these values of the first field in each bucket.
    package private(set) var series: [[Int]] = []

    /// Takes an event's bucket, its weight, and the parts of its value for each field; false if no
    /// more are wanted.
    package typealias Body = (
        _ bucket: Int, _ weight: Int,
        _ part: (_ place: Int, _ part: Int) -> UnsafeRawBufferPointer?
    ) -> Bool

    /// Lends each matching event. If values are given, the first field must have one of them.
    package typealias Walk<Failure: Error> = (
        _ fields: [StatisticsField], _ among: [String?]?, _ body: Body
    ) throws(Failure) -> Void

    /// Counts the values of `fields`, and with `keepsSeries` those of the first one in each bucket
    /// too.
    ///
    /// - Returns: a failure if a field has too many values.
    package static func count<Failure: Error>(
        _ fields: [StatisticsField], in buckets: Buckets, keepsSeries: Bool,
        within shared: SharedTally, _ walk: Walk<Failure>
    ) throws(Failure) -> Result<StatisticsTally, QueryError> {
        var found = StatisticsTally(events: Array(repeating: 0, count: buckets.count))
        let memory = TallyMemory(of: shared)
        // Declared before the tallies, so that it runs after they are gone.
        defer { memory.giveBack() }
        var tallies = fields.enumerated().map {
            ValueTally(
                buckets: keepsSeries && $0.offset == 0 ? buckets.count : 0, memory: memory)
        }
        var overflow: StatisticsField?
        try walk(fields, nil) { bucket, weight, part in
            found.events[bucket] += weight
            for (place, field) in fields.enumerated() {
                let isCounted = field.withValue(of: { part(place, $0) }) {
                    tallies[place].add($0, bucket, weight)
                }
                if !isCounted { overflow = field }
            }
            return overflow == nil
        }
        if let overflow { return .failure(tooMany(overflow)) }
        for (field, tally) in zip(fields, tallies) { found.counts[field] = tally.mostFrequent }
        guard keepsSeries else { return .success(found) }
        let wanted = tallies[0].mostFrequent.map(\.value)
        var tally = tallies[0]
        if !tally.keepsSeries {
            tally = ValueTally(buckets: buckets.count, memory: memory)
            try walk([fields[0]], wanted) { bucket, weight, part in
                fields[0].withValue(of: { part(0, $0) }) { tally.add($0, bucket, weight) }
            }
        }
        let series = wanted.map { tally.series(of: $0) }
        found.series = (0..<buckets.count).map { bucket in series.map { $0[bucket] } }
        return .success(found)
    }

    private init(events: [Int]) { self.events = events }

    private static func tooMany(_ field: StatisticsField) -> QueryError {
        QueryError(
            parameter: "by",
            detail:
                "names \(field.name), which has too many or too long values in this range (at most \(ValueTally.maxValues), and \(TallyMemory.bound >> 20) MiB for all queries together): narrow it with since and until, or with filters"
        )
    }
}

/// Lends events to a tally: those within the buckets, and whose first field has a wanted value.
package struct TalliedEvents {
    private let bounds: BucketBounds
    private let fields: [StatisticsField]
    private let parts: [[EventField]]
    private let among: Set<[UInt8]?>?
    private let sumsOccurrences: Bool
    private var bucket = 0

    /// - Parameters:
    ///   - buckets: at least one.
    ///   - among: the values that the first field must have; nil for any.
    ///   - sumsOccurrences: true if an event weighs as much as the occurrences that it reports.
    package init(
        _ buckets: Buckets, _ fields: [StatisticsField], among: [String?]?, sumsOccurrences: Bool
    ) {
        bounds = BucketBounds(buckets)
        self.fields = fields
        parts = fields.map(\.fields)
        self.among = among.map { Set($0.map { $0.map { Array($0.utf8) } }) }
        self.sumsOccurrences = sumsOccurrences
    }

    /// Lends an event; false if no more are wanted.
    package mutating func lend(_ event: EventView, to body: StatisticsTally.Body) -> Bool {
        let parts = parts
        let part = { (place: Int, part: Int) in event[parts[place][part]] }
        guard let time = event[.createdAt], bounds.contain(time),
            let bucket = bucket(of: time, part)
        else { return true }
        return body(bucket, weight(event.occurrences), part)
    }

    /// The bucket of an event within the range; nil if its first field has none of the values.
    package mutating func bucket(
        of time: UnsafeRawBufferPointer,
        _ part: (_ place: Int, _ part: Int) -> UnsafeRawBufferPointer?
    ) -> Int? {
        if let among {
            let isWanted = fields[0].withValue(
                of: { part(0, $0) }, { among.contains($0.map(Array.init)) })
            guard isWanted else { return nil }
        }
        bucket = bounds.bucket(of: time, near: bucket)
        return bucket
    }

    /// The weight of an event. A database may hold any number.
    package func weight(_ occurrences: @autoclosure () -> Int64) -> Int {
        sumsOccurrences ? Int(min(max(occurrences(), 0), Int64(Int32.max))) : 1
    }
}
