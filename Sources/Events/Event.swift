/// An event that is valid, its fields' bytes in one buffer: one allocation, and a size that queues
/// can count.
public struct Event: Sendable {
    private var storage: [UInt8] = []
    private var spans: InlineArray<12, FieldSpan> = .init(repeating: FieldSpan(start: 0, count: -1))
    /// Whether the client gave `created_at`; otherwise the server filled it in.
    public private(set) var hasGivenTime = false
    /// How many occurrences the event tells of; nil where the client did not say.
    public private(set) var givenOccurrences: Int32?
    /// Milliseconds of the `received_at` that it brings from another store; nil where this one gives it.
    public private(set) var givenReceivedAt: Int64?
    /// True if an event that is stored already under the same id wins, whatever its content.
    public internal(set) var yieldsToStored = false
    /// The count of the series of which it is a revision.
    private var seriesCount: Int64?
    /// True if the cluster was filled in on the way, because the event names none.
    private var hasFilledInCluster = false

    private struct FieldSpan: Sendable {
        var start: Int32
        /// Negative for null.
        var count: Int32
    }

    /// An event of nothing, with room for most.
    init() { storage.reserveCapacity(384) }

    /// Bytes of all fields together.
    public var byteCount: Int { storage.count }

    /// Gives the event a time that the client left out, or did not.
    mutating func setTime(_ time: Timestamp, isGiven: Bool) {
        hasGivenTime = isGiven
        set(.createdAt) { time.append(to: &$0) }
    }

    /// Has the event tell of as many occurrences.
    mutating func setOccurrences(_ count: Int32) { givenOccurrences = count }

    /// Has the event keep the time at which another store received it.
    mutating func setReceivedAt(_ time: Timestamp) { givenReceivedAt = time.milliseconds }

    /// The Kubernetes event of which this is one revision; nil for any other.
    public var series: EventSeries? {
        seriesCount.flatMap { count in
            withBytes(of: .id) { EventSeries(id: $0, count: count) }
        }
    }

    /// Has the event be a revision, if its id says so; its count stands in its metadata.
    mutating func findSeries() {
        guard withBytes(of: .id, { EventSeries.isRevision($0) }) else { return }
        seriesCount = withBytes(of: .metadata) { EventSeries.count(of: $0) }
    }

    /// Names the cluster, if the event does not.
    mutating func fillInCluster(_ name: String) {
        guard spans[EventField.cluster.rawValue].count < 0 else { return }
        hasFilledInCluster = true
        set(.cluster) { $0.append(contentsOf: name.utf8) }
    }

    /// Sets one of `EventField.texts` to the bytes that `append` appends.
    mutating func set(_ field: EventField, _ append: (inout [UInt8]) -> Void) {
        let start = storage.count
        append(&storage)
        spans[field.rawValue] = FieldSpan(start: Int32(start), count: Int32(storage.count - start))
    }

    /// Lends all fields, with those that the store gave it.
    public func withView<Result, Failure: Error>(
        _ receipt: EventReceipt = EventReceipt(seq: 0, receivedAt: 0),
        _ body: (EventView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try storage.span.withUnsafeBytes { bytes throws(Failure) in
            var view = EventView(seq: receipt.seq)
            view.receivedAt = receipt.receivedAt
            view.foldKey = receipt.foldKey
            view.occurrences = receipt.occurrences ?? Int64(givenOccurrences ?? 1)
            for field in EventField.texts {
                let span = spans[field.rawValue]
                guard span.count >= 0 else { continue }
                let range = Int(span.start)..<Int(span.start + span.count)
                // An empty text is not null: it needs a pointer, and any will do.
                view[field] =
                    range.isEmpty
                    ? UnsafeRawBufferPointer(start: ("" as StaticString).utf8Start, count: 0)
                    : UnsafeRawBufferPointer(rebasing: bytes[range])
            }
            return try body(view)
        }
    }

    /// Lends one field; nothing for null.
    func withBytes<Result>(of field: EventField, _ body: (UnsafeRawBufferPointer) -> Result)
        -> Result
    {
        let span = spans[field.rawValue]
        return storage.withUnsafeBytes { bytes in
            body(
                UnsafeRawBufferPointer(
                    rebasing: bytes[Int(span.start)...].prefix(max(0, Int(span.count)))))
        }
    }

    /// A field as text, for people and tests; nil for null.
    public func text(_ field: EventField) -> String? {
        withView { view in view[field].map { String(decoding: $0, as: UTF8.self) } }
    }

    /// A copy of what `view` shows.
    public init(_ view: EventView) {
        for field in EventField.texts {
            guard let bytes = view[field] else { continue }
            set(field) { $0.append(contentsOf: bytes) }
        }
        hasGivenTime = true
        givenOccurrences = Int32(clamping: view.occurrences)
    }

    /// What whoever brings an event may fill in.
    private static let filledIn: Set<EventField> = [.cluster, .reason]

    /// Whether sending this again is a replay of the stored event `view`: the same content, apart from
    /// what this one left out and the store or whoever brought the event may have filled in.
    public func isReplay(of stored: EventView) -> Bool {
        if yieldsToStored { return true }
        if let givenOccurrences, seriesCount == nil,
            Int64(givenOccurrences) != stored.occurrences
        {
            return false
        }
        return withView { own in
            EventField.texts.allSatisfy { field in
                if field == .createdAt, !hasGivenTime { return true }
                if field == .cluster, hasFilledInCluster { return true }
                switch (own[field], stored[field]) {
                case (nil, _) where Self.filledIn.contains(field): return true
                case (nil, nil): return true
                case (let left?, let right?): return left.elementsEqual(right)
                default: return false
                }
            }
        }
    }
}
