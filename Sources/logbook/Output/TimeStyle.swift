import ArgumentParser
import Events

/// The style of times in a table.
enum TimeStyle: String, CaseIterable, ExpressibleByArgument {
    /// The age, such as `12m`.
    case relative
    /// The time.
    case absolute
}

/// Writes the times of a table.
struct TimeWriter {
    let style: TimeStyle
    /// The clock of a terminal; nil for times as they are stored, which programs read.
    let clock: Clock?
    /// True for a table that goes on, where the day of new events is known.
    var isLive = false

    /// The text of an event's `createdAt` as seen at `now`.
    func text(_ createdAt: String, now: Timestamp) -> String {
        guard let time = Timestamp(rfc3339: createdAt.utf8) else { return createdAt }
        if style == .relative { return Self.age(time, now: now) }
        guard let clock else { return createdAt }
        return isLive ? clock.shortText(time, now: now) : clock.text(time)
    }

    /// The time and the age: `2026-11-29 09:00:12 (5m ago)`.
    func fullText(_ createdAt: String, now: Timestamp) -> String {
        guard let time = Timestamp(rfc3339: createdAt.utf8) else { return createdAt }
        let age = Self.age(time, now: now)
        return (clock?.text(time) ?? createdAt) + (time <= now ? " (\(age) ago)" : " (\(age))")
    }

    private static func age(_ time: Timestamp, now: Timestamp) -> String {
        let age = now.milliseconds - time.milliseconds
        return age < 0 ? "in \(length(-age))" : length(age)
    }

    /// The length in the largest unit, and in the next smaller one too if one digit would be too
    /// coarse.
    private static func length(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<120: return "\(seconds)s"
        case ..<7200: return "\(seconds / 60)m"
        case ..<172_800:
            let minutes = seconds / 60 % 60
            let hours = seconds / 3600
            return hours < 10 && minutes > 0 ? "\(hours)h\(minutes)m" : "\(hours)h"
        default: return "\(seconds / 86_400)d"
        }
    }
}
