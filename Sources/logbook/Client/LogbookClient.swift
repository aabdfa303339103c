import Events
import HTTPClient
import JSON
import System
import TLS

/// A client of a Logbook server, with errors in this program's words.
final class LogbookClient {
    private let client: HTTPClient
    /// The connection whose answer is being received.
    private var connection: HTTPConnection?

    /// A completely received answer.
    struct Answer {
        let head: HTTPConnection.Head
        let body: [UInt8]

        /// The answer, if it is a 2xx or has one of these `statuses`.
        func accepting(_ statuses: Int...) throws(ClientError) -> Answer {
            guard (200..<300).contains(head.status) || statuses.contains(head.status) else {
                throw refusal
            }
            return self
        }

        /// The error in an answer of 4xx or 5xx, from its problem document if it has one.
        var refusal: ClientError {
            let detail =
                JSONMember.text("detail", in: body)
                ?? String(decoding: body.prefix(1024), as: UTF8.self)
            return ClientError(
                kind: wrongParameter.map { .wrongParameter($0) } ?? .refused(status: head.status),
                description: "answered \(head.status) \(head.reason)"
                    + (detail.isEmpty ? "" : ": \(detail)") + (advice ?? ""))
        }

        /// The query parameter that a 400 refuses, and the reason.
        private var wrongParameter: QueryError? {
            guard head.status == 400 else { return nil }
            return JSONMember.firstElement("errors", in: body).flatMap { error in
                guard let name = JSONMember.text("parameter", in: error),
                    let detail = JSONMember.text("detail", in: error)
                else { return nil }
                return QueryError(parameter: name, detail: detail)
            }
        }

        private var advice: String? {
            switch head.status {
            case 401: " (give a token by --token-file or LOGBOOK_TOKEN)"
            case 403: " (the token or certificate has no such scope)"
            default: nil
            }
        }
    }

    init(
        _ address: ServerAddress, context: TLSContext?, token: String?,
        timeoutSeconds: Int
    ) {
        client = HTTPClient(
            address, userAgent: "logbook/\(Version.text)", context: context,
            token: { () throws(HTTPClientError) in token }, timeout: .seconds(timeoutSeconds))
    }

    var address: ServerAddress { client.address }

    /// Sends a GET and receives the head of its answer, which has status 200. Read the body with
    /// `receivePiece`.
    func open(
        _ target: String, headers: [(name: String, value: String)] = []
    ) throws(ClientError) {
        let (connection, head) = try ClientError.converting { () throws(HTTPClientError) in
            try client.open("GET", target, headers: headers)
        }
        self.connection = connection
        guard head.status == 200 else {
            let body = try ClientError.converting { () throws(HTTPClientError) in
                try connection.receiveBody()
            }
            throw Answer(head: head, body: body).refusal
        }
    }

    /// Appends the next piece of the opened body; false at its end.
    func receivePiece(to output: inout [UInt8]) throws(ClientError) -> Bool {
        guard let connection else { return false }
        do throws(HTTPClientError) {
            return try connection.receivePiece(to: &output)
        } catch {
            throw ClientError(error)
        }
    }

    /// Sends a request and receives the whole answer, whatever its status.
    func exchange(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) throws(ClientError) -> Answer {
        let answer = try ClientError.converting { () throws(HTTPClientError) in
            try client.exchange(method, target, headers: headers, body: body)
        }
        return Answer(head: answer.head, body: answer.body)
    }

    /// Like `exchange`, but an answer with a status other than 2xx is an error.
    func request(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) throws(ClientError) -> [UInt8] {
        try exchange(method, target, headers: headers, body: body).accepting().body
    }

    /// The status of the answer to a GET of `target`.
    func status(of target: String) throws(ClientError) -> Int {
        try ClientError.converting { () throws(HTTPClientError) in
            try client.open("GET", target).head.status
        }
    }

    /// Writes the body of the answer to a GET of `target` to `descriptor`.
    func download(_ target: String, to descriptor: Int32) throws(ClientError) {
        try open(target)
        var piece: [UInt8] = []
        while try receivePiece(to: &piece) {
            guard piece.withUnsafeBytes({ writeAll($0, to: descriptor) }) else {
                throw .unreachable(SystemError("write").description)
            }
            piece.removeAll(keepingCapacity: true)
        }
    }

    /// Closes the connection without reading the rest of its answer.
    func disconnect() {
        connection = nil
        client.disconnect()
    }
}
