import Events
import JSON

/// The moment at which the tests take place: 2026-11-23T10:30:45.123Z.
let testMoment = Timestamp(milliseconds: 1_795_429_845_123)!

/// An event as JSON: the required fields with `changes` to their raw values; nil removes one.
func body(_ changes: KeyValuePairs<String, String?> = [:]) -> String {
    var members: [(key: String, value: String)] = [
        ("event_type", #""operator""#), ("severity", #""info""#),
        ("title", #""Something happened""#),
    ]
    for (key, value) in changes {
        let place = members.firstIndex { $0.key == key }
        switch (place, value) {
        case (let place?, let value?): members[place].value = value
        case (let place?, nil): members.remove(at: place)
        case (nil, let value?): members.append((key, value))
        case (nil, nil): break
        }
    }
    return "{" + members.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",") + "}"
}

/// `text` between double quotes; it must need no escapes.
func quoted(_ text: String) -> String { "\"\(text)\"" }

/// `text` repeated `count` times, between double quotes.
func quoted(_ text: String, times count: Int) -> String {
    quoted(String(repeating: text, count: count))
}

func decode(_ json: String, now: Timestamp = testMoment) throws -> EventDecoder.Decoded {
    try Array(json.utf8).withUnsafeBytes { bytes in
        var reader = JSONReader(bytes)
        let decoded = try EventDecoder.decode(&reader, now: now)
        try reader.expectEnd()
        return decoded
    }
}

/// The errors of an event that should be valid.
struct InvalidEvent: Error {
    let errors: [FieldError]
}

func decodedEvent(_ json: String, now: Timestamp = testMoment) throws -> Event {
    switch try decode(json, now: now) {
    case .event(let event): return event
    case .invalid(let errors): throw InvalidEvent(errors: errors)
    }
}

/// The errors of an event; empty if it is valid.
func errors(_ json: String) throws -> [FieldError] {
    switch try decode(json) {
    case .event: []
    case .invalid(let errors): errors
    }
}

/// The JSON of an event as the service answers it.
func rendered(_ event: Event, seq: Int64 = 1) -> [UInt8] {
    var output: [UInt8] = []
    event.withView(EventReceipt(seq: seq, receivedAt: 0)) { $0.appendJSON(to: &output) }
    return output
}
