import Events

/// What slices of work on events cost, in units that each take about as long as a token that the
/// search index takes or gives up: up to 1 us. Reading or copying 64 bytes is one, too.
///
/// A usual event with its document weighs about 60, the heaviest of all 15,000.
enum SliceWeight {
    /// What a slice that deletes events may come to, the last event apart.
    static let mostDeleted = 16_384
    private static let bytes = 64

    static func of(bytes count: Int) -> Int { count / bytes }

    /// An event's row, without its document.
    static func of(_ event: EventView) -> Int { 1 + of(bytes: event.byteCount) }
}
