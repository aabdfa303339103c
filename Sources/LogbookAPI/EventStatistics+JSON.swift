public import EventStore
import Events
import JSON

extension EventStatistics {
    /// Appends the answer of `GET /events/stats`, which `logbook events stats` shows too.
    public func appendJSON(to output: inout [UInt8]) {
        output.append("{\"range\":{\"since\":")
        output.appendJSONString(buckets.since.text)
        output.append(",\"until\":")
        output.appendJSONString(buckets.until.text)
        output.append("},\"interval\":")
        output.appendJSONString(buckets.interval.name)
        output.append(",\"total\":")
        output.appendInteger(events.reduce(0, +))
        output.append(",\"buckets\":")
        output.appendJSONArray(of: Array(0..<buckets.count), appendBucket)
        output.append(",\"totals\":")
        var separator: StaticString = "{"
        for (field, counts) in totals {
            output.append(separator)
            separator = ","
            output.appendJSONString(field.name)
            output.append(":")
            output.appendJSONArray(of: counts) { count, output in
                output.append("{\"value\":")
                if let value = count.value {
                    output.appendJSONString(value)
                } else {
                    output.append("null")
                }
                output.append(",\"count\":")
                output.appendInteger(count.count)
                output.append("}")
            }
        }
        output.append(totals.isEmpty ? "{}}\n" : "}}\n")
    }

    private func appendBucket(_ bucket: Int, to output: inout [UInt8]) {
        output.append("{\"start\":")
        output.appendJSONString(buckets.start(bucket).text)
        output.append(",\"total\":")
        output.appendInteger(events[bucket])
        output.append(",\"counts\":{")
        var separator: StaticString = ""
        for (place, value) in (totals.first?.counts ?? []).enumerated() {
            // Null has no name. Its count is the part missing from the total.
            guard let value = value.value, series[bucket][place] > 0 else { continue }
            output.append(separator)
            separator = ","
            output.appendJSONString(value)
            output.append(":")
            output.appendInteger(series[bucket][place])
        }
        output.append("}}")
    }
}
