/// A valid event, with the bytes of its fields in one buffer: one allocation, and a size that
/// queues can count.
public struct Event: Sendable {
    private var storage: [UInt8] = []
    private var spans: InlineArray<12, FieldSpan> = .init(repeating: FieldSpan(start: 0, count: -1))
    /// True if the client gave `created_at`; otherwise the server filled it in.
    public private(set) var hasGivenTime = false
    /// The number of occurrences that the event reports; nil if the client did not say.
    public private(set) var givenOccurrences: Int32?
    /// Milliseconds of the `received_at` from another store; nil if this store sets it.
    public private(set) var givenReceivedAt: Int64?
    /// True if an event that is stored already under the same id wins, whatever its content.
    public internal(set) var yieldsToStored = false
    /// The count of the series that it is a revision of.
    private var seriesCount: Int64?
    /// True if the cluster was filled in on the way, because the event names none.
    private var hasFilledInCluster = false

    private struct FieldSpan: Sendable {
        var start: Int32
        /// The length; negative for null.
        var count: Int32
    }

    /// Creates an empty event with space for most.
    init() { storage.reserveCapacity(384) }

    /// The bytes of all fields together.
    public var byteCount: Int { storage.count }

    /// Sets the event's time. `isGiven` is false if the client left it out.
    mutating func setTime(_ time: Timestamp, isGiven: Bool) {
        hasGivenTime = isGiven
        set(.createdAt) { time.append(to: &$0) }
    }

    /// Sets the number of occurrences.
    mutating func setOccurrences(_ count: Int32) { givenOccurrences = count }

    /// Keeps the time at which another store received the event.
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

    /// Lends all fields, together with those that the store set.
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
                // An empty text is not null, so it needs a pointer, and any will do.
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

    /// Copies the fields of `view`.
    public init(_ view: EventView) {
        for field in EventField.texts {
            guard let bytes = view[field] else { continue }
            set(field) { $0.append(contentsOf: bytes) }
        }
        hasGivenTime = true
        givenOccurrences = Int32(clamping: view.occurrences)
    }

    /// Fields that an importer of events may fill in.
    private static let filledIn: Set<EventField> = [.cluster, .reason]

    /// True if sending this again is a replay of the stored event `view`: the same content, except
    /// for fields that this one leaves out and the store or an importer may have filled in.
    public func isReplay(of stored: EventView) -> Bool {
        if yieldsToStored { return true }
        if let givenOccurrences, seriesCount == nil,
            Int64(givenOccurrences) != stored.occurrences
        {
            return false
        }
        return withView { own in
            EventField.texts.allSatisfy { agrees(in: $0, own, stored) }
        }
    }

    /// True if the Kubernetes event has not occurred again since `stored`, a revision of the same
    /// series: only their versions differ, and what else stands in the object's own metadata.
    public func repeats(_ stored: EventView) -> Bool {
        guard seriesCount != nil else { return false }
        return withView { own in
            EventField.texts.allSatisfy { field in
                switch field {
                case .id: true
                case .metadata: EventSeries.tellTheSame(own[.metadata], stored[.metadata])
                default: agrees(in: field, own, stored)
                }
            }
        }
    }

    private func agrees(in field: EventField, _ own: EventView, _ stored: EventView) -> Bool {
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
