import TLS

/// A client of one HTTP/1.1 server. It keeps a connection for as long as that can be used, follows
/// no redirect, and is used by one thread.
public final class HTTPClient {
    /// Gives the token of the next request, one word of visible ASCII characters; nil for none. It
    /// is asked for each request, so that a token may be replaced while the client is in use.
    public typealias Token = () throws(HTTPClientError) -> String?

    /// An answer that was received to its end.
    public struct Answer {
        /// Status and fields.
        public let head: HTTPConnection.Head
        /// All of it; 64 MiB at most.
        public let body: [UInt8]
    }

    /// Where the server is.
    public let address: ServerAddress
    private let userAgent: String
    private let context: TLSContext?
    private let token: Token
    private let waiting: Waiting
    private var connection: HTTPConnection?

    /// Makes a client, which connects with its first request.
    ///
    /// - Parameters:
    ///   - userAgent: what the requests call this program, such as `name/1.0`.
    ///   - context: whom to trust; needed where `address` is one of TLS.
    ///   - token: goes with each request as `Authorization: Bearer`. A request that would show it
    ///     to a network, without TLS to another machine, is not sent: `exposedToken` is thrown.
    ///   - timeout: of each wait for the server to take or send something.
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

    /// Sends a request, on the connection of the one before where it is still good, and receives the
    /// head of its answer. The body is to be read to its end before the next, or `disconnect` called.
    ///
    /// - Parameters:
    ///   - target: path and query, percent-encoded.
    ///   - headers: further fields, names and values as they are sent.
    ///   - time: how long all of it may take: connecting, sending, and receiving head and body.
    public func open(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil, within time: Duration? = nil
    ) throws(HTTPClientError) -> (connection: HTTPConnection, head: HTTPConnection.Head) {
        var fields = [("Host", address.authority), ("User-Agent", userAgent)]
        if let token = try sendableToken() { fields.append(("Authorization", "Bearer \(token)")) }
        fields += headers
        var waiting = waiting
        waiting.deadline = time.map { .now + $0 }
        if let connection, connection.isReusable, method == "GET" || method == "HEAD" {
            do throws(HTTPClientError) {
                return (connection, try connection.exchange(method, target, fields, nil, waiting))
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

    /// Lets go of the connection, whose answer nobody reads on.
    public func disconnect() { connection = nil }

    private func sendableToken() throws(HTTPClientError) -> String? {
        guard let token = try token() else { return nil }
        // What stands there goes into a header field. The text itself is never shown.
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
