import EventStore
import Events
import HTTPServer
import JSON

/// A client that follows what is stored: a place in the order of seq, and no queue.
///
/// `@unchecked Sendable`: all but the end is touched on the event loop's thread alone.
final class EventStream: @unchecked Sendable {
    /// What is read at once: streams that want the same from the same place share it.
    struct Wish: Hashable {
        let filter: StreamFilter
        let format: StreamFormat
        /// The number of the last event that was sent or did not match.
        var position: Int64
        /// The highest number of a removed event that the client has been told of.
        var toldOf: Int64 = 0
    }

    struct Piece {
        var bytes: [UInt8] = []
        var position: Int64
        var toldOf: Int64
        /// Whether there is nothing beyond.
        var isAtEnd = false
    }

    private(set) var wish: Wish
    private var isGreeted = false
    /// Heartbeats of the hub, up to the last one that was sent.
    private var heartbeats: UInt64
    /// How many events may be looked through at once: fewer where that has taken too long.
    private var rows = EventStream.mostRows
    private let hub: StreamHub
    /// Its place among all streams.
    private let place: Int
    let client: UInt64

    private static let mostRows: Int64 = 1024
    /// With as few, SQLite does not look at the clock before it is done: there is always progress.
    private static let fewestRows: Int64 = 16
    private static let pieceBytes = 64 * 1024

    init(_ wish: Wish, _ hub: StreamHub, place: Int, client: UInt64, heartbeats: UInt64) {
        self.wish = wish
        self.hub = hub
        self.place = place
        self.client = client
        self.heartbeats = heartbeats
    }

    deinit { hub.forget(ObjectIdentifier(self), at: place, of: client) }

    var format: StreamFormat { wish.format }

    /// What comes next.
    ///
    /// - Throws: `timeLimit` when `budget` was too short; the next try looks through less.
    func read(_ reader: any EventReader, budget: Duration) throws(StoreError) -> Piece {
        var piece = Piece(position: wish.position, toldOf: wish.toldOf)
        let range = try reader.streamRange(after: wish.position, for: wish.filter)
        if checkForReset(range, &piece) { return piece }
        guard let next = range.next else {
            piece.position = max(piece.position, range.last)
            piece.isAtEnd = true
            return piece
        }
        let end = min(range.last, next + rows - 1)
        var stopped: Int64?
        let reached: Int64?
        do {
            reached = try reader.follow(wish.filter, next...end, budget: budget) { event in
                format.append(event, to: &piece.bytes)
                let hasRoom = piece.bytes.count < Self.pieceBytes
                if !hasRoom { stopped = event.seq }
                piece.position = event.seq
                return hasRoom
            }
        } catch {
            if error == .timeLimit { rows = max(Self.fewestRows, rows / 4) }
            throw error
        }
        rows = reached == nil ? min(Self.mostRows, rows * 2) : max(Self.fewestRows, rows / 4)
        piece.position = stopped ?? reached ?? end
        piece.isAtEnd = piece.position == range.last
        return piece
    }

    /// Tells the client when an event is gone that it has not seen and that its filter may admit, or when
    /// where it was never was. True when it is told.
    private func checkForReset(_ range: StreamRange, _ piece: inout Piece) -> Bool {
        let isOfAnotherHistory = wish.position > range.last
        let hasMissed = range.removed > max(wish.position, wish.toldOf)
        guard isOfAnotherHistory || (hasMissed && wish.position > 0) else { return false }
        let before = (range.oldest ?? range.last + 1) - 1
        piece.position = isOfAnotherHistory ? before : max(wish.position, before)
        piece.toldOf = range.removed
        format.appendReset(oldest: range.oldest, position: piece.position, to: &piece.bytes)
        return true
    }

    /// Goes on behind `piece`, and returns what to send, which may be nothing.
    func advance(_ piece: Piece, heartbeats: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        if !isGreeted {
            isGreeted = true
            format.appendGreeting(position: wish.position, to: &bytes)
        }
        bytes = bytes.isEmpty ? piece.bytes : bytes + piece.bytes
        if wish.position != piece.position { hub.note(place, at: piece.position) }
        wish.position = piece.position
        wish.toldOf = piece.toldOf
        if heartbeats != self.heartbeats {
            self.heartbeats = heartbeats
            format.appendHeartbeat(position: wish.position, to: &bytes)
        }
        return bytes
    }
}
