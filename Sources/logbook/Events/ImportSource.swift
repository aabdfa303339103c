import EventStore
import Events
import Glibc
import JSON
import Logging
import SQLiteStore
import System

/// What is imported, one item after another.
final class ImportSource {
    /// An item that may be an event.
    struct Item {
        /// As messages name it, such as `line 12`.
        let place: String
        /// What its id is made of, where it has none; the same whenever the same is imported.
        let number: Int
        /// Why it cannot be one; nil where `json` is to be looked at.
        var problem: String?
        var json: [UInt8] = []
    }

    private enum Kind {
        case text(JSONItems)
        case rows(DatabaseFile, total: Int)
    }

    private let kind: Kind
    private let descriptor: Int32
    /// Bytes of the file; nil where that is not known.
    private let size: Int?
    /// What has been read and not been taken, last first: rows, or the items of a list.
    private var waiting: [Item] = []
    /// The last row that has been read.
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
        // Where it cannot be looked at without being read, it is no database.
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

    /// Refuses a database whose events do not say when they were received.
    func requireReceivedTimes() throws {
        guard case .rows(let database, _) = kind, try !database.hasReceivedTimes() else { return }
        throw JSONItems.Failure(
            description:
                "the database does not say when its events were received: leave --keep-received-at out"
        )
    }

    /// How much of all has been read, from 0 to 1; nil when that is not known.
    var fraction: Double? {
        switch kind {
        case .text(let items):
            size.map { $0 == 0 ? 1 : min(1, Double(items.bytesRead) / Double($0)) }
        case .rows(_, let total): total == 0 ? 1 : min(1, Double(count) / Double(total))
        }
    }

    /// The next item; nil behind the last.
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

    /// What is to be stored of `item`, last first: a list, as `{"items":[…]}` is one, holds several.
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

    /// Enough for the members that an item has room for.
    private static let memberBits = 20

    /// The members of `items`, of which null is none; nil where `json` is no list.
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
            // What is wrong with it is told when it is to be sent.
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
