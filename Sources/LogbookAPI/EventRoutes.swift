import EventStore
import Events
import HTTPServer
import JSON

/// Reading and deleting events; `EventIngestion.swift` has storing.
extension LogbookAPI {
    var eventRoutes: [Route] {
        [
            route(
                .post, "/events", "stores one event, an array of events, or a stream of them",
                parameters: ["strict"],
                statuses: [
                    .ok, .created, .badRequest, .conflict, .contentTooLarge, .unsupportedMediaType,
                    .unprocessableContent, .serviceUnavailable,
                ],
                bodyLimit: bodyLimit, takesPieces: Self.isLines, postEvents),
            route(
                .get, "/events", "a page of events, newest first",
                parameters: EventQuery.parameters,
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable], listEvents),
            route(
                .get, "/events/{id}", "one event",
                statuses: [.ok, .badRequest, .notFound, .internalServerError, .serviceUnavailable],
                getEvent),
            route(
                .delete, "/events/{id}", "deletes one event",
                statuses: [
                    .noContent, .badRequest, .notFound, .serviceUnavailable,
                ],
                deleteEvent),
        ]
    }

    private static let noSuchEvent = Problem(.notFound, "There is no event with this id.")

    private func getEvent(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        let found: Void? = try reporting {
            let reader = try readers.reader(for: request)
            return try request.parameter.withUnsafeBytes { id in
                try reader.get(id: id) { event in event.appendJSON(to: &response.body) }
            }
        }
        guard found != nil else { throw Self.noSuchEvent }
        response.addHeader("Cache-Control", "no-store")
        response.body.append("\n")
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

    // MARK: Pages

    private func listEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let page = try reporting {
            try EventPage(try QueryParameters(request.query), now: now())
        }
        guard !page.mayTakeLong else { return try listElsewhere(page, request) }
        let reader = try reporting { try readers.reader(for: request) }
        do {
            try page.render(reader, budget: repository.readBudgets.here, to: &response)
        } catch .timeLimit {
            try listElsewhere(page, request)
        } catch {
            throw Problem(error)
        }
    }

    /// Renders a page that takes its time where nobody waits behind it.
    private func listElsewhere(_ page: EventPage, _ request: Request) throws(Problem) {
        let budget = repository.readBudgets.elsewhere
        let pending = request.postpone()
        let isTaken = repository.readElsewhere { result in
            var rendered = Response()
            do throws(StoreError) {
                try page.render(try result.get(), budget: budget, to: &rendered)
            } catch {
                Problem(error).write(to: &rendered)
            }
            let response = rendered
            pending.complete { $0 = response }
        }
        guard !isTaken else { return }
        pending.complete { response in
            Problem(.serviceUnavailable, "Not now: too many slow queries wait.").write(
                to: &response)
        }
    }
}
