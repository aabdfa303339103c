import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("Falco")
struct FalcoFormatTests {
    /// The event of Falcosidekick's README, with the place of its pod.
    private func alert(_ more: String = "", priority: String = "Error") -> String {
        """
        {"output":"16:31:56.746609046: \(priority) File below a known binary directory opened for writing (user=root command=touch /bin/hack file=/bin/hack)","priority":"\(priority)","rule":"Write below binary dir","time":"2019-05-17T15:31:56.746609046Z","source":"syscall","hostname":"n1","output_fields":{"evt.time":1507591916746609046,"fd.name":"/bin/hack","proc.cmdline":"touch /bin/hack","user.name":"root"\(more)}}
        """
    }

    private func event(_ alert: String) throws -> Event {
        try #require(SenderReading(.falco, alert).events.first)
    }

    @Test("An alert, in a pod and on a host")
    func alerts() throws {
        let host = try event(alert())
        #expect(host.text(.id)?.hasPrefix("falco:") == true)
        #expect(host.text(.eventType) == "security")
        #expect(host.text(.title) == "Write below binary dir")
        #expect(host.text(.reason) == "Write below binary dir")
        #expect(host.text(.description)?.hasPrefix("16:31:56.746609046: Error File") == true)
        #expect(host.text(.objectKind) == "Host")
        #expect(host.text(.objectName) == "n1")
        #expect(host.text(.createdAt) == "2019-05-17T15:31:56.746Z")
        // All of its 19 digits.
        #expect(host.metadata.contains(#""evt.time":1507591916746609046"#))
        #expect(host.metadata.contains(#""source":"syscall""#))
        let pod = try event(alert(#","k8s.ns.name":"shop","k8s.pod.name":"web-0""#))
        #expect(pod.text(.objectKind) == "Pod")
        #expect(pod.text(.objectNamespace) == "shop")
        #expect(pod.text(.objectName) == "web-0")
        #expect(pod.text(.id) != host.text(.id))
        for unknown in [#""<NA>""#, "null", #""""#, "7"] {
            let event = try event(alert(#","k8s.ns.name":\#(unknown),"k8s.pod.name":\#(unknown)"#))
            #expect(event.text(.objectKind) == "Host")
            #expect(event.text(.objectNamespace) == nil)
        }
    }

    @Test("Falcosidekick's own test, and an alert with every member that Falco writes")
    func vendors() throws {
        // falcoTestInput in github.com/falcosecurity/falcosidekick at 8807ab7, outputs/client_test.go.
        let test = try event(
            #"{"output":"This is a test from falcosidekick","priority":"Debug","rule":"Test rule", "time":"2001-01-01T01:10:00Z","source":"syscalls","output_fields": {"proc.name":"falcosidekick", "proc.tty": 1234}, "tags":["test","example"], "hostname":"test-host"}"#
        )
        #expect(test.text(.title) == "Test rule" && test.text(.severity) == "info")
        #expect(test.text(.objectName) == "test-host")
        #expect(test.text(.createdAt) == "2001-01-01T01:10:00.000Z")
        // format_event in github.com/falcosecurity/falco at 13074749, userspace/engine/formats.cpp:
        // the members in the order of their names, the time with nine digits, no output.
        let alert = try event(
            #"{"hostname":"n1","message":"Shell in web-0","output_fields":{"evt.time":1796006187746609046,"k8s.ns.name":null,"k8s.pod.name":null},"priority":"Informational","rule":"Terminal shell in container","source":"syscall","tags":["T1059"],"time":"2026-11-30T02:36:27.746609046Z"}"#
        )
        #expect(alert.text(.description) == "Shell in web-0" && alert.text(.severity) == "info")
        #expect(alert.text(.createdAt) == "2026-11-30T02:36:27.746Z")
    }

    @Test("Falcosidekick's UUID is the id")
    func uuid() throws {
        let uuid = #"{"uuid":"5f6a4c1e-9c1b-4a3c-8f2e-111111111111","#
        let event = try event(uuid + alert().dropFirst())
        #expect(event.text(.id) == "falco:5f6a4c1e-9c1b-4a3c-8f2e-111111111111")
    }

    @Test("Priorities")
    func priorities() throws {
        for (priority, severity) in [
            ("Emergency", "critical"), ("Alert", "critical"), ("Critical", "critical"),
            ("Error", "error"),
            ("Warning", "warning"), ("Notice", "info"), ("Informational", "info"),
            ("Debug", "info"), ("x", "info"),
        ] {
            #expect(try event(alert(priority: priority)).text(.severity) == severity)
        }
    }

    @Test("Alerts one after another; a bad one costs its neighbors nothing")
    func neighbors() {
        let body = [alert(), "7", #"{"output":"x"}"#, #"{"rule":"#, alert(priority: "Notice")]
            .joined(separator: "\n")
        let reading = SenderReading(.falco, body)
        #expect(reading.events.count == 2)
        #expect(reading.outcome.rejections.map(\.index) == [1, 2, 3])
        #expect(SenderReading(.falco, "").failure?.status == .malformed)
        #expect(SenderReading(.falco, "rule=x").failure?.status == .unsupported)
    }
}
