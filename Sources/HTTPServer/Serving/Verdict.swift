/// The decision that a request's head allows, before any of its body is read.
struct Verdict {
    enum Outcome {
        case run(Route, parameter: [UInt8])
        /// An OPTIONS request without a route of its own: `Allow` is the whole answer (RFC 9110,
        /// 9.3.7).
        case allow([UInt8])
        case refuse(HTTPError, allow: [UInt8]?)
    }

    let outcome: Outcome
    /// The number of the path in the router; 0 if there is none.
    let path: Int

    /// Judges `head`, whose bytes are `bytes`.
    init(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer, router: Router) {
        let unknownMethod = HTTPError(
            .notImplemented, "This server does not implement the method.")
        guard case .path(let path, _) = head.target else {
            // RFC 9112, 3.2.4: the asterisk is "only used for a server-wide OPTIONS request".
            outcome =
                head.method == .options
                ? .allow(router.allowedAnywhere) : .refuse(unknownMethod, allow: nil)
            self.path = 0
            return
        }
        guard let match = router.match(bytes.slice(path)) else {
            let nothing = HTTPError(.notFound, "There is nothing at this path.")
            outcome = .refuse(head.method == nil ? unknownMethod : nothing, allow: nil)
            self.path = 0
            return
        }
        self.path = match.entry.number
        outcome = Self.outcome(head, bytes, match)
    }

    private static func outcome(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ match: Router.Match
    ) -> Outcome {
        if head.method == .options, match.entry.route(.options) == nil {
            return .allow(match.entry.allow)
        }
        guard let method = head.method, let route = match.entry.route(method) else {
            let methods = String(decoding: match.entry.allow, as: UTF8.self)
            let error = HTTPError(
                .methodNotAllowed, "This path does not take the method; it takes \(methods).")
            return .refuse(error, allow: match.entry.allow)
        }
        guard !head.hasUnknownExpectation else {
            let error = HTTPError(
                .expectationFailed, "The only supported expectation is 100-continue.")
            return .refuse(error, allow: nil)
        }
        // A link on any other page may lead to the first page, but to nothing else.
        let isFirstPage = match.entry.path == "/" && head.isTopLevelNavigation(bytes)
        guard isFirstPage || !head.isOfAnotherSite(bytes) else {
            let error = HTTPError(
                .forbidden, "A browser sent this for a page of another site, which is not allowed.")
            return .refuse(error, allow: nil)
        }
        return .run(route, parameter: match.parameter)
    }
}

extension HTTPError {
    /// The refusal of a body that is longer than its route takes.
    static func tooLarge(_ limit: Int) -> HTTPError {
        HTTPError(.contentTooLarge, "The body is longer than \(limit) bytes; send it in parts.")
    }
}
