import Foundation

/// Threads that post events one by one, each on its own connection, until it ends.
final class PostingCrowd: Sendable {
    struct Record: Sendable {
        /// The ids answered with a 2xx.
        var acknowledged: [String] = []
        /// Answers that were neither 2xx nor 503.
        var unexpected: [Int] = []
        /// Connections that ended in the middle of an answer.
        var cutShort = 0
        /// Connections that were reset before an answer began.
        var reset = 0
        var running = 0
    }

    private let record: Guarded<Record>

    /// Starts `size` threads, whose events have ids that begin with `prefix`.
    init(
        of size: Int, prefix: String, to server: LogbookProcess, isSecure: Bool = false
    ) throws {
        record = Guarded(Record(running: size))
        for member in 0..<size {
            let client = try isSecure ? server.connectSecurely() : server.connect()
            let name = "\(prefix)-\(member)"
            // A client belongs to one thread, and only that thread uses it from here on.
            nonisolated(unsafe) let own = client
            Thread.detachNewThread { [record] in
                Self.post(own, name, record)
                record.with { $0.running -= 1 }
            }
        }
    }

    private static func post(_ client: RawClient, _ name: String, _ record: Guarded<Record>) {
        for number in 0... {
            let event = NewEvent(id: "\(name)-\(number)", objectName: name)
            guard let response = try? client.exchange("POST", "/events", event.json) else {
                // Every one of them ends when its connection does.
                return record.with { record in
                    if client.isInAnswer {
                        record.cutShort += 1
                    } else if !client.hasEnded {
                        record.reset += 1
                    }
                }
            }
            record.with { record in
                switch response.status {
                case 201: record.acknowledged.append("\(name)-\(number)")
                case 503: break
                default: record.unexpected.append(response.status)
                }
            }
            if response.header("Connection") == "close" { return }
        }
    }

    /// The ids answered with a 2xx so far.
    var acknowledged: [String] { record.with { $0.acknowledged } }

    /// Connections that have not ended.
    var runningCount: Int { record.with { $0.running } }

    /// Waits until `count` events have been acknowledged.
    func awaitAcknowledged(_ count: Int) throws {
        guard record.wait(for: { $0.acknowledged.count >= count ? true : nil }) == true else {
            throw HarnessError("only \(record.with { $0.acknowledged.count }) were acknowledged")
        }
    }

    /// Waits until all connections have ended, and returns the outcomes.
    func awaitEnd() throws -> Record {
        guard let result = record.wait(for: { $0.running == 0 ? $0 : nil }) else {
            throw HarnessError("connections are still open")
        }
        return result
    }
}
