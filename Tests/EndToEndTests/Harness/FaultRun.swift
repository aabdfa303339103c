import Foundation
import TestSupport

/// A service's short life on a failing disk: it opens its file, stores, deletes, and moves the WAL
/// into the file at the end. Its acknowledgements are then compared with the file.
struct FaultRun {
    let folder: TemporaryFolder
    let path: String
    private(set) var acknowledgements: Acknowledgements
    private(set) var log = ""
    /// The status as in shells: 128 plus a signal's number if that ended it.
    private(set) var status: Int32 = -1
    /// The events that retention keeps; nil if it removes none.
    private let most: Int?
    private var sent: [String] = []

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - template: a file to start with and the events in it.
    ///   - most: the events for retention to keep; nil makes it remove none.
    init(template: (path: String, ids: [String])? = nil, keeping most: Int? = nil) throws {
        self.most = most
        folder = try TemporaryFolder()
        path = folder.file("logbook.db")
        acknowledgements = Acknowledgements()
        guard let template else { return }
        try FileManager.default.copyItem(atPath: template.path, toPath: path)
        acknowledgements.note(alreadyStored: template.ids)
    }

    /// True if the fault came before the run was over.
    var hasFired: Bool { log.contains("fault: ") }

    /// True if the process was killed, by a fault or by a bug.
    var wasKilled: Bool { status >= 128 }

    /// Runs from start to end.
    ///
    /// - Parameter reserve: `--disk-reserve-bytes`, if it is not the usual one.
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
        // The last changes are those caused by SIGTERM.
        if let file = disk.cutsOnce { try Data().write(to: URL(fileURLWithPath: file)) }
        child.signal(SIGTERM)
        status = try child.waitForExit()
        _ = try child.standardError.wholeText()
        // Events followed by as many others as are kept may be gone.
        for id in sent.dropLast(most ?? sent.count) {
            acknowledgements.note(deletionSentOf: id)
        }
    }

    /// Any connection may end at any moment, with the process. Everything until then counts.
    private mutating func converse(_ port: UInt16, _ name: String) {
        do {
            let client = try RawClient(port: port)
            while try client.exchange("GET", "/schema/version").text.contains("migrating") {
                usleep(500)  // There is no event to wait for: only asking tells.
            }
            try store(client, ["\(name)-0"])
            try store(client, (1...6).map { "\(name)-\($0)" })
            // Enough for overflow pages, and an event that is deleted again.
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
        // Retention may have been faster.
        guard most == nil || response.status != 404 else { return }
        acknowledgements.note(deletionOf: id, response)
    }

    /// The errors in the file, and the way the process ended; empty if there are none.
    func contradictions() throws -> [String] {
        let wrong = try acknowledgements.contradictions(inFile: path)
        return wrong.isEmpty ? [] : wrong + ["its log: \(log)"]
    }
}
