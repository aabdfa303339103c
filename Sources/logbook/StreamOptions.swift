import ArgumentParser
import HTTPServer

/// The flags of answers that go on for long.
struct StreamOptions: ParsableArguments {
    @Option(help: "Live streams at a time; more is a 503.")
    var maxStreams = 1024

    @Option(help: "Seconds between two signs of life of a live stream.")
    var streamHeartbeat = 15.0

    @Option(help: "Seconds that a client may take no byte of a live stream or an export.")
    var streamWriteTimeout = 300.0

    /// All of the above, for the environment.
    static let valueFlags = ["max-streams", "stream-heartbeat", "stream-write-timeout"]

    func validate() throws {
        guard (0...1_000_000).contains(maxStreams) else {
            throw ValidationError("--max-streams must be from 0 to 1000000")
        }
        guard (0.01...3600).contains(streamHeartbeat) else {
            throw ValidationError("--stream-heartbeat must be from 0.01 to 3600")
        }
        guard (0.001...86_400).contains(streamWriteTimeout) else {
            throw ValidationError("--stream-write-timeout must be from 0.001 to 86400")
        }
    }
}
