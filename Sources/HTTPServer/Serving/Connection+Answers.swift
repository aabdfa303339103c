import CLinux
import System

/// Writing answers, whole or piece by piece.
extension Connection {
    func answer(_ error: HTTPError, allow: [UInt8]? = nil) {
        answer { response in
            loop.renderError(error, countedRoute, &response)
            if let allow { response.addHeader("Allow", allow) }
            if let challenge = error.challenge {
                response.addHeader("WWW-Authenticate", challenge)
            }
        }
    }

    func answer(_ render: (inout Response) -> Void) {
        loop.withResponse { response in
            render(&response)
            send(&response)
        }
    }

    /// Answers an unintelligible request. The bytes after it cannot be trusted either.
    func refuse(_ error: HTTPError) {
        current.omitsBody = parser.head.method == .head
        current.closesAfterAnswer = true
        // It never became complete, so it did not wait for us.
        current.begun = loop.now
        unreadBody = nil
        loop.noteEndOfPause(self)
        guard case .receiving(let reception) = phase else { return answer(error) }
        // The receiver of the first part knows what became of it.
        phase = .waiting(cut: error)
        if unsent.isEmpty { deadline = .max }
        _ = reception.receiver(.cut(error))
    }

    /// Gives the answer of the postponed request `number`, and continues with the bytes that
    /// arrived meanwhile.
    func finish(_ number: UInt64, _ render: (inout Response) -> Void) {
        guard phase.isWaiting || phase.isReceiving, number == requestNumber else { return }
        var challenge: [UInt8]?
        if case .waiting(let cut) = phase { challenge = cut?.challenge }
        loop.noteEndOfPause(self)
        answer { response in
            render(&response)
            if let challenge { response.addHeader("WWW-Authenticate", challenge) }
        }
        resume()
    }

    func send(_ response: inout Response) {
        countAnswer(response.status)
        if loop.isDraining || (unreadBody != nil && isUnreadBodyTrouble) {
            current.closesAfterAnswer = true
        }
        let isChunked = response.source != nil && parser.head.isHTTP11
        // RFC 9112, 6.3: without a length or chunks, an answer's end is the connection's.
        if response.source != nil, !isChunked { current.closesAfterAnswer = true }
        // RFC 9112, 9.3: a 1.0 client keeps the connection only if told so.
        if !parser.head.isHTTP11, !current.closesAfterAnswer {
            response.addHeader("Connection", "keep-alive")
        }
        response.write(
            to: &loop.output, date: loop.dateLine, isChunked: isChunked,
            closes: current.closesAfterAnswer, omitsBody: current.omitsBody)
        if let source = response.source, !current.omitsBody {
            let end = response.lifetime.map { loop.now &+ UInt64($0.inNanoseconds) } ?? .max
            phase = .streaming(
                OutgoingStream(
                    source: source, isChunked: isChunked, isLive: response.isLive, end: end))
            speed.restart()
            if unsent.isEmpty { restoreDeadline() }
        } else {
            endAnswer()
        }
        // The loop keeps the response for the next answer, but the source must go with its client.
        response.source = nil
    }

    private func countAnswer(_ status: HTTPStatus) {
        let now = clinux_monotonic_nanoseconds()
        let time = now &- current.begun
        loop.counters.note(row: current.countedRow, status, nanoseconds: time)
        let isExpected = current.route?.tellsTrouble ?? false
        guard let level = loop.requestLog.level(of: status, isExpected: isExpected, time) else {
            return
        }
        let entry = RequestLog.Entry(
            method: parser.head.method, route: countedRoute,
            parameter: current.parameter, status: status.code, nanoseconds: time,
            trace: current.trace,
            peer: PeerAddress(of: transport.descriptor))
        loop.requestLog.note(entry, at: level, now: now)
    }

    /// The router's path for the request.
    private var countedRoute: String? {
        loop.server.router.numberedPaths[LoopCounters.path(ofRow: current.countedRow)]
    }

