public import TLS

/// A client of one HTTP/1.1 server, used by one thread. It keeps its connection as long as possible
/// and follows no redirects.
public final class HTTPClient {
    /// Returns the token for the next request, one word of visible ASCII characters; nil for none.
    /// Called for each request, so a token may be replaced while the client is in use.
    public typealias Token = () throws(HTTPClientError) -> String?

    /// A completely received answer.
    public struct Answer {
        /// The status and fields.
        public let head: HTTPConnection.Head
        /// The whole body, at most 64 MiB.
        public let body: [UInt8]
    }

    /// The server's address.
    public let address: ServerAddress
    private let userAgent: String
    private let context: TLSContext?
    private let token: Token
    private let waiting: Waiting
    private var connection: HTTPConnection?

    /// Creates a client. It connects with its first request.
    ///
    /// - Parameters:
    ///   - userAgent: the name of this program in requests, such as `name/1.0`.
    ///   - context: the trusted authorities; required if `address` uses TLS.
    ///   - token: sent with each request as `Authorization: Bearer`. A request that would expose it
    ///     to a network, without TLS to another machine, is not sent: `exposedToken` is thrown.
    ///   - timeout: the limit of each wait for the server to take or send something.
    ///   - cancellation: ends all waits, from any thread.
    public init(
        _ address: ServerAddress, userAgent: String, context: TLSContext? = nil,
        token: @escaping Token = { () throws(HTTPClientError) in nil }, timeout: Duration,
        cancellation: Cancellation? = nil
    ) {
        precondition(!address.isSecure || context != nil, "TLS needs someone to trust")
        self.address = address
        self.userAgent = userAgent
        self.context = context
        self.token = token
        waiting = Waiting(timeout: timeout, cancellation: cancellation)
    }

    /// Sends a request, on the previous connection if it still works, and receives the head of its
    /// answer. Read the body to its end before the next request, or call `disconnect`.
    ///
    /// - Parameters:
    ///   - target: the path and query, percent-encoded, below the path of `address`.
    ///   - headers: further fields, as names and values.
    ///   - time: the limit on all of it: connecting, sending, and receiving head and body.
    public func open(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil, within time: Duration? = nil
    ) throws(HTTPClientError) -> (connection: HTTPConnection, head: HTTPConnection.Head) {
        var fields = [("Host", address.authority), ("User-Agent", userAgent)]
        if let token = try sendableToken() { fields.append(("Authorization", "Bearer \(token)")) }
        fields += headers
        let target = address.path + target
        var waiting = waiting
        waiting.deadline = time.map { .now + $0 }
        if let connection, connection.isReusable, method == "GET" || method == "HEAD" {
            do throws(HTTPClientError) {
                return (connection, try connection.exchange(method, target, fields, nil, waiting))
            } catch {
                // The server may have closed an idle connection. RFC 9110, 9.2.2: a request that
                // only reads may be sent again.
                self.connection = nil
            }
        }
        let fresh: HTTPConnection
        if let connection, connection.isReusable {
            fresh = connection
        } else {
            fresh = HTTPConnection(try ClientSocket(address, context, waiting))
        }
        connection = fresh
        do throws(HTTPClientError) {
            return (fresh, try fresh.exchange(method, target, fields, body, waiting))
        } catch {
            connection = nil
            throw error
        }
    }

    /// Sends a request and receives the whole answer, whatever its status. The parameters are those
    /// of `open`.
    public func exchange(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil, within time: Duration? = nil
    ) throws(HTTPClientError) -> Answer {
        let (connection, head) = try open(
            method, target, headers: headers, body: body, within: time)
        do throws(HTTPClientError) {
            return Answer(head: head, body: try connection.receiveBody())
        } catch {
            disconnect()
            throw error
        }
    }

    /// Closes the connection without reading the rest of its answer.
    public func disconnect() { connection = nil }

    private func sendableToken() throws(HTTPClientError) -> String? {
        guard let token = try token() else { return nil }
        // The token goes into a header field. Its text is never shown.
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw HTTPClientError(.unusable, "a token is one word of visible ASCII characters")
        }
        guard address.keepsSecrets else {
            throw HTTPClientError(
                .exposedToken,
                "a token goes to another machine over TLS only: use https:// instead of \(address)")
        }
        return token
    }
}
