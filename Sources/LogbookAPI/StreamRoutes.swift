import Access
import EventStore
import Events
import HTTPServer

/// Live streams of new events.
extension LogbookAPI {
    var streamRoutes: [Route] {
        [
            route(
                .get, "/events/stream", "new events as they are stored", scope: .read,
                parameters: EventConditions.parameters + ["after"],
                statuses: [
                    .ok, .badRequest, .notAcceptable, .internalServerError, .serviceUnavailable,
                ], streamEvents)
        ]
    }

    private func streamEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let (query, own) = try filters(request, own: ["after"])
        let formats: [StreamFormat] = [.serverSentEvents, .lines]
        guard
            let index = MediaType.preferred(
                of: formats.map(\.contentType), request.header("accept"))
        else {
            throw Problem(
                .notAcceptable,
                "A stream is text/event-stream or application/x-ndjson, and Accept has neither.")
        }
        let hub = liveTail.hub(for: request)
        let stream = try hub.open(
            StreamFilter(query), formats[index], after: try resumePoint(request, own["after"]),
            for: request.client, on: request.loopThread)
        response.contentType = stream.format.contentType
        response.addHeader("Cache-Control", "no-store")
        // Otherwise nginx would hold data back until its buffer is full.
        response.addHeader("X-Accel-Buffering", "no")
        response.isLive = true
        response.source = { demand in hub.add(stream, demand) }
    }

    /// The position after which a stream begins. A browser that reconnects sends the header with its
    /// original URL, so the header is more recent.
    private func resumePoint(_ request: Request, _ after: String?) throws(Problem)
        -> StreamPosition?
    {
        if let header = request.header("last-event-id"), !header.isEmpty {
            guard let position = StreamPosition(String(decoding: header, as: UTF8.self)) else {
                throw Problem(
                    .badRequest, "Last-Event-ID must be the seq of an event: a number from 0 on.")
            }
            return position
        }
        guard let after else { return nil }
        guard let position = StreamPosition(after) else {
            throw Problem(
                QueryError(
                    parameter: "after", detail: "must be the seq of an event: a number from 0 on"))
        }
        return position
    }

    /// Reads a query string of filters, the route's `own` parameters, and those `passed` on to the
    /// query together with `fixed`.
    func filters(
        _ request: Request, own: [String], passed: [String] = [],
        fixed: [(name: String, value: String)] = []
    ) throws(Problem) -> (query: EventQuery, own: [String: String]) {
        try reporting {
            let known = EventConditions.parameters + passed + own
            var filters = fixed
            var values: [String: String] = [:]
            for (name, value) in try QueryParameters(request.query).pairs {
                guard name != "fold" else {
                    throw QueryError(
                        parameter: name,
                        detail:
                            "is only for GET /events, because this route is about single events; fold_key selects those of a group"
                    )
                }
                guard EventConditions.isKnown(name, among: known) else {
                    throw QueryError(parameter: name, known: known)
                }
                guard own.contains(name) else {
                    filters.append((name, value))
                    continue
                }
                guard values.updateValue(value, forKey: name) == nil else {
                    throw QueryError(parameter: name, detail: "is given twice")
                }
            }
            return (try EventQuery(filters, now: now()), values)
        }
    }
}
