import Foundation
import TestSupport

/// A service's short life over a disk that fails: it opens its file, stores, deletes, and moves the
/// WAL into the file at the end. What it acknowledged is held against the file afterwards.
struct FaultRun {
    let folder: TemporaryFolder
    let path: String
    private(set) var acknowledgements: Acknowledgements
    private(set) var log = ""
    /// As shells have it; 128 and a signal's number when that ended it.
    private(set) var status: Int32 = -1
    /// Events that retention keeps; nil when it removes none.
    private let most: Int?
    private var sent: [String] = []

    /// - Parameters:
    ///   - template: a file to begin with, and the events that are in it.
    ///   - most: events that retention is to keep; nil has it remove none.
    init(template: (path: String, ids: [String])? = nil, keeping most: Int? = nil) throws {
        self.most = most
        folder = try TemporaryFolder()
        path = folder.file("logbook.db")
        acknowledgements = Acknowledgements()
        guard let template else { return }
        try FileManager.default.copyItem(atPath: template.path, toPath: path)
        acknowledgements.note(alreadyStored: template.ids)
    }

    /// Whether the fault came before the run was over.
    var hasFired: Bool { log.contains("fault: ") }

    /// Whether the process was killed, by a fault or by a defect.
    var wasKilled: Bool { status >= 128 }

    /// Runs from start to end.
    ///
    /// - Parameter reserve: `--disk-reserve-bytes`, where it is not the usual.
    mutating func run(_ disk: FaultyDisk, name: String, reserve: Int? = nil) throws {
        let child = try ChildProcess(
            BuiltProgram.path,
            ["serve", "--listen", "127.0.0.1:0", "--database", path, "--event-loops", "1"]
                + LogbookProcess.keeping + (most.map { ["--max-events", "\($0)"] } ?? [])
                + (reserve.map { ["--disk-reserve-bytes", "\($0)"] } ?? []),
            environment: try disk.environment(of: path))
        defer { log = child.standardError.text }
        if let line = try? child.standardError.line(containing: "Listening on http://"),
            let port = line.split(separator: ":").last.flatMap({ UInt16($0) })
        {
            converse(port, name)
        }
        // The last changes of all are those that SIGTERM brings.
        if let file = disk.cutsOnce { try Data().write(to: URL(fileURLWithPath: file)) }
        child.signal(SIGTERM)
        status = try child.waitForExit()
        _ = try child.standardError.wholeText()
        // What as many were sent after as are kept may be gone.
        for id in sent.dropLast(most ?? sent.count) {
            acknowledgements.note(deletionSentOf: id)
        }
    }

    /// Any connection may end at any moment, with the process: what came until then counts.
    private mutating func converse(_ port: UInt16, _ name: String) {
        do {
            let client = try RawClient(port: port)
            while try client.exchange("GET", "/schema/version").text.contains("migrating") {
                usleep(500)  // There is no event to wait for: only asking tells.
            }
            try store(client, ["\(name)-0"])
            try store(client, (1...6).map { "\(name)-\($0)" })
            // Enough for pages of its own, and one deleted again.
            try store(client, ["\(name)-7"], description: String(repeating: "x", count: 20_000))
            try delete(client, "\(name)-7")
            try store(client, ["\(name)-0"])
            try delete(client, "\(name)-3")
            try store(client, ["\(name)-8", "\(name)-9"])
            for id in acknowledgements.stored.sorted().prefix(2) { try delete(client, id) }
            try store(client, ["\(name)-10"])
        } catch {}
    }

    private mutating func store(
        _ client: RawClient, _ ids: [String], description: String? = nil
    ) throws {
        let events = ids.map {
            NewEvent(
                id: $0, description: description, objectName: "fault",
                createdAt: "2026-01-01T00:00:00Z"
            ).json
        }
        sent += ids
        let body = events.count == 1 ? events[0] : "[\(events.joined(separator: ","))]"
        acknowledgements.note(ids, try client.exchange("POST", "/events", body))
    }

    private mutating func delete(_ client: RawClient, _ id: String) throws {
        acknowledgements.note(deletionSentOf: id)
        let response = try client.exchange("DELETE", "/events/\(id)")
        // Retention may have been sooner.
        guard most == nil || response.status != 404 else { return }
        acknowledgements.note(deletionOf: id, response)
    }

    /// What is wrong with the file, and how the process ended; empty when nothing is.
    func contradictions() throws -> [String] {
        let wrong = try acknowledgements.contradictions(inFile: path)
        return wrong.isEmpty ? [] : wrong + ["its log: \(log)"]
    }
}
