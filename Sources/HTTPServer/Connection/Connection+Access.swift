import System

/// Who may have a request run.
extension Connection {
    /// Lets the request in whose head has come, or answers it.
    func admits(_ head: UnsafeRawBufferPointer, to route: Route) -> Bool {
        guard let requirement = route.requirement else { return true }
        if let hosts = service.hosts, let host = parser.head.host, !hosts.contain(head.slice(host))
        {
            answer(
                HTTPError(.misdirectedRequest, "Host names a server that this one is not known as.")
            )
            return false
        }
        guard let access = service.access else { return true }
        do throws(Refusal) {
            current.admission = try access.admit(
                parser.head, head, for: requirement, over: transport.session)
            return true
        } catch {
            access.note(
                error, parser.head.method, path: route.path,
                from: PeerAddress(of: transport.descriptor), now: loop.now)
            answer(error.error)
            return false
        }
    }

    /// For a request that goes on for long: why it may not any more; nil when it may.
    func endOfAdmission() -> HTTPError? {
        guard let access = service.access, let admission = current.admission,
            let requirement = current.route?.requirement
        else { return nil }
        guard let renewed = access.renew(admission, for: requirement) else {
            return access.expiry
        }
        current.admission = renewed
        return nil
    }
}
