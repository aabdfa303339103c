import ArgumentParser
import Events

/// How a table says when an event was.
enum TimeStyle: String, CaseIterable, ExpressibleByArgument {
    /// How long ago, such as `12m`.
    case relative
    /// As it is stored.
    case absolute

    /// `createdAt`, an event's, as it is seen at `now`.
    func text(_ createdAt: String, now: Timestamp) -> String {
        guard self == .relative, let time = Timestamp(rfc3339: createdAt.utf8) else {
            return createdAt
        }
        let age = now.milliseconds - time.milliseconds
        return age < 0 ? "in \(Self.length(-age))" : Self.length(age)
    }

    /// In the largest unit, and the next one below it where one digit would be too coarse.
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
