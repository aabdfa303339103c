import Access
import EventStore
import Events
import HTTPServer

/// The export of all events.
extension LogbookAPI {
    var exportRoutes: [Route] {
        [
            route(
                .get, "/events/export", "all matching events, as NDJSON or CSV",
                scope: .read, parameters: EventConditions.parameters + ["order", "format"],
                statuses: [
                    .ok, .badRequest, .notAcceptable, .internalServerError, .serviceUnavailable,
                ], exportEvents)
        ]
    }

    private func exportEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let (query, own) = try filters(
            request, own: ["format"], passed: ["order"],
            fixed: [("limit", "\(EventQuery.limitRange.upperBound)")])
        let export = EventExport(
            repository, query, try exportFormat(request, own["format"]),
            client: request.client)
        answerElsewhere(request, whenGone: export.cancel) { reader, _, response in
            try export.begin(reader)
            response.contentType = export.format.contentType
            response.addHeader("Cache-Control", "no-store")
            response.addHeader("Content-Disposition", export.format.disposition)
            response.source = { demand in export.send(to: demand) }
        }
    }

    private func exportFormat(
        _ request: Request, _ format: String?
    ) throws(Problem) -> ExportFormat {
        if let format {
            guard let format = ExportFormat(rawValue: format) else {
                throw Problem(QueryError(parameter: "format", detail: "must be ndjson or csv"))
            }
            return format
        }
        let formats = ExportFormat.allCases
        guard
            let index = MediaType.preferred(
                of: formats.map(\.mediaType), request.header("accept"))
        else {
            throw Problem(
                .notAcceptable,
                "An export is application/x-ndjson or text/csv, and Accept has neither.")
        }
        return formats[index]
    }
}
