import EventStore
import Events
import Glibc
import JSON
import Logging
import SQLiteStore
import System

/// The items to import, one after another.
final class ImportSource {
    /// An item that may be an event.
    struct Item {
        /// The name in messages, such as `line 12`.
        let place: String
        /// The number that its id is made from if it has none; the same for each import of the same
        /// file.
        let number: Int
        /// The reason it is not an event; nil if `json` must be checked.
        var problem: String?
        var json: [UInt8] = []
    }

    private enum Kind {
        case text(JSONItems)
        case rows(DatabaseFile, total: Int)
    }

    private let kind: Kind
    private let descriptor: Int32
    /// The bytes of the file; nil if unknown.
    private let size: Int?
    /// Items that were read but not taken, last first: rows, or the items of a list.
    private var waiting: [Item] = []
    /// The last row that was read.
    private var position: Int64?
    private var count = 0

    private static let rowsAtOnce = 1000
    private static let databaseHeader = Array("SQLite format 3\0".utf8)

    /// Opens the file at `path`; `-` is standard input.
    init(_ path: String) throws {
        guard path != "-" else {
            descriptor = STDIN_FILENO
            size = nil
            kind = .text(JSONItems(STDIN_FILENO, name: "standard input"))
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var file = stat()
        guard descriptor >= 0, fstat(descriptor, &file) == 0 else {
            throw JSONItems.Failure(
                description: "cannot read \(path): \(SystemError.text(of: errno))")
        }
        self.descriptor = descriptor
        size = file.st_mode & S_IFMT == S_IFREG ? Int(file.st_size) : nil
        var start = [UInt8](repeating: 0, count: Self.databaseHeader.count)
        // A file that can only be read as a stream is not a database.
        let isDatabase =
            pread(descriptor, &start, start.count, 0) == start.count && start == Self.databaseHeader
        guard isDatabase else {
            kind = .text(JSONItems(descriptor, name: path))
            return
        }
        let logger = Logger.lines(level: .warning)
        let database = try DatabaseFile(path, importing: true, logger: logger)
        kind = .rows(database, total: try database.countEvents())
    }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    /// Refuses a database whose events do not record when they were received.
    func requireReceivedTimes() throws {
        guard case .rows(let database, _) = kind, try !database.hasReceivedTimes() else { return }
        throw JSONItems.Failure(
            description:
                "the database does not say when its events were received: leave --keep-received-at out"
        )
    }

    /// The fraction that has been read, from 0 to 1; nil if unknown.
    var fraction: Double? {
        switch kind {
        case .text(let items):
            size.map { $0 == 0 ? 1 : min(1, Double(items.bytesRead) / Double($0)) }
        case .rows(_, let total): total == 0 ? 1 : min(1, Double(count) / Double(total))
        }
    }

    /// The next item; nil after the last.
    func next() throws -> Item? {
        switch kind {
        case .text(let items):
            while waiting.isEmpty {
                guard let item = try items.next() else { return nil }
                waiting = Self.unfold(item, "\(items.noun) \(items.number)", items.number)
            }
            return waiting.removeLast()
        case .rows(let database, _):
            if waiting.isEmpty { try readRows(database) }
            guard let row = waiting.popLast() else { return nil }
            count += 1
            return row
        }
    }

    /// The events in `item`, last first: a list, such as `{"items":[…]}`, holds several.
    private static func unfold(_ item: JSONItems.Item, _ place: String, _ number: Int) -> [Item] {
        switch item {
        case .tooLong:
            return [
                Item(
                    place: place, number: number,
                    problem: "is longer than \(JSONItems.itemBytes) bytes")
            ]
        case .cutOff:
            return [Item(place: place, number: number, problem: "the array breaks off here")]
        case .json(let json):
            guard let members = members(ofList: json) else {
                return [Item(place: place, number: number, json: json)]
            }
            return members.enumerated().map { index, json in
                Item(
                    place: "\(place), item \(index + 1)", number: number << memberBits | index,
                    json: json)
            }.reversed()
        }
    }

    /// Enough for the most members that an item can hold.
    private static let memberBits = 20

    /// The members of `items`, or none for null; nil if `json` is not a list.
    private static func members(ofList json: [UInt8]) -> [[UInt8]]? {
        do throws(JSONError) {
            return try json.span.withUnsafeBytes { bytes throws(JSONError) in
                var reader = JSONReader(bytes)
                var members: [[UInt8]]?
                guard try reader.peekKind() == .object else { return nil }
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    let kind = try reader.peekKind()
                    guard key.equals("items"), kind == .null || kind == .array else {
                        if key.equals("event_type") { return nil }
                        _ = try reader.skipValue()
                        continue
                    }
                    members = []
                    guard kind == .array else {
                        try reader.readNull()
                        continue
                    }
                    try reader.beginArray()
                    while try reader.nextElement() {
                        members?.append(Array(try reader.skipValue().raw))
                    }
                }
                try reader.expectEnd()
                return members
            }
        } catch {
            // Errors in it are reported when it is sent.
            return nil
        }
    }

    private func readRows(_ database: DatabaseFile) throws(SchemaError) {
        let last = try database.rows(after: position, limit: Self.rowsAtOnce) { row, event in
            var json: [UInt8] = []
            event.appendJSON(to: &json)
            waiting.append(Item(place: "row \(row)", number: Int(row), json: json))
        }
        waiting.reverse()
        if let last { position = last }
    }
}
