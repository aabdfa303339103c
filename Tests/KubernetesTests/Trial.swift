import Events
import Foundation
import HTTPClient
import Ingest
import Logging
import SQLiteStore
import Synchronization
import System
import TestSupport

@testable import EventStore
@testable import Kubernetes

/// A watcher of a scripted API server, which stores in a database of its own.
final class Trial {
    let server: ScriptedAPIServer
    let clock = TestClock()
    let log = LogRecorder()
    let repository: SQLiteRepository
    let folder: TemporaryFolder
    var configuration: WatchConfiguration
    private(set) var watcher: EventWatcher

    /// - Parameters:
    ///   - queuedEvents: as many may wait for the store's writer.
    ///   - change: changes what is watched.
    init(
        isSecure: Bool = false, token: String? = nil, authorities: String? = nil,
        queuedEvents: Int = 100_000, _ change: (inout WatchConfiguration) -> Void = { _ in }
    ) throws {
        server = try ScriptedAPIServer(isSecure: isSecure)
        folder = try TemporaryFolder()
        if let token {
            try Data(token.utf8).write(to: URL(filePath: folder.file("token")))
        }
        configuration = WatchConfiguration(
            server: APIServer(
                ServerAddress(server.url)!, authorities: authorities,
                tokenFile: token == nil ? nil : folder.file("token")),
            userAgent: "test/1.0")
        change(&configuration)
        var store = StoreConfiguration(path: folder.file("events.db"))
        store.retention.ages = [:]
        store.reserveBytes = 0
        store.queuedEvents = queuedEvents
        repository = SQLiteRepository(
            store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: clock.wall)
        try repository.open()
        watcher = try Self.watcher(configuration, repository, clock, log)
    }

    deinit {
        watcher.stop(timeout: .seconds(60))
        repository.close()
    }

    private static func watcher(
        _ configuration: WatchConfiguration, _ repository: SQLiteRepository, _ clock: TestClock,
        _ log: LogRecorder
    ) throws -> EventWatcher {
        try EventWatcher(
            configuration, repository: repository, clock: clock.watchClock, logger: log.logger)
    }

    /// Ends the watcher, and makes one like it, as the next process has it.
    func restart() throws {
        watcher.stop(timeout: .seconds(60))
        watcher = try Self.watcher(configuration, repository, clock, log)
    }

    var report: SourceReport { watcher.report }

    // MARK: Requests

    /// Answers the next request, the first page of a list, with all that there is.
    func answerList(_ version: UInt64, _ items: [String] = []) throws {
        let list = try next("limit", "500")
        list.answer(Object.list(version, items))
    }

    /// Takes the next request, which must be a watch from `version`, and begins to answer it.
    func beginWatch(from version: UInt64) throws -> ScriptedAPIServer.Exchange {
        let watch = try next("resourceVersion", "\(version)")
        watch.begin()
        return watch
    }

    /// Takes the next request, which must have this parameter.
    func next(_ name: String, _ value: String) throws -> ScriptedAPIServer.Exchange {
        let exchange = try server.next()
        guard exchange.parameter(name) == value else {
            throw TestFailure("\(exchange.target) came, not one with \(name)=\(value)")
        }
        return exchange
    }

    // MARK: Waiting

    /// Waits until the watcher's report is so.
    func wait(_ what: String, _ condition: (SourceReport) -> Bool) throws {
        let end = Date.now + Double(ScriptedAPIServer.patience)
        while !condition(report) {
            guard Date.now < end else {
                throw TestFailure("not within patience: \(what); \(report)")
            }
            usleep(1000)
        }
    }

    /// Waits until so many events are stored or known.
    func wait(forEvents count: Int) throws {
        try wait("\(count) events") { $0.stored + $0.duplicates >= count }
    }

    /// The ids of all events, in the order in which they were stored.
    func ids() throws -> [String] { try events().map { $0.text(.id) ?? "" } }

    /// All events, in the order in which they were stored.
    func events() throws -> [Event] {
        let reader = try requireReader(repository)
        var events: [Event] = []
        try reader.follow(.all, 1...(1 << 40), budget: .seconds(60)) { view in
            events.append(Event(view))
            return true
        }
        return events
    }
}

private func requireReader(_ repository: SQLiteRepository) throws -> any LocalReader {
    guard let reader = try repository.makeLocalReader() else {
        throw TestFailure("SQLite answers at once")
    }
    return reader
}

/// A clock that pauses move on, without a wait.
final class TestClock: Sendable {
    private struct State {
        var wall = testMoment.milliseconds
        var monotonic = Duration.zero
        var pauses: [Duration] = []
        var isReal = false
    }

    private let state = Mutex(State())

    /// Lets time go by.
    func turn(by time: Duration) {
        state.withLock { state in
            state.monotonic += time
            state.wall += time.inMilliseconds
        }
    }

    /// Has pauses take until they are canceled from now on, or no time again.
    func stopPauses(_ isReal: Bool = true) { state.withLock { $0.isReal = isReal } }

    /// All pauses so far.
    var pauses: [Duration] { state.withLock { $0.pauses } }

    @Sendable func wall() -> Timestamp { Timestamp(clamping: state.withLock { $0.wall }) }

    var watchClock: WatchClock {
        var clock = WatchClock(wall: wall)
        clock.monotonic = { self.state.withLock { $0.monotonic } }
        clock.pause = { time, cancellation in
            let isReal = self.state.withLock { state in
                state.pauses.append(time)
                return state.isReal
            }
            if isReal { cancellation.wait(for: .seconds(60)) } else { self.turn(by: time) }
        }
        return clock
    }
}

/// Objects as an API server writes them.
enum Object {
    /// One that has occurred again with each version, if no `count` says otherwise.
    static func event(
        _ uid: String, _ version: UInt64, count: UInt64? = nil, message: String = "Back-off",
        kind: Bool = true
    ) -> String {
        let kind = kind ? "\"kind\":\"Event\",\"apiVersion\":\"v1\"," : ""
        return """
            {\(kind)"metadata":{"name":"web-0.18a","namespace":"shop","uid":"\(uid)",\
            "resourceVersion":"\(version)","creationTimestamp":"2026-11-23T10:30:00Z"},\
            "involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"},"reason":"BackOff",\
            "message":"\(message)","lastTimestamp":"2026-11-23T10:30:15Z","count":\(count ?? version),\
            "type":"Warning"}
            """
    }

    static func list(_ version: UInt64, _ items: [String], next: String = "") -> String {
        """
        {"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"\(version)",\
        "continue":"\(next)"},"items":[\(items.joined(separator: ","))]}
        """
    }

    static func line(_ type: String, _ object: String) -> String {
        "{\"type\":\"\(type)\",\"object\":\(object)}\n"
    }

    static func status(_ code: Int, _ message: String, next: String = "") -> String {
        """
        {"kind":"Status","apiVersion":"v1","metadata":{"continue":"\(next)"},"status":"Failure",\
        "message":"\(message)","reason":"Reason","code":\(code)}
        """
    }
}
