import CLinux
import Glibc

/// One client's connection: reads requests, has them handled in order, writes the answers. Lives on
/// its event loop.
final class Connection {
    private(set) var transport: Transport
    let token: UInt64
    private unowned let loop: EventLoop
    private let router: Router

    private enum Phase {
        case handshaking(TLSSession)
        /// Reading a head, or at rest before one.
        case head
        /// Reading a body for `route`'s handler.
        case body(Route, Router.Match, BodyDecoder)
        /// The handler has postponed its answer.
        case waiting
        /// Reading a body that nobody wants, up to a bound.
        case draining(BodyDecoder, left: Int)
        /// Everything is answered; reading only so that the client gets to read (RFC 9112, 9.6).
        case lingering
        case closed
    }

    private var phase = Phase.head
    private var parser = RequestParser()
    /// Received and not handled yet: part of a head, or requests that must wait for their turn.
    private var pending: [UInt8] = []
    /// The head of the request whose body is being received.
    private var headBytes: [UInt8] = []
    private var body: [UInt8] = []
    /// Written by handlers and not taken by the socket yet.
    private var unsent = UnsentBytes()

    private var isPostponed = false
    private var omitsBody = false
    private var closesAfterAnswer = false
    private var isPeerDone = false
    private var isReady = false
    /// Requests wait for the client to take the answers before them.
    private var isHeldBack = false
    /// What follows the answer when the request's body was not read for it.
    private var unreadBody: BodyDecoder?

    /// The epoll events it waits for.
    private(set) var interest = UInt32(CLINUX_READABLE)
    /// On the loop's clock.
    private(set) var deadline = UInt64.max
    private var bodyBytesInWindow = 0
    /// Bytes in this connection's buffers that the server's total knows of.
    private var accountedBytes = 0

    /// Received and not handled, in bytes, above which a connection is not read from: more than any
    /// head is long.
    private static let readsPendingUpTo = 64 * 1024

    init(_ transport: Transport, router: Router, loop: EventLoop, token: UInt64) {
        self.transport = transport
        self.router = router
        self.loop = loop
        self.token = token
    }

    /// A client that connects and says nothing gets as long as one that is slow to finish its first
    /// header, and so does one that is slow to finish a handshake.
    func start() {
        if let session = transport.session { phase = .handshaking(session) }
        setDeadline(loop.timeouts.header)
    }

    // MARK: Events

