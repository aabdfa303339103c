import Synchronization

/// A value made from files and remade when they change. A successful read replaces it; a failed one
/// changes nothing.
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
        // Before the files are read, so that a change meanwhile is read again.
        let files = paths.map(FileIdentity.init)
        state = Mutex(State(value: try read(), files: files))
    }

    /// The value of the last successful read.
    package var current: Value { state.withLock { $0.value } }

    /// True if a file differs from the one last read.
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
            // Remembered even so, to report the error once for each change.
            state.withLock { $0.files = files }
            throw error
        }
    }
}
