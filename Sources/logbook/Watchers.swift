import EventStore
import Ingest
import Kubernetes
import Logging
import Synchronization
import System

/// The watchers of this process. They run while it has the lead among those with its database.
final class Watchers: Sendable {
    private struct State {
        var watchers: [EventWatcher]
        /// True if they have been started, and so cannot be started again.
        var areUsed = false
        /// True while another process has the lead.
        var areStandingBy = false
        var isEnded = false
    }

    private let make: @Sendable () throws(SystemError) -> [EventWatcher]
    private let state: Mutex<State>

    /// - Parameter make: makes the watchers, anew each time that they start.
    init(_ make: @escaping @Sendable () throws(SystemError) -> [EventWatcher]) throws(SystemError) {
        self.make = make
        state = Mutex(State(watchers: try make()))
    }

    /// Starts the watchers whenever the lead is gained, and ends them when it is lost.
    func follow(_ leadership: Leadership, _ logger: Logger) {
        leadership.subscribe { [self] isHeld in
            if isHeld { start(logger) } else { standBy() }
        }
    }

    private func standBy() {
        let started = state.withLock { state in
            state.areStandingBy = true
            // One that is cancelled before it was started would not start.
            return state.areUsed ? state.watchers : []
        }
        for watcher in started { watcher.cancel() }
    }

    private func start(_ logger: Logger) {
        state.withLock { state in
            guard !state.isEnded else { return }
            do throws(SystemError) {
                if state.areUsed { state.watchers = try make() }
                state.areUsed = true
                state.areStandingBy = false
                for watcher in state.watchers { watcher.start() }
            } catch {
                logger.error("No cluster is watched: \(error)")
            }
        }
    }

    /// Their states and figures.
    var reports: [SourceReport] {
        state.withLock { state in
            state.watchers.map { watcher in
                var report = watcher.report
                if state.areStandingBy { report.standBy() }
                return report
            }
        }
    }

    /// Ends them, and waits for the commits in progress.
    func end(timeout: Duration) {
        let watchers = state.withLock { state in
            state.isEnded = true
            return state.watchers
        }
        // All at once, and then each has its commit.
        for watcher in watchers { watcher.cancel() }
        for watcher in watchers { watcher.stop(timeout: timeout) }
    }
}
