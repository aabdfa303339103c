import ArgumentParser
import EventStore
import Glibc
import SQLiteStore
import System

/// The file of an export: `PATH.unfinished` until it is complete, with `PATH.position` beside it,
/// from which the same command resumes after an interruption.
final class ExportFile {
    /// The progress of an export.
    struct Position: Equatable {
        var cursor: String
        var bytes: Int
        var events: Int
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String

        /// Creates the failure of `action` on the file at `path`.
        init(_ action: String, _ path: String) {
            description = "cannot \(action) \(path): \(Folder.reason(of: path))"
        }
    }

    private let path: String
    private var unfinished: String { path + ".unfinished" }
    private var positionPath: String { path + ".position" }
    /// The exported query in one line. A position is valid only for that query.
    private let subject: String
    private let descriptor: Int32
    private(set) var bytes = 0
    /// The position to resume from; nil for a new export.
    let resumed: Position?

    private static let positionBytes = 64 * 1024

    init(_ path: String, subject: String) throws(Failure) {
        self.path = path
        self.subject = subject
        descriptor = open(path + ".unfinished", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("write", path + ".unfinished") }
        var file = stat()
        guard fstat(descriptor, &file) == 0 else { throw Failure("look at", path + ".unfinished") }
        let found = Self.readPosition(path + ".position", subject)
        // A file shorter than its position was tampered with.
        resumed = found.flatMap { $0.bytes <= Int(file.st_size) ? $0 : nil }
        bytes = resumed?.bytes ?? 0
        guard ftruncate(descriptor, bytes) == 0, lseek(descriptor, bytes, SEEK_SET) == bytes else {
            throw Failure("continue", unfinished)
        }
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.withUnsafeBytes({ writeAll($0, to: descriptor) }) else {
            throw Failure("write", unfinished)
        }
        self.bytes += bytes.count
    }

    /// Saves the position `cursor`, once everything before it is on the disk.
    func note(_ cursor: String, events: Int) throws(Failure) {
        guard fdatasync(descriptor) == 0 else { throw Failure("sync", unfinished) }
        let text = "\(subject)\n\(cursor)\n\(bytes)\n\(events)\n"
        let new = positionPath + ".new"
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure("write", new) }
        defer { close(file) }
        var copy = text
        let isWritten = copy.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: file) }
        guard isWritten, fdatasync(file) == 0, rename(new, positionPath) == 0 else {
            throw Failure("write", positionPath)
        }
    }

    /// Gives the complete file its name.
    func finish() throws(SchemaError) {
        try UnfinishedFile.finish(unfinished, as: path)
        // There is none if everything came in one piece.
        unlink(positionPath)
    }

    private static func readPosition(_ path: String, _ subject: String) -> Position? {
        guard let bytes = readFile(path, limit: positionBytes) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == subject, let bytes = Int(lines[2]),
            let events = Int(lines[3])
        else { return nil }
        return Position(cursor: String(lines[1]), bytes: bytes, events: events)
    }
}

/// The format of an export.
enum ExportFileFormat: String, CaseIterable, ExpressibleByArgument {
    /// One JSON object on each line, which `events import` reads.
    case json
    case yaml
    /// RFC 4180.
    case csv
}
