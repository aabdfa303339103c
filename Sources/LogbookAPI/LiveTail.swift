import Dispatch
import HTTPServer
import System

/// All event streams, by event loop.
final class LiveTail: Sendable {
    private let hubs: [StreamHub]
    private let slots: StreamSlots
    private let heartbeat: DispatchTimeInterval
    private let queue = DispatchQueue(label: "logbook.heartbeat")

    init(_ readers: LoopReaders, loops: Int, slots: Int, heartbeat: Duration) {
        let slots = StreamSlots(slots)
        self.slots = slots
        hubs = (0..<loops).map { StreamHub(slots, readers, loopIndex: $0) }
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

    /// The number of streams, their limit, and the position of the furthest behind.
    var figures: (count: Int, limit: Int, last: Int64?) {
        let (count, last) = slots.taken
        return (count, slots.count, last)
    }

    /// Makes each stream send a heartbeat.
    func beat() { for hub in hubs { hub.beat() } }

    func noteCommit() { for hub in hubs { hub.noteCommit() } }

    func end() { for hub in hubs { hub.end() } }
}
