import CLinux
import Glibc

/// The progress of a long command, on standard error if that is a terminal: the amount, the rate,
/// and the time left.
struct Progress {
    let isShown = isatty(STDERR_FILENO) == 1
    private let begin = clinux_monotonic_nanoseconds()
    /// The events done before this run.
    private let earlier: Int
    private var lastShown: UInt64 = 0
    private var hasLine = false

    /// The time between two updates.
    private static let interval: UInt64 = 200_000_000

    init(earlier: Int = 0) { self.earlier = earlier }

    /// Shows that `count` events are done.
    ///
    /// - Parameter fraction: the fraction of the whole, from 0 to 1; nil if unknown.
    mutating func show(_ count: Int, fraction: Double?) {
        let now = clinux_monotonic_nanoseconds()
        guard isShown, now - lastShown >= Self.interval else { return }
        lastShown = now
        hasLine = true
        let seconds = Double(now - begin) / 1e9
        print("\r\u{1B}[K" + Self.text(count, count - earlier, fraction, seconds))
    }

    /// Clears the line.
    mutating func finish() {
        if hasLine { print("\r\u{1B}[K") }
        hasLine = false
    }

    /// The text of the line: `count` events done, `new` of them in the `seconds` of this run.
    static func text(_ count: Int, _ new: Int, _ fraction: Double?, _ seconds: Double) -> String {
        var text = "\(count) events"
        if let fraction { text += ", \(Int(fraction * 100)) %" }
        guard seconds > 0, new > 0 else { return text }
        text += ", \(Int(Double(new) / seconds))/s"
        if let fraction, fraction > 0 {
            let share = fraction * Double(new) / Double(count)
            let left = Int(seconds * (1 - fraction) / max(share, 1e-9))
            text += ", \(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left"
        }
        return text
    }

    private func print(_ text: String) {
        printText(text, to: STDERR_FILENO, isSafe: true)
    }
}
