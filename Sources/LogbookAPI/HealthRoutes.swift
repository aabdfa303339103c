import Access
import EventStore
import Events
import HTTPServer
import JSON

/// The probes, answered from memory. They ignore anything that probers add to a request:
/// parameters, a body, header fields.
extension LogbookAPI {
    var healthRoutes: [Route] {
        [
            route(
                .get, "/healthz", "reports that the process is alive", scope: nil, statuses: [.ok]
            ) { _, response throws(Problem) in
                response.addHeader("Cache-Control", "no-store")
                response.body.append("{\"status\":\"ok\"}\n")
            },
            route(
                .get, "/readyz", "reports if the service is ready for traffic", scope: nil,
                statuses: [.ok, .serviceUnavailable], tellsTrouble: true
            ) { [self] _, response throws(Problem) in
                if let reason = unreadyReason {
                    throw Problem(.serviceUnavailable, "Not ready: \(reason).")
                }
                response.addHeader("Cache-Control", "no-store")
                guard let reason = repository.unwritableReason else {
                    response.body.append("{\"status\":\"ready\",\"writable\":true}\n")
                    return
                }
                response.body.append("{\"status\":\"ready\",\"writable\":false,\"detail\":")
                response.body.appendJSONString("Events are refused: \(reason).")
                response.body.append("}\n")
            },
        ]
    }

    var unreadyReason: String? {
        if isDraining { return "the service is shutting down" }
        switch repository.schemaState.status {
        case .migrating: return "the database is being opened or migrated"
        case .failed: return "the database could not be brought to its latest version"
        // A pod taken out of its Service because it cannot write could not be read either.
        case .ready: return repository.isUnreadable ? "the newest event cannot be read" : nil
        }
    }
}
