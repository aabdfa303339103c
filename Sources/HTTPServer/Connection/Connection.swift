import CLinux
import System
import TLS

/// One client's connection: reads requests, has them handled in order, writes the answers. Lives on
/// its event loop.
///
/// Reading and turns stand here; requests, answers and deadlines in the extensions.
final class Connection {
    private(set) var transport: Transport
    let token: UInt64
    /// A cycle until the connection closes, which it does before the loop ends; an unowned
    /// reference would be counted at every use.
    let loop: EventLoop
    /// The service that it is connected to.
    let service: Service

    // One thread uses a connection, and no closure called here reaches it: checking that accesses are
    // exclusive would cost a seventh of a request's instructions.
    @exclusivity(unchecked) var phase = Phase.head()
    var parser = RequestParser()
    /// Received and not handled yet: part of a head, or requests that must wait for their turn.
    var pending: [UInt8] = []
    @exclusivity(unchecked) var current = CurrentRequest()
    /// The body of the current request; nil if there is none or it has been read.
    @exclusivity(unchecked) var unreadBody: UnreadBody?
    /// Tells the answers of one postponed request from those of the next.
    var requestNumber: UInt64 = 0
    /// Answers that the socket has not taken yet, and how fast the client takes them.
    @exclusivity(unchecked) var unsent = UnsentBytes()
    @exclusivity(unchecked) var speed = AnswerSpeed()

    // What it waits for.
    var isPeerDone = false
    var isReady = false
    /// Requests wait for the client to take the answers before them.
    var isHeldBack = false
    /// Its body was ended because it paused: another connection waits for the place.
    private(set) var isMakingRoom = false
    private(set) var interest = UInt32(CLINUX_READABLE)
    /// On the loop's clock.
    @exclusivity(unchecked) var deadline = UInt64.max
    private(set) var lastReceived: UInt64 = 0
    /// Bytes in this connection's buffers that the server's total knows of.
    private var accountedBytes = 0

    init(_ transport: Transport, to service: Service, loop: EventLoop, token: UInt64) {
        self.transport = transport
        self.service = service
        self.loop = loop
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

    /// Goes on with what has been received, after a wait.
    func resume() {
        isReady = false
        isHeldBack = false
        if phase.isClosed { return }
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

    /// Sends what was answered, and sees what to wait for next.
    func finishTurn() {
        flush()
        if phase.isClosed { return }
        if isHeldBack, unsent.isEmpty {
            // The client has read on since: no event will tell that there is room again.
            isHeldBack = false
            resumeNextTurn()
        }
        if isPeerDone, !isReady {
            // What has come of a body is taken first; then its receiver may still answer.
            if phase.isReceiving, !phase.isReceiver(.full) {
                refuse(HTTPError(.badRequest, "The body ends in the middle."))
                return finishTurn()
            }
            // Nothing else tells of a client that is gone: whoever ends its side does not get what is
            // live, nor what takes long. What is stored or quick is answered all the same.
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
        // Never what TLS does not go on with: it would be there at each look, and the loop would spin.
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

    /// Keeps the server's total of buffered bytes; false when this connection has grown beyond what
    /// is left of it.
    private func accountForBuffers() -> Bool {
        var held = pending.count + unsent.count
        if case .collecting(let collected) = phase { held += collected.count }
        guard held != accountedBytes else { return true }
        let change = held - accountedBytes
        accountedBytes = held
        return loop.server.addBufferedBytes(change) <= loop.limits.bufferedBytes || change < 0
    }

    /// Gives up on a connection for want of memory: with an answer where one can still be given.
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

    /// Closes, but for what has come meanwhile, which is answered.
    func closeIfIdle() {
        if phase.isHandshaking { return close() }
        guard isAtRest else { return }
        receive()
        if isAtRest { takeLeave() }
    }

    /// Closes so that another may have the place, also in the middle of a head, but not where a request has
    /// come meanwhile, or an answer is still on its way.
    func closeIfResting() -> Bool {
        if isAtRest { receive() }
        guard phase.isHandshaking || phase.isHead, unsent.isEmpty, !isReady, !isHeldBack else {
            return phase.isClosed
        }
        close()
        return true
    }

    private var isPausing: Bool { phase.isReceiver(.idle) }

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
