public import EventStore
public import Events
import Foundation
import JSON

/// The moment at which the tests take place: 2026-11-23T10:30:45.123Z.
public let testMoment = Timestamp(milliseconds: 1_795_429_845_123)!

/// An event made of JSON fields in addition to the required ones.
public func event(_ fields: [String: Any] = [:], keepsReceivedAt: Bool = false) throws -> Event {
    var all: [String: Any] = ["event_type": "operator", "severity": "info", "title": "Something"]
    all.merge(fields) { $1 }
    let json = try JSONSerialization.data(withJSONObject: all, options: .sortedKeys)
    return try json.withUnsafeBytes { bytes in
        var reader = JSONReader(bytes)
        let decoded = try EventDecoder.decode(
            &reader, now: testMoment, keepsReceivedAt: keepsReceivedAt)
        switch decoded {
        case .event(let event): return event
        case .invalid(let errors): throw errors[0]
        }
    }
}

/// The JSON of an event as the service answers it.
public func rendered(_ event: Event, _ receipt: EventReceipt) -> String {
    event.withView(receipt) { rendered($0) }
}

/// The JSON of an event as the service answers it.
public func rendered(_ view: EventView) -> String {
    var output: [UInt8] = []
    view.appendJSON(to: &output)
    return String(decoding: output, as: UTF8.self)
}

/// A query asked at that moment.
public func query(_ parameters: [(String, String)], cursor: String? = nil) throws -> EventQuery {
    let all = parameters + (cursor.map { [("cursor", $0)] } ?? [])
    return try EventQuery(all.map { (name: $0.0, value: $0.1) }, now: testMoment)
}

extension AppendOutcome {
    /// `stored`, `duplicate` or `conflict`.
    public var kind: String {
        switch self {
        case .stored: "stored"
        case .duplicate: "duplicate"
        case .conflict: "conflict"
        }
    }

    /// The receipt of a stored event, new or old.
    public var receipt: EventReceipt? {
        switch self {
        case .stored(let receipt), .duplicate(_, let receipt): receipt
        case .conflict: nil
        }
    }

    /// The seq of a stored event, new or old.
    public var seq: Int64? { receipt?.seq }
}
