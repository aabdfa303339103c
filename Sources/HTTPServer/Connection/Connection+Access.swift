/// Who may have a request run.
extension Connection {
    /// Lets the request in whose head has come, or answers it.
    func admits(_ head: UnsafeRawBufferPointer, to route: Route) -> Bool {
        guard let access, let scope = route.scope else { return true }
        do throws(AccessControl.Refusal) {
            admission = try access.admit(parser.head, head, for: scope, over: transport)
            return true
        } catch {
            let delay = access.note(
                error, parser.head.method, route, from: PeerAddress(of: transport.descriptor),
                now: loop.now)
            refuse(error.error, after: delay)
            return false
        }
    }

    /// For a request that goes on for long: why it may not any more; nil when it may.
    func endOfAdmission() -> HTTPError? {
        guard let access, let admission, let scope = route?.scope else { return nil }
        guard let renewed = access.renew(admission, for: scope) else {
            return access.unknownToken.error
        }
        self.admission = renewed
        return nil
    }

    /// Answers with `error`, later if `delay`, in nanoseconds, is not 0: who tries tokens gets one try a connection.
    private func refuse(_ error: HTTPError, after delay: UInt64) {
        guard delay > 0 else { return answer(error) }
        closesAfterAnswer = true
        guard loop.server.reserveLateAnswer() else { return answer(error) }
        refusal = (error, delay)
        phase = .refusing
        if unsent.isEmpty { setDeadline(delay) }
    }

    /// Gives the answer that was held back.
    func refuseLate() {
        guard let error = refusal?.error else { preconditionFailure("there is an answer") }
        endRefusing()
        begun = loop.now
        answer(error)
        finishTurn()
    }

    func endRefusing() {
        guard refusal != nil else { return }
        refusal = nil
        loop.server.lateAnswerGiven()
    }
}
