import Events

/// The outcome of storing one event.
public enum AppendOutcome: Sendable {
    /// Committed and synced, with this; where all or nothing was asked for and another of
    /// the events conflicts, not stored after all.
    case stored(EventReceipt)
    /// It is there already, as this.
    case duplicate(Event, EventReceipt)
    /// Its id is there already, with other content.
    case conflict
}

/// The outcomes of storing events, in their order. If it failed, none of them was stored.
public typealias AppendResult = Result<[AppendOutcome], StoreError>
