extension Duration {
    /// Whole nanoseconds of a time that is not negative; of what an Int64 holds, at most.
    package var inNanoseconds: UInt64 {
        UInt64(components.seconds) &* 1_000_000_000
            &+ UInt64(components.attoseconds / 1_000_000_000)
    }

    /// In seconds, as Dispatch takes it.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
