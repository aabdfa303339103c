import Glibc
import HTTPServer

/// A client of one server. It keeps a connection for as long as that can be used, and is used by one
/// thread.
final class HTTPClient {
    let address: ServerAddress
    private let authorities: TrustedAuthorities?
    private let token: String?
    private let timeoutSeconds: Int
    private var connection: HTTPConnection?

    /// An answer that was received to its end.
    struct Answer {
        let head: HTTPConnection.Head
        let body: [UInt8]

        /// The answer, when it is a 2xx or has one of these `statuses`.
        func accepting(_ statuses: Int...) throws(ClientError) -> Answer {
            guard (200..<300).contains(head.status) || statuses.contains(head.status) else {
                throw refusal
            }
            return self
        }

        /// What an answer of 4xx or 5xx says.
        var refusal: ClientError { HTTPClient.refusal(head, body) }
    }

    /// - Parameters:
    ///   - authorities: whom to trust; needed where `address` is one of TLS.
    ///   - token: goes with each request as `Authorization: Bearer`.
    init(
        _ address: ServerAddress, authorities: TrustedAuthorities? = nil, token: String? = nil,
        timeoutSeconds: Int
    ) {
        precondition(!address.isSecure || authorities != nil, "TLS needs someone to trust")
        self.address = address
        self.authorities = authorities
        self.token = token
        self.timeoutSeconds = timeoutSeconds
    }

    /// Sends a request, on the connection of the one before where it is still good, and receives the
    /// head of its answer. The body is to be read to its end before the next.
    func open(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) throws(ClientError) -> (connection: HTTPConnection, head: HTTPConnection.Head) {
        if let connection, connection.isReusable, method == "GET" || method == "HEAD" {
            do throws(ClientError) {
                return (connection, try connection.exchange(method, target, headers: headers))
            } catch {
                // A server closes what has rested for long; RFC 9110, 9.2.2: what only reads may be
                // sent again.
                self.connection = nil
            }
        }
        let fresh: HTTPConnection
        if let connection, connection.isReusable {
            fresh = connection
        } else {
            fresh = HTTPConnection(
                try ClientSocket(address, authorities, timeoutSeconds: timeoutSeconds), address,
                token: token)
        }
        connection = fresh
        do throws(ClientError) {
            return (fresh, try fresh.exchange(method, target, headers: headers, body: body))
        } catch {
            connection = nil
            throw error
        }
    }

    /// Sends a request and receives the whole answer, whatever its status.
    func exchange(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) throws(ClientError) -> Answer {
        let (connection, head) = try open(method, target, headers: headers, body: body)
        do throws(ClientError) {
            return Answer(head: head, body: try connection.receiveBody())
        } catch {
            disconnect()
            throw error
        }
    }

    /// As `exchange`, but an answer of another status than 2xx is an error.
    func request(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) throws(ClientError) -> [UInt8] {
        try exchange(method, target, headers: headers, body: body).accepting().body
    }

    /// Writes the body that a GET of `target` is answered with to `descriptor`.
    func download(_ target: String, to descriptor: Int32) throws(ClientError) {
        let (connection, head) = try open("GET", target)
        guard head.status == 200 else {
            throw Self.refusal(head, try connection.receiveBody())
        }
        var piece: [UInt8] = []
        while try connection.receivePiece(to: &piece) {
            guard piece.withUnsafeBytes({ writeAll($0, to: descriptor) }) else {
                throw .failed(to: "write")
            }
            piece.removeAll(keepingCapacity: true)
        }
    }

    /// Lets go of the connection, whose answer nobody reads on.
    func disconnect() { connection = nil }

    /// What an answer of 4xx or 5xx says, in the words of its problem document where it has one.
    static func refusal(_ head: HTTPConnection.Head, _ body: [UInt8]) -> ClientError {
        let detail =
            JSONMember.text("detail", in: body)
            ?? String(decoding: body.prefix(1024), as: UTF8.self)
        return ClientError(
            kind: .refused(status: head.status),
            description: "answered \(head.status) \(head.reason)"
                + (detail.isEmpty ? "" : ": \(detail)") + (advice(head.status) ?? ""))
    }

    private static func advice(_ status: Int) -> String? {
        switch status {
        case 401: " (give a token by --token-file or LOGBOOK_TOKEN)"
        case 403: " (the token or certificate has no such scope)"
        default: nil
        }
    }
}

/// Writes all of `bytes` to `descriptor`; false when that fails, and `errno` says why.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var left = bytes[...]
    while !left.isEmpty {
        let count = write(
            descriptor, UnsafeRawBufferPointer(rebasing: left).baseAddress, left.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        left = left.dropFirst(count)
    }
    return true
}
