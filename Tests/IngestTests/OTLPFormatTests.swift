import Events
import Foundation
import TestSupport
import Testing

@testable import Ingest

@Suite("OTLP")
struct OTLPFormatTests {
    private let protobuf = [(name: "Content-Type", value: "application/x-protobuf")]

    private func vector() throws -> [UInt8] { Array(try Data(contentsOf: testData("otlp.bin"))) }

    private func json(_ records: String..., resource: String = "") -> String {
        #"{"resourceLogs":[{"resource":{"attributes":[\#(resource)]},"scopeLogs":[{"logRecords":[\#(records.joined(separator: ","))]}]}]}"#
    }

    private func event(_ record: String, resource: String = "") throws -> Event {
        try #require(SenderReading(.otlp, json(record, resource: resource)).events.first)
    }

    private func attribute(_ key: String, _ text: String) -> String {
        #"{"key":"\#(key)","value":{"stringValue":"\#(text)"}}"#
    }

    // scripts/otlp-vectors
    @Test("A request of an independent encoder")
    func golden() throws {
        let reading = SenderReading(.otlp, try vector(), headers: protobuf)
        #expect(reading.failure == nil && reading.outcome.rejected == 0)
        #expect(reading.answer?.status == 200 && reading.answer?.body == [])
        try #require(reading.events.count == 4)
        let order = reading.events[0]
        #expect(order.text(.title) == "order.failed")
        #expect(order.text(.description) == "no route\nto db")
        #expect(order.text(.severity) == "error")
        #expect(order.text(.eventType) == "system")
        #expect(order.text(.createdAt) == "2026-11-30T01:00:00.123Z")
        #expect(order.text(.objectKind) == "Service")
        #expect(order.text(.objectName) == "shop")
        #expect(order.text(.cluster) == "eu-1")
        #expect(
            order.metadata
                == #"{"attributes":{"int":-9223372036854775808,"double":0.1,"nan":"NaN","bool":true,"bytes":"AAECAw==","empty":null,"array":[1,"é"],"map":{"a":false}},"timeUnixNano":1796000400123456789,"observedTimeUnixNano":1796000400999999999,"severityNumber":17,"severityText":"ERROR","eventName":"order.failed","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":1,"droppedAttributesCount":2,"resource":{"service.name":"shop","k8s.cluster.name":"eu-1"},"scope":{"name":"orders","version":"1.2"},"source":"otlp"}"#
        )
        let backOff = reading.events[1]
        #expect(backOff.text(.id) == "otlp:k8s:u-2:4")
        #expect(backOff.text(.title) == "BackOff: Back-off")
        #expect(backOff.text(.severity) == "warning")
        #expect(backOff.text(.eventType) == "cluster")
        #expect(backOff.text(.reason) == "BackOff")
        #expect(backOff.text(.objectKind) == "Pod")
        #expect(backOff.text(.objectNamespace) == "shop")
        #expect(backOff.text(.createdAt) == "2026-11-30T01:00:01.000Z")
        // The k8sobjects receiver, by list and by watch: the same event as the watcher's.
        for event in reading.events[2...] {
            #expect(event.text(.id) == "k8s:core:u-1:1001")
            #expect(event.text(.severity) == "warning")
            #expect(event.text(.cluster) == "eu-1")
        }
    }

    @Test("A request in protocol buffers may end anywhere, and have any byte anywhere")
    func hostile() throws {
        let bytes = try vector()
        for count in 1..<bytes.count {
            let reading = SenderReading(.otlp, Array(bytes.prefix(count)), headers: protobuf)
            #expect(reading.failure?.status == .malformed, "\(count)")
        }
        for place in bytes.indices {
            for byte: UInt8 in [0, 0x0A, 0x7F, 0x80, 0xFF, bytes[place] &+ 1] {
                var changed = bytes
                changed[place] = byte
                for event in SenderReading(.otlp, changed, headers: protobuf).events {
                    #expect(event.text(.title)?.isEmpty == false)
                }
            }
        }
    }

    @Test("Values nested without end, in both encodings")
    func deep() throws {
        var value: [UInt8] = [0x10, 1]
        for _ in 0..<2000 {
            // array_value 5 { values 1 }
            value = field(5, field(1, value))
        }
        let request = field(1, field(2, field(2, field(5, value))))
        let reading = SenderReading(.otlp, request, headers: protobuf)
        #expect(reading.events.count == 1)
        var json = #"{"boolValue":true}"#
        for _ in 0..<100 { json = #"{"arrayValue":{"values":[\#(json)]}}"# }
        #expect(try event(#"{"body":\#(json)}"#).metadata.contains("[[[null]]]"))
    }

    /// A field whose value has a length.
    private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = bytes.count
        while rest >= 0x80 {
            length.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return [number << 3 | 2] + length + [UInt8(rest)] + bytes
    }

    @Test("JSON: 64-bit numbers as texts or numbers, enumerations as integers, unknown fields")
    func numbers() throws {
        for time in ["\"1796000400123456789\"", "1796000400123456789"] {
            let event = try event(
                #"{"timeUnixNano":\#(time),"severityNumber":13,"new":{"x":1},"attributes":[{"key":"n","value":{"intValue":"12345678901234567890"}},{"key":"d","value":{"doubleValue":1.10}},{"key":"i","value":{"doubleValue":"-Infinity"}},{"key":"n","value":{"intValue":1}}]}"#
            )
            #expect(event.text(.createdAt) == "2026-11-30T01:00:00.123Z")
            #expect(event.text(.severity) == "warning")
            #expect(
                event.metadata.contains(
                    #""attributes":{"n":12345678901234567890,"d":1.10,"i":"-Infinity"}"#))
        }
    }

    @Test("Severities by number, else by text")
    func severities() throws {
        for (number, text, severity) in [
            (1, "", "info"), (12, "FATAL", "info"), (13, "", "warning"), (16, "", "warning"),
            (17, "", "error"), (20, "", "error"), (21, "", "critical"), (24, "", "critical"),
            (0, "WARN", "warning"), (0, "odd", "info"), (25, "Error", "error"),
        ] {
            let record = #"{"severityNumber":\#(number),"severityText":"\#(text)"}"#
            #expect(try event(record).text(.severity) == severity)
        }
    }

    @Test("The object: of the event, a pod, a node, a service, a host, a namespace")
    func objects() throws {
        for (attributes, kind, name) in [
            (
                [("k8s.object.kind", "Job"), ("k8s.object.name", "j"), ("k8s.pod.name", "p")],
                "Job", "j"
            ),
            ([("k8s.pod.name", "p"), ("service.name", "s")], "Pod", "p"),
            ([("k8s.node.name", "n"), ("service.name", "s")], "Node", "n"),
            ([("host.name", "h")], "Host", "h"), ([("k8s.namespace.name", "x")], "Namespace", "x"),
        ] {
            let list = attributes.map { attribute($0.0, $0.1) }.joined(separator: ",")
            for event in [
                try event(#"{"attributes":[\#(list)]}"#), try event("{}", resource: list),
            ] {
                #expect(event.text(.objectKind) == kind)
                #expect(event.text(.objectName) == name)
            }
        }
    }

    @Test("The same record of another resource is another event")
    func ids() throws {
        let record = #"{"timeUnixNano":"1796000400123456789","body":{"stringValue":"x"}}"#
        let first = try event(record, resource: attribute("service.name", "a"))
        let other = try event(record, resource: attribute("service.name", "b"))
        let again = try event(record, resource: attribute("service.name", "a"))
        #expect(first.text(.id) != other.text(.id))
        #expect(first.text(.id) == again.text(.id))
        let ids = SenderReading(.otlp, json(record, record)).events.compactMap { $0.text(.id) }
        #expect(ids.count == 2 && ids[1] == ids[0] + ":2")
    }

    @Test("Answers are in the request's encoding; a bad record is a partial success")
    func answers() throws {
        func text(_ reading: SenderReading) -> String {
            String(decoding: reading.answer?.body ?? [], as: UTF8.self)
        }
        #expect(text(SenderReading(.otlp, json())) == "{}")
        let partial = SenderReading(.otlp, json("7", "{}"))
        #expect(partial.events.count == 1 && partial.answer?.status == 200)
        #expect(
            text(partial)
                == #"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"record 0: a log record must be an object"}}"#
        )
        let broken = SenderReading(.otlp, "{")
        #expect(broken.answer?.status == 400)
        #expect(text(broken).hasPrefix(#"{"code":3,"message":"The body is not valid JSON: "#))
        // time_unix_nano as a varint; then a good record
        let request = field(1, field(2, field(2, [0x08, 1]) + field(2, [0x10, 17])))
        let reading = SenderReading(.otlp, request, headers: protobuf)
        #expect(reading.events.map { $0.text(.severity) } == ["error"])
        #expect(reading.answer?.contentType.map { "\($0)" } == "application/x-protobuf")
        let message = "record 0: the record is not valid: field 1 is not written as 8 bytes"
        #expect(
            reading.answer?.body == field(1, [0x08, 1] + field(2, Array(message.utf8))))
        let refused = SenderReading(.otlp, [0x0A, 5], headers: protobuf)
        #expect(refused.answer?.status == 400 && refused.answer?.body.prefix(2) == [0x08, 3])
        #expect(SenderReading(.otlp, [], headers: protobuf).answer?.status == 200)
    }
}