    /// True if closing is better than reading the rest of the body.
    private var isUnreadBodyTrouble: Bool {
        // A client that waits for 100 may or may not send the body after this answer, so its next
        // bytes are ambiguous (RFC 9110, 10.1.1).
        if parser.head.expectsContinue { return true }
        guard case .length(let length) = parser.head.framing else { return false }
        return length > loop.limits.drainBytes
    }

    private func endAnswer() {
        current.onGone = nil
        if current.closesAfterAnswer {
            linger()
        } else if unreadBody != nil {
            phase = .draining()
            setReadDeadline(loop.timeouts.body)
        } else {
            expectNextRequest()
        }
    }

    func expectNextRequest() {
        parser.reset()
        current = CurrentRequest()
        unreadBody = nil
        phase = .head()
        loop.noteRest(self)
        setReadDeadline(loop.timeouts.idle)
    }

    // MARK: Pieces

    /// Asks for the next piece once the client has taken all earlier ones.
    func demandPiece() {
        guard case .streaming(var stream) = phase, unsent.isEmpty else { return }
        guard endOfAdmission() == nil else { return breakOff() }
        guard let (source, number) = stream.demand() else { return }
        phase = .streaming(stream)
        source(BodyDemand(loop: loop, token: token, number: number))
    }

    /// Sends the piece for demand `number`.
    func sendPiece(_ number: UInt64, _ bytes: [UInt8], isLast: Bool) {
        guard let isChunked = grantPiece(number) else { return }
        if !bytes.isEmpty { ChunkLine.append(bytes, to: &loop.output, isChunked: isChunked) }
        guard isLast else { return finishTurn() }
        if isChunked { loop.output.append("0\r\n\r\n") }
        if loop.isDraining { current.closesAfterAnswer = true }
        endAnswer()
        resume()
    }

    /// Ends the body of a stream whose time is over, and the connection, because what was demanded
    /// may still come.
    func endStream() {
        guard case .streaming(let stream) = phase else { return }
        if stream.isChunked { loop.output.append("0\r\n\r\n") }
        current.closesAfterAnswer = true
        endAnswer()
        finishTurn()
    }

    /// Ends the connection in the middle of the body, so that the client sees that it is
    /// incomplete.
    func failStream(_ number: UInt64) {
        if grantPiece(number) != nil { breakOff() }
    }

    /// Accepts the piece that demand `number` asked for, and returns true if it is sent as a chunk;
    /// nil if there is no such demand.
    private func grantPiece(_ number: UInt64) -> Bool? {
        guard case .streaming(var stream) = phase else { return nil }
        defer { phase = .streaming(stream) }
        return stream.grant(number)
    }

    private func breakOff() {
        transport.reset()
        close()
    }

    // MARK: Sending

    /// Sends the loop's output after the unsent bytes; keeps what the socket does not take.
    func flush() {
        if !loop.output.isEmpty || !unsent.isEmpty {
            let wasBlocked = !unsent.isEmpty
            let due = unsent.remaining + loop.output.count
            let outcome = unsent.send(loop.output, over: transport)
            loop.releaseOutput()
            guard outcome != .failed else { return close() }
            noteSent(due - unsent.remaining, wasBlocked: wasBlocked)
        }
        finishLingering()
    }

    /// Notes that `count` bytes were sent, and waits for the client if some are left.
    private func noteSent(_ count: Int, wasBlocked: Bool) {
        loop.counters.sent.add(count)
        speed.noteSent(count, wasBlocked: wasBlocked, loop.now)
        if !unsent.isEmpty {
            speed.beginWait(loop.now)
            setAnswerDeadline()
        } else if wasBlocked {
            speed.endWait(loop.now)
            if !phase.isStreaming { speed.restart() }
            restoreDeadline()
        }
    }

    func linger() { phase = .lingering() }

    /// After the last answer, closes the sending side and waits for the peer to close. Closing with
    /// unread bytes would reset the connection, and the peer might lose the answer (RFC 9112, 9.6).
    private func finishLingering() {
        guard case .lingering(isSendingFinished: false) = phase, unsent.isEmpty else { return }
        phase = .lingering(isSendingFinished: true)
        pending = []
        transport.finishSending()
        setDeadline(isMakingRoom ? loop.timeouts.stall / 4 : loop.timeouts.linger)
    }
}
