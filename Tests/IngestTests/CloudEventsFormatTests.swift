import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("CloudEvents")
struct CloudEventsFormatTests {
    /// The example of the specification's JSON format, 3.2, with other data.
    private func structured(
        _ more: String = #""data":{"message":"no stock","title":"Order 7 failed"}"#,
        id: String = "C234-1234-1234",
        source: String = "/mycontext"
    ) -> String {
        """
        {"specversion":"1.0","type":"com.example.someevent","source":"\(source)","id":"\(id)","time":"2018-04-05T17:31:00Z","comexampleextension1":"value","comexampleothervalue":5,\(more)}
        """
    }

    private func event(_ text: String) throws -> Event {
        try #require(SenderReading(.cloudEvents, text).events.first)
    }

    private func binary(
        _ headers: [(name: String, value: String)], _ data: [UInt8]
    ) -> SenderReading {
        SenderReading(
            .cloudEvents, data,
            headers: [
                ("ce-specversion", "1.0"), ("CE-Type", "com.example.someevent"),
                ("ce-id", "1234-1234-1234"),
                ("ce-source", "/mycontext/subcontext"),
            ] + headers)
    }

    @Test("Structured mode")
    func structured() throws {
        let event = try event(structured())
        #expect(event.text(.id)?.hasPrefix("ce:") == true)
        #expect(event.text(.eventType) == "system")
        #expect(event.text(.title) == "Order 7 failed")
        #expect(event.text(.description) == "no stock")
        #expect(event.text(.reason) == "com.example.someevent")
        #expect(event.text(.objectKind) == "Source")
        #expect(event.text(.objectName) == "/mycontext")
        #expect(event.text(.createdAt) == "2018-04-05T17:31:00.000Z")
        #expect(event.metadata.hasPrefix(#"{"specversion":"1.0","type":"com.example.someevent""#))
        #expect(event.metadata.contains(#""comexampleothervalue":5"#))
        let subject = try self.event(structured(#""subject":"order/7""#))
        #expect(subject.text(.objectKind) == "Subject")
        #expect(subject.text(.objectName) == "order/7")
        #expect(subject.text(.title) == "com.example.someevent")
        let text = try self.event(structured(#""data":"a line\nand another""#))
        #expect(text.text(.title) == "a line")
    }

    @Test("An id is source and id together")
    func ids() throws {
        func id(_ text: String) throws -> String? { try event(text).text(.id) }
        let first = try id(structured())
        #expect(try id(structured(#""data":7"#)) == first)
        #expect(try id(structured(id: "other")) != first)
        #expect(try id(structured(source: "/other")) != first)
        #expect(
            try id(structured(id: "b", source: "a"))
                != id(structured(id: "", source: "ab").replacing(#""id":"""#, with: #""id":" ""#)))
    }

    @Test("The extension Severity, or what the data says")
    func severities() throws {
        for (more, severity) in [
            (#""severitynumber":9"#, "info"), (#""severitynumber":13"#, "warning"),
            (#""severitynumber":"17""#, "error"),
            (#""severitynumber":24,"severitytext":"info""#, "critical"),
            (#""severitynumber":25,"severitytext":"ERROR""#, "error"),
            (#""severitytext":"FATAL""#, "critical"), (#""data":{"level":"warn"}"#, "warning"),
            (#""data":7"#, "info"),
        ] {
            #expect(try event(structured(more)).text(.severity) == severity, "\(more)")
        }
    }

    @Test("A batch; a bad event costs its neighbors nothing")
    func batch() {
        let bad = [
            "7", "{}", structured().replacing(#""id":"C234-1234-1234""#, with: #""id":"""#),
            structured().replacing(#""specversion":"1.0""#, with: #""specversion":"0.3""#),
            structured().replacing(#""type":"com.example.someevent""#, with: #""type":5"#),
        ]
        let all = [structured()] + bad + [structured(id: "2")]
        let reading = SenderReading(.cloudEvents, "[\(all.joined(separator: ","))]")
        #expect(reading.events.count == 2)
        #expect(reading.outcome.rejections.map(\.index) == Array(1...bad.count))
        #expect(SenderReading(.cloudEvents, "[]").failure == nil)
    }

    @Test("Binary mode: attributes are percent-encoded in headers, the body is the data")
    func binary() throws {
        // HTTP binding, 3.1.3.2.
        let json = binary(
            [
                ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
                ("ce-time", "2018-04-05T03:56:24Z"),
                ("content-type", "application/json; charset=utf-8"),
                ("ce-quoted", #""a \"b\" %2041""#),
            ], Array(#"{"message":"no stock"}"#.utf8))
        let event = try #require(json.events.first)
        #expect(event.text(.objectName) == "Euro € 😀")
        #expect(event.text(.title) == "no stock")
        #expect(event.text(.createdAt) == "2018-04-05T03:56:24.000Z")
        #expect(event.metadata.contains(#""quoted":"a \"b\"  41""#))
        #expect(event.metadata.contains(#""data":{"message":"no stock"}"#))
        let same = try #require(
            SenderReading(
                .cloudEvents, structured(id: "1234-1234-1234", source: "/mycontext/subcontext")
            ).events.first)
        #expect(event.text(.id) == same.text(.id))
        for (type, data, metadata) in [
            ("text/plain", Array("7".utf8), #""data":"7""#),
            ("application/json", Array("7".utf8), #""data":7"#),
            ("application/xml", Array("<a/>".utf8), #""data":"<a/>""#),
            ("image/png", [0x89, 0x50, 0xFF], #""data_base64":"iVD/""#),
            ("", [], #""source":"/mycontext/subcontext"}"#),
        ] {
            let reading = binary(type.isEmpty ? [] : [("content-type", type)], data)
            #expect(reading.events.first?.metadata.contains(metadata) == true, "\(type)")
        }
        #expect(
            binary([("content-type", "application/json")], Array("{".utf8)).failure?.status
                == .malformed)
        #expect(binary([("ce-id", "twice")], []).failure?.status == .malformed)
        // The content type decides, where there is one of CloudEvents.
        let other = binary(
            [("content-type", "application/cloudevents+json")], Array(structured().utf8))
        #expect(other.events.first?.text(.objectName) == "/mycontext")
    }

    @Test("A broken percent-encoding stays as it is")
    func percent() {
        for (value, decoded) in [
            ("%", "%"), ("%4", "%4"), ("%4g%41", "%4gA"), ("%+1", "%+1"), ("%ff", "\u{FFFD}"),
            ("%2541", "%41"), ("\"", "\""), ("\"\\", "\"\\"), (#""\""#, ""), ("", ""),
        ] {
            #expect(CloudEventsReader.decoded(value) == decoded, "\(value)")
        }
    }

    @Test("Data that is a Kubernetes Event is stored as by POST /events")
    func kubernetes() throws {
        let data =
            #""data":{"kind":"Event","apiVersion":"v1","metadata":{"name":"a","namespace":"shop","uid":"u-1","resourceVersion":"7"},"involvedObject":{"kind":"Pod","name":"web-0"},"type":"Warning","reason":"BackOff","message":"m"}"#
        let event = try event(structured(data))
        #expect(event.text(.id) == "k8s:core:u-1:7")
        // What Knative's ApiServerSource sends once an Event expires.
        let deletion = structured(data).replacing(
            "com.example.someevent", with: "dev.knative.apiserver.resource.delete")
        let reading = SenderReading(.cloudEvents, deletion)
        #expect(reading.events.isEmpty && reading.outcome.rejected == 0)
    }

    @Test("Other bodies")
    func bodies() {
        for body in ["", " ", "{", structured() + "x"] {
            #expect(SenderReading(.cloudEvents, body).failure?.status == .malformed, "\(body)")
        }
        #expect(SenderReading(.cloudEvents, "<event/>").failure?.status == .unsupported)
        let long = structured(#""data":"\#(String(repeating: "x", count: 300_000))""#)
        let reading = SenderReading(.cloudEvents, long)
        #expect(reading.cut == 1)
        #expect(
            reading.events.first?.metadata.contains(
                #""truncated":["title","description","metadata"]"#) == true)
    }
}
