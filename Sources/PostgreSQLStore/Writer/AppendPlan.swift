import EventStore
import Events
import PostgreSQL

/// What storing the events of many requests will do, found out before the lock on the head is
/// taken. The order of requests and events is kept.
struct AppendPlan {
    /// An event of one or several requests.
    typealias Request = (events: [Event], allOrNothing: Bool)

    fileprivate enum Planned {
        /// Stored as the new event of this index.
        case new(Int)
        /// Equal to the new event of this index.
        case repetition(Int)
        /// Known before.
        case known(AppendOutcome)
        /// Not stored, because another event of the request conflicts.
        case withdrawn
    }

    private struct New {
        let event: Event
        let foldKey: Int64
        let occurrences: Int64

        func receipt(seq: Int64, moment: Int64) -> EventReceipt {
            EventReceipt(
                seq: seq, receivedAt: min(event.givenReceivedAt ?? moment, moment),
                foldKey: foldKey, occurrences: occurrences)
        }
    }

    private var new: [New] = []
    private var newByID: [[UInt8]: Int] = [:]
    private var newBySeries: [[UInt8]: [Int]] = [:]
    private var outcomes: [[Planned]] = []
    private(set) var series: [[UInt8]: SeriesState]
    /// The ids of events that an earlier try may have stored, and that no outcome tells of yet.
    private var doubtful: Set<[UInt8]>
    private var tally = EventTally()

    /// The number of new events.
    var count: Int { new.count }

    /// Finds a stored revision of the series that says the same as the event.
    typealias FindRepeated = (Event, EventSeries) throws(PostgreSQLError) -> AppendOutcome?

    /// - Parameters:
    ///   - stored: the stored events with the requests' ids.
    ///   - doubtful: the ids of events that an earlier try may have stored.
    init(
        _ requests: [Request], stored: [[UInt8]: (event: Event, receipt: EventReceipt)],
        series: [[UInt8]: SeriesState], doubtful: Set<[UInt8]>, findRepeated: FindRepeated
    ) throws(PostgreSQLError) {
        self.series = series
        self.doubtful = doubtful
        for request in requests {
            // A copy, which the next change would make whole.
            let before = request.allOrNothing ? self : nil
            var planned: [Planned] = []
            planned.reserveCapacity(request.events.count)
            for event in request.events {
                planned.append(try plan(event, stored, findRepeated))
            }
            let conflicts = planned.count(where: \.isConflict)
            if let before, conflicts > 0 {
                self = before
                tally.conflicts += conflicts
                planned = planned.map { $0.isConflict ? $0 : .withdrawn }
            } else {
                count(planned, request.events)
            }
            outcomes.append(planned)
        }
    }

    private mutating func plan(
        _ event: Event, _ stored: [[UInt8]: (event: Event, receipt: EventReceipt)],
        _ findRepeated: FindRepeated
    ) throws(PostgreSQLError) -> Planned {
        let id = event.withView { view in view[.id].map(Array.init) ?? [] }
        if let known = stored[id] {
            guard known.event.withView(known.receipt, event.isReplay) else {
                return .known(.conflict)
            }
            return .known(
                doubtful.remove(id) != nil
                    ? .stored(known.receipt) : .duplicate(known.event, known.receipt))
        }
        if let place = newByID[id] {
            return isReplay(event, of: place) ? .repetition(place) : .known(.conflict)
        }
        var occurrences = event.withView { $0.occurrences }
        if let found = event.series {
            let growth = series[found.key]!.growth(by: found.count)
            if !growth.raisesCount {
                if let place = newRepeated(event, found) { return .repetition(place) }
                if let known = try findRepeated(event, found) { return .known(known) }
            }
            series[found.key]!.apply(growth)
            occurrences = growth.occurrences
            newBySeries[found.key, default: []].append(new.count)
        }
        newByID[id] = new.count
        new.append(
            New(
                event: event, foldKey: event.withView { FoldKey.of($0) },
                occurrences: occurrences))
        return .new(new.count - 1)
    }

    private func isReplay(_ event: Event, of place: Int) -> Bool {
        new[place].event.withView(new[place].receipt(seq: 0, moment: 0), event.isReplay)
    }

    /// Finds a new revision of the series that says the same as `event`, the last one first, within
    /// the bounds of `EventChanges.repeated`.
    private func newRepeated(_ event: Event, _ found: EventSeries) -> Int? {
        var bytes = 0
        for place in newBySeries[found.key, default: []].suffix(EventChanges.mostCompared)
            .reversed()
        where bytes < EventChanges.mostComparedBytes {
            let other = new[place].event
            let isSame = other.withView { event.repeats($0) }
            if isSame { return place }
            bytes += other.byteCount
        }
        return nil
    }

    private mutating func count(_ planned: [Planned], _ events: [Event]) {
        for (outcome, event) in zip(planned, events) {
            switch outcome {
            case .new, .known(.stored): event.withView { tally.addStored($0) }
            case .repetition, .known(.duplicate): tally.duplicates += 1
            case .withdrawn: break
            case .known(.conflict): tally.conflicts += 1
            }
        }
    }

    // MARK: Storing

    /// Stores the new events; its row has the seq before the first and the store's time.
    func statement(_ words: WordList, requiresReplication: Bool) -> PostgreSQLStatement {
        var texts = EventField.texts.map { _ in [[UInt8]?]() }
        for place in texts.indices { texts[place].reserveCapacity(new.count) }
        var tokens: [[UInt8]?] = []
        for event in new {
            event.event.withView(event.receipt(seq: 0, moment: 0)) { view in
                for (place, field) in EventField.texts.enumerated() {
                    texts[place].append(view[field].map(StoredText.escaped))
                }
                tokens.append(words.make(view))
            }
        }
        let keepsTimes = new.contains { $0.event.givenReceivedAt != nil }
        let places = (1...(texts.count + 4)).map { "$\($0)" }.joined(separator: ", ")
        return PostgreSQLStatement(
            "SELECT base, moment FROM logbook_append(\(places), \(keepsTimes), \(requiresReplication))",
            texts.map(PostgreSQLValue.texts) + [
                .integers(new.map(\.occurrences)), .integers(new.map(\.event.givenReceivedAt)),
                .integers(new.map(\.foldKey)), .texts(tokens),
            ])
    }

    /// The ids of the new events.
    var newIDs: some Sequence<[UInt8]> { newByID.keys }

    /// The outcomes of each request, once the new events are stored after `base` at `moment`.
    func results(base: Int64, moment: Int64) -> (outcomes: [[AppendOutcome]], tally: EventTally) {
        func receipt(_ place: Int) -> EventReceipt {
            new[place].receipt(seq: base + Int64(place) + 1, moment: moment)
        }
        let results = outcomes.map { request in
            request.map { planned -> AppendOutcome in
                switch planned {
                case .new(let place): .stored(receipt(place))
                case .repetition(let place): .duplicate(new[place].event, receipt(place))
                case .withdrawn: .stored(EventReceipt(seq: 0, receivedAt: 0))
                case .known(let outcome): outcome
                }
            }
        }
        return (results, tally)
    }
}

extension AppendPlan.Planned {
    fileprivate var isConflict: Bool { if case .known(.conflict) = self { true } else { false } }
}
