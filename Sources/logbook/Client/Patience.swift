import ArgumentParser
import CLinux
import Glibc

/// Retries temporary failures for a limited time.
struct Patience {
    /// Seconds to retry without any success.
    let seconds: Int
    /// True if the user need not know that it waits.
    var isQuiet = false

    private static let shortestPause: UInt32 = 100_000
    private static let longestPause: UInt32 = 5_000_000

    static func check(_ seconds: Int) throws {
        guard (0...86_400).contains(seconds) else {
            throw ValidationError("--patience must be from 0 to 86400, not \(seconds)")
        }
    }

    /// Runs `body` until it succeeds, fails permanently, or the time is up.
    func retrying<Result>(_ body: () throws -> Result) throws -> Result {
        let begin = clinux_monotonic_nanoseconds()
        var pause = Self.shortestPause
        while true {
            do { return try body() } catch let error as ClientError {
                let elapsed = clinux_monotonic_nanoseconds() - begin
                guard error.isPassing, elapsed < UInt64(seconds) * 1_000_000_000 else {
                    throw error
                }
                if pause == Self.shortestPause, !isQuiet {
                    printToStandardError("\(error); trying again")
                }
                usleep(pause)
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }
}
