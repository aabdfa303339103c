import Access
import Events
import HTTP
import HTTPServer
import Ingest
import JSON

/// The formats of other programs, each on its own paths.
extension LogbookAPI {
    var senderRoutes: [Route] {
        [
            route(
                .get, "/ingest", "the formats of other programs, with their paths and an example",
                scope: .read, statuses: [.ok, .badRequest]
            ) { [self] request, response throws(Problem) in
                _ = try parameters(request, known: [])
                response.addHeader("Cache-Control", "no-store")
                response.body.append("{\"formats\":")
                response.body.appendJSONArray(of: SenderFormats.all) { $0.appendJSON(to: &$1) }
                response.body.append("}\n")
            }
        ] + zip(SenderFormats.all, senderFigures).flatMap(routes)
    }

    private func routes(_ format: SenderFormat, _ figures: SenderFigures) -> [Route] {
        let scope = Scopes.write(to: format.name)
        return format.routes.flatMap { path in
            guard let method = HTTPMethod(rawValue: path.method.rawValue) else {
                preconditionFailure("\(path.method) is a method of the server")
            }
            if let answer = path.answer {
                return [
                    route(
                        method, path.path, "what senders of \(format.name) ask first",
                        scope: path.isOpen ? nil : scope, statuses: [.ok]
                    ) { request, response throws(Problem) in
                        response.write(answer(SenderRequest(request)))
                    }
                ]
            }
            let store = route(
                method, path.path, "stores events of \(format.name)", scope: scope,
                statuses: [HTTPStatus(code: format.status)] + format.failures.map(HTTPStatus.init),
                bodyLimit: bodyLimit, takesPieces: { _ in format.isStream }
            ) { [self] request, _ throws(Problem) in
                let inflater = try coding(request).map(Inflater.init)
                SenderIngestion(self, format, path, figures, request, inflater: inflater)
                    .receive(request)
            }
            // A path may take several methods.
            guard format.routes.first(where: { $0.path == path.path })?.method == path.method else {
                return [store]
            }
            // Some senders ask with HEAD if there is anybody.
            let described = route(
                .get, path.path, "the format that is taken here", scope: scope, statuses: [.ok]
            ) { _, response throws(Problem) in
                response.addHeader("Cache-Control", "no-store")
                format.appendJSON(to: &response.body)
                response.body.append("\n")
            }
            return [described, store]
        }
    }

    /// Writes the metrics of all formats.
    func writeSenders(to text: inout MetricsText) {
        func counters(
            _ name: StaticString, _ help: StaticString, _ count: (SenderFigures) -> Int
        ) {
            text.family(name, .counter, help)
            for (format, figures) in zip(SenderFormats.all, senderFigures) {
                text.sample(count(figures), [("format", format.name)])
            }
        }
        counters("logbook_ingest_requests_total", "Requests of a format that were answered.") {
            $0.requests
        }
        counters("logbook_ingest_stored_total", "Events of a format that were stored.") {
            $0.stored
        }
        counters(
            "logbook_ingest_duplicate_total", "Events of a format that were stored already."
        ) { $0.duplicates }
        text.family(
            "logbook_ingest_rejected_total", .counter,
            "Items of a format that were not stored, by reason.")
        for (format, figures) in zip(SenderFormats.all, senderFigures) {
            for (reason, count) in figures.rejectedByReason {
                text.sample(count, [("format", format.name), ("reason", reason)])
            }
        }
        counters(
            "logbook_ingest_cut_total", "Events of a format that were cut to the longest allowed."
        ) { $0.cut }
        counters(
            "logbook_ingest_left_out_total",
            "Events of a format that were left out because of their severity."
        ) { $0.leftOut }
    }
}

extension SenderFormat {
    fileprivate func appendJSON(to output: inout [UInt8]) {
        func append(_ name: StaticString, _ text: String) {
            output.append(name)
            output.appendJSONString(text)
        }
        append("{\"name\":", name)
        append(",\"summary\":", summary)
        output.append(",\"routes\":")
        output.appendJSONArray(of: routes) { route, output in
            output.append("{\"method\":")
            output.appendJSONString(route.method.rawValue)
            output.append(",\"path\":")
            output.appendJSONString(route.path)
            output.append("}")
        }
        output.append(",\"content_types\":")
        output.appendJSONArray(of: contentTypes) { $1.appendJSONString($0) }
        append(",\"example\":", example)
        append(",\"configuration\":", configuration)
        append(",\"answers\":{\"stored\":", answers.stored)
        append(",\"partly_refused\":", answers.partlyRefused)
        append(",\"refused\":", answers.refused)
        append(",\"unavailable\":", answers.unavailable)
        append(",\"too_large\":", answers.tooLarge)
        output.append("}}")
    }
}
