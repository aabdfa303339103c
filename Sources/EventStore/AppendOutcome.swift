import Events

/// The outcome of storing one event.
public enum AppendOutcome: Sendable {
    /// Committed and synced, with this receipt. If all or nothing was asked for and another event
    /// conflicts, it was not stored after all.
    case stored(EventReceipt)
    /// Already stored, as this event.
    case duplicate(Event, EventReceipt)
    /// The id is already stored with other content.
    case conflict
}

/// The outcomes of storing events, in their order. On failure, none of them was stored.
public typealias AppendResult = Result<[AppendOutcome], StoreError>
