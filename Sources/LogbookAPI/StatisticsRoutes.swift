import EventStore
import Events
import HTTPServer
import JSON

/// Counting events.
extension LogbookAPI {
    var statisticsRoutes: [Route] {
        [
            route(
                .get, "/events/stats", "counts over time and by field",
                parameters: EventConditions.parameters + StatisticsQuery.parameters,
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable],
                countEvents)
        ]
    }

    private func countEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let (events, own) = try filters(request, own: StatisticsQuery.parameters)
        let query = try reporting {
            try StatisticsQuery(events, interval: own["interval"], by: own["by"], now: now())
        }
        // What cannot be read at all is told at once.
        _ = try reporting { try readers.reader(for: request) }
        let budget = repository.readBudgets.elsewhere
        let pending = request.postpone()
        let isTaken = repository.readElsewhere { result in
            var counted = Response()
            do {
                let statistics = try result.get().statistics(query, budget: budget).get()
                counted.addHeader("Cache-Control", "no-store")
                statistics.appendJSON(to: &counted.body)
            } catch let error as QueryError {
                Problem(error).write(to: &counted)
            } catch let error as StoreError {
                Problem(error).write(to: &counted)
            } catch {
                preconditionFailure("neither of the two has thrown: \(error)")
            }
            let response = counted
            pending.complete { $0 = response }
        }
        guard !isTaken else { return }
        pending.complete { response in
            Problem(.serviceUnavailable, "Not now: too many slow queries wait.").write(
                to: &response)
        }
    }
}

extension EventStatistics {
    fileprivate func appendJSON(to output: inout [UInt8]) {
        output.append("{\"range\":{\"since\":")
        output.appendJSONString(buckets.since.text)
        output.append(",\"until\":")
        output.appendJSONString(buckets.until.text)
        output.append("},\"interval\":")
        output.appendJSONString(buckets.interval.name)
        output.append(",\"total\":")
        output.appendInteger(events.reduce(0, +))
        output.append(",\"buckets\":")
        LogbookAPI.writeList(Array(0..<buckets.count), to: &output, appendBucket)
        output.append(",\"totals\":")
        var separator: StaticString = "{"
        for (field, counts) in totals {
            output.append(separator)
            separator = ","
            output.appendJSONString(field.name)
            output.append(":")
            LogbookAPI.writeList(counts, to: &output) { count, output in
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
            // Null is no name; it is what is missing from the total.
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
