import Synchronization

/// What was made of some files, and is made anew when they change. A reading that succeeds swaps it; one that
/// fails changes nothing.
package final class FileValue<Value: Sendable>: Sendable {
    private let paths: [String]
    private let state: Mutex<State>

    private struct State {
        var value: Value
        var files: [FileIdentity]
    }

    /// Reads the files.
    package init<Failure>(of paths: [String], _ read: () throws(Failure) -> Value) throws(Failure) {
        self.paths = paths
        // Before the files are read: what changes meanwhile is read again.
        let files = paths.map(FileIdentity.init)
        state = Mutex(State(value: try read(), files: files))
    }

    /// What was made at the last success.
    package var current: Value { state.withLock { $0.value } }

    /// Whether a file is another than the one that was read last.
    package var hasChanged: Bool {
        let files = paths.map(FileIdentity.init)
        return state.withLock { $0.files != files }
    }

    /// Reads the files again.
    package func update<Failure>(_ read: () throws(Failure) -> Value) throws(Failure) {
        let files = paths.map(FileIdentity.init)
        do throws(Failure) {
            let value = try read()
            state.withLock { $0 = State(value: value, files: files) }
        } catch {
            // Remembered all the same, so that the error is told once a change.
            state.withLock { $0.files = files }
            throw error
        }
    }
}
