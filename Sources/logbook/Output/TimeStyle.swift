import ArgumentParser
import Events

/// The style of times in a table.
enum TimeStyle: String, CaseIterable, ExpressibleByArgument {
    /// The age, such as `12m`.
    case relative
    /// The time as stored.
    case absolute

    /// The text of an event's `createdAt` as seen at `now`.
    func text(_ createdAt: String, now: Timestamp) -> String {
        guard self == .relative, let time = Timestamp(rfc3339: createdAt.utf8) else {
            return createdAt
        }
        let age = now.milliseconds - time.milliseconds
        return age < 0 ? "in \(Self.length(-age))" : Self.length(age)
    }

    /// The time of `event`, and if it stands for several, their number and span:
    /// `5m (x37 over 2h)`.
    func text(_ event: ListedEvent, now: Timestamp) -> String {
        let newest = text(event[.createdAt] ?? "", now: now)
        guard let fold = event.fold, fold.occurrences > 1 || fold.isAtLeast else { return newest }
        let count = "x\(fold.occurrences)\(fold.isAtLeast ? "+" : "")"
        guard let first = Timestamp(rfc3339: fold.first.utf8),
            let last = Timestamp(rfc3339: fold.last.utf8), first < last
        else { return "\(newest) (\(count))" }
        return "\(newest) (\(count) over \(Self.length(last.milliseconds - first.milliseconds)))"
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
