import Synchronization

@testable import HTTPServer

/// The route `/later`, whose requests the test answers.
final class LaterRoute: Sendable {
    private let pending = Mutex<[PendingResponse]>([])
    private let gone = Mutex(0)

    /// The number of clients that went before their answer.
    var goneCount: Int { gone.withLock { $0 } }

    var route: Route {
        TestServer.route(.get, "/later") { request, _ in
            request.whenGone { self.gone.withLock { $0 += 1 } }
            let response = request.postpone()
            self.pending.withLock { $0.append(response) }
        }
    }

    /// The requests that came and were not yet taken, in order.
    func take() -> [PendingResponse] {
        pending.withLock { pending in
            defer { pending = [] }
            return pending
        }
    }

    /// Waits for `count` requests.
    func take(_ count: Int) throws -> [PendingResponse] {
        try eventually("\(count) postponed requests") {
            pending.withLock { $0.count } >= count
        }
        return take()
    }
}
