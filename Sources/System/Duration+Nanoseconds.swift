extension Duration {
    /// Whole nanoseconds of a nonnegative time, at most what an Int64 holds.
    package var inNanoseconds: UInt64 {
        UInt64(components.seconds) &* 1_000_000_000
            &+ UInt64(components.attoseconds / 1_000_000_000)
    }

    /// Whole milliseconds.
    package var inMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// Seconds, as Dispatch takes them.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
