/// Reading requests and having them handled.
extension Connection {
    /// Handles what it can of `bytes` and returns how many it took.
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
                    guard !rest.isEmpty || decoder.isDone else { return offset }
                    offset += try collect(rest)
                case .receiving:
                    guard !isReceiverFull, !rest.isEmpty || decoder.isDone else { return offset }
                    offset += try handOver(rest)
                case .draining:
                    guard !rest.isEmpty || decoder.isDone else { return offset }
                    offset += drain(rest)
                case .handshaking, .waiting, .streaming:
                    return offset
                case .lingering, .closed:
                    return bytes.count
                }
            } catch {
                refuse(error)
            }
        }
    }

    /// Whether it is this connection's turn to begin another request, after `begun` in this turn.
    private func mayBegin(_ begun: Int) -> Bool {
        guard begun < loop.limits.requestsPerWake else {
            // Fairness: the others first.
            resumeNextTurn()
            return false
        }
        guard loop.output.count + unsent.count > loop.limits.outputBytes else { return true }
        flush()
        // Back-pressure: who does not read answers is not read from.
        isHeldBack = !unsent.isEmpty
        return !isHeldBack && phase == .head
    }

    /// Has a request handled whose head is complete. Returns how many bytes of `rest`, what follows
    /// the head, were its body.
    private func begin(
        _ headView: UnsafeRawBufferPointer, after rest: UnsafeRawBufferPointer
    ) -> Int {
        loop.noteRequest(self)
        omitsBody = parser.head.method == .head
        closesAfterAnswer = !parser.head.keepsAlive
        cut = nil
        isBodyUnread = parser.head.framing != .none
        if isBodyUnread { decoder = BodyDecoder(parser.head.framing) }
        let verdict = Verdict(parser.head, headView, router: router)
        countedRow = LoopCounters.row(path: verdict.path, method: parser.head.method)
        begun = loop.now
        trace = parser.head.value(of: "traceparent", in: headView).flatMap(TraceID.init)
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
            self.route = route
            self.parameter = parameter
            guard admits(headView, to: route) else { return 0 }
            return readBody(of: route, headView, after: rest)
        }
    }

    /// Runs the handler if the whole body is there or it takes it piece by piece; else has the body
    /// collected first. Returns how many bytes of `rest` were the body.
    private func readBody(
        of route: Route, _ headView: UnsafeRawBufferPointer, after rest: UnsafeRawBufferPointer
    ) -> Int {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        guard route.bodyLimit > 0, isBodyUnread else {
            run(route, headView, body: nothing)
            return 0
        }
        if let takesPieces = route.takesPieces, takesPieces(request(route, headView, body: nothing))
        {
            run(route, headView, body: nothing)
            if receiver != nil { continueToBody(isUnderWay: !rest.isEmpty) }
            return 0
        }
        if case .length(let length) = parser.head.framing {
            // RFC 9110, 10.1.1: a server may answer by the header alone, and the body is not sent.
            guard length <= route.bodyLimit else {
                answer(.tooLarge(route.bodyLimit))
                return 0
            }
            if length <= rest.count {
                isBodyUnread = false
                run(route, headView, body: rest.slice(0..<length))
                return length
            }
            body.reserveCapacity(min(length, loop.input.count))
        }
        headBytes = Array(headView)
        phase = .collecting
        continueToBody(isUnderWay: !rest.isEmpty)
        return 0
    }

    /// Has the client send the body, and its time begin.
    private func continueToBody(isUnderWay: Bool) {
        // RFC 9110, 10.1.1: a server "MAY omit sending a 100 (Continue) response if it has already
        // received some or all of the content".
        if parser.head.expectsContinue, parser.head.isHTTP11, !isUnderWay {
            loop.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        }
        bodyBytesInWindow = 0
        setBodyDeadline()
    }

    private func collect(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        guard let route else { preconditionFailure("a body is collected for a route") }
        let limit = route.bodyLimit
        let taken = try decoder.decode(bytes, limits: loop.limits) { piece throws(HTTPError) in
            guard body.count + piece.count <= limit else { throw HTTPError.tooLarge(limit) }
            body.append(contentsOf: piece)
            bodyBytesInWindow += piece.count
        }
        if decoder.isDone {
            isBodyUnread = false
            begun = loop.now
            runWithCollectedBody(route)
        }
        return taken
    }

    private func runWithCollectedBody(_ route: Route) {
        var head: [UInt8] = []
        var content: [UInt8] = []
        swap(&head, &headBytes)
        swap(&content, &body)
        // The token may have been removed while the body came. What came of it goes with this scope.
        if let refusal = endOfAdmission() { return answer(refusal) }
        head.withUnsafeBytes { head in
            content.withUnsafeBytes { content in run(route, head, body: content) }
        }
    }

    /// Gives the receiver what is there of the body; returns how many bytes that took.
    private func handOver(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        guard let receiver else { preconditionFailure("a body is received by somebody") }
        if let refusal = endOfAdmission() { throw refusal }
        let wasIdle = receiverReadiness == .idle
        var hasMore = false
        let taken = try decoder.decode(bytes, limits: loop.limits) { piece throws(HTTPError) in
            bodyBytesInWindow += piece.count
            hasMore = true
            receiverReadiness = receiver(.piece(piece))
        }
        if decoder.isDone {
            isBodyUnread = false
            receiverReadiness = .ready
            self.receiver = nil
            phase = .waiting
            begun = loop.now
            if unsent.isEmpty { deadline = .max }
            _ = receiver(.end)
        } else if isReceiverFull {
            // The wait is not the client's.
            if unsent.isEmpty { deadline = .max }
        } else if hasMore, wasIdle || receiverReadiness == .idle {
            bodyBytesInWindow = 0
            setBodyDeadline()
        }
        return taken
    }

    /// Called through `PendingResponse.receiveMore`.
    func receiveMore(_ number: UInt64, _ readiness: Request.Readiness) {
        guard phase == .receiving, number == requestNumber, isReceiverFull else { return }
        receiverReadiness = readiness
        bodyBytesInWindow = 0
        setBodyDeadline()
        resume()
    }

    /// Throws away bytes of a body whose request has been answered; returns how many it took.
    private func drain(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken: Int
        do throws(HTTPError) {
            taken = try decoder.decode(bytes, limits: loop.limits) { piece throws(HTTPError) in
                drainedBytes += piece.count
            }
        } catch {
            // The answer is out; a second one would be taken for the next request's.
            linger()
            return bytes.count
        }
        if drainedBytes > loop.limits.drainBytes {
            linger()
        } else if decoder.isDone {
            expectNextRequest()
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
            query: query.map { headView.slice($0) }, parameter: parameter, body: body,
            isBodyToCome: isBodyUnread, loopIndex: loop.index, head: parser.head,
            headBytes: headView, connection: self)
    }

    private func run(
        _ route: Route, _ headView: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer
    ) {
        isPostponed = false
        loop.withResponse { response in
            route.handler(request(route, headView, body: body), &response)
            if !isPostponed {
                send(&response)
            } else if receiver != nil {
                phase = .receiving
            } else {
                phase = .waiting
                if unsent.isEmpty { deadline = .max }
            }
        }
    }

    /// Called through `Request.postpone`.
    func postpone() -> PendingResponse {
        precondition(!isPostponed, "a request is postponed once")
        isPostponed = true
        requestNumber += 1
        return PendingResponse(loop: loop, token: token, number: requestNumber)
    }

    /// Called through `Request.receiveBody`.
    func receiveBody(
        _ readiness: Request.Readiness, _ receiver: @escaping Request.BodyReceiver
    ) -> PendingResponse {
        precondition(isBodyUnread, "the body is still to come")
        receiverReadiness = readiness
        self.receiver = receiver
        return postpone()
    }
}
