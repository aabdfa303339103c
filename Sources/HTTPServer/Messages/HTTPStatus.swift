/// A status code with its reason phrase (RFC 9110, section 15).
public struct HTTPStatus: Hashable, Sendable {
    /// The code: three digits, 200 to 599.
    public let code: Int
    /// The reason phrase after the code in the status line.
    public let reason: StaticString

    /// All statuses in order.
    public static let all: [HTTPStatus] = [
        .ok, .created, .noContent, .notModified, .badRequest, .unauthorized, .forbidden,
        .notFound, .methodNotAllowed, .notAcceptable, .requestTimeout, .conflict, .gone,
        .contentTooLarge,
        .uriTooLong,
        .unsupportedMediaType, .expectationFailed, .misdirectedRequest, .unprocessableContent,
        .headerFieldsTooLarge,
        .internalServerError, .notImplemented, .serviceUnavailable, .gatewayTimeout,
        .versionNotSupported,
    ]

    private init(_ code: Int, _ reason: StaticString) {
        self.code = code
        self.reason = reason
    }

    /// Compares the codes.
    public static func == (left: HTTPStatus, right: HTTPStatus) -> Bool { left.code == right.code }

    /// Hashes the code.
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }

    /// 200
    public static let ok = HTTPStatus(200, "OK")
    /// 201
    public static let created = HTTPStatus(201, "Created")
    /// 204
    public static let noContent = HTTPStatus(204, "No Content")
    /// 304
    public static let notModified = HTTPStatus(304, "Not Modified")
    /// 400
    public static let badRequest = HTTPStatus(400, "Bad Request")
    /// 401
    public static let unauthorized = HTTPStatus(401, "Unauthorized")
    /// 403
    public static let forbidden = HTTPStatus(403, "Forbidden")
    /// 404
    public static let notFound = HTTPStatus(404, "Not Found")
    /// 405
    public static let methodNotAllowed = HTTPStatus(405, "Method Not Allowed")
    /// 406
    public static let notAcceptable = HTTPStatus(406, "Not Acceptable")
    /// 408
    public static let requestTimeout = HTTPStatus(408, "Request Timeout")
    /// 409
    public static let conflict = HTTPStatus(409, "Conflict")
    /// 410
    public static let gone = HTTPStatus(410, "Gone")
    /// 413
    public static let contentTooLarge = HTTPStatus(413, "Content Too Large")
    /// 414
    public static let uriTooLong = HTTPStatus(414, "URI Too Long")
    /// 415
    public static let unsupportedMediaType = HTTPStatus(415, "Unsupported Media Type")
    /// 417
    public static let expectationFailed = HTTPStatus(417, "Expectation Failed")
    /// 421
    public static let misdirectedRequest = HTTPStatus(421, "Misdirected Request")
    /// 422
    public static let unprocessableContent = HTTPStatus(422, "Unprocessable Content")
    /// 431
    public static let headerFieldsTooLarge = HTTPStatus(431, "Request Header Fields Too Large")
    /// 500
    public static let internalServerError = HTTPStatus(500, "Internal Server Error")
    /// 501
    public static let notImplemented = HTTPStatus(501, "Not Implemented")
    /// 503
    public static let serviceUnavailable = HTTPStatus(503, "Service Unavailable")
    /// 504
    public static let gatewayTimeout = HTTPStatus(504, "Gateway Timeout")
    /// 505
    public static let versionNotSupported = HTTPStatus(505, "HTTP Version Not Supported")
}
