import EventStore
import Events
public import HTTPServer
import JSON

/// An error as clients get it: `application/problem+json` (RFC 9457).
struct Problem: Error, Sendable {
    /// The location of an error, in the body or in the query.
    enum Location: Sendable {
        /// RFC 6901.
        case pointer(String)
        case parameter(String)
    }

    let status: HTTPStatus
    let detail: String
    let errors: [(location: Location, detail: String)]
    /// The outcome of the earlier part of a stream.
    let summary: IngestionSummary?
    /// True if the body's coding is the error; no other 415 may name those that are taken (RFC 9110,
    /// section 12.5.3).
    let isOfCoding: Bool

    /// Seconds after which a client may retry a 503.
    private static let retryAfter: StaticString = "1"
    /// The codings that a body may have.
    private static let codings: StaticString = "gzip, deflate"

    init(
        _ status: HTTPStatus, _ detail: String, errors: [(location: Location, detail: String)] = [],
        summary: IngestionSummary? = nil, isOfCoding: Bool = false
    ) {
        self.status = status
        self.detail = detail
        self.errors = errors
        self.summary = summary
        self.isOfCoding = isOfCoding
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
                "The query took too long and was stopped. Narrow its range with since and until, or filter by "
                    + "object_name, which has an index of its own.")
        case .unsupported(let reason):
            self.init(.notImplemented, "Not with this database: \(reason).")
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
        if isOfCoding { response.addHeader("Accept-Encoding", Self.codings) }
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
            switch error.location {
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
    /// Writes the server's own refusals in the same format as all others.
    ///
    /// - Parameter route: the path of the request's route.
    @Sendable public static func renderError(
        _ error: HTTPError, route: String?, _ response: inout Response
    ) {
        let hint =
            switch error.status {
            case .notFound: " GET / lists the routes."
            case .misdirectedRequest:
                " If the name is right, start the service with --allowed-host and it, or with --access-file."
            default: ""
            }
        let problem = Problem(error.status, error.detail + hint)
        if let route, isOfKubernetes(route) {
            KubernetesStatus(problem).write(to: &response)
        } else {
            problem.write(to: &response)
        }
    }
}
