/// The states of a connection, each with its own data, and the request that it is handling.
extension Connection {
    enum Phase {
        case handshaking
        /// Reading a head, or idle before one. Its time runs from its first byte on.
        case head(isTimed: Bool = false)
        /// Reading a body that the handler gets whole.
        case collecting(CollectedBody)
        /// Reading a body that the handler gets piece by piece.
        case receiving(Reception)
        /// Running the handler.
        case handling
        /// Waiting for a postponed answer. If the rest of the body does not come, `cut` says why.
        case waiting(cut: HTTPError? = nil)
        /// Sending an answer piece by piece.
        case streaming(OutgoingStream)
        /// Reading an unwanted body, up to a limit.
        case draining(bytes: Int = 0)
        /// Everything is answered; still reading so that the client can read the answer (RFC 9112,
        /// 9.6).
        case lingering(isSendingFinished: Bool = false)
        case closed

        var isHandshaking: Bool { if case .handshaking = self { true } else { false } }
        var isHead: Bool { if case .head = self { true } else { false } }
        var isReceiving: Bool { if case .receiving = self { true } else { false } }
        var isWaiting: Bool { if case .waiting = self { true } else { false } }
        var isStreaming: Bool { if case .streaming = self { true } else { false } }
        var isLingering: Bool { if case .lingering = self { true } else { false } }
        var isClosed: Bool { if case .closed = self { true } else { false } }

        /// True if it sends a live stream.
        var isLive: Bool { if case .streaming(let stream) = self { stream.isLive } else { false } }

        /// True if the receiver of a body last reported this readiness.
        func isReceiver(_ readiness: Request.Readiness) -> Bool {
            if case .receiving(let reception) = self {
                reception.readiness == readiness
            } else {
                false
            }
        }
    }

    /// A request whose body is being collected, as far as it has arrived.
    struct CollectedBody {
        let head: [UInt8]
        var bytes: [UInt8] = []

        var count: Int { head.count + bytes.count }
    }

    /// The receiver of a body in pieces, and whether it takes more.
    struct Reception {
        let receiver: Request.BodyReceiver
        var readiness: Request.Readiness
    }

    /// A body that has not been read to the end.
    struct UnreadBody {
        private var decoder: BodyDecoder
        /// The bytes received since its speed was last checked.
        var bytesInWindow = 0

        init(_ framing: RequestHead.Framing) { decoder = BodyDecoder(framing) }

        var isDone: Bool { decoder.isDone }

        /// Passes the part of it in `input` to `receive`, and returns how many bytes that took.
        mutating func read(
            _ input: UnsafeRawBufferPointer, limits: HTTPLimits,
            _ receive: (UnsafeRawBufferPointer) throws(HTTPError) -> Void
        ) throws(HTTPError) -> Int {
            var count = 0
            defer { bytesInWindow += count }
            return try decoder.decode(input, limits: limits) { piece throws(HTTPError) in
                count += piece.count
                try receive(piece)
            }
        }
    }

    /// The request that is being handled, apart from its head and body.
    struct CurrentRequest {
        var route: Route?
        /// The value of the route's `{name}`.
        var parameter: [UInt8] = []
        /// The admission of the client.
        var admission: (any Admission)?
        /// Called if the client goes before it has its answer.
        var onGone: (@Sendable () -> Void)?
        var trace: TraceID?
        /// The row of the counters, and the start of its measured time: when it had arrived whole.
        var countedRow = LoopCounters.noRow
        var begun: UInt64 = 0
        var omitsBody = false
        var closesAfterAnswer = false
    }
}
