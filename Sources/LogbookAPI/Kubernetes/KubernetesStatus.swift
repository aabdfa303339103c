import HTTPServer
import JSON

/// An error as clients of Kubernetes' API get it: a Status object.
///
/// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
struct KubernetesStatus: Error {
    let status: HTTPStatus
    let message: String
    private let reason: StaticString
    /// Further members of `details`, as JSON.
    private var details = ""

    init(_ status: HTTPStatus, _ message: String, reason: StaticString? = nil) {
        self.status = status
        self.message = message
        self.reason = reason ?? Self.reason(of: status)
        if status == .serviceUnavailable { details = "\"retryAfterSeconds\":1" }
    }

    init(_ problem: Problem) { self.init(problem.status, problem.detail) }

    /// Nothing has this name.
    static func notFound(_ resource: String, _ name: String) -> KubernetesStatus {
        var status = KubernetesStatus(.notFound, "\(resource) \"\(name)\" not found")
        var quoted: [UInt8] = []
        quoted.appendJSONString(name)
        status.details =
            "\"name\":\(String(decoding: quoted, as: UTF8.self)),\"kind\":\"\(resource)\""
        return status
    }

    /// The position is older than what is left of the events, or of another history.
    static let expired = KubernetesStatus(
        .gone, "too old resource version: some of the events after it are gone",
        reason: "Expired")

    private static func reason(of status: HTTPStatus) -> StaticString {
        switch status {
        case .badRequest: "BadRequest"
        case .unauthorized: "Unauthorized"
        case .forbidden: "Forbidden"
        case .notFound: "NotFound"
        case .methodNotAllowed: "MethodNotAllowed"
        case .notAcceptable: "NotAcceptable"
        case .gone: "Gone"
        case .unprocessableContent: "Invalid"
        case .internalServerError: "InternalError"
        case .serviceUnavailable: "ServiceUnavailable"
        case .gatewayTimeout: "Timeout"
        default: ""
        }
    }

    func write(to response: inout Response) {
        response.status = status
        response.contentType = "application/json"
        response.addHeader("Cache-Control", "no-store")
        if status == .serviceUnavailable { response.addHeader("Retry-After", "1") }
        response.body.removeAll(keepingCapacity: true)
        append(to: &response.body)
        response.body.append("\n")
    }

    func append(to output: inout [UInt8]) {
        output.append(
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"
        )
        output.appendJSONString(message)
        output.append(",\"reason\":\"")
        output.append(reason)
        output.append("\",\"details\":{")
        output += details.utf8
        output.append("},\"code\":")
        output.appendInteger(status.code)
        output.append("}")
    }
}
