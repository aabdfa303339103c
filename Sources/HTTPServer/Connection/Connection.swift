import CLinux
import System
import TLS

/// One client's connection: reads requests, has them handled in order, writes the answers. Lives on
/// its event loop.
///
/// Reading and turns stand here; requests, answers and deadlines in the extensions.
final class Connection {
    enum Phase {
        case handshaking
        /// Reading a head, or at rest before one.
        case head
        /// Reading a body, for the handler to have whole.
        case collecting
        /// Reading a body that the handler takes piece by piece.
        case receiving
        /// The handler has postponed its answer.
        case waiting
        /// Sending an answer piece by piece.
        case streaming
        /// Reading a body that nobody wants, up to a bound.
        case draining
        /// Everything is answered; reading only so that the client gets to read (RFC 9112, 9.6).
        case lingering
        case closed
    }

    private(set) var transport: Transport
    let token: UInt64
    /// A cycle until the connection closes, which it does before the loop ends; an unowned
    /// reference would be counted at every use.
    let loop: EventLoop
    let router: Router
    /// The place that it takes.
    let pool: ConnectionPool
    /// nil where anybody may have any request run.
    let access: (any Gatekeeper)?
    /// What such a request may call the server; nil is anything.
    let hosts: HostNames?

    var phase = Phase.head
    var parser = RequestParser()
    /// Received and not handled yet: part of a head, or requests that must wait for their turn.
    var pending: [UInt8] = []

    // The request that is being handled.
    /// The head of a request whose body is being collected.
    var headBytes: [UInt8] = []
    var body: [UInt8] = []
    var route: Route?
    /// What the route's `{name}` stands for.
    var parameter: [UInt8] = []
    var decoder = BodyDecoder(.none)
    /// Whether there is a body that has not been read to its end.
    var isBodyUnread = false
    var receiver: Request.BodyReceiver?
    /// Told when the client goes before it has had its answer.
    var onGone: (@Sendable () -> Void)?
    /// What let it in.
    var admission: (any Admission)?
    var receiverReadiness = Request.Readiness.ready
    var isReceiverFull: Bool { receiverReadiness == .full }
    private var isPausing: Bool { phase == .receiving && receiverReadiness == .idle }
    /// Its body was ended because it paused: another connection waits for the place.
    private(set) var isMakingRoom = false
    /// Why the rest of its body does not come.
    var cut: HTTPError?
    var drainedBytes = 0
    /// Tells the answers of one postponed request from those of the next.
    var requestNumber: UInt64 = 0
    var isPostponed = false
    var omitsBody = false
    var closesAfterAnswer = false
    /// Where it is counted, and from when on its time is: when it had come whole.
    var countedRow = LoopCounters.noRow
    var begun: UInt64 = 0
    var trace: TraceID?

    // What is sent.
    /// Written by handlers and not taken by the socket yet.
    var unsent = UnsentBytes()
    var stream: OutgoingStream?
    var isSendingFinished = false

    // What it waits for.
    var isPeerDone = false
    var isReady = false
    /// Requests wait for the client to take the answers before them.
    var isHeldBack = false
    private(set) var interest = UInt32(CLINUX_READABLE)
    /// On the loop's clock.
    var deadline = UInt64.max
    var isInHeader = false
    var bodyBytesInWindow = 0
    /// When a byte came or went last, and when one went, or an answer began to wait for its client.
    var lastReceived: UInt64 = 0
    var lastSent: UInt64 = 0
    var answerSpeed = AnswerSpeed()
    /// Bytes in this connection's buffers that the server's total knows of.
    private var accountedBytes = 0

    init(
        _ transport: Transport, router: Router, access: (any Gatekeeper)?, hosts: HostNames?,
        loop: EventLoop, pool: ConnectionPool, token: UInt64
    ) {
        self.transport = transport
        self.router = router
        self.access = access
        self.hosts = hosts
        self.loop = loop
        self.pool = pool
        self.token = token
    }

    /// A client that connects and says nothing gets as long as one that is slow to finish its first
    /// header, and so does one that is slow to finish a handshake.
    func start() {
        if transport.session != nil { phase = .handshaking }
        loop.noteRest(self)
        setDeadline(loop.timeouts.header)
    }

