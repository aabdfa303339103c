/// The formats of other programs that have paths of their own. docs/senders.md has a section for
/// each.
public enum SenderFormats {
    /// All formats, in the order of `GET /ingest`.
    public static let all: [SenderFormat] = [
        .alertmanager,
        .records,
        .otlp,
        .cloudEvents,
        .falco,
        .splunk,
        .flux,
        .github,
        .journald,
        .elasticsearch,
        .loki,
    ]

    /// Their names.
    public static let names = all.map(\.name)
}
