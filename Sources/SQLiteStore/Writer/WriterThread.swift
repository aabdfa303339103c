import CLinux
import Dispatch
import Glibc
import SQLite
import Synchronization
import System

/// A thread that does one task after the other, in the order in which they came, and sleeps while there is none. Like a
/// serial Dispatch queue, but that it is always the same thread, which one futex call wakes.
///
/// `@unchecked Sendable`: what waits is behind a lock; the kernel and C's atomics alone touch `word`.
final class WriterThread: @unchecked Sendable {
    typealias Task = @Sendable () -> Void

    private struct State {
        var tasks: [Task] = []
        /// A few, in no order, with their time on the monotonic clock.
        var timers: [(due: UInt64, task: Task)] = []
        var isAsleep = false
        var isEnding = false
    }

    private let name: String
    private let state = Mutex(State())
    /// 0 while it may sleep.
    private let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)

    /// - Parameter name: for top and perf.
    init(_ name: String) {
        self.name = name
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    /// Starts it, once; tasks may have come before.
    func start() throws(SQLiteError) {
        let context = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                let thread = Unmanaged<WriterThread>.fromOpaque(context!).takeRetainedValue()
                clinux_name_thread(thread.name)
                while let task = thread.next() { task() }
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            context.release()
            throw SQLiteError(
                extendedCode: SQLiteError.cannotOpen, message: "a thread cannot be started")
        }
        pthread_detach(thread)
    }

    // MARK: From any thread

    /// Has `task` done as soon as those before it are.
    func async(_ task: @escaping Task) { change { $0.tasks.append(task) } }

    /// Has `task` done when this time has passed.
    func async(after rest: Duration, _ task: @escaping Task) {
        async(at: clinux_monotonic_nanoseconds() + rest.inNanoseconds, task)
    }

    /// Has `task` done at this time of the monotonic clock.
    func async(at due: UInt64, _ task: @escaping Task) {
        change { $0.timers.append((due, task)) }
    }

    /// Does `task`, and returns once it is done; not to be called on the thread itself, which may hold what `task`
    /// captures for a moment longer.
    func sync(_ task: @escaping Task) {
        let done = DispatchSemaphore(value: 0)
        async {
            task()
            done.signal()
        }
        done.wait()
    }

    /// Has it end when no task is left that is due; timers are dropped, and nothing may come any more.
    func end() { change { $0.isEnding = true } }

    private func change(_ body: (inout State) -> Void) {
        let wasAsleep = state.withLock { state in
            body(&state)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if wasAsleep { clinux_wake(word) }
    }

    // MARK: The thread

    private enum Step {
        case task(Task)
        case sleep(until: UInt64)
        case end
    }

    /// The next task, once there is one; nil at the end.
    private func next() -> Task? {
        while true {
            switch state.withLock({ step(&$0) }) {
            case .task(let task): return task
            case .sleep(let end): clinux_sleep(word, end)
            case .end: return nil
            }
        }
    }

    private func step(_ state: inout State) -> Step {
        state.isAsleep = false
        let soonest = state.timers.indices.min { state.timers[$0].due < state.timers[$1].due }
        if let soonest, state.timers[soonest].due <= clinux_monotonic_nanoseconds() {
            return .task(state.timers.remove(at: soonest).task)
        }
        guard state.tasks.isEmpty else { return .task(state.tasks.removeFirst()) }
        guard !state.isEnding else { return .end }
        state.isAsleep = true
        // Whoever wakes it from here on sets it to 1, and then it does not sleep.
        clinux_prepare_to_sleep(word)
        return .sleep(until: soonest.map { state.timers[$0].due } ?? .max)
    }
}
