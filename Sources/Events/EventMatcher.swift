/// Checks events against conditions that SQL cannot express: texts and metadata. Only one thread at
/// a time may use it.
public final class EventMatcher {
    private let metadata: MetadataMatcher?
    private let text: TextMatcher?

    /// Prepares to check `conditions`; nil if there are none of this kind.
    public init?(_ conditions: EventConditions) {
        guard conditions.askOfTexts else { return nil }
        metadata = conditions.metadata.isEmpty ? nil : MetadataMatcher(conditions.metadata)
        text = conditions.text.map(TextMatcher.init)
    }

    /// True if the event matches, apart from the conditions that `EventConditions.admitsFields`
    /// checks.
    public func admits(_ event: EventView) -> Bool {
        guard metadata?.admits(event[.metadata]) ?? true else { return false }
        return text?.matches(event) ?? true
    }
}
