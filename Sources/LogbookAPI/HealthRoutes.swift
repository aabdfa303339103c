import EventStore
import Events
import HTTPServer
import JSON

/// The probes, answered from memory, and the index of routes.
extension LogbookAPI {
    var healthRoutes: [Route] {
        [
            route(
                .get, "/healthz", "whether the process is alive", statuses: [.ok, .badRequest]
            ) { [self] request, response throws(Problem) in
                _ = try parameters(request, known: [])
                response.body.append("{\"status\":\"ok\"}\n")
            },
            route(
                .get, "/readyz", "whether the service is ready for traffic",
                statuses: [.ok, .badRequest, .serviceUnavailable]
            ) { [self] request, response throws(Problem) in
                _ = try parameters(request, known: [])
                if let reason = unreadyReason {
                    throw Problem(.serviceUnavailable, "Not ready: \(reason).")
                }
                response.body.append("{\"status\":\"ready\"}\n")
            },
        ]
    }

    var unreadyReason: String? {
        if isDraining { return "the service is shutting down" }
        switch repository.schemaState.status {
        case .migrating: return "the database is being opened or migrated"
        case .failed: return "the database could not be brought to its latest version"
        case .ready: return repository.unwritableReason
        }
    }

    /// `GET /`: what there is.
    func indexRoute(of routes: [Route]) -> Route {
        let path = "/"
        let listed =
            routes.map { ($0.method, $0.path, $0.summary, $0.parameters, $0.statuses) }
            + [(.get, path, "this index", [], [.ok, .badRequest])]
        var index: [UInt8] = []
        index.append("{\"name\":\"logbook\",\"routes\":")
        Self.writeList(listed, to: &index) { route, body in
            body.append("\n{\"method\":")
            body.appendJSONString(route.0.rawValue)
            body.append(",\"path\":")
            body.appendJSONString(route.1)
            body.append(",\"summary\":")
            body.appendJSONString(route.2)
            body.append(",\"parameters\":")
            Self.writeList(route.3, to: &body) { $1.appendJSONString($0) }
            body.append(",\"statuses\":")
            Self.writeList(route.4, to: &body) { $1.appendInteger($0.code) }
            body.append("}")
        }
        index.append("}\n")
        let answer = index
        return route(.get, path, "this index", statuses: [.ok, .badRequest]) {
            [self] request, response throws(Problem) in
            _ = try parameters(request, known: [])
            response.body.append(contentsOf: answer)
        }
    }
}
