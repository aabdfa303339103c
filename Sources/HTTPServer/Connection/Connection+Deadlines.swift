/// How long a connection waits, and for what.
extension Connection {
    /// Waits for the client to send. While it has answers yet to read, that wait goes on instead: a
    /// client that asks for more must not get more time.
    func setReadDeadline(_ nanoseconds: UInt64) {
        if unsent.isEmpty { setDeadline(nanoseconds) }
    }

    func setDeadline(_ nanoseconds: UInt64) {
        deadline = loop.now &+ nanoseconds
        loop.noteDeadline(deadline)
    }

    /// Who follows a stream may stop for a while, and still has all that comes.
    var writeTimeout: UInt64 { stream == nil ? loop.timeouts.write : loop.timeouts.streamWrite }

    /// Waits for the client to take what is unsent.
    func setAnswerDeadline() {
        let isLive = stream?.isLive == true
        let windowEnd = isLive ? .max : answerSpeed.windowEnd(loop.timeouts.answer)
        deadline = min(lastSent &+ writeTimeout, windowEnd)
        loop.noteDeadline(deadline)
    }

    private func answerDeadlineExpired() {
        guard loop.now < lastSent &+ writeTimeout,
            answerSpeed.nextWindow(loop.now) >= loop.limits.leastAnswerBytes
        else { return close() }
        setAnswerDeadline()
    }

    /// Waits for more of a body.
    func setBodyDeadline() {
        setReadDeadline(
            phase == .receiving && receiverReadiness == .idle
                ? loop.timeouts.bodyIdle : loop.timeouts.body)
    }

    /// After a wait for the socket to take an answer, the phase's own wait begins.
    func restoreDeadline() {
        switch phase {
        case .head:
            loop.noteRest(self)
            setDeadline(loop.timeouts.idle)
        case .collecting, .draining: setBodyDeadline()
        case .receiving where !isReceiverFull: setBodyDeadline()
        case .receiving, .handshaking, .waiting, .streaming, .lingering, .closed: deadline = .max
        }
    }

    /// The header's time runs from its first byte, not from the last that came.
    func updateHeaderDeadline() {
        guard phase == .head, unsent.isEmpty, parser.hasStarted else {
            isInHeader = false
            return
        }
        if !isInHeader {
            isInHeader = true
            setDeadline(loop.timeouts.header)
        }
    }

    func deadlineExpired() {
        guard unsent.isEmpty else { return answerDeadlineExpired() }
        switch phase {
        case .head where parser.hasStarted:
            refuse(HTTPError(.requestTimeout, "The header did not arrive in time."))
            finishTurn()
        case .receiving where receiverReadiness == .idle:
            refuse(HTTPError(.requestTimeout, "Nothing has come of the body for too long."))
            finishTurn()
        case .collecting, .receiving:
            if bodyBytesInWindow >= loop.limits.leastBodyBytes {
                bodyBytesInWindow = 0
                setDeadline(loop.timeouts.body)
            } else {
                refuse(HTTPError(.requestTimeout, "The body came too slowly."))
                finishTurn()
            }
        case .head:
            takeLeave()
        case .handshaking:
            loop.counters.failedHandshakes.add(1)
            close()
        case .draining, .lingering:
            close()
        case .waiting where isPeerDone && onGone != nil:
            close()
        case .waiting, .streaming, .closed:
            deadline = .max
        }
    }

    /// While the server stops: ends a connection whose client has moved no byte for a while, though
    /// it is its turn.
    func endIfStalled() {
        let isClientsTurn =
            !unsent.isEmpty
            || !(phase == .waiting || phase == .streaming
                || (phase == .receiving && isReceiverFull))
        // Who has had the last answer need only close.
        let patience = isSendingFinished ? loop.timeouts.stall / 4 : loop.timeouts.stall
        let lastMove = max(lastReceived, lastSent, loop.drainBegan)
        guard isClientsTurn, loop.now >= lastMove &+ patience else { return }
        switch phase {
        case .collecting, .receiving:
            guard unsent.isEmpty else { return close() }
            refuse(
                HTTPError(
                    .serviceUnavailable,
                    "The service is shutting down, and the body did not come whole."))
            finishTurn()
        default: close()
        }
    }
}
