/// A connection's deadlines.
extension Connection {
    /// Waits for the client to send. While it has unread answers, that wait continues instead,
    /// because asking for more must not give a client more time.
    func setReadDeadline(_ nanoseconds: UInt64) {
        if unsent.isEmpty { setDeadline(nanoseconds) }
    }

    func setDeadline(_ nanoseconds: UInt64) {
        deadline = loop.now &+ nanoseconds
        loop.noteDeadline(deadline)
    }

    /// A client that follows a stream may pause for a while without missing anything.
    var writeTimeout: UInt64 {
        phase.isStreaming ? loop.timeouts.streamWrite : loop.timeouts.write
    }

    /// Waits for the client to take the unsent bytes.
    func setAnswerDeadline() {
        let windowEnd = phase.isLive ? .max : speed.windowEnd(loop.timeouts.answer)
        deadline = min(speed.lastSent &+ writeTimeout, windowEnd)
        loop.noteDeadline(deadline)
    }

    private func answerDeadlineExpired() {
        guard loop.now < speed.lastSent &+ writeTimeout,
            speed.nextWindow(loop.now) >= loop.limits.leastAnswerBytes
        else { return close() }
        setAnswerDeadline()
    }

    /// Waits for more of a body.
    func setBodyDeadline() {
        setReadDeadline(
            phase.isReceiver(.idle) ? loop.timeouts.bodyIdle : loop.timeouts.body)
    }

    /// Sets the phase's own deadline after a wait for the socket.
    func restoreDeadline() {
        switch phase {
        case .head:
            loop.noteRest(self)
            setDeadline(loop.timeouts.idle)
        case .collecting, .draining: setBodyDeadline()
        case .receiving where !phase.isReceiver(.full): setBodyDeadline()
        case .streaming(let stream):
            deadline = stream.end
            if stream.end != .max { loop.noteDeadline(deadline) }
        case .receiving, .handshaking, .handling, .waiting, .lingering, .closed:
            deadline = .max
        }
    }

    /// Sets the header's deadline, which counts from its first byte, not from the latest one.
    func updateHeaderDeadline() {
        guard case .head(let isTimed) = phase else { return }
        let isUnderWay = unsent.isEmpty && parser.hasStarted
        guard isUnderWay != isTimed else { return }
        phase = .head(isTimed: isUnderWay)
        if isUnderWay { setDeadline(loop.timeouts.header) }
    }

    func deadlineExpired() {
        guard unsent.isEmpty else { return answerDeadlineExpired() }
        switch phase {
        case .head where parser.hasStarted:
            refuse(HTTPError(.requestTimeout, "The header did not arrive in time."))
            finishTurn()
        case .receiving where phase.isReceiver(.idle):
            refuse(HTTPError(.requestTimeout, "No part of the body has arrived for too long."))
            finishTurn()
        case .collecting, .receiving:
            if unreadBody?.bytesInWindow ?? 0 >= loop.limits.leastBodyBytes {
                unreadBody?.bytesInWindow = 0
                setDeadline(loop.timeouts.body)
            } else {
                refuse(HTTPError(.requestTimeout, "The body arrived too slowly."))
                finishTurn()
            }
        case .head:
            takeLeave()
        case .handshaking:
            loop.counters.failedHandshakes.add(1)
            close()
        case .draining, .lingering:
            close()
        case .waiting where isPeerDone && current.onGone != nil:
            close()
        case .streaming(let stream) where loop.now >= stream.end:
            endStream()
        case .handling, .waiting, .streaming, .closed:
            deadline = .max
        }
    }

    /// While the server stops: ends a connection whose client has moved no byte for a while
    /// although it is its turn.
    func endIfStalled() {
        let isOurTurn = phase.isWaiting || phase.isStreaming || phase.isReceiver(.full)
        let isClientsTurn = !unsent.isEmpty || !isOurTurn
        var patience = loop.timeouts.stall
        // A client that has the last answer only has to close.
        if case .lingering(isSendingFinished: true) = phase { patience /= 4 }
        let lastMove = max(lastReceived, speed.lastSent, loop.drainBegan)
        guard isClientsTurn, loop.now >= lastMove &+ patience else { return }
        switch phase {
        case .collecting, .receiving:
            guard unsent.isEmpty else { return close() }
            refuse(
                HTTPError(
                    .serviceUnavailable,
                    "The service is shutting down, and the body is incomplete."))
            finishTurn()
        default: close()
        }
    }
}