    // MARK: Events

    func handle(_ events: UInt32) {
        if phase == .handshaking, let session = transport.session { return handshake(session) }
        let isReadable = events & UInt32(CLINUX_READABLE) != 0
        if transport.readWantsWrite, events & UInt32(CLINUX_WRITABLE) != 0 { return receive() }
        if events & UInt32(CLINUX_WRITABLE) != 0 || (isReadable && transport.writeWantsRead) {
            flush()
            if unsent.isEmpty { resume() }
        }
        if phase == .closed { return }
        if isReadable, interest & UInt32(CLINUX_READABLE) != 0 {
            receive()
        } else if events & UInt32(CLINUX_ERROR | CLINUX_HANGUP) != 0 {
            close()
        }
    }

    private func handshake(_ session: TLSSession) {
        switch session.handshake() {
        case .wantsRead:
            setInterest(UInt32(CLINUX_READABLE))
        case .wantsWrite:
            setInterest(UInt32(CLINUX_WRITABLE))
        case .done:
            phase = .head
            setInterest(UInt32(CLINUX_READABLE))
            setDeadline(loop.timeouts.header)
            // The first request may have come with the last of the handshake.
            receive()
        case .plainHTTP:
            transport = Transport(descriptor: transport.descriptor, session: nil)
            refuse(HTTPError(.badRequest, "This port speaks TLS: the URL must begin with https."))
            finishTurn()
        case .failed:
            // OpenSSL has sent the alert.
            if session.peerError != nil { loop.counters.failedHandshakes.add(1) }
            close()
        }
    }

    private func receive() {
        switch transport.read(into: loop.input) {
        case .bytes(let count):
            loop.counters.received.add(count)
            lastReceived = loop.now
            if phase == .lingering { return }
            let received = UnsafeRawBufferPointer(rebasing: loop.input[..<count])
            if pending.isEmpty {
                let taken = process(received)
                if taken < count { pending.append(contentsOf: received.slice(taken..<count)) }
            } else {
                pending.append(contentsOf: received)
                processPending()
            }
            finishTurn()
            if isReadDue, !isReady { resumeNextTurn() }
        case .wouldBlock:
            updateInterest()
        case .ended:
            isPeerDone = true
            finishTurn()
        case .failed:
            close()
        }
    }

    /// Goes on with what has been received, after a wait.
    func resume() {
        isReady = false
        isHeldBack = false
        if phase == .closed { return }
        processPending()
        finishTurn()
        if isReadDue { receive() }
    }

    /// Has `resume` called at the loop's next wake-up, which is at once.
    func resumeNextTurn() {
        isReady = true
        loop.addReady(self)
    }

    /// Whether TLS holds bytes that are to be read: epoll tells only of those in the socket.
    private var isReadDue: Bool {
        guard let session = transport.session, interest & UInt32(CLINUX_READABLE) != 0,
            phase != .closed
        else { return false }
        return session.hasBuffered
    }

