import Events
import JSON

/// The answer of `/events/stats`, parsed for a table or CSV.
struct EventCounts {
    struct Bucket {
        var start = ""
        var total = 0
        /// The counts by value of the first named field.
        var counts: [String: Int] = [:]
    }

    private(set) var interval = ""
    private(set) var total = 0
    private(set) var buckets: [Bucket] = []
    /// The most frequent values of each named field; nil is null.
    private(set) var totals: [(field: String, counts: [(value: String?, count: Int)])] = []

    init(_ json: [UInt8]) throws(ClientError) {
        do throws(JSONError) {
            try json.span.withUnsafeBytes { bytes throws(JSONError) in
                var reader = JSONReader(bytes)
                try read(&reader)
            }
        } catch {
            throw .unusable("the answer is not a count of events: \(error)")
        }
    }

    private mutating func read(_ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("interval") {
                interval = try reader.readString().string
            } else if key.equals("total") {
                total = try reader.readCount()
            } else if key.equals("buckets") {
                try reader.beginArray()
                while try reader.nextElement() { buckets.append(try Self.bucket(&reader)) }
            } else if key.equals("totals") {
                try reader.beginObject()
                while let field = try reader.nextKey() {
                    totals.append((field.string, try Self.counts(&reader)))
                }
            } else {
                _ = try reader.skipValue()
            }
        }
    }

    private static func bucket(_ reader: inout JSONReader) throws(JSONError) -> Bucket {
        var bucket = Bucket()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("start") {
                bucket.start = try reader.readString().string
            } else if key.equals("total") {
                bucket.total = try reader.readCount()
            } else if key.equals("counts") {
                try reader.beginObject()
                while let value = try reader.nextKey() {
                    bucket.counts[value.string] = try reader.readCount()
                }
            } else {
                _ = try reader.skipValue()
            }
        }
        return bucket
    }

    private static func counts(
        _ reader: inout JSONReader
    ) throws(JSONError) -> [(value: String?, count: Int)] {
        var counts: [(value: String?, count: Int)] = []
        try reader.beginArray()
        while try reader.nextElement() {
            var value: String?
            var count = 0
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("value"), try reader.peekKind() == .string {
                    value = try reader.readString().string
                } else if key.equals("count") {
                    count = try reader.readCount()
                } else {
                    _ = try reader.skipValue()
                }
            }
            counts.append((value, count))
        }
        return counts
    }

    // MARK: Writing

    /// The values that buckets are divided by, most frequent first.
    private var columns: [String] { totals.first?.counts.compactMap(\.value) ?? [] }

    /// Appends a row for each bucket: its start, its total, and a column for each value.
    func appendCSV(to output: inout [UInt8]) {
        let columns = columns
        for cell in ["start", "total"] + columns {
            if cell != "start" { output.append(",") }
            CSV.appendCell(cell, to: &output)
        }
        output.append("\r\n")
        for bucket in buckets {
            let counts = [bucket.total] + columns.map { bucket.counts[$0] ?? 0 }
            output += Array((bucket.start + counts.map { ",\($0)" }.joined()).utf8)
            output.append("\r\n")
        }
    }

    /// Appends a line with a bar for each bucket, then the most frequent values of each field.
    func appendTable(_ times: TimeWriter, columns: Int, to output: inout [UInt8]) {
        let now = Timestamp.now()
        let starts = buckets.map { times.text($0.start, now: now) }
        let startWidth = max(5, starts.map(\.count).max() ?? 0)
        let countWidth = max(6, "\(buckets.map(\.total).max() ?? 0)".count)
        let most = max(1, buckets.map(\.total).max() ?? 0)
        let barWidth = max(1, columns - startWidth - countWidth - 4)
        func line(_ start: String, _ count: String, _ bar: String) {
            let padding = String(repeating: " ", count: max(0, countWidth - count.count))
            let text = "\(TerminalText(start).padded(to: startWidth))  \(padding)\(count)  \(bar)"
            output += Array(text.utf8.reversed().drop { $0 == 0x20 }.reversed())
            output.append("\n")
        }
        line("START", "EVENTS", "")
        for (bucket, start) in zip(buckets, starts) {
            // Rounded up, so that a single event is visible.
            let share = Double(bucket.total) / Double(most)
            let length = Int((share * Double(barWidth)).rounded(.up))
            line(start, "\(bucket.total)", String(repeating: "#", count: length))
        }
        line("total", "\(total)", "in buckets of \(interval)")
        for (field, counts) in totals {
            output += Array("\n\(field)\n".utf8)
            for (value, count) in counts {
                line("", "\(count)", TerminalText(value ?? "(none)").string)
            }
        }
    }
}
