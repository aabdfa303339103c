import Access
import EventStore
import Events
import HTTPServer
import JSON

/// Support for handlers: routing, reading, and error answers.
extension LogbookAPI {
    /// A route whose handler may throw a `Problem`.
    ///
    /// - Parameter scope: the scopes that a client needs under access control; nil for none.
    func route(
        _ method: HTTPMethod, _ path: String, _ summary: String, scope: Scopes?,
        parameters: [String] = [], statuses: [HTTPStatus], bodyLimit: Int = 0,
        tellsTrouble: Bool = false,
        takesPieces: (@Sendable (Request) -> Bool)? = nil,
        _ handler: @escaping @Sendable (Request, inout Response) throws(Problem) -> Void
    ) -> Route {
        Route(
            method, path, summary: summary, parameters: parameters,
            statuses: statuses + (scope == nil ? [] : [.unauthorized, .forbidden]),
            requirement: scope.map { Requirement($0) }, bodyLimit: bodyLimit,
            tellsTrouble: tellsTrouble, takesPieces: takesPieces
        ) { request, response in
            do throws(Problem) {
                try handler(request, &response)
            } catch {
                error.write(to: &response)
            }
        }
    }

    /// Writes an answer from what it reads, within a budget.
    typealias Reading = @Sendable (any EventReader, Duration, inout Response) throws -> Void

    /// Lets `body` write the answer to `request`: at once if the store can answer at once and fast
    /// enough for an event loop, otherwise elsewhere.
    func answer(
        _ request: Request, _ response: inout Response, mayTakeLong: Bool = false,
        _ body: @escaping Reading
    ) throws(Problem) {
        guard !mayTakeLong,
            let reader = try reporting({ try readers.reader(on: request.loopIndex) })
        else { return answerElsewhere(request, body) }
        try reporting {
            do {
                try body(reader, repository.readBudgets.here, &response)
            } catch StoreError.timeLimit {
                response = Response()
                answerElsewhere(request, body)
            }
        }
    }

    /// Lets `body` make the answer to `request` on a thread that may take its time.
    ///
    /// - Parameters:
    ///   - whenGone: called if the client goes before the end of the answer.
    ///   - tell: writes a problem.
    func answerElsewhere(
        _ request: Request, whenGone: (@Sendable () -> Void)? = nil,
        tell: @escaping @Sendable (Problem, inout Response) -> Void = { $0.write(to: &$1) },
        _ body: @escaping Reading
    ) {
        let budget = repository.readBudgets.elsewhere
        let read = ReadRequest(client: request.client, limit: budget)
        request.whenGone {
            read.cancel()
            whenGone?()
        }
        let pending = request.postpone()
        let isTaken = repository.readElsewhere(for: read) { [self] result in
            var answer = Response()
            do throws(Problem) {
                try reporting { try body(try result.get(), budget, &answer) }
            } catch {
                answer = Response()
                tell(error, &answer)
            }
            let response = answer
            pending.complete { $0 = response }
        }
        if !isTaken { pending.complete { tell(Problem(StoreError.tooManyReads), &$0) } }
    }

    /// Turns the errors of every lower layer into the problem that clients get.
    func reporting<Result>(_ body: () throws -> Result) throws(Problem) -> Result {
        do {
            return try body()
        } catch let error as Problem {
            throw error
        } catch let error as StoreError {
            throw Problem(error)
        } catch let error as QueryError {
            throw Problem(error)
        } catch let error as HTTPError {
            throw Problem(error)
        } catch let error as JSONError {
            throw Problem(error)
        } catch {
            preconditionFailure("an error of a kind that no layer below throws: \(error)")
        }
    }

    /// Reads the query of a route that knows only these parameters.
    func parameters(_ request: Request, known: [String]) throws(Problem) -> [String: String] {
        try reporting {
            var values: [String: String] = [:]
            for (name, value) in try QueryParameters(request.query).pairs {
                guard known.contains(name) else {
                    let list =
                        known.isEmpty
                        ? "this route knows none" : "known: \(known.joined(separator: ", "))"
                    throw QueryError(parameter: name, detail: "is not known here; \(list)")
                }
                guard values.updateValue(value, forKey: name) == nil else {
                    throw QueryError(parameter: name, detail: "is given twice")
                }
            }
            return values
        }
    }
}
