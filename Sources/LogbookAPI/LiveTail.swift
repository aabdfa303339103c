import Dispatch
import HTTPServer

/// All streams of events, by event loop.
final class LiveTail: Sendable {
    private let hubs: [StreamHub]
    private let heartbeat: DispatchTimeInterval
    private let queue = DispatchQueue(label: "logbook.heartbeat")

    init(_ readers: LoopReaders, loops: Int, places: Int, heartbeat: Duration) {
        let places = StreamPlaces(places)
        hubs = (0..<loops).map { StreamHub(places, readers, loopIndex: $0) }
        self.heartbeat = .nanoseconds(Int(heartbeat / .nanoseconds(1)))
        beatLater()
    }

    private func beatLater() {
        queue.asyncAfter(deadline: .now() + heartbeat) { [weak self] in
            guard let self else { return }
            for hub in hubs { hub.beat() }
            beatLater()
        }
    }

    func hub(for request: Request) -> StreamHub { hubs[request.loopIndex] }

    func noteCommit() { for hub in hubs { hub.noteCommit() } }

    func end() { for hub in hubs { hub.end() } }
}