    private func processPending() {
        guard !pending.isEmpty else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &pending)
        let taken = bytes.withUnsafeBytes { process($0) }
        if taken == bytes.count {
            bytes.removeAll()
        } else {
            bytes.removeFirst(taken)
        }
        swap(&bytes, &pending)
    }

    /// Sends what was answered, and sees what to wait for next.
    func finishTurn() {
        flush()
        if phase == .closed { return }
        if isHeldBack, unsent.isEmpty {
            // The client has read on since: no event will tell that there is room again.
            isHeldBack = false
            resumeNextTurn()
        }
        if isPeerDone, !isReady {
            // What has come of a body is taken first; then its receiver may still answer.
            if phase == .receiving, !isReceiverFull {
                refuse(HTTPError(.badRequest, "The body ends in the middle."))
                return finishTurn()
            }
            // Nothing else tells of a client that is gone: whoever ends its side does not get what is
            // live, nor what takes long. What is stored or quick is answered all the same.
            let isAwaited =
                phase == .receiving || phase == .waiting
                || (phase == .streaming && !(stream?.isLive ?? false))
            if unsent.isEmpty, !isAwaited { return close() }
            if phase == .waiting, onGone != nil, deadline == .max {
                setDeadline(loop.timeouts.stall)
            }
        }
        guard accountForBuffers() else { return shed() }
        updateInterest()
        updateHeaderDeadline()
        if phase == .receiving { isPausing ? loop.notePause(self) : loop.noteEndOfPause(self) }
        demandPiece()
    }

    // MARK: Waiting

    private func updateInterest() {
        // Never what TLS does not go on with: it would be there at each look, and the loop would spin.
        if transport.readWantsWrite { return setInterest(UInt32(CLINUX_WRITABLE)) }
        if transport.writeWantsRead { return setInterest(UInt32(CLINUX_READABLE)) }
        var wanted: UInt32 = 0
        if unsent.isEmpty {
            if !isPeerDone, !isReceiverFull, pending.count < loop.limits.pendingBytes {
                wanted |= UInt32(CLINUX_READABLE)
            }
        } else {
            wanted |= UInt32(CLINUX_WRITABLE)
        }
        setInterest(wanted)
    }

    private func setInterest(_ wanted: UInt32) {
        guard wanted != interest else { return }
        interest = wanted
        loop.setInterest(self)
    }

    // MARK: Memory

    /// Keeps the server's total of buffered bytes; false when this connection has grown beyond what
    /// is left of it.
    private func accountForBuffers() -> Bool {
        let held = pending.count + headBytes.count + body.count + unsent.count
        guard held != accountedBytes else { return true }
        let change = held - accountedBytes
        accountedBytes = held
        return loop.server.addBufferedBytes(change) <= loop.limits.bufferedBytes || change < 0
    }

    /// Gives up on a connection for want of memory: with an answer where one can still be given.
    private func shed() {
        loop.counters.shed.add(1)
        guard phase == .collecting, unsent.isEmpty else { return close() }
        refuse(HTTPError(.serviceUnavailable, "Too much is being received at once."))
        finishTurn()
    }

    // MARK: Ending

    private var isAtRest: Bool {
        phase == .head && !parser.hasStarted && pending.isEmpty && unsent.isEmpty
    }

    /// Closes, but for what has come meanwhile, which is answered.
    func closeIfIdle() {
        if phase == .handshaking { return close() }
        guard isAtRest else { return }
        receive()
        if isAtRest { takeLeave() }
    }

    /// Closes so that another may have the place, also in the middle of a head, but not where a request has
    /// come meanwhile, or an answer is still on its way.
    func closeIfResting() -> Bool {
        if isAtRest { receive() }
        guard phase == .handshaking || phase == .head, unsent.isEmpty, !isReady, !isHeldBack else {
            return phase == .closed
        }
        close()
        return true
    }

    /// Ends a body that pauses, so that another connection may have the place, but not where more of it has
    /// come meanwhile. Its receiver says what became of it.
    func endIfPausing() -> Bool {
        let last = lastReceived
        if isPausing { receive() }
        guard isPausing, lastReceived == last, unsent.isEmpty else { return false }
        isMakingRoom = true
        refuse(
            HTTPError(
                .serviceUnavailable,
                "The body paused, and its place was needed for another connection."))
        finishTurn()
        return true
    }

    /// Ends a connection at rest. Its client may be sending a request right now: to be reset would
    /// look like a failure, and an end before any answer tells it to send that again elsewhere.
    func takeLeave() {
        linger()
        finishTurn()
    }

    func close() {
        if phase == .closed { return }
        phase = .closed
        onGone?()
        onGone = nil
        deadline = .max
        pending = []
        headBytes = []
        body = []
        unsent = UnsentBytes()
        receiver = nil
        stream = nil
        _ = accountForBuffers()
        if let session = transport.session, let error = session.peerError {
            let peer = session.peer
            loop.server.clientErrors.note(now: loop.now) {
                ("TLS with \(peer) failed: \(error)", [:])
            }
        }
        transport.close()
        loop.remove(self)
    }
}
