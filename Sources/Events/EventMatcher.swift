/// Tells which events are as asked, by what SQL has no words for: texts and metadata. One thread at a
/// time may use it.
public final class EventMatcher {
    private let metadata: MetadataMatcher?
    private let text: TextMatcher?

    /// Prepares to ask `conditions`; nil when they ask nothing of the kind.
    public init?(_ conditions: EventConditions) {
        guard conditions.askMore else { return nil }
        metadata = conditions.metadata.isEmpty ? nil : MetadataMatcher(conditions.metadata)
        text = conditions.text.map(TextMatcher.init)
    }

    /// Whether the event is as asked, what `EventConditions.admitsFields` looks at apart.
    public func admits(_ event: EventView) -> Bool {
        guard metadata?.admits(event[.metadata]) ?? true else { return false }
        return text?.matches(event) ?? true
    }
}
