package import Events

/// Finds the bucket of a stored time by comparing texts, because parsing takes longer.
package struct BucketBounds {
    /// The start of each bucket.
    private let starts: [[UInt8]]
    private let end: [UInt8]

    package init(_ buckets: Buckets) {
        starts = (0..<buckets.count).map { Array(buckets.bounds($0).since.utf8) }
        end = Array(buckets.until.text.utf8)
    }

    /// True if a time is within the range.
    package func contain(_ time: UnsafeRawBufferPointer) -> Bool {
        !time.lexicographicallyPrecedes(starts[0]) && time.lexicographicallyPrecedes(end)
    }

    /// The bucket of a time within the range.
    ///
    /// - Parameter near: the bucket to try first.
    package func bucket(of time: UnsafeRawBufferPointer, near: Int) -> Int {
        func begins(_ bucket: Int) -> Bool { !time.lexicographicallyPrecedes(starts[bucket]) }
        if begins(near), near + 1 == starts.count || !begins(near + 1) { return near }
        // The last one that begins at or before the time.
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if begins(middle) { low = middle } else { high = middle }
        }
        return low
    }
}
