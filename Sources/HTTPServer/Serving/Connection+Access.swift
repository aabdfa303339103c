import System

/// Access control for requests.
extension Connection {
    /// Admits the request with this head, or answers it.
    func admits(_ head: UnsafeRawBufferPointer, to route: Route) -> Bool {
        guard let requirement = route.requirement else { return true }
        if let hosts = service.hosts, let host = parser.head.host, !hosts.contain(head.slice(host))
        {
            answer(
                HTTPError(.misdirectedRequest, "Host is not a name of this server.")
            )
            return false
        }
        guard let access = service.access else { return true }
        do throws(Refusal) {
            current.admission = try access.admit(
                parser.head, head, for: requirement, over: transport.session)
            return true
        } catch {
            refuse(error, route, access)
            return false
        }
    }

    /// Admits the request with this body, or answers it.
    func admits(body: UnsafeRawBufferPointer, to route: Route) -> Bool {
        guard let access = service.access, let admission = current.admission else { return true }
        do throws(Refusal) {
            try access.check(admission, body: body)
            return true
        } catch {
            refuse(error, route, access)
            return false
        }
    }

    private func refuse(_ refusal: Refusal, _ route: Route, _ access: any Gatekeeper) {
        access.note(
            refusal, parser.head.method, path: route.path,
            from: PeerAddress(of: transport.descriptor), now: loop.now)
        answer(refusal.error)
    }

    /// The reason a long request may no longer continue; nil if it may.
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
