import Glibc

/// The signals that the service handles, taken one by one on a dedicated thread.
///
/// They are blocked in every thread, so a signal that comes early is kept.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals. Call it before the first thread starts, because threads inherit the
    /// mask.
    init() {
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        let result = pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(result == 0, "signals can be blocked")
    }

    /// Waits for the next signal.
    mutating func next() -> Int32 {
        var number: Int32 = 0
        let result = sigwait(&set, &number)
        precondition(result == 0, "the set holds valid signals")
        return number
    }
}
