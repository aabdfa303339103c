import CLinux
import System

/// Writing answers, whole or piece by piece.
extension Connection {
    func answer(_ error: HTTPError, allow: [UInt8]? = nil) {
        answer { response in
            loop.renderError(error, &response)
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

    /// Answers a request that cannot be understood: what follows it cannot be trusted either.
    func refuse(_ error: HTTPError) {
        omitsBody = parser.head.method == .head
        closesAfterAnswer = true
        // It has not come whole, so it has not waited for us.
        begun = loop.now
        headBytes = []
        body = []
        isBodyUnread = false
        if phase == .receiving, let receiver {
            // Whoever has taken the beginning knows what became of it.
            endReceiving()
            cut = error
            phase = .waiting
            if unsent.isEmpty { deadline = .max }
            _ = receiver(.cut(error))
            return
        }
        endReceiving()
        answer(error)
    }

    /// Gives the answer of the postponed request `number`, and goes on with what has come
    /// meanwhile.
    func finish(_ number: UInt64, _ render: (inout Response) -> Void) {
        guard phase == .waiting || phase == .receiving, number == requestNumber, isPostponed else {
            return
        }
        isPostponed = false
        endReceiving()
        answer { response in
            render(&response)
            if let challenge = cut?.challenge { response.addHeader("WWW-Authenticate", challenge) }
        }
        resume()
    }

    private func endReceiving() {
        receiver = nil
        receiverReadiness = .ready
        loop.noteEndOfPause(self)
    }

    func send(_ response: inout Response) {
        countAnswer(response.status)
        if loop.isDraining || (isBodyUnread && isUnreadBodyTrouble) { closesAfterAnswer = true }
        let isChunked = response.source != nil && parser.head.isHTTP11
        // RFC 9112, 6.3: without a length or chunks, an answer's end is the connection's.
        if response.source != nil, !isChunked { closesAfterAnswer = true }
        // RFC 9112, 9.3: a 1.0 client keeps the connection only when it is told so.
        if !parser.head.isHTTP11, !closesAfterAnswer {
            response.addHeader("Connection", "keep-alive")
        }
        response.write(
            to: &loop.output, date: loop.dateLine, isChunked: isChunked, closes: closesAfterAnswer,
            omitsBody: omitsBody)
        if let source = response.source, !omitsBody {
            stream = OutgoingStream(
                source: source, isChunked: isChunked, isLive: response.isLive)
            answerSpeed = AnswerSpeed()
            phase = .streaming
            if unsent.isEmpty { deadline = .max }
        } else {
            endAnswer()
        }
        // The loop keeps the response for the next answer; the source must go with its client.
        response.source = nil
    }

    private func countAnswer(_ status: HTTPStatus) {
        let now = clinux_monotonic_nanoseconds()
        let time = now &- begun
        loop.counters.note(row: countedRow, status, nanoseconds: time)
        guard let level = loop.requestLog.level(of: status, by: route, time) else { return }
        let entry = RequestLog.Entry(
            method: parser.head.method, route: countedRoute, parameter: parameter,
            status: status.code, nanoseconds: time, trace: trace,
            peer: PeerAddress(of: transport.descriptor))
        loop.requestLog.note(entry, at: level, now: now)
    }

    /// The path of the router that the request was for.
    private var countedRoute: String? {
        loop.server.router.numberedPaths[LoopCounters.path(ofRow: countedRow)]
    }

    /// Whether it is better to close than to read the rest of the body.
    private var isUnreadBodyTrouble: Bool {
        // A client that waits for 100 may send the body after this answer or not: its next bytes
        // could be either (RFC 9110, 10.1.1).
        if parser.head.expectsContinue { return true }
        guard case .length(let length) = parser.head.framing else { return false }
        return length > loop.limits.drainBytes
    }

    private func endAnswer() {
        onGone = nil
        if closesAfterAnswer {
            linger()
        } else if isBodyUnread {
            phase = .draining
            drainedBytes = 0
            setReadDeadline(loop.timeouts.body)
        } else {
            expectNextRequest()
        }
    }

    func expectNextRequest() {
        parser.reset()
        countedRow = LoopCounters.noRow
        trace = nil
        parameter = []
        admission = nil
        isInHeader = false
        isBodyUnread = false
        phase = .head
        loop.noteRest(self)
        setReadDeadline(loop.timeouts.idle)
    }

    // MARK: Pieces

    /// Asks for the next piece once the client has taken those before it.
    func demandPiece() {
        guard phase == .streaming, unsent.isEmpty else { return }
        guard endOfAdmission() == nil else { return breakOff() }
        guard let (source, number) = stream?.demand() else { return }
        source(BodyDemand(loop: loop, token: token, number: number))
    }

    /// Sends the piece that demand `number` asked for.
    func sendPiece(_ number: UInt64, _ bytes: [UInt8], isLast: Bool) {
        guard phase == .streaming, let isChunked = stream?.grant(number) else { return }
        if !bytes.isEmpty { ChunkLine.append(bytes, to: &loop.output, isChunked: isChunked) }
        guard isLast else { return finishTurn() }
        if isChunked { loop.output.append("0\r\n\r\n") }
        stream = nil
        if loop.isDraining { closesAfterAnswer = true }
        endAnswer()
        resume()
    }

    /// Ends the connection in the middle of the body, so that the client sees that it is not whole.
    func failStream(_ number: UInt64) {
        guard phase == .streaming, stream?.grant(number) != nil else { return }
        breakOff()
    }

    private func breakOff() {
        transport.reset()
        close()
    }

    // MARK: Sending

    /// Sends what the loop's output holds, after what is still unsent; what the socket does not
    /// take is kept.
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

    /// Notes that `count` bytes went, and waits for the client if some are left.
    private func noteSent(_ count: Int, wasBlocked: Bool) {
        loop.counters.sent.add(count)
        answerSpeed.noteSent(count)
        if count > 0 || !wasBlocked { lastSent = loop.now }
        if !unsent.isEmpty {
            answerSpeed.beginWait(loop.now)
            setAnswerDeadline()
        } else if wasBlocked {
            answerSpeed.endWait(loop.now)
            if stream == nil { answerSpeed = AnswerSpeed() }
            restoreDeadline()
        }
    }

    func linger() {
        phase = .lingering
    }

    /// Once the last answer has been sent, says so to the peer and waits for it to close: closing
    /// with bytes unread would reset the connection, and the peer might lose the answer (RFC 9112,
    /// 9.6).
    private func finishLingering() {
        guard phase == .lingering, unsent.isEmpty, !isSendingFinished else { return }
        isSendingFinished = true
        pending = []
        transport.finishSending()
        setDeadline(isMakingRoom ? loop.timeouts.stall / 4 : loop.timeouts.linger)
    }
}
