import HTTPClient
import Ingest
import JSON

extension WatchLoop {
    /// Stores events as they happen, until the server ends the watch.
    func watch(from start: UInt64) throws(WatchError) {
        if mustLook { try look(from: start) }
        paceWatches()
        let seconds = Int.random(in: configuration.watchSeconds)
        let limit = Duration.seconds(seconds) + configuration.grace
        let target = configuration.watchTarget(from: start, seconds: seconds)
        let begun = clock.monotonic()
        let connection: HTTPConnection
        let client = try makeClient()
        switch try get(client, target, within: limit) {
        case .success(let answering): connection = answering
        case .failure(let refusal):
            if refusal.status == 410 { throw .stale(.gone) }
            throw refusal.trouble
        }
        // The head comes at once, but a line may take as long as the watch lasts.
        connection.setTimeout(limit)
        setState(.watching)
        guard try !follow(connection) else { return }
        if clock.monotonic() - begun < WatchConfiguration.emptyWatchTime {
            throw .stale(.emptyWatch)
        }
        mustLook = true
    }

    /// Stores the events of a watch until it ends.
    ///
    /// - Returns: true if there was a line.
    private func follow(_ connection: HTTPConnection) throws(WatchError) -> Bool {
        var lines = LineSplitter(limit: WatchConfiguration.objectBytes)
        var hasLine = false
        var piece: [UInt8] = []
        do throws(WatchError) {
            while try receive(connection, &piece) {
                let now = clock.wall()
                let before = lines.tooLong
                try lines.take(piece) { line throws(WatchError) in
                    hasLine = true
                    try take(line)
                }
                skip(.tooLong, lines.tooLong - before)
                if lines.tooLong > before { hasLine = true }
                watcher.update { $0.lastLine = now }
                guard try !isMoreComing(connection) else { continue }
                try commit()
                observe(now)
            }
        } catch {
            // The events before the error are good. After an error of the store the batch is empty.
            try commit()
            throw error
        }
        try commit()
        observe(clock.wall())
        return hasLine
    }

    /// Waits for further events for the batch, if there is one.
    private func isMoreComing(_ connection: HTTPConnection) throws(WatchError) -> Bool {
        guard let rest = batch.timeLeft else { return false }
        return try WatchError.reaching { () throws(HTTPClientError) in
            try connection.isReady(within: rest)
        }
    }

    private func take(_ line: UnsafeRawBufferPointer) throws(WatchError) {
        guard let line = WatchLine(line) else { return skip(.invalid, 1) }
        switch line.kind {
        case .added, .modified: try add(line.object, isNew: true)
        // A deleted Event only means that its hour is over.
        case .deleted, .bookmark: break
        case .error: throw Self.error(line.object)
        case .unknown: return skip(.unknownType, 1)
        }
        if let version = line.version { batch.position = max(version, batch.position ?? 0) }
    }

    private static func error(_ status: UnsafeRawBufferPointer) -> WatchError {
        let code = JSONMember.count(["code"], in: status) ?? 0
        if code == 410 { return .stale(.expiredLine) }
        let message = JSONMember.text(["message"], in: status) ?? "without a message"
        return .trouble(
            Trouble(
                SourceReport.Failure(status: code),
                "the API server ends the watch with \(code): \(message.prefix(1000))"))
    }
}
