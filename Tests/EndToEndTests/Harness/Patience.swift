import Foundation

/// The time after which a test fails rather than blocks: far more than a healthy run needs on a
/// busy machine. No test expects anything to take a certain time.
enum Patience {
    static let seconds = 30

    static var deadline: Date { Date(timeIntervalSinceNow: TimeInterval(seconds)) }
}
