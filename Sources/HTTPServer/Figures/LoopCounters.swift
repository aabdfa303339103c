import Synchronization
import System

/// The counts of one event loop since it started. Its thread raises them; any thread reads them.
///
/// Requests are counted in a table whose index is computed, not looked up: one row for each path of
/// the router with each method, and in each row one cell for each status and each bucket of times.
///
/// `@unchecked Sendable`: the table is made once, and its cells are counters.
final class LoopCounters: @unchecked Sendable {
    let received = Counter()
    let sent = Counter()
    let accepted = Counter()
    let heldBackByConnections = Counter()
    let heldBackByDescriptors = Counter()
    let failedHandshakes = Counter()
    let shed = Counter()
    let displaced = Counter()

    private let rows: Int
    private let cells: UnsafeMutablePointer<Counter>

    /// The methods, plus one for those that the server does not implement.
    static let methods = HTTPMethod.allCases.count + 1
    private static let statuses = HTTPStatus.all.count
    private static let buckets = ServerFigures.Times.bounds.count + 1
    /// The last cell is the sum of the times.
    private static let rowCells = statuses + buckets + 1
    private static let bounds = ServerFigures.Times.bounds.map { UInt64($0.inNanoseconds) }
    /// The index of each status by its code, starting at code 200.
    private static let statusNumbers: [Int] = {
        var numbers = [Int](repeating: 0, count: 400)
        for (number, status) in HTTPStatus.all.enumerated() { numbers[status.code - 200] = number }
        return numbers
    }()

    /// - Parameter paths: the number of paths to tell apart.
    init(paths: Int) {
        rows = paths * Self.methods
        cells = .allocate(capacity: rows * Self.rowCells)
        for cell in 0..<rows * Self.rowCells { (cells + cell).initialize(to: Counter()) }
    }

    deinit {
        cells.deinitialize(count: rows * Self.rowCells)
        cells.deallocate()
    }

    /// The row of a path, by its number, and a method; nil is any method the server does not
    /// implement.
    static func row(path: Int, method: HTTPMethod?) -> Int {
        path * methods + (method?.number ?? methods - 1)
    }

    /// The number of the path that `row` belongs to.
    static func path(ofRow row: Int) -> Int { row / methods }

    /// The row of requests that cannot be parsed.
    static let noRow = row(path: 0, method: nil)

    /// Counts a request that is being answered.
    func note(row: Int, _ status: HTTPStatus, nanoseconds: UInt64) {
        let first = row * Self.rowCells
        cells[first + Self.statusNumbers[status.code - 200]].add(1)
        var bucket = 0
        while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket] { bucket += 1 }
        cells[first + Self.statuses + bucket].add(1)
        cells[first + Self.rowCells - 1].add(Int(truncatingIfNeeded: nanoseconds))
    }

    /// Adds the counts of `row` to `figures`.
    func add(row: Int, to figures: inout ServerFigures.Requests) {
        let first = row * Self.rowCells
        for number in 0..<Self.statuses { figures.counts[number] += cells[first + number].current }
        for bucket in 0..<Self.buckets {
            figures.times.counts[bucket] += cells[first + Self.statuses + bucket].current
        }
        figures.times.nanoseconds += cells[first + Self.rowCells - 1].current
    }
}

extension HTTPMethod {
    /// The index of this status among all statuses.
    fileprivate var number: Int {
        switch self {
        case .get: 0
        case .head: 1
        case .post: 2
        case .put: 3
        case .patch: 4
        case .delete: 5
        case .options: 6
        }
    }
}

/// A number that one thread raises and any thread may read. Adding needs no locked instruction.
struct Counter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// Adds `amount`. Only the one thread may call it.
    func add(_ amount: Int) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}