    func handle(_ events: UInt32) {
        if case .handshaking(let session) = phase { return handshake(session) }
        let isReadable = events & UInt32(CLINUX_READABLE) != 0
        if events & UInt32(CLINUX_WRITABLE) != 0 || (isReadable && transport.writeWantsRead) {
            flush()
            if unsent.isEmpty { resume() }
        }
        if case .closed = phase { return }
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
            close()
        }
    }

    private func receive() {
        switch transport.read(into: loop.input) {
        case .bytes(let count):
            if case .lingering = phase { return }
            let received = UnsafeRawBufferPointer(rebasing: loop.input[..<count])
            if pending.isEmpty {
                let taken = process(received)
                pending.append(contentsOf: received.slice(taken..<count))
            } else {
                pending.append(contentsOf: received)
                processPending()
            }
            finishTurn()
            if isReadDue, !isReady {
                isReady = true
                loop.addReady(self)
            }
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
        if case .closed = phase { return }
        processPending()
        finishTurn()
        if isReadDue { receive() }
    }

    /// Whether TLS holds bytes that are to be read: epoll tells only of those in the socket.
    private var isReadDue: Bool {
        guard let session = transport.session, interest & UInt32(CLINUX_READABLE) != 0 else {
            return false
        }
        if case .closed = phase { return false }
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
    private func finishTurn() {
        flush()
        if case .closed = phase { return }
        if isHeldBack, unsent.isEmpty {
            // The client has read on since: no event will tell that there is room again.
            isHeldBack = false
            isReady = true
            loop.addReady(self)
        }
        if isPeerDone, unsent.isEmpty, !isReady {
            switch phase {
            case .waiting: break
            default: return close()
            }
        }
        guard accountForBuffers() else { return shed() }
        updateInterest()
        updateDeadline()
    }

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
        guard case .body = phase, unsent.isEmpty else { return close() }
        refuse(HTTPError(.serviceUnavailable, "Too much is being received at once."))
        finishTurn()
    }

    // MARK: Requests

    /// Handles what it can of `bytes` and returns how many it took.
    private func process(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        var answered = 0
        while true {
            do {
                switch phase {
                case .head:
                    guard offset < bytes.count else { return offset }
                    guard answered < loop.limits.requestsPerWake else {
                        // Fairness: the others first.
                        isReady = true
                        loop.addReady(self)
                        return offset
                    }
                    if loop.output.count + unsent.count > loop.limits.outputBytes {
                        flush()
                        // Back-pressure: who does not read answers is not read from.
                        if !unsent.isEmpty {
                            isHeldBack = true
                            return offset
                        }
                        if case .closed = phase { return bytes.count }
                    }
                    let rest = bytes.slice(offset..<bytes.count)
                    guard case .complete(let end) = try parser.parse(rest, limits: loop.limits)
                    else {
                        return offset
                    }
                    answered += 1
                    offset +=
                        end + (begin(rest.slice(0..<end), after: rest.slice(end..<rest.count)))
                case .body(let route, let match, var decoder):
                    guard offset < bytes.count || decoder.isDone else { return offset }
                    // So that `decoder` is the only reference, and its line is not copied.
                    phase = .head
                    let rest = bytes.slice(offset..<bytes.count)
                    let limit = route.bodyLimit
                    let taken = try decoder.decode(rest, limits: loop.limits) {
                        piece throws(HTTPError) in
                        guard body.count + piece.count <= limit else {
                            throw HTTPError.tooLarge(limit)
                        }
                        body.append(contentsOf: piece)
                    }
                    offset += taken
                    bodyBytesInWindow += taken
                    guard decoder.isDone else {
                        phase = .body(route, match, decoder)
                        return offset
                    }
                    runWithCollectedBody(route, match)
                case .draining(let decoder, let left):
                    guard offset < bytes.count || decoder.isDone else { return offset }
                    offset += drain(bytes.slice(offset..<bytes.count), decoder, left: left)
                case .handshaking, .waiting:
                    return offset
                case .lingering, .closed:
                    return bytes.count
                }
            } catch {
                refuse(error)
            }
        }
    }

    /// Throws away bytes of a body whose request has been answered; returns how many it took.
    private func drain(_ bytes: UnsafeRawBufferPointer, _ decoder: BodyDecoder, left: Int) -> Int {
        var decoder = decoder
        var left = left
        var taken = bytes.count
        do throws(HTTPError) {
            taken = try decoder.decode(bytes, limits: loop.limits) { piece throws(HTTPError) in
                left -= piece.count
            }
        } catch {
            // The answer is out; a second one would be taken for the next request's.
            left = -1
        }
        if left < 0 {
            linger()
        } else if decoder.isDone {
            expectNextRequest()
        } else {
            phase = .draining(decoder, left: left)
        }
        return taken
    }

    /// Has a request handled whose head is complete. Returns how many bytes of `rest`, what follows
    /// the head, were its body.
    private func begin(
        _ headView: UnsafeRawBufferPointer, after rest: UnsafeRawBufferPointer
    ) -> Int {
        omitsBody = parser.head.method == .head
        closesAfterAnswer = !parser.head.keepsAlive
        let framing = parser.head.framing
        unreadBody = framing == .none ? nil : BodyDecoder(framing)
        switch Verdict(parser.head, headView, router: router) {
        case .refuse(let error, let allow):
            answer(error, allow: allow)
            return 0
        case .allow(let methods):
            answer { response in
                response.status = .noContent
                response.contentType = nil
                response.addHeader("Allow", methods)
            }
            return 0
        case .run(let route, let match):
            return readBody(of: route, match, headView, after: rest)
        }
    }

    /// Runs the handler if the whole body is there, or has it collected first. Returns how many
    /// bytes of `rest` were the body.
    private func readBody(
        of route: Route, _ match: Router.Match, _ headView: UnsafeRawBufferPointer,
        after rest: UnsafeRawBufferPointer
    ) -> Int {
        let framing = parser.head.framing
        guard route.bodyLimit > 0, framing != .none else {
            run(route, match, headView, body: UnsafeRawBufferPointer(start: nil, count: 0))
            return 0
        }
        unreadBody = nil
        if case .length(let length) = framing {
            if length <= rest.count {
                run(route, match, headView, body: rest.slice(0..<length))
                return length
            }
            body.reserveCapacity(min(length, Self.readsPendingUpTo))
        }
        headBytes = Array(headView)
        // RFC 9110, 10.1.1: a server "MAY omit sending a 100 (Continue) response if it has already
        // received some or all of the content".
        if parser.head.expectsContinue, parser.head.isHTTP11, rest.isEmpty {
            loop.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        }
        bodyBytesInWindow = 0
        setReadDeadline(loop.timeouts.body)
        phase = .body(route, match, BodyDecoder(framing))
        return 0
    }

    private func runWithCollectedBody(_ route: Route, _ match: Router.Match) {
        var head: [UInt8] = []
        var content: [UInt8] = []
        swap(&head, &headBytes)
        swap(&content, &body)
        head.withUnsafeBytes { head in
            content.withUnsafeBytes { content in run(route, match, head, body: content) }
        }
    }

    private func run(
        _ route: Route, _ match: Router.Match, _ headView: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer
    ) {
        guard case .path(let path, let query) = parser.head.target else {
            preconditionFailure("routed by path")
        }
        let request = Request(
            method: route.method, path: headView.slice(path),
            query: query.map { headView.slice($0) },
            parameter: match.parameter, body: body, loopIndex: loop.index, head: parser.head,
            headBytes: headView, connection: self)
        isPostponed = false
        loop.withResponse { response in
            route.handler(request, &response)
            if isPostponed {
                phase = .waiting
                if unsent.isEmpty { deadline = .max }
            } else {
                send(&response)
            }
        }
    }

    /// Called through `Request.postpone`.
    func postpone() -> PendingResponse {
        precondition(!isPostponed, "a request is postponed once")
        isPostponed = true
        return PendingResponse(loop: loop, token: token)
    }

    /// Gives the postponed answer, and goes on with what has come meanwhile.
    func finish(_ render: (inout Response) -> Void) {
        guard case .waiting = phase else { return }
        answer(render)
        resume()
    }

    // MARK: Answers

    private func answer(_ error: HTTPError, allow: [UInt8]? = nil) {
        answer { response in
            loop.renderError(error, &response)
            if let allow { response.addHeader("Allow", allow) }
        }
    }

    private func answer(_ render: (inout Response) -> Void) {
        loop.withResponse { response in
            render(&response)
            send(&response)
        }
    }

    private func send(_ response: inout Response) {
        // A client that waits for 100 may send the body after this answer or not: its next bytes
        // could be either (RFC 9110, 10.1.1).
        if unreadBody != nil, parser.head.expectsContinue { closesAfterAnswer = true }
        if loop.isDraining { closesAfterAnswer = true }
        if unreadBody != nil, case .length(let length) = parser.head.framing,
            length > loop.limits.drainBytes
        {
            closesAfterAnswer = true
        }
        // RFC 9112, 9.3: a 1.0 client keeps the connection only when it is told so.
        if !parser.head.isHTTP11, !closesAfterAnswer {
            response.addHeader("Connection", "keep-alive")
        }
        response.write(
            to: &loop.output, date: loop.dateLine, closes: closesAfterAnswer, omitsBody: omitsBody)
        if closesAfterAnswer {
            linger()
        } else if let unreadBody {
            phase = .draining(unreadBody, left: loop.limits.drainBytes)
            setReadDeadline(loop.timeouts.body)
        } else {
            expectNextRequest()
        }
    }

    private func expectNextRequest() {
        parser.reset()
        isInHeader = false
        unreadBody = nil
        phase = .head
        setReadDeadline(loop.timeouts.idle)
    }

    /// Answers a request that cannot be understood: what follows it cannot be trusted either.
    private func refuse(_ error: HTTPError) {
        omitsBody = parser.head.method == .head
        closesAfterAnswer = true
        headBytes = []
        body = []
        unreadBody = nil
        answer(error)
    }

    // MARK: Writing

    /// Sends what the loop's output holds, after what is still unsent; what the socket does not
    /// take is kept.
    private func flush() {
        if !loop.output.isEmpty || !unsent.isEmpty {
            let wasBlocked = !unsent.isEmpty
            let outcome = unsent.send(loop.output, over: transport)
            loop.releaseOutput()
            switch outcome {
            case .sentAll: if wasBlocked { restoreDeadline() }
            case .sentSome: setDeadline(loop.timeouts.write)
            case .blocked: if !wasBlocked { setDeadline(loop.timeouts.write) }
            case .failed: return close()
            }
        }
        finishLingering()
    }

    // MARK: Waiting

    private func updateInterest() {
        var wanted: UInt32 = 0
        if unsent.isEmpty {
            if !isPeerDone, pending.count < Self.readsPendingUpTo {
                wanted |= UInt32(CLINUX_READABLE)
            }
        } else {
            wanted |= UInt32(CLINUX_WRITABLE)
        }
        if transport.readWantsWrite { wanted |= UInt32(CLINUX_WRITABLE) }
        if transport.writeWantsRead { wanted |= UInt32(CLINUX_READABLE) }
        setInterest(wanted)
    }

    private func setInterest(_ wanted: UInt32) {
        guard wanted != interest else { return }
        interest = wanted
        loop.setInterest(self)
    }

    /// Waits for the client to send. While it has answers yet to read, that wait goes on instead: a
    /// client that asks for more must not get more time.
    private func setReadDeadline(_ nanoseconds: UInt64) {
        if unsent.isEmpty { setDeadline(nanoseconds) }
    }

    private func setDeadline(_ nanoseconds: UInt64) {
        deadline = loop.now &+ nanoseconds
        loop.noteDeadline(deadline)
    }

    /// After a wait for the socket to take an answer, the phase's own wait begins.
    private func restoreDeadline() {
        switch phase {
        case .head: setDeadline(loop.timeouts.idle)
        case .body, .draining: setDeadline(loop.timeouts.body)
        case .handshaking, .waiting, .lingering, .closed: deadline = .max
        }
    }

    private var isInHeader = false

    /// The header's time runs from its first byte, not from the last that came.
    private func updateDeadline() {
        guard case .head = phase, unsent.isEmpty, parser.hasStarted else {
            isInHeader = false
            return
        }
        if !isInHeader {
            isInHeader = true
            setDeadline(loop.timeouts.header)
        }
    }

    func deadlineExpired() {
        guard unsent.isEmpty else { return close() }
        switch phase {
        case .head where parser.hasStarted:
            refuse(HTTPError(.requestTimeout, "The header did not arrive in time."))
            finishTurn()
        case .body:
            let wanted = Double(loop.limits.bodyBytesPerSecond) * loop.limits.bodyGrace.seconds
            if Double(bodyBytesInWindow) >= max(wanted, 1) {
                bodyBytesInWindow = 0
                setDeadline(loop.timeouts.body)
            } else {
                refuse(HTTPError(.requestTimeout, "The body came too slowly."))
                finishTurn()
            }
        case .handshaking, .head, .draining, .lingering:
            close()
        case .waiting, .closed:
            deadline = .max
        }
    }

    // MARK: Ending

    private var isSendingFinished = false

    private func linger() {
        phase = .lingering
    }

    /// Once the last answer has been sent, says so to the peer and waits for it to close: closing
    /// with bytes unread would reset the connection, and the peer might lose the answer (RFC 9112,
    /// 9.6).
    private func finishLingering() {
        guard case .lingering = phase, unsent.isEmpty, !isSendingFinished else { return }
        isSendingFinished = true
        pending = []
        transport.finishSending()
        setDeadline(loop.timeouts.linger)
    }

    func closeIfIdle() {
        switch phase {
        case .handshaking: close()
        case .head where !parser.hasStarted && pending.isEmpty && unsent.isEmpty: close()
        default: break
        }
    }

    func close() {
        if case .closed = phase { return }
        phase = .closed
        deadline = .max
        pending = []
        headBytes = []
        body = []
        unsent = UnsentBytes()
        _ = accountForBuffers()
        transport.close()
        loop.remove(self)
    }
}
