import Events
import Foundation
import JSON

/// Reading and writing events, by this project and by Foundation's coders, in turn.
///
///     bench-json FILE     events, one on each line
@main
struct BenchJSON {
    /// Enough turns that the clock's precision does not matter; the median is shown.
    private static let turns = 9
    private static let secondsPerTurn = 0.5

    private static let encoder = {
        let encoder = JSONEncoder()
        // Logbook escapes no slashes; without this the encoder would have more to do.
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }()

    static func main() throws {
        let file = try Data(contentsOf: URL(filePath: CommandLine.arguments[1]))
        let whole = file.split(separator: UInt8(ascii: "\n")).map { Data($0) }
        let plain = try whole.map { try encoder.encode(withoutMetadata($0)) }
        print("microseconds an event, medians of \(turns) turns  Foundation   Logbook     ratio")
        try compare("with metadata", whole)
        try compare("without", plain)
    }

    private static func withoutMetadata(_ text: Data) throws -> CodableEvent {
        var event = try JSONDecoder().decode(CodableEvent.self, from: text)
        event.metadata = nil
        return event
    }

    private static func compare(_ name: String, _ texts: [Data]) throws {
        let decoder = JSONDecoder()
        let now = Timestamp(milliseconds: 0)!
        let codables = try texts.map { try decoder.decode(CodableEvent.self, from: $0) }
        let bytes = texts.map { [UInt8]($0) }
        let events = bytes.map { read($0, now: now) }
        let size = texts.reduce(0) { $0 + $1.count } / texts.count

        try show("read, \(name), \(size) bytes", texts.count) {
            for text in texts { _ = try decoder.decode(CodableEvent.self, from: text) }
        } ours: {
            for text in bytes { _ = read(text, now: now) }
        }
        var output: [UInt8] = []
        try show("write, \(name)", texts.count) {
            for event in codables { _ = try encoder.encode(event) }
        } ours: {
            for event in events {
                output.removeAll(keepingCapacity: true)
                event.withView(EventReceipt(seq: 1, receivedAt: 0)) { $0.appendJSON(to: &output) }
            }
        }
    }

    private static func read(_ text: [UInt8], now: Timestamp) -> Event {
        text.withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            guard case .event(let event)? = try? EventDecoder.decode(&reader, now: now) else {
                preconditionFailure("\(String(decoding: text, as: UTF8.self)) is no event")
            }
            return event
        }
    }

    private static func show(
        _ name: String, _ count: Int, theirs: () throws -> Void, ours: () throws -> Void
    ) throws {
        var results: (theirs: [Double], ours: [Double], ratios: [Double]) = ([], [], [])
        for _ in 0..<turns {
            let theirs = try microseconds(theirs) / Double(count)
            let ours = try microseconds(ours) / Double(count)
            results.theirs.append(theirs)
            results.ours.append(ours)
            results.ratios.append(theirs / ours)
        }
        let line = [results.theirs, results.ours, results.ratios].map { values in
            String(format: "%10.2f", values.sorted()[turns / 2])
        }
        print(name.padding(toLength: 46, withPad: " ", startingAt: 0) + line.joined())
    }

    private static func microseconds(_ body: () throws -> Void) throws -> Double {
        var passes = 0.0
        let start = ContinuousClock.now
        repeat {
            try body()
            passes += 1
        } while ContinuousClock.now - start < .seconds(secondsPerTurn)
        return (ContinuousClock.now - start) / .microseconds(1) / passes
    }
}
