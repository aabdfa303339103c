import EventStore
import Events
import HTTPServer

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
