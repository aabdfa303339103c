import EventStore
import Events
import HTTPServer
import JSON

/// The probes, answered from memory.
extension LogbookAPI {
    var healthRoutes: [Route] {
        [
            route(
                .get, "/healthz", "whether the process is alive", scope: nil,
                statuses: [.ok, .badRequest]
            ) { [self] request, response throws(Problem) in
                _ = try parameters(request, known: [])
                response.body.append("{\"status\":\"ok\"}\n")
            },
            route(
                .get, "/readyz", "whether the service is ready for traffic", scope: nil,
                statuses: [.ok, .badRequest, .serviceUnavailable], tellsTrouble: true
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
}
