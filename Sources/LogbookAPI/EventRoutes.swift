import Access
import EventStore
import Events
import HTTPServer
import JSON

/// Reading and deleting events. For storing see `EventIngestion.swift`.
extension LogbookAPI {
    var eventRoutes: [Route] {
        [
            route(
                .post, "/events", "stores one event, an array of events, or a stream of them",
                scope: .write, parameters: IngestionManner.parameters,
                statuses: [
                    .ok, .created, .badRequest, .conflict, .contentTooLarge,
                    .unsupportedMediaType,
                    .unprocessableContent, .serviceUnavailable,
                ],
                bodyLimit: bodyLimit, takesPieces: Self.takesPieces, postEvents),
            route(
                .get, "/events", "a page of events, newest first",
                scope: .read, parameters: EventQuery.parameters,
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable], listEvents),
            route(
                .get, "/events/{id}", "one event", scope: .read,
                statuses: [.ok, .badRequest, .notFound, .internalServerError, .serviceUnavailable],
                getEvent),
            route(
                .delete, "/events", "deletes the matching events; needs at least one filter",
                scope: .admin, parameters: EventConditions.parameters + ["dry_run"],
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable],
                deleteEvents),
            route(
                .delete, "/events/{id}", "deletes one event", scope: .admin,
                statuses: [
                    .noContent, .badRequest, .notFound, .serviceUnavailable,
                ],
                deleteEvent),
        ]
    }

    private static let noSuchEvent = Problem(.notFound, "There is no event with this id.")

    private func getEvent(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        let id = request.parameter
        try answer(request, &response) { reader, _, response in
            let found: Void? = try id.withUnsafeBytes { bytes in
                try reader.get(id: bytes) { event in event.appendJSON(to: &response.body) }
            }
            guard found != nil else { throw Self.noSuchEvent }
            response.addHeader("Cache-Control", "no-store")
            response.body.append("\n")
        }
    }

    private func deleteEvent(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        let pending = request.postpone()
        repository.delete(id: request.parameter) { result in
            switch result {
            case .failure(let error):
                pending.complete { Problem(error).write(to: &$0) }
            case .success(let existed):
                pending.enqueue { response in
                    guard existed else { return Self.noSuchEvent.write(to: &response) }
                    response.status = .noContent
                    response.contentType = nil
                }
            }
        }
    }

    // MARK: Deleting by filter

    private func deleteEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let (query, own) = try filters(
            request, own: ["dry_run"], fixed: [("limit", "\(EventQuery.limitRange.upperBound)")])
        guard !query.conditions.isEmpty else {
            throw Problem(
                .badRequest,
                "Deleting needs at least one filter, of \(EventConditions.parameters.joined(separator: ", "))."
            )
        }
        let isDry = try reporting { try Bool(parameter: "dry_run", own["dry_run"]) }
        guard !isDry else {
            return answerElsewhere(request) { reader, budget, response in
                Self.writeDeleted(try reader.count(query, budget: budget), to: &response)
            }
        }
        let pending = request.postpone()
        let answer: @Sendable (Int, StoreError?) -> Void = { deleted, error in
            pending.complete { response in
                guard let error else { return Self.writeDeleted(deleted, to: &response) }
                let problem = Problem(error)
                let detail =
                    deleted > 0
                    ? "\(problem.detail) \(deleted) events are deleted; ask again for the rest."
                    : problem.detail
                Problem(problem.status, detail).write(to: &response)
            }
        }
        let isStillAdmitted = request.isStillAdmitted
        repository.delete(
            query, for: request.client,
            stopReason: { [self] in
                if isDraining { return .unavailable("the service is shutting down") }
                return isStillAdmitted()
                    ? nil : .unavailable("the client's access was revoked")
            }, completion: answer)
    }

    private static func writeDeleted(_ count: Int, to response: inout Response) {
        response.addHeader("Cache-Control", "no-store")
        response.body.append("{\"deleted\":")
        response.body.appendInteger(count)
        response.body.append("}\n")
    }

    // MARK: Pages

    private func listEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let page = try reporting {
            try EventPage(try QueryParameters(request.query), now: now())
        }
        try answer(
            request, &response, mayTakeLong: repository.mayTakeLong(page.query)
        ) { reader, budget, response in
            try page.render(reader, budget: budget, to: &response)
        }
    }
}
