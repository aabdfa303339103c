import Events
import Testing

@Suite("Buckets")
struct BucketsTests {
    private func time(_ text: String) throws -> Timestamp {
        try #require(Timestamp(rfc3339: text.utf8))
    }

    private func buckets(_ since: String, _ until: String, _ interval: String?) throws -> Buckets {
        try Buckets(
            since: try time(since), until: try time(until),
            interval: try interval.map { try #require(BucketInterval($0)) })
    }

    @Test("A bucket begins at a multiple of its length, and the first and the last are cut")
    func bounds() throws {
        let buckets = try buckets("2026-11-23T10:59:59.999Z", "2026-11-23T12:00:00.001Z", "1h")
        #expect(buckets.count == 3)
        #expect(
            (0..<3).map { buckets.start($0).text.dropFirst(11) } == [
                "10:00:00.000Z", "11:00:00.000Z", "12:00:00.000Z",
            ])
        #expect(buckets.bounds(0) == ("2026-11-23T10:59:59.999Z", "2026-11-23T11:00:00.000Z"))
        #expect(buckets.bounds(1) == ("2026-11-23T11:00:00.000Z", "2026-11-23T12:00:00.000Z"))
        #expect(buckets.bounds(2) == ("2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00.001Z"))
    }

    @Test("A range that ends with a bucket has no further one")
    func exactEnd() throws {
        #expect(try buckets("2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z", "1h").count == 2)
        #expect(try buckets("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.001Z", "1d").count == 1)
        #expect(try buckets("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z", "1m").count == 0)
        #expect(try buckets("2026-11-23T10:00:00Z", "2026-11-22T10:00:00Z", nil).count == 0)
    }

    @Test("Before 1970 buckets are no different")
    func beforeTheEpoch() throws {
        let buckets = try buckets("1969-12-31T23:30:00Z", "1970-01-01T00:30:00Z", "1h")
        #expect(
            (0..<buckets.count).map { buckets.start($0).text } == [
                "1969-12-31T23:00:00.000Z", "1970-01-01T00:00:00.000Z",
            ])
    }

    @Test("A day in minutes is the most, wherever it begins")
    func most() throws {
        #expect(
            try buckets("2026-11-23T10:30:30Z", "2026-11-24T10:30:30Z", "1m").count
                == Buckets.maxCount)
        let error = #expect(throws: QueryError.self) {
            try buckets("2026-11-23T10:30:30Z", "2026-11-24T10:31:00.001Z", "1m")
        }
        #expect(error?.parameter == "interval")
        #expect(error?.detail.contains("1442 buckets, but 1441 is the limit") == true)
    }

    @Test("Without an interval there are about 60 of them, over any range")
    func automatic() throws {
        var milliseconds: Int64 = 30_000
        while milliseconds < 250_000_000_000_000 {
            let until = try #require(Timestamp(milliseconds: milliseconds))
            let count = try Buckets(
                since: try #require(Timestamp(milliseconds: 0)), until: until, interval: nil
            ).count
            #expect((30...81).contains(count), "\(milliseconds)")
            milliseconds = milliseconds * 5 / 4
        }
        #expect(try Buckets(since: .min, until: .max, interval: nil).count < 100)
        #expect(
            try buckets("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", nil).interval.name == "30m")
        #expect(
            try buckets("2026-11-23T00:00:00Z", "2026-11-23T00:00:02Z", nil).interval.name == "1s")
        #expect(
            try buckets("2026-01-01T00:00:00Z", "2026-09-01T00:00:00Z", nil).interval.name == "5d")
    }

    @Test("Any interval that is taken by itself can be asked for")
    func chosen() throws {
        let longest = Timestamp.max.milliseconds - Timestamp.min.milliseconds
        var milliseconds: Int64 = 1
        while milliseconds < longest {
            let chosen = BucketInterval(spanning: milliseconds)
            #expect(BucketInterval(chosen.name) == chosen, "\(chosen.name)")
            milliseconds += milliseconds / 16 + 1
        }
        let chosen = BucketInterval(spanning: longest)
        #expect(BucketInterval(chosen.name) == chosen, "\(chosen.name)")
    }

    @Test("Names of intervals are those of the contract")
    func names() {
        let named = [
            "1s", "2s", "5s", "10s", "15s", "30s", "1m", "2m", "5m", "10m", "15m", "30m", "1h",
            "2h", "3h", "6h", "12h", "1d", "2d", "365d", "99999d",
        ]
        for name in named { #expect(BucketInterval(name)?.name == name) }
        let others = [
            "", "s", "d", "h", "0s", "0d", "-1d", "+1d", "01d", "60s", "3s", "3m", "4h", "24h",
            "1H", "1.5d", "1w", "100000d", "99999999999999999999d", "1dd",
        ]
        for name in others { #expect(BucketInterval(name) == nil, "\(name)") }
    }
}
