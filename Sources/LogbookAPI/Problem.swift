import EventStore
import Events
import HTTPServer
import JSON

/// An error as clients get it: `application/problem+json` (RFC 9457).
struct Problem: Error, Sendable {
    /// One wrong place, in the body or in the query.
    enum Place: Sendable {
        /// RFC 6901.
        case pointer(String)
        case parameter(String)
    }

    let status: HTTPStatus
    let detail: String
    let errors: [(place: Place, detail: String)]
    /// What became of the part of a stream that came before it.
    let summary: IngestionSummary?

    /// How soon a client may try again after a 503, in seconds.
    private static let retryAfter: StaticString = "1"

    init(
        _ status: HTTPStatus, _ detail: String, errors: [(place: Place, detail: String)] = [],
        summary: IngestionSummary? = nil
    ) {
        self.status = status
        self.detail = detail
        self.errors = errors
        self.summary = summary
    }

    init(_ error: HTTPError) { self.init(error.status, error.detail) }

    init(_ error: JSONError) {
        self.init(.badRequest, "The body is not valid JSON: \(error).")
    }

    init(_ error: QueryError) {
        self.init(
            .badRequest, "Query parameter '\(error.parameter)' \(error.detail).",
            errors: [(.parameter(error.parameter), error.detail)])
    }

    init(_ error: StoreError) {
        switch error {
        case .unavailable(let reason):
            self.init(.serviceUnavailable, "Not now: \(reason).")
        case .timeLimit:
            self.init(
                .serviceUnavailable,
                "The query takes too long and was stopped. Narrow its range with since and until, or filter by "
                    + "object_name, which has an index of its own.")
        case .damaged:
            self.init(
                .internalServerError, "The database is damaged; the service's log says where.")
        }
    }

    func write(to response: inout Response) {
        response.status = status
        response.contentType = "application/problem+json"
        response.addHeader("Cache-Control", "no-store")
        if status == .serviceUnavailable { response.addHeader("Retry-After", Self.retryAfter) }
        response.body.removeAll(keepingCapacity: true)
        response.body.append("{\"type\":\"about:blank\",\"title\":")
        response.body.appendJSONString(status.reason)
        response.body.append(",\"status\":")
        response.body.appendInteger(status.code)
        response.body.append(",\"detail\":")
        response.body.appendJSONString(detail)
        if !errors.isEmpty { writeErrors(to: &response.body) }
        if let summary {
            response.body.append(",\"summary\":")
            summary.append(to: &response.body)
        }
        response.body.append("}\n")
    }

    private func writeErrors(to body: inout [UInt8]) {
        var separator: StaticString = ",\"errors\":["
        for error in errors {
            body.append(separator)
            separator = ","
            switch error.place {
            case .pointer(let pointer):
                body.append("{\"pointer\":")
                body.appendJSONString(pointer)
            case .parameter(let name):
                body.append("{\"parameter\":")
                body.appendJSONString(name)
            }
            body.append(",\"detail\":")
            body.appendJSONString(error.detail)
            body.append("}")
        }
        body.append("]")
    }
}

extension LogbookAPI {
    /// Writes the server's own refusals in the shape of all others.
    @Sendable public static func renderError(_ error: HTTPError, _ response: inout Response) {
        let hint =
            switch error.status {
            case .notFound: " GET / lists the routes."
            case .misdirectedRequest:
                " If the name is right, start the service with --allowed-host and it, or with --access-file."
            default: ""
            }
        Problem(error.status, error.detail + hint).write(to: &response)
    }

    /// A route whose handler may throw a `Problem`.
    ///
    /// - Parameter scope: what a client needs, where there is access control; nil is nothing.
    func route(
        _ method: HTTPMethod, _ path: String, _ summary: String, scope: Scopes?,
        parameters: [String] = [], statuses: [HTTPStatus], bodyLimit: Int = 0,
        tellsTrouble: Bool = false,
        takesPieces: (@Sendable (Request) -> Bool)? = nil,
        _ handler: @escaping @Sendable (Request, inout Response) throws(Problem) -> Void
    ) -> Route {
        Route(
            method, path, summary: summary, parameters: parameters,
            statuses: statuses + (scope == nil ? [] : [.unauthorized, .forbidden]), scope: scope,
            bodyLimit: bodyLimit, tellsTrouble: tellsTrouble, takesPieces: takesPieces
        ) { request, response in
            do throws(Problem) {
                try handler(request, &response)
            } catch {
                error.write(to: &response)
            }
        }
    }

    /// Has `body` make the answer to `request` on a thread where it may take time.
    ///
    /// - Parameter whenGone: called when the client goes before the answer's end.
    func answerElsewhere(
        _ request: Request, whenGone: (@Sendable () -> Void)? = nil,
        _ body: @escaping @Sendable (EventReader, inout Response) throws -> Void
    ) {
        let read = ReadRequest(client: request.client, limit: repository.readBudgets.elsewhere)
        request.whenGone {
            read.cancel()
            whenGone?()
        }
        let pending = request.postpone()
        let isTaken = repository.readElsewhere(for: read) { [self] result in
            var answer = Response()
            do throws(Problem) {
                try reporting { try body(try result.get(), &answer) }
            } catch {
                answer = Response()
                error.write(to: &answer)
            }
            let response = answer
            pending.complete { $0 = response }
        }
        if !isTaken { pending.complete { Problem(StoreError.tooManyReads).write(to: &$0) } }
    }

    /// Makes the errors of every layer below the problem that clients get.
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

    /// Reads the query of a route that knows no parameters but these.
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
