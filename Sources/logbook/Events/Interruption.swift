import CLinux
import Glibc

/// Ctrl-C, accepted only while waiting for input, so that everything read before is sent.
final class Interruption {
    enum Wait {
        case readable, silence, interrupted
    }

    /// True once it was pressed.
    private(set) var hasCome = false

    /// Blocks SIGINT, in the only thread.
    init() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(SIGINT, &action, nil)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits until there is something to read.
    ///
    /// - Parameter milliseconds: the longest wait; nil for no limit.
    func wait(for descriptor: Int32, milliseconds: Int32?) -> Wait {
        guard !hasCome else { return .interrupted }
        let count = clinux_await_input(descriptor, milliseconds ?? -1)
        if count > 0 { return .readable }
        if count == 0 { return .silence }
        guard errno == EINTR else { return .readable }
        hasCome = true
        // The bytes that the sender wrote before are there, in one piece or less.
        return clinux_await_input(descriptor, 0) > 0 ? .readable : .interrupted
    }
}
