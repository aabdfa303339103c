import ArgumentParser
import HTTPServer

/// The flags of live streams.
struct StreamOptions: ParsableArguments {
    @Option(
        help: "The most live streams at a time; more is a 503. (default: 1024)",
        transform: Units.size)
    var maxStreams = 1024

    @Option(
        help: "Seconds between two heartbeats of a live stream. (default: 15.0)",
        transform: Units.seconds)
    var streamHeartbeat = 15.0

    /// All flags above, for the environment.
    static let valueFlags = ["max-streams", "stream-heartbeat"]

    func validate() throws {
        guard (0...1_000_000).contains(maxStreams) else {
            throw ValidationError("--max-streams must be from 0 to 1000000")
        }
        guard (0.01...3600).contains(streamHeartbeat) else {
            throw ValidationError("--stream-heartbeat must be from 0.01 to 3600")
        }
    }
}
