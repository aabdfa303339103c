import Events

/// The rowid of an event in the search index. It rises with `created_at`, and within a millisecond
/// with `seq`, so that the index can be walked in page order.
///
/// 43 bits of milliseconds since 1970, from 1830 to 2109, then the low 21 bits of `seq`. Two events
/// of one millisecond whose seqs are a multiple of two million apart share a key, so readers
/// examine every event that a key may mean. Other times, and the invalid ones that a version 1 file
/// may hold, share the first or the last millisecond.
enum SearchKey {
    static let sequenceBits: Int64 = 21
    static let sequenceMask: Int64 = 1 << sequenceBits - 1
    static let milliseconds = (-(Int64(1) << 42))...((Int64(1) << 42) - 1)

    /// An event without a time, which only another program can have written, gets the key of an
    /// invalid time.
    static func of(_ event: EventView) -> Int64 {
        make(
            createdAt: event[.createdAt] ?? UnsafeRawBufferPointer(start: nil, count: 0),
            seq: event.seq)
    }

    static func make(createdAt: UnsafeRawBufferPointer, seq: Int64) -> Int64 {
        earliest(createdAt) | seq & sequenceMask
    }

    /// The least key of events at a stored time.
    static func earliest(_ createdAt: UnsafeRawBufferPointer) -> Int64 {
        let milliseconds = Timestamp(stored: createdAt)?.milliseconds ?? .min
        return min(
            max(milliseconds, Self.milliseconds.lowerBound), Self.milliseconds.upperBound)
            << sequenceBits
    }

    /// The time of the events with this key; nil if it does not tell.
    static func createdAt(_ key: Int64) -> String? {
        let milliseconds = key >> sequenceBits
        guard milliseconds > Self.milliseconds.lowerBound,
            milliseconds < Self.milliseconds.upperBound
        else { return nil }
        return Timestamp(milliseconds: milliseconds)?.text
    }
}
