import Events
import JSON
import TestSupport
import Testing

@testable import Ingest

/// Bodies and answers as in Elasticsearch's documentation of the bulk API.
@Suite("Elasticsearch's _bulk")
struct ElasticsearchFormatTests {
    private let document = #"{"@timestamp":"2026-11-30T02:36:27.000Z","message":"no route"}"#

    private func reading(_ lines: String...) -> SenderReading {
        SenderReading(.elasticsearch, lines.map { $0 + "\n" }.joined())
    }

    private func answer(_ reading: SenderReading) -> String {
        String(decoding: reading.answer?.body ?? [], as: UTF8.self)
    }

    @Test("Each action stores the document after it, and the answer lists them in order")
    func pairs() throws {
        let reading = reading(
            #"{"index":{"_index":"logs","_id":"a1"}}"#, document, #"{"create":{}}"#,
            #"{"message":"x","n":12345678901234567890,"level":"warn"}"#,
            #"{"delete":{"_index":"logs","_id":"a1"}}"#, #"{"update":{"_id":"a1"}}"#,
            #"{"doc":{"message":"y"}}"#, #"{"create":{"_id":7}}"#, "{broken", #"{"index":{}}"#, "7",
            #"{"index":{}}"#)
        #expect(reading.failure == nil)
        #expect(reading.events.map { $0.text(.title) } == ["no route", "x"])
        #expect(reading.events[0].text(.id)?.hasPrefix("elasticsearch:") == true)
        #expect(reading.events[0].text(.createdAt) == "2026-11-30T02:36:27.000Z")
        #expect(
            reading.events[0].metadata
                == #"{"@timestamp":"2026-11-30T02:36:27.000Z","_index":"logs","_id":"a1","source":"elasticsearch"}"#
        )
        #expect(reading.events[1].metadata.contains(#""n":12345678901234567890"#))
        #expect(reading.events[1].text(.severity) == "warning")
        let answer = answer(reading)
        #expect(
            answer.hasPrefix(
                #"{"took":0,"errors":true,"items":[{"index":{"_index":"logs","_id":"a1","status":201,"result":"created"}},{"create":{"_index":"logbook","status":201,"result":"created"}},{"delete":{"_index":"logs","_id":"a1","status":400,"error":{"#
            ), "\(answer)")
        #expect(answer.matches(of: /"status":400/).count == 5)
        #expect(answer.contains(#"{"create":{"_index":"logbook","_id":"7","status":400"#))
        #expect(answer.contains("the document is missing"))
        #expect(reading.answer?.headers.first?.value.description == "Elasticsearch")
    }

    @Test("The same document in the same index under the same _id is the same event")
    func ids() {
        func id(_ action: String, _ document: String) -> String? {
            reading(action, document).events.first?.text(.id)
        }
        let first = id(#"{"index":{"_index":"a","_id":"1"}}"#, document)
        #expect(first == id(#"{"create":{"_id":"1","_index":"a"}}"#, document))
        #expect(first != id(#"{"index":{"_index":"b","_id":"1"}}"#, document))
        #expect(first != id(#"{"index":{"_index":"a","_id":"2"}}"#, document))
        #expect(first != id(#"{"index":{"_index":"a","_id":"1"}}"#, #"{"message":"other"}"#))
        // Without an _id, equal documents of one request are different events.
        let equal = reading(#"{"index":{}}"#, document, #"{"index":{}}"#, document)
        #expect(Set(equal.events.map { $0.text(.id) }).count == 2)
    }

    @Test("A document may be a Kubernetes Event, with the id that the watcher gives")
    func kubernetes() {
        let event =
            #"{"kind":"Event","apiVersion":"v1","metadata":{"name":"a.1","namespace":"x","uid":"u1","resourceVersion":"3"},"involvedObject":{"kind":"Pod","name":"a","namespace":"x"},"reason":"Failed","message":"m","type":"Warning"}"#
        let reading = reading(#"{"create":{"_index":"kube-events","_id":"z"}}"#, event)
        #expect(reading.events.map { $0.text(.id) } == ["k8s:core:u1:3"])
    }

    @Test(
        "What is no pair of lines is refused as a whole",
        arguments: [
            "", " \n\n", "[]", "{}", "null", "\"index\"", #"{"index":7}"#, #"{"store":{}}"#,
            #"{"index":{},"create":{}}"#, #"{"index":{}"#,
        ])
    func malformed(_ line: String) {
        let reading = reading(line, document)
        #expect(reading.failure?.status == .malformed)
        #expect(answer(reading).contains("\"status\":400"))
        #expect(reading.events.isEmpty)
    }

    @Test("White space and CR LF do no harm; more documents than can be answered are a 413")
    func bounds() {
        let body = "\r\n{\"index\":{}}\r\n\(document)\r\n \r\n{\"index\":{}}\r\n\(document)"
        #expect(SenderReading(.elasticsearch, body).events.count == 2)
        let most = ElasticsearchReader.mostItems
        let pair = "{\"index\":{}}\n{\"message\":\"x\"}\n"
        let all = SenderReading(.elasticsearch, String(repeating: pair, count: most))
        #expect(all.events.count == most && all.failure == nil)
        let more = SenderReading(.elasticsearch, String(repeating: pair, count: most + 1))
        #expect(more.failure?.status == .tooLarge)
    }
}
