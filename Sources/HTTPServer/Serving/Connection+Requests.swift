/// Reading requests and calling their handlers.
extension Connection {
    /// Handles as much of `bytes` as possible and returns the number of bytes consumed.
    func process(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        var begun = 0
        while true {
            let rest = bytes.slice(offset..<bytes.count)
            do throws(HTTPError) {
                switch phase {
                case .head:
                    guard !rest.isEmpty, mayBegin(begun) else { return offset }
                    guard case .complete(let end) = try parser.parse(rest, limits: loop.limits)
                    else { return offset }
                    begun += 1
                    let head = rest.slice(0..<end)
                    offset += end + begin(head, after: rest.slice(end..<rest.count))
                case .collecting:
                    guard !rest.isEmpty || isBodyRead else { return offset }
                    offset += try collect(rest)
                case .receiving:
                    guard !phase.isReceiver(.full), !rest.isEmpty || isBodyRead else {
                        return offset
                    }
                    offset += try handOver(rest)
                case .draining:
                    guard !rest.isEmpty || isBodyRead else { return offset }
                    offset += drain(rest)
                case .handshaking, .handling, .waiting, .streaming:
                    return offset
                case .lingering, .closed:
                    return bytes.count
                }
            } catch {
                refuse(error)
            }
        }
    }

    private var isBodyRead: Bool { unreadBody?.isDone ?? true }

    /// True if this connection may begin another request after `begun` requests in this turn.
    private func mayBegin(_ begun: Int) -> Bool {
        guard begun < loop.limits.requestsPerWake else {
            // Fairness: other connections first.
            resumeNextTurn()
            return false
        }
        guard loop.output.count + unsent.count > loop.limits.outputBytes else { return true }
        flush()
        // Back-pressure: a client that does not read answers is not read from.
        isHeldBack = !unsent.isEmpty
        return !isHeldBack && phase.isHead
    }

    /// Handles a request whose head is complete. Returns the number of bytes of `rest`, after the
    /// head, that were its body.
    private func begin(
        _ headView: UnsafeRawBufferPointer, after rest: UnsafeRawBufferPointer
    ) -> Int {
        loop.noteRequest(self)
        current.omitsBody = parser.head.method == .head
        current.closesAfterAnswer = !parser.head.keepsAlive
        if parser.head.framing != .none { unreadBody = UnreadBody(parser.head.framing) }
        let verdict = Verdict(parser.head, headView, router: service.router)
        current.countedRow = LoopCounters.row(path: verdict.path, method: parser.head.method)
        current.begun = loop.now
        current.trace = parser.head.value(of: "traceparent", in: headView).flatMap(TraceID.init)
        switch verdict.outcome {
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
        case .run(let route, let parameter):
            current.route = route
            current.parameter = parameter
            guard admits(headView, to: route) else { return 0 }
            return readBody(of: route, headView, after: rest)
        }
    }

    /// Runs the handler if the whole body is there or is taken piece by piece; otherwise collects
    /// the body first. Returns the number of bytes of `rest` that were the body.
    private func readBody(
        of route: Route, _ headView: UnsafeRawBufferPointer, after rest: UnsafeRawBufferPointer
    ) -> Int {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        guard route.bodyLimit > 0, unreadBody != nil else {
            run(route, headView, body: nothing)
            return 0
        }
        if let takesPieces = route.takesPieces, takesPieces(request(route, headView, body: nothing))
        {
            run(route, headView, body: nothing)
            if phase.isReceiving { continueToBody(isUnderWay: !rest.isEmpty) }
            return 0
        }
        var expected = 0
        if case .length(let length) = parser.head.framing {
            // RFC 9110, 10.1.1: a server may answer after the header alone, and the body is not
            // sent.
            guard length <= route.bodyLimit else {
                answer(.tooLarge(route.bodyLimit))
                return 0
            }
            if length <= rest.count {
                unreadBody = nil
                run(route, headView, body: rest.slice(0..<length))
                return length
            }
            expected = min(length, loop.input.count)
        }
        var collected = CollectedBody(head: Array(headView))
        collected.bytes.reserveCapacity(expected)
        phase = .collecting(collected)
        continueToBody(isUnderWay: !rest.isEmpty)
        return 0
    }

    /// Makes the client send the body, and starts its time.
    private func continueToBody(isUnderWay: Bool) {
        // RFC 9110, 10.1.1: a server "MAY omit sending a 100 (Continue) response if it has already
        // received some or all of the content".
        if parser.head.expectsContinue, parser.head.isHTTP11, !isUnderWay {
            loop.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        }
        unreadBody?.bytesInWindow = 0
        setBodyDeadline()
    }

