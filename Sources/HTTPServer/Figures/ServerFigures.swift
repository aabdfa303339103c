/// A server's counts since it started, over all loops, and what it holds now.
public struct ServerFigures: Sendable {
    /// The answered requests for one path and one method.
    public struct Requests: Sendable {
        /// The path as it is in the router; nil for requests without a route.
        public let path: String?
        /// The method; nil if the server does not implement it or could not read it.
        public let method: HTTPMethod?
        /// Counts by status, in the order of `HTTPStatus.all`.
        public internal(set) var counts = [Int](repeating: 0, count: HTTPStatus.all.count)
        /// The times from a request's last byte until its answer was made, or until the start of an
        /// answer that is made piece by piece.
        public internal(set) var times = Times()
    }

    /// A histogram of times.
    public struct Times: Sendable {
        /// The upper bound of each of `counts`; the last bucket has none.
        public static let bounds: [Duration] = [
            .microseconds(100), .microseconds(250), .microseconds(500), .milliseconds(1),
            .microseconds(2500), .milliseconds(5), .milliseconds(10), .milliseconds(25),
            .milliseconds(50), .milliseconds(100), .milliseconds(250), .seconds(1),
            .milliseconds(2500), .seconds(10),
        ]
        /// The number of times within each bound and above the one before.
        public internal(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
        /// The sum of all times.
        public internal(set) var nanoseconds = 0
    }

    /// The paths and methods that have had requests.
    public internal(set) var requests: [Requests] = []
    /// Bytes read from clients and sent to them, without the overhead of TLS.
    public internal(set) var received = 0, sent = 0
    /// Connections accepted.
    public internal(set) var accepted = 0
    /// Connections now, and the most allowed, not counting endpoints with paths of their own.
    public internal(set) var connections = 0, connectionLimit = 0
    /// Bytes in the buffers of all connections, and the most allowed.
    public internal(set) var bufferedBytes = 0, bufferLimit = 0
    /// The number of times accepting had to wait because the pool was full, or the process was out
    /// of descriptors.
    public internal(set) var heldBackByConnections = 0, heldBackByDescriptors = 0
    /// Connections whose TLS handshake failed or took too long.
    public internal(set) var failedHandshakes = 0
    /// Connections dropped for lack of buffers, and idle ones closed to make room.
    public internal(set) var shed = 0, displaced = 0
    /// Requests refused by access control, by the gatekeeper's reason.
    public internal(set) var accessRefusals: [String: Int] = [:]
    /// The end of the certificate in use, in seconds since 1970; nil without TLS.
    public internal(set) var certificateEnd: Int64?

    /// Adds a loop's counts, except its requests.
    mutating func add(_ loop: LoopCounters) {
        received += loop.received.current
        sent += loop.sent.current
        accepted += loop.accepted.current
        heldBackByConnections += loop.heldBackByConnections.current
        heldBackByDescriptors += loop.heldBackByDescriptors.current
        failedHandshakes += loop.failedHandshakes.current
        shed += loop.shed.current
        displaced += loop.displaced.current
    }

    /// Adds the requests that the loops counted for the path with this number.
    mutating func addRequests(to path: String?, _ number: Int, _ loops: [LoopCounters]) {
        for method in HTTPMethod.allCases.map(Optional.some) + [nil] {
            var requests = Requests(path: path, method: method)
            for loop in loops {
                loop.add(row: LoopCounters.row(path: number, method: method), to: &requests)
            }
            if requests.counts.contains(where: { $0 > 0 }) { self.requests.append(requests) }
        }
    }
}
