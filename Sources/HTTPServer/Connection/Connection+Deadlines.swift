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

    /// After a wait for the socket to take an answer, the phase's own wait begins.
    func restoreDeadline() {
        switch phase {
        case .head:
            loop.noteRest(self)
            setDeadline(loop.timeouts.idle)
        case .collecting, .draining: setDeadline(loop.timeouts.body)
        case .receiving where !isReceiverFull: setDeadline(loop.timeouts.body)
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
        guard unsent.isEmpty else { return close() }
        switch phase {
        case .head where parser.hasStarted:
            refuse(HTTPError(.requestTimeout, "The header did not arrive in time."))
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
        case .waiting, .streaming, .closed:
            deadline = .max
        }
    }
}
