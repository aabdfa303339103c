/// An answer's body that is being sent piece by piece.
struct OutgoingStream {
    let source: BodySource
    /// False where the end of the connection is the end of the body.
    let isChunked: Bool
    let isLive: Bool
    private var number: UInt64 = 0
    private var isDemanded = false

    init(source: @escaping BodySource, isChunked: Bool, isLive: Bool) {
        self.source = source
        self.isChunked = isChunked
        self.isLive = isLive
    }

    /// Whom to ask for the next piece, and under which number; nil when that has been done.
    mutating func demand() -> (BodySource, number: UInt64)? {
        guard !isDemanded else { return nil }
        isDemanded = true
        number += 1
        return (source, number)
    }

    /// Takes the piece that was asked for under `number`, and says whether to send it as a chunk;
    /// nil when it has come before.
    mutating func grant(_ number: UInt64) -> Bool? {
        guard isDemanded, number == self.number else { return nil }
        isDemanded = false
        return isChunked
    }
}
