/// What a server has counted since it started, all loops together, and what it holds now.
public struct ServerFigures: Sendable {
    /// The requests to one path with one method that have been answered.
    public struct Requests: Sendable {
        /// As it stands in the router; nil for what no route was found for.
        public let path: String?
        /// nil for one that the server does not implement, or could not read.
        public let method: HTTPMethod?
        /// By status, in the order of `HTTPStatus.all`.
        public internal(set) var counts = [Int](repeating: 0, count: HTTPStatus.all.count)
        /// From when a request had come whole until its answer was made, or the beginning of one that
        /// is made piece by piece.
        public internal(set) var times = Times()
    }

    /// Times by size.
    public struct Times: Sendable {
        /// What each of `counts` goes up to; the last goes beyond.
        public static let bounds: [Duration] = [
            .microseconds(100), .microseconds(250), .microseconds(500), .milliseconds(1),
            .microseconds(2500), .milliseconds(5), .milliseconds(10), .milliseconds(25),
            .milliseconds(50), .milliseconds(100), .milliseconds(250), .seconds(1),
            .milliseconds(2500), .seconds(10),
        ]
        /// How many were within a bound and beyond the one before.
        public internal(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
        /// All of them together.
        public internal(set) var nanoseconds = 0
    }

    /// Only those that there have been.
    public internal(set) var requests: [Requests] = []
    /// Bytes read from clients, and sent to them; of TLS, what is inside.
    public internal(set) var received = 0, sent = 0
    /// Connections that have been accepted.
    public internal(set) var accepted = 0
    /// Connections now, and at most, those to endpoints with paths of their own apart.
    public internal(set) var connections = 0, connectionLimit = 0
    /// Bytes in the buffers of all connections, and at most.
    public internal(set) var bufferedBytes = 0, bufferLimit = 0
    /// How often accepting had to wait, because all places were taken, or the process could open no
    /// more.
    public internal(set) var heldBackByConnections = 0, heldBackByDescriptors = 0
    /// Connections whose TLS handshake failed or took too long.
    public internal(set) var failedHandshakes = 0
    /// Connections that were given up for want of buffers, and those at rest to make room for another.
    public internal(set) var shed = 0, displaced = 0
    /// Requests that access control has refused, by the gatekeeper's word for why.
    public internal(set) var accessRefusals: [String: Int] = [:]
    /// When the certificate in use is over, in seconds since 1970; nil without TLS.
    public internal(set) var certificateEnd: Int64?

    /// Adds what a loop has counted, its requests apart.
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

    /// Adds the requests that the loops have counted to the path with this number.
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
