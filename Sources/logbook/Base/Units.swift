import ArgumentParser
import Events

/// The units of flags' values, the same for every command.
enum Units {
    /// Reads a length of time: an age such as `30s`, `5m`, `1w`, or a number of seconds.
    static func seconds(_ text: String) throws -> Double {
        if let age = Age.milliseconds(text) { return Double(age) / 1000 }
        guard let seconds = Double(text), seconds.isFinite else {
            throw ValidationError("must be a time such as 30s, 5m or 1h, or a number of seconds")
        }
        return seconds
    }

    /// Reads a length of time in whole seconds.
    static func wholeSeconds(_ text: String) throws -> Int {
        guard let seconds = Int(exactly: try seconds(text)) else {
            throw ValidationError("must be whole seconds")
        }
        return seconds
    }

    private static let multiples: [(suffix: String, factor: Int)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40), ("k", 1000),
        ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("", 1),
    ]

    /// Reads a size as Kubernetes writes it: `4Gi`, `512Mi`, `100k`, or a number.
    static func size(_ text: String) throws -> Int {
        for (suffix, factor) in multiples where text.hasSuffix(suffix) {
            guard let number = Int(text.dropLast(suffix.count)) else { break }
            let (size, isTooLarge) = number.multipliedReportingOverflow(by: factor)
            if !isTooLarge { return size }
        }
        throw ValidationError("must be a size such as 4Gi, 512Mi or 100k, or a number")
    }
}
