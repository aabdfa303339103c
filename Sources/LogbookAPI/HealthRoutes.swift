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
        // A pod that is taken out of its Service because it cannot write can't be read either.
        case .ready: return repository.isUnreadable ? "the newest event cannot be read" : nil
        }
    }
}
