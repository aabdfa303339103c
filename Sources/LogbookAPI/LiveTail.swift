import Dispatch
import HTTPServer
import System

/// All streams of events, by event loop.
final class LiveTail: Sendable {
    private let hubs: [StreamHub]
    private let places: StreamPlaces
    private let heartbeat: DispatchTimeInterval
    private let queue = DispatchQueue(label: "logbook.heartbeat")

    init(_ readers: LoopReaders, loops: Int, places: Int, heartbeat: Duration) {
        let places = StreamPlaces(places)
        self.places = places
        hubs = (0..<loops).map { StreamHub(places, readers, loopIndex: $0) }
        self.heartbeat = .nanoseconds(Int(heartbeat.inNanoseconds))
        beatLater()
    }

    private func beatLater() {
        queue.asyncAfter(deadline: .now() + heartbeat) { [weak self] in
            guard let self else { return }
            beat()
            beatLater()
        }
    }

    func hub(for request: Request) -> StreamHub { hubs[request.loopIndex] }

    /// How many streams there are, how many there may be, and how far the last of them is.
    var figures: (count: Int, limit: Int, last: Int64?) {
        let (count, last) = places.taken
        return (count, places.count, last)
    }

    /// Has each stream send a sign of life.
    func beat() { for hub in hubs { hub.beat() } }

    func noteCommit() { for hub in hubs { hub.noteCommit() } }

    func end() { for hub in hubs { hub.end() } }
}
