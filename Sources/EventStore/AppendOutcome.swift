import Events

/// What became of one event that was to be stored.
public enum AppendOutcome: Sendable {
    /// Committed and synced, with this; where all or nothing was asked for and another of
    /// the events conflicts, not stored after all.
    case stored(EventReceipt)
    /// It is there already, as this.
    case duplicate(Event, EventReceipt)
    /// Its id is there already, with other content.
    case conflict
}

/// What became of a request to store events, in their order; nothing of it was stored when it
/// failed.
public typealias AppendResult = Result<[AppendOutcome], StoreError>