    /// Passes the part of the body in `bytes` to `receive`, and returns how many bytes that took.
    private func readBody(
        _ bytes: UnsafeRawBufferPointer,
        _ receive: (UnsafeRawBufferPointer) throws(HTTPError) -> Void
    ) throws(HTTPError) -> Int {
        try unreadBody?.read(bytes, limits: loop.limits, receive) ?? 0
    }

    private func collect(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        guard case .collecting(var collected) = phase, let route = current.route else {
            preconditionFailure("a body is collected for a route")
        }
        // The array now has one owner, so it grows in place.
        phase = .handling
        let limit = route.bodyLimit
        let taken = try readBody(bytes) { piece throws(HTTPError) in
            guard collected.bytes.count + piece.count <= limit else {
                throw HTTPError.tooLarge(limit)
            }
            collected.bytes.append(contentsOf: piece)
        }
        guard isBodyRead else {
            phase = .collecting(collected)
            return taken
        }
        unreadBody = nil
        current.begun = loop.now
        // The token may have been removed while the body came.
        if let refusal = endOfAdmission() {
            answer(refusal)
            return taken
        }
        collected.head.withUnsafeBytes { head in
            collected.bytes.withUnsafeBytes { body in run(route, head, body: body) }
        }
        return taken
    }

    /// Gives the receiver the bytes of the body that are there; returns the number consumed.
    private func handOver(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        guard case .receiving(var reception) = phase else {
            preconditionFailure("a body is received by somebody")
        }
        if let refusal = endOfAdmission() { throw refusal }
        let wasIdle = reception.readiness == .idle
        var hasMore = false
        let taken = try readBody(bytes) { piece throws(HTTPError) in
            hasMore = true
            reception.readiness = reception.receiver(.piece(piece))
        }
        guard !isBodyRead else {
            unreadBody = nil
            phase = .waiting()
            current.begun = loop.now
            if unsent.isEmpty { deadline = .max }
            _ = reception.receiver(.end)
            return taken
        }
        phase = .receiving(reception)
        if reception.readiness == .full {
            // The client is not to blame for this wait.
            if unsent.isEmpty { deadline = .max }
        } else if hasMore, wasIdle || reception.readiness == .idle {
            unreadBody?.bytesInWindow = 0
            setBodyDeadline()
        }
        return taken
    }

    /// Called through `PendingResponse.receiveMore`.
    func receiveMore(_ number: UInt64, _ readiness: Request.Readiness) {
        guard case .receiving(var reception) = phase, number == requestNumber,
            reception.readiness == .full
        else { return }
        reception.readiness = readiness
        phase = .receiving(reception)
        unreadBody?.bytesInWindow = 0
        setBodyDeadline()
        resume()
    }

    /// Discards bytes of a body whose request has been answered; returns the number consumed.
    private func drain(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard case .draining(var drained) = phase else {
            preconditionFailure("a body is drained behind its answer")
        }
        let taken: Int
        do throws(HTTPError) {
            taken = try readBody(bytes) { piece throws(HTTPError) in drained += piece.count }
        } catch {
            // The answer is sent; a second one would be taken for that of the next request.
            linger()
            return bytes.count
        }
        if drained > loop.limits.drainBytes {
            linger()
        } else if isBodyRead {
            expectNextRequest()
        } else {
            phase = .draining(bytes: drained)
        }
        return taken
    }

    // MARK: Handlers

    private func request(
        _ route: Route, _ headView: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer
    ) -> Request {
        guard case .path(let path, let query) = parser.head.target else {
            preconditionFailure("routed by path")
        }
        return Request(
            method: route.method, path: headView.slice(path),
            query: query.map { headView.slice($0) }, parameter: current.parameter, body: body,
            isBodyToCome: unreadBody != nil, loopIndex: loop.index, head: parser.head,
            headBytes: headView, connection: self)
    }

    private func run(
        _ route: Route, _ headView: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer
    ) {
        phase = .handling
        guard admits(body: body, to: route) else { return }
        loop.withResponse { response in
            route.handler(request(route, headView, body: body), &response)
            switch phase {
            case .handling: send(&response)
            case .waiting: if unsent.isEmpty { deadline = .max }
            default: break
            }
        }
    }

    /// Called through `Request.postpone`.
    func postpone() -> PendingResponse { answerLater(.waiting()) }

    /// Called through `Request.receiveBody`.
    func receiveBody(
        _ readiness: Request.Readiness, _ receiver: @escaping Request.BodyReceiver
    ) -> PendingResponse {
        precondition(unreadBody != nil, "the body is still to come")
        return answerLater(.receiving(Reception(receiver: receiver, readiness: readiness)))
    }

    private func answerLater(_ next: Phase) -> PendingResponse {
        guard case .handling = phase else {
            preconditionFailure("a request is postponed once, by its handler")
        }
        phase = next
        requestNumber += 1
        return PendingResponse(loop: loop, token: token, number: requestNumber)
    }
}
