import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("Splunk's HTTP Event Collector")
struct SplunkFormatTests {
    /// The envelope of "Format events for HTTP Event Collector", Splunk's documentation.
    private func envelope(_ event: String, _ more: String = "", time: String = "1426279439")
        -> String
    {
        #"{"time":\#(time),"host":"localhost","source":"random-data-generator","sourcetype":"my_sample_data","index":"main","event":\#(event)\#(more)}"#
    }

    private func event(_ text: String) throws -> Event {
        try #require(SenderReading(.splunk, text).events.first)
    }

    @Test("Events that are texts and objects")
    func events() throws {
        let text = try event(envelope(#""Hello world!\nAgain""#))
        #expect(text.text(.id)?.hasPrefix("splunk:") == true)
        #expect(text.text(.eventType) == "system")
        #expect(text.text(.severity) == "info")
        #expect(text.text(.title) == "Hello world!")
        #expect(text.text(.description) == "Hello world!\nAgain")
        #expect(text.text(.objectKind) == "Host")
        #expect(text.text(.objectName) == "localhost")
        #expect(text.text(.createdAt) == "2015-03-13T20:43:59.000Z")
        #expect(
            text.metadata
                == #"{"time":1426279439,"host":"localhost","source":"random-data-generator","sourcetype":"my_sample_data","index":"main"}"#
        )
        let object = try event(
            envelope(
                #"{"message":"Something happened","severity":"WARN","reason":"Happened","n":1234567890123456789}"#,
                #","fields":{"zone":"a"}"#, time: #""1426279439.123""#))
        #expect(object.text(.title) == "Something happened")
        #expect(object.text(.severity) == "warning")
        #expect(object.text(.reason) == "Happened")
        #expect(object.text(.createdAt) == "2015-03-13T20:43:59.123Z")
        #expect(object.metadata.contains(#""n":1234567890123456789"#))
        #expect(object.metadata.contains(#""fields":{"zone":"a"}"#))
    }

    @Test("Docker's driver, OpenTelemetry's exporter, and records of Kubernetes")
    func senders() throws {
        // splunkMessage and splunkMessageEvent in github.com/moby/moby at 02b851b,
        // daemon/logger/splunk/splunk.go: the formats inline and json.
        let json = try event(
            #"{"event":{"line":{"msg":"slow","level":"warn"},"source":"stdout","tag":"web"},"time":"1796006187.500000","host":"n1"}"#
        )
        #expect(json.text(.title) == "slow" && json.text(.severity) == "warning")
        #expect(json.text(.createdAt) == "2026-11-30T02:36:27.500Z")
        #expect(json.text(.objectName) == "n1")
        let docker = try event(
            envelope(
                #"{"attrs":{"env1":"val1"},"tag":"MyImage/MyContainer","source":"stdout","line":"my message"}"#
            ))
        #expect(docker.text(.title) == "my message")
        let collector = try event(
            envelope(
                #""no route""#,
                #","fields":{"k8s.namespace.name":"shop","k8s.pod.name":"web-0","severity":"ERROR"}"#
            ))
        #expect(collector.text(.objectKind) == "Pod")
        #expect(collector.text(.objectNamespace) == "shop")
        #expect(collector.text(.severity) == "error")
        let fluentBit = try event(
            envelope(#"{"log":"x","kubernetes":{"namespace_name":"shop","pod_name":"web-1"}}"#))
        #expect(fluentBit.text(.objectName) == "web-1")
        let kubernetes = try event(
            envelope(
                #"{"kind":"Event","metadata":{"name":"a","uid":"u","resourceVersion":"7"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"r"}"#
            ))
        #expect(kubernetes.text(.id) == "k8s:core:u:7")
    }

    @Test("Events follow one another without a separator; a bad one costs its neighbors nothing")
    func neighbors() throws {
        let body =
            envelope(#""1""#) + envelope("null") + envelope(#""""#) + #"{"host":"a"}"#
            + envelope("7") + "\n\n" + envelope("[1]") + envelope("{}") + envelope(#""1""#)
        let reading = SenderReading(.splunk, Array(body.utf8), pieceBytes: 7)
        #expect(reading.events.count == 5)
        #expect(reading.outcome.rejections.map(\.index) == [1, 2, 3])
        #expect(
            reading.answer?.body == Array("{\"text\":\"Success\",\"code\":0,\"rejected\":3}\n".utf8)
        )
        // Equal events of one request are different ones.
        #expect(Set(reading.events.map { $0.text(.id) }).count == 5)
        #expect(reading.events.map { $0.text(.title) } == ["1", "7", "[1]", "{}", "1"])
    }

    @Test("Answers")
    func answers() {
        let stored = SenderReading(.splunk, envelope(#""a""#))
        #expect(stored.answer?.body == Array("{\"text\":\"Success\",\"code\":0}\n".utf8))
        #expect(SenderReading(.splunk, "[7]").answer == nil)
        #expect(SenderReading(.splunk, "").failure?.status == .malformed)
        #expect(SenderReading(.splunk, "x").failure?.status == .unsupported)
    }

    @Test("Memory does not grow with the number of events")
    func pieces() {
        let reading = SenderReading(.splunk, String(repeating: envelope(#""x""#), count: 20_000))
        #expect(reading.outcome.accepted == 20_000)
        #expect(reading.largestPiece < 2 << 20)
    }
}
