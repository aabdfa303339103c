import EventStore
import Events
import Glibc
import Ingest
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

    /// The outcomes of reading.
    enum Step {
        case item(Item)
        /// Nothing arrived for as long as the caller wanted to wait.
        case silence
        case end
    }

    private enum Kind {
        case text(EventText)
        case rows(DatabaseFile, total: Int)
    }

    private let kind: Kind
    private let descriptor: Int32
    /// The bytes of the file; nil if unknown.
    private let size: Int?
    private let interruption: Interruption?
    /// The rows that are read and not yet taken, last first.
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
            let interruption = Interruption()
            self.interruption = interruption
            kind = .text(
                EventText(STDIN_FILENO, name: "standard input", interruption: interruption))
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var file = stat()
        guard descriptor >= 0, fstat(descriptor, &file) == 0 else {
            throw EventText.Failure(
                description: "cannot read \(path): \(SystemError.text(of: errno))")
        }
        self.descriptor = descriptor
        size = file.st_mode & S_IFMT == S_IFREG ? Int(file.st_size) : nil
        var start = [UInt8](repeating: 0, count: Self.databaseHeader.count)
        // A file that can only be read as a stream is not a database.
        let isDatabase =
            pread(descriptor, &start, start.count, 0) == start.count && start == Self.databaseHeader
        guard isDatabase else {
            // A regular file can be read again if interrupted; a pipe cannot.
            let interruption = size == nil ? Interruption() : nil
            self.interruption = interruption
            kind = .text(EventText(descriptor, name: path, interruption: interruption))
            return
        }
        interruption = nil
        let logger = Logger.lines(level: .warning)
        let database = try DatabaseFile(path, importing: true, logger: logger)
        kind = .rows(database, total: try database.countEvents())
    }

    /// True if Ctrl-C ended it.
    var isInterrupted: Bool { interruption?.hasCome == true }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    /// Refuses a database whose events do not record when they were received.
    func requireReceivedTimes() throws {
        guard case .rows(let database, _) = kind, try !database.hasReceivedTimes() else { return }
        throw EventText.Failure(
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

    /// Returns the next item.
    ///
    /// - Parameter patience: the milliseconds to wait for it; nil for no limit.
    func next(patience: Int32?) throws -> Step {
        switch kind {
        case .text(let text):
            switch try text.next(patience: patience) {
            case .silence: return .silence
            case .end: return .end
            case .item(let item):
                count += 1
                return .item(Self.item(item, number: count))
            }
        case .rows(let database, _):
            if waiting.isEmpty { try readRows(database) }
            guard let row = waiting.popLast() else { return .end }
            count += 1
            return .item(row)
        }
    }

    private static func item(_ found: ItemScanner.Item, number: Int) -> Item {
        let place = found.place
        switch found.content {
        case .json(let json): return Item(place: place, number: number, json: json)
        case .tooLong:
            return Item(
                place: place, number: number,
                problem: "is longer than \(EventText.itemBytes) bytes")
        case .cutOff, .list:
            return Item(place: place, number: number, problem: "the array breaks off here")
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
