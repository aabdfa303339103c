import Foundation

/// The acknowledgements that clients got, compared with the file.
struct Acknowledgements: Sendable {
    /// Events reported as stored, and not reported as deleted.
    private(set) var stored: Set<String> = []
    /// Events reported as deleted.
    private(set) var deleted: Set<String> = []
    /// Stored events whose deletion was requested.
    private var doomed: Set<String> = []
    /// Answers that no disk fault explains.
    private(set) var unexpected: [String] = []

    /// Notes events that are in the file from the start.
    mutating func note(alreadyStored ids: [String]) { stored.formUnion(ids) }

    /// Notes the answer to storing an event or an array of events.
    mutating func note(_ ids: [String], _ response: RawResponse) {
        switch response.status {
        case 200, 201: stored.formUnion(ids)
        case 503: noteRefusal(response)
        default: unexpected.append("\(response.status) for \(ids[0]): \(response.text)")
        }
    }

    /// Notes a DELETE request: from here on the event may be gone, whatever the answer.
    mutating func note(deletionSentOf id: String) {
        if stored.remove(id) != nil { doomed.insert(id) }
    }

    /// Notes the answer to a DELETE.
    mutating func note(deletionOf id: String, _ response: RawResponse) {
        switch response.status {
        case 204: deleted.insert(id)
        // Acknowledged events must be found; others may or may not.
        case 404 where !doomed.contains(id): break
        case 503: noteRefusal(response)
        default:
            unexpected.append("\(response.status) for deleting \(id): \(response.text)")
        }
    }

    private mutating func noteRefusal(_ response: RawResponse) {
        if response.header("Retry-After") == nil {
            unexpected.append("503 without Retry-After: \(response.text)")
        }
    }

    mutating func merge(_ other: Acknowledgements) {
        stored.formUnion(other.stored)
        doomed.formUnion(other.doomed)
        deleted.formUnion(other.deleted)
        unexpected += other.unexpected
    }

    /// The errors in a file that holds the events `found`; empty if there are none.
    func contradictions(_ found: [String]) -> [String] {
        let present = Set(found)
        var wrong = unexpected
        if present.count != found.count { wrong.append("events are there twice") }
        let lost = stored.subtracting(present)
        if !lost.isEmpty { wrong.append("\(lost.count) are lost: \(lost.sorted().prefix(5))") }
        let risen = deleted.intersection(present)
        if !risen.isEmpty { wrong.append("deleted, and there: \(risen.sorted().prefix(5))") }
        return wrong
    }

    /// The same for the closed file at `path`, as SQLite itself reads it.
    func contradictions(inFile path: String) throws -> [String] {
        let lines = try Command.sqlite(
            ofCopy: path, "PRAGMA integrity_check; SELECT id FROM events ORDER BY rowid")
        return (lines.first == "ok" ? [] : ["integrity: \(lines.prefix(3))"])
            + contradictions(Array(lines.dropFirst()))
    }
}
