import Glibc

/// The signals that the service answers to, taken one by one on a thread that does nothing else.
///
/// They are blocked in every thread: one that comes before anybody waits for it is kept, not lost.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals. To be called before the first thread starts, for threads inherit it.
    init() {
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        let result = pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(result == 0, "signals can be blocked")
    }

    /// Waits for the next one.
    mutating func next() -> Int32 {
        var number: Int32 = 0
        let result = sigwait(&set, &number)
        precondition(result == 0, "the set holds valid signals")
        return number
    }
}
