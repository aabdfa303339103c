import CLinux
import System
import TLS

/// One client's connection: reads requests, has them handled in order, writes the answers. Lives on
/// its event loop.
///
/// Reading and turns are here; requests, answers and deadlines are in the extensions.
final class Connection {
    private(set) var transport: Transport
    let token: UInt64
    /// A cycle until the connection closes, which it does before the loop ends. An unowned
    /// reference would be counted at every use.
    let loop: EventLoop
    /// The service that it is connected to.
    let service: Service

    // One thread uses a connection, and no closure called here reaches it: checking that accesses
    // are exclusive would cost a seventh of a request's instructions.
    @exclusivity(unchecked) var phase = Phase.head()
    var parser = RequestParser()
    /// Received but not handled: part of a head, or requests that wait for their turn.
    var pending: [UInt8] = []
    @exclusivity(unchecked) var current = CurrentRequest()
    /// The body of the current request; nil if there is none or it has been read.
    @exclusivity(unchecked) var unreadBody: UnreadBody?
    /// Tells the answers of one postponed request from those of the next.
    var requestNumber: UInt64 = 0
    /// Answers that the socket has not taken yet, and how fast the client takes them.
    @exclusivity(unchecked) var unsent = UnsentBytes()
    @exclusivity(unchecked) var speed = AnswerSpeed()

    // The current waits.
    var isPeerDone = false
    var isReady = false
    /// True if requests wait for the client to take earlier answers.
    var isHeldBack = false
    /// True if its body was ended because it paused, and another connection waits for the slot.
    private(set) var isMakingRoom = false
    private(set) var interest = UInt32(CLINUX_READABLE)
    /// The deadline on the loop's clock.
    @exclusivity(unchecked) var deadline = UInt64.max
    private(set) var lastReceived: UInt64 = 0
    /// Bytes in this connection's buffers that are included in the server's total.
    private var accountedBytes = 0

    init(_ transport: Transport, to service: Service, loop: EventLoop, token: UInt64) {
        self.transport = transport
        self.service = service
        self.loop = loop
        self.token = token
    }

    /// Starts the connection. A silent client, and one that is slow to finish a handshake, gets as
    /// long as one that is slow to finish its first header.
    func start() {
        if transport.session != nil { phase = .handshaking }
        loop.noteRest(self)
        setDeadline(loop.timeouts.header)
    }

    // MARK: Events

