/// The body of an answer that is sent piece by piece.
struct OutgoingStream {
    let source: BodySource
    /// False if the end of the connection is the end of the body.
    let isChunked: Bool
    let isLive: Bool
    /// The monotonic time, in nanoseconds, at which it ends.
    let end: UInt64
    private var number: UInt64 = 0
    private var isDemanded = false

    init(source: @escaping BodySource, isChunked: Bool, isLive: Bool, end: UInt64) {
        self.source = source
        self.isChunked = isChunked
        self.isLive = isLive
        self.end = end
    }

    /// The source to ask for the next piece, and the demand's number; nil if it was already asked.
    mutating func demand() -> (BodySource, number: UInt64)? {
        guard !isDemanded else { return nil }
        isDemanded = true
        number += 1
        return (source, number)
    }

    /// Takes the piece for demand `number`; true to send it as a chunk, nil if it has already come.
    mutating func grant(_ number: UInt64) -> Bool? {
        guard isDemanded, number == self.number else { return nil }
        isDemanded = false
        return isChunked
    }
}
