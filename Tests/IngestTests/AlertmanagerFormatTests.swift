import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("Alertmanager")
struct AlertmanagerFormatTests {
    private func notification(
        _ alerts: String..., more: String = #","receiver":"logbook","truncatedAlerts":3"#
    ) -> String {
        #"{"version":"4","status":"firing","commonLabels":{"a":"b"},"alerts":[\#(alerts.joined(separator: ","))]\#(more)}"#
    }

    private func alert(
        _ status: String = "firing", labels: String = #""alertname":"PodCrash""#,
        annotations: String = "", start: String = "2026-11-30T02:36:27.123456789Z",
        end: String = "0001-01-01T00:00:00Z"
    ) -> String {
        #"{"status":"\#(status)","labels":{\#(labels)},"annotations":{\#(annotations)},"startsAt":"\#(start)","endsAt":"\#(end)","fingerprint":"c4e2"}"#
    }

    private func event(_ alert: String) throws -> Event {
        try #require(SenderReading(.alertmanager, notification(alert)).events.first)
    }

    @Test("A firing alert, and the same one resolved")
    func states() throws {
        let annotations = #""summary":"web-0\ncrashes","description":"often""#
        let labels =
            #""alertname":"PodCrash","severity":"critical","namespace":"shop","pod":"web-0","cluster":"eu-1""#
        let firing = try event(alert(labels: labels, annotations: annotations))
        #expect(firing.text(.id) == "am:c4e2:1796006187123:firing")
        #expect(firing.text(.eventType) == "health")
        #expect(firing.text(.severity) == "critical")
        #expect(firing.text(.title) == "web-0")
        #expect(firing.text(.description) == "often")
        #expect(firing.text(.objectKind) == "Pod")
        #expect(firing.text(.objectNamespace) == "shop")
        #expect(firing.text(.objectName) == "web-0")
        #expect(firing.text(.cluster) == "eu-1")
        #expect(firing.text(.reason) == "PodCrash")
        #expect(firing.text(.createdAt) == "2026-11-30T02:36:27.123Z")
        #expect(
            firing.metadata.hasSuffix(
                #""fingerprint":"c4e2","version":"4","receiver":"logbook","truncatedAlerts":3,"source":"alertmanager"}"#
            ))
        #expect(!firing.metadata.contains("commonLabels"))
        let resolved = try event(
            alert(
                "resolved", labels: labels, annotations: annotations, end: "2026-11-30T03:00:00Z"))
        #expect(resolved.text(.id) == "am:c4e2:1796006187123:resolved")
        #expect(resolved.text(.severity) == "info")
        #expect(resolved.text(.createdAt) == "2026-11-30T03:00:00.000Z")
    }

    @Test("The label severity")
    func severities() throws {
        for (word, severity) in [
            ("critical", "critical"), ("page", "critical"), ("error", "error"), ("major", "error"),
            ("warning", "warning"), ("minor", "warning"), ("none", "info"), ("p9", "info"),
            ("CRITICAL", "critical"),
        ] {
            #expect(
                try event(alert(labels: #""severity":"\#(word)""#)).text(.severity) == severity)
        }
        #expect(try event(alert()).text(.severity) == "warning")
    }

    @Test("The object is the first that a label names; job is Prometheus' own")
    func objects() throws {
        for (labels, kind, name) in [
            (#""pod":"p","node":"n""#, "Pod", "p"),
            (#""deployment":"d","job":"j""#, "Deployment", "d"),
            (#""job_name":"b","namespace":"x""#, "Job", "b"),
            (#""node":"n","instance":"i""#, "Node", "n"),
            (#""instance":"i:9100","job":"j""#, "Instance", "i:9100"),
            (#""namespace":"x","job":"j""#, "Namespace", "x"),
            (#""pod":"","node":"n""#, "Node", "n"),
        ] {
            let event = try event(alert(labels: labels))
            #expect(event.text(.objectKind) == kind)
            #expect(event.text(.objectName) == name)
        }
        #expect(try event(alert(labels: #""job":"j""#)).text(.objectKind) == nil)
    }

    @Test("A bad alert costs its neighbors nothing")
    func neighbors() {
        let reading = SenderReading(
            .alertmanager, notification(alert(), "7", "null", alert("resolved")))
        #expect(reading.events.count == 2)
        #expect(reading.outcome.rejections.map(\.index) == [1, 2])
        #expect(reading.outcome.items == [.stored, .rejected, .rejected, .stored])
        for body in ["{}", "[]", #"{"alerts":{}}"#, "7"] {
            #expect(SenderReading(.alertmanager, body).failure?.status == .invalid)
        }
        for body in ["", " ", "{", #"{"alerts":[]} x"#, #"{"alerts":[{"a":1,"a":2}]}"#] {
            #expect(SenderReading(.alertmanager, body).failure?.status == .malformed, "\(body)")
        }
        #expect(SenderReading(.alertmanager, #"{"alerts":[]}"#).failure == nil)
    }

    @Test("An alert that only lacks what an id is made of has another")
    func ids() throws {
        let plain = alert()
        let nameless = plain.replacing(#","fingerprint":"c4e2""#, with: "")
        let id = try #require(try event(nameless).text(.id))
        #expect(id.hasPrefix("alertmanager:") && id.utf8.count == 13 + 32)
        #expect(try event(nameless).text(.id) == id)
        // Without a time no repeat can be told.
        let timeless = plain.replacing("2026-11-30T02:36:27.123456789Z", with: "soon")
        #expect(try event(timeless).text(.id)?.hasPrefix("evt_") == true)
    }

    @Test("What is too long is cut and marked; what all alerts share is repeated only if short")
    func long() throws {
        let text = String(repeating: "ä", count: 40_000)
        let long = alert(annotations: #""summary":"\#(text)","description":"\#(text)""#)
        let reading = SenderReading(.alertmanager, notification(long))
        let event = try #require(reading.events.first)
        #expect(event.text(.title)?.unicodeScalars.count == 1024)
        #expect(event.text(.description)?.utf8.count == 65_536)
        #expect(reading.cut == 1)
        #expect(event.metadata.contains(#""truncated":["title","description"]"#))
        let shared = SenderReading(
            .alertmanager,
            notification(
                alert(), alert("resolved"), more: #","groupLabels":{"g":"\#(text)"},"receiver":"r""#
            ))
        #expect(shared.events.count == 2)
        for event in shared.events {
            #expect(event.metadata.utf8.count < 1000)
            #expect(event.metadata.contains(#""receiver":"r""#))
            #expect(event.metadata.contains(#""shared_truncated":true"#))
        }
    }

    @Test("Many alerts are stored in pieces of bounded size")
    func pieces() {
        let alerts = (0..<10_000).map { number in
            alert(labels: #""alertname":"A\#(number)""#)
        }
        let reading = SenderReading(
            .alertmanager, #"{"alerts":[\#(alerts.joined(separator: ","))]}"#)
        #expect(reading.events.count == 10_000 && reading.outcome.accepted == 10_000)
        #expect(reading.largestPiece < 2 << 20)
    }

    @Test("Secrets are redacted, and events below the least severity are left out and counted")
    func filters() throws {
        let secret = try event(alert(labels: #""severity":"error","db_password":"x""#))
        #expect(secret.metadata.contains(#""db_password":"[REDACTED]""#))
        let body = notification(alert(labels: #""severity":"error""#), alert(), alert("resolved"))
        let reading = SenderReading(.alertmanager, body, least: .error)
        #expect(reading.events.count == 1)
        #expect(reading.outcome.leftOut == 2)
        #expect(reading.outcome.items == [.stored, .leftOut, .leftOut])
    }
}