    func handle(_ events: UInt32) {
        if phase.isHandshaking, let session = transport.session { return handshake(session) }
        let isReadable = events & UInt32(CLINUX_READABLE) != 0
        if transport.readWantsWrite, events & UInt32(CLINUX_WRITABLE) != 0 { return receive() }
        if events & UInt32(CLINUX_WRITABLE) != 0 || (isReadable && transport.writeWantsRead) {
            flush()
            if unsent.isEmpty { resume() }
        }
        if phase.isClosed { return }
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
            phase = .head()
            setInterest(UInt32(CLINUX_READABLE))
            setDeadline(loop.timeouts.header)
            // The first request may have arrived with the end of the handshake.
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
            if phase.isLingering { return }
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

    /// Continues with the received bytes after a wait.
    func resume() {
        isReady = false
        isHeldBack = false
        if phase.isClosed { return }
        processPending()
        finishTurn()
        if isReadDue { receive() }
    }

    /// Queues `resume` for the loop's next wake-up, which is immediate.
    func resumeNextTurn() {
        isReady = true
        loop.addReady(self)
    }

    /// True if TLS holds unread bytes: epoll reports only those in the socket.
    private var isReadDue: Bool {
        guard let session = transport.session, interest & UInt32(CLINUX_READABLE) != 0,
            !phase.isClosed
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

    /// Sends the answers and determines what to wait for.
    func finishTurn() {
        flush()
        if phase.isClosed { return }
        if isHeldBack, unsent.isEmpty {
            // The client has read on since, so no event will report that there is space again.
            isHeldBack = false
            resumeNextTurn()
        }
        if isPeerDone, !isReady {
            // Received bytes of a body are taken first; then its receiver may still answer.
            if phase.isReceiving, !phase.isReceiver(.full) {
                refuse(HTTPError(.badRequest, "The body is incomplete."))
                return finishTurn()
            }
            // Nothing else shows that a client is gone: one that closes its sending side gets
            // neither live streams nor slow answers. Storing and quick requests are still answered.
            let isAwaited =
                phase.isReceiving || phase.isWaiting || (phase.isStreaming && !phase.isLive)
            if unsent.isEmpty, !isAwaited { return close() }
            if phase.isWaiting, current.onGone != nil, deadline == .max {
                setDeadline(loop.timeouts.stall)
            }
        }
        guard accountForBuffers() else { return shed() }
        updateInterest()
        updateHeaderDeadline()
        if phase.isReceiving { isPausing ? loop.notePause(self) : loop.noteEndOfPause(self) }
        demandPiece()
    }

    // MARK: Waiting

    private func updateInterest() {
        // Never wait for what TLS does not continue with: it would be reported at each check, and
        // the loop would spin.
        if transport.readWantsWrite { return setInterest(UInt32(CLINUX_WRITABLE)) }
        if transport.writeWantsRead { return setInterest(UInt32(CLINUX_READABLE)) }
        var wanted: UInt32 = 0
        if unsent.isEmpty {
            if !isPeerDone, !phase.isReceiver(.full), pending.count < loop.limits.pendingBytes {
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

    /// Updates the server's total of buffered bytes; false if this connection has grown beyond the
    /// limit.
    private func accountForBuffers() -> Bool {
        var held = pending.count + unsent.count
        if case .collecting(let collected) = phase { held += collected.count }
        guard held != accountedBytes else { return true }
        let change = held - accountedBytes
        accountedBytes = held
        return loop.server.addBufferedBytes(change) <= loop.limits.bufferedBytes || change < 0
    }

    /// Drops a connection for lack of memory, with an answer if one is still possible.
    private func shed() {
        loop.counters.shed.add(1)
        guard case .collecting = phase, unsent.isEmpty else { return close() }
        refuse(HTTPError(.serviceUnavailable, "Too much is being received at once."))
        finishTurn()
    }

    // MARK: Ending

    private var isAtRest: Bool {
        phase.isHead && !parser.hasStarted && pending.isEmpty && unsent.isEmpty
    }

    /// Closes, unless a request has arrived meanwhile, which is answered.
    func closeIfIdle() {
        if phase.isHandshaking { return close() }
        guard isAtRest else { return }
        receive()
        if isAtRest { takeLeave() }
    }

    /// Closes to make room for another connection, even in the middle of a head, but not if a
    /// request has arrived meanwhile or an answer is still being sent.
    func closeIfResting() -> Bool {
        if isAtRest { receive() }
        guard phase.isHandshaking || phase.isHead, unsent.isEmpty, !isReady, !isHeldBack else {
            return phase.isClosed
        }
        close()
        return true
    }

    private var isPausing: Bool { phase.isReceiver(.idle) }

    /// Ends a paused body to make room for another connection, but not if more of it has arrived
    /// meanwhile. Its receiver reports what became of it.
    func endIfPausing() -> Bool {
        let last = lastReceived
        if isPausing { receive() }
        guard isPausing, lastReceived == last, unsent.isEmpty else { return false }
        isMakingRoom = true
        refuse(
            HTTPError(
                .serviceUnavailable,
                "The body paused, and another connection needed its slot."))
        finishTurn()
        return true
    }

    /// Ends an idle connection. Its client may be sending a request right now: a reset would look
    /// like a failure, but an end before any answer tells it to send the request again elsewhere.
    func takeLeave() {
        linger()
        finishTurn()
    }

    func close() {
        if phase.isClosed { return }
        phase = .closed
        current.onGone?()
        current = CurrentRequest()
        deadline = .max
        pending = []
        unsent = UnsentBytes()
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
