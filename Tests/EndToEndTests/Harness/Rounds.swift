import Foundation

/// The repetitions of randomized tests, from the environment: `LOGBOOK_CRASH_ROUNDS=500 make test`.
enum Rounds {
    /// The number in `LOGBOOK_<name>`.
    static func number(_ name: String, default: Int) -> Int {
        ProcessInfo.processInfo.environment["LOGBOOK_\(name)"].flatMap { Int($0) } ?? `default`
    }
}
