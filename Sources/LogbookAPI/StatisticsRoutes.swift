import Access
import EventStore
import Events
import HTTPServer

/// Event counts.
extension LogbookAPI {
    var statisticsRoutes: [Route] {
        [
            route(
                .get, "/events/stats", "counts over time and by field",
                scope: .read, parameters: EventConditions.parameters + StatisticsQuery.parameters,
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable],
                countEvents)
        ]
    }

    private func countEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let (events, own) = try filters(request, own: StatisticsQuery.parameters)
        let query = try reporting {
            try StatisticsQuery(
                events, interval: own["interval"], by: own["by"], occurrences: own["occurrences"],
                now: now())
        }
        answerElsewhere(request) { reader, budget, response in
            let statistics = try reader.statistics(query, budget: budget).get()
            response.addHeader("Cache-Control", "no-store")
            statistics.appendJSON(to: &response.body)
        }
    }
}
