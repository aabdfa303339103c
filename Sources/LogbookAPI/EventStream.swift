import EventStore
import Events
import HTTPServer
import JSON

/// A client that follows new events: a position in the order of seq, without a queue.
///
/// `@unchecked Sendable`: everything except the end is used only on the event loop's thread.
final class EventStream: @unchecked Sendable {
    /// The key of a read. Streams with equal keys share what is read.
    struct ReadKey: Hashable {
        let filter: StreamFilter
        let format: StreamFormat
        /// After the last event that was sent or did not match.
        var position: StreamPosition
        /// The highest seq of a removed event that the client was told about.
        var toldOf: Int64 = 0
    }

    struct Piece {
        var bytes: [UInt8] = []
        var position: StreamPosition
        var toldOf: Int64
        /// True if there is nothing after it.
        var isAtEnd = false
        /// True if the stream ends with it.
        var isLast = false
    }

    private(set) var readKey: ReadKey
    private var isGreeted = false
    /// The hub's heartbeats up to the last one sent.
    private var heartbeats: UInt64
    /// The most events to look through at once. Fewer after a read took too long.
    private var rows = EventStream.mostRows
    private let hub: StreamHub
    /// The index among all streams.
    private let slot: Int
    let client: UInt64

    private static let mostRows: Int64 = 1024
    /// The fewest. With so few, SQLite finishes before it checks the clock, so there is always
    /// progress.
    private static let fewestRows: Int64 = 16
    private static let pieceBytes = 64 * 1024

    init(_ readKey: ReadKey, _ hub: StreamHub, slot: Int, client: UInt64, heartbeats: UInt64) {
        self.readKey = readKey
        self.hub = hub
        self.slot = slot
        self.client = client
        self.heartbeats = heartbeats
    }

    deinit { hub.forget(ObjectIdentifier(self), at: slot, of: client) }

    var format: StreamFormat { readKey.format }

    /// Reads the next piece.
    ///
    /// - Throws: `timeLimit` if `budget` was too short; the next attempt looks through fewer
    ///   events.
    func read(_ reader: any EventReader, budget: Duration) throws(StoreError) -> Piece {
        var piece = Piece(position: readKey.position, toldOf: readKey.toldOf)
        let range = try reader.streamRange(after: readKey.position.seq, for: readKey.filter)
        if checkForReset(range, &piece) { return piece }
        let epoch = range.epoch?.number
        piece.position.epoch = epoch
        guard let next = range.next else {
            piece.position.seq = max(piece.position.seq, range.last)
            piece.isAtEnd = true
            return piece
        }
        let end = min(range.last, next + rows - 1)
        var stopped: Int64?
        let reached: Int64?
        do {
            reached = try reader.follow(readKey.filter, next...end, budget: budget) { event in
                format.append(event, epoch: epoch, to: &piece.bytes)
                let hasRoom = piece.bytes.count < Self.pieceBytes
                if !hasRoom { stopped = event.seq }
                piece.position.seq = event.seq
                return hasRoom
            }
        } catch {
            if error == .timeLimit { rows = max(Self.fewestRows, rows / 4) }
            throw error
        }
        rows = reached == nil ? min(Self.mostRows, rows * 2) : max(Self.fewestRows, rows / 4)
        piece.position.seq = stopped ?? reached ?? end
        piece.isAtEnd = piece.position.seq == range.last
        return piece
    }

    /// Tells the client if an event that its filter may admit was removed before it was sent, or if
    /// its position is of another history or epoch. True if it was told.
    private func checkForReset(_ range: StreamRange, _ piece: inout Piece) -> Bool {
        let seq = readKey.position.seq
        let before = (range.oldest ?? range.last + 1) - 1
        if let resumed = Self.resumed(readKey.position, range.epoch) {
            piece.position.seq = max(resumed, before)
        } else if seq > range.last {
            piece.position.seq = before
        } else {
            guard range.removed > max(seq, readKey.toldOf), seq > 0 else { return false }
            piece.position.seq = max(seq, before)
        }
        piece.position.epoch = range.epoch?.number
        piece.toldOf = range.removed
        piece.isLast = format.endsWithReset
        format.appendReset(oldest: range.oldest, position: piece.position, to: &piece.bytes)
        return true
    }

    /// The seq after which a client at a position of an older epoch goes on, up to which it has seen
    /// what this epoch has; nil if it is of this one.
    private static func resumed(_ position: StreamPosition, _ epoch: StreamEpoch?) -> Int64? {
        guard let own = position.epoch, let epoch, own != epoch.number else { return nil }
        return own == epoch.number - 1 ? min(position.seq, epoch.start) : 0
    }

    /// Advances past `piece` and returns the bytes to send, which may be none.
    func advance(_ piece: Piece, heartbeats: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        if !isGreeted {
            isGreeted = true
            var position = readKey.position
            // A seq alone is one of the present epoch.
            position.epoch = position.epoch ?? piece.position.epoch
            format.appendGreeting(position: position, to: &bytes)
        }
        bytes = bytes.isEmpty ? piece.bytes : bytes + piece.bytes
        if readKey.position != piece.position { hub.note(slot, at: piece.position.seq) }
        readKey.position = piece.position
        readKey.toldOf = piece.toldOf
        if heartbeats != self.heartbeats {
            self.heartbeats = heartbeats
            format.appendHeartbeat(position: readKey.position, to: &bytes)
        }
        return bytes
    }
}
