import Events
import Foundation
import JSON
import TestSupport
import Testing

@testable import Ingest

/// The objects of `Tests/Data/event-cases/NAME.json`, which follow each other.
private func decodeCase(
    _ name: String, cluster: String? = nil, redaction: Redaction? = nil
) throws -> [Event] {
    try decodeAll(try eventCase(name), cluster: cluster, redaction: redaction)
}

private func decodeAll(
    _ data: Data, cluster: String? = nil, redaction: Redaction? = nil
) throws -> [Event] {
    try data.withUnsafeBytes { bytes in
        var reader = JSONReader(bytes)
        var events: [Event] = []
        while !reader.atEnd() {
            if !events.isEmpty { reader.beginNextText() }
            switch try KubernetesEvent.decode(
                &reader, now: testMoment, cluster: cluster, redaction: redaction)
            {
            case .event(let event): events.append(event)
            case .invalid(let errors): throw errors[0]
            }
        }
        return events
    }
}

private func decodeOne(_ json: String, cluster: String? = nil) throws -> Event {
    try #require(try decodeAll(Data(json.utf8), cluster: cluster).first)
}

/// An Event object with these members besides those that every one has.
private func object(_ members: String) -> String {
    #"{"metadata":{"uid":"u","resourceVersion":"1"},"involvedObject":{}"#
        + (members.isEmpty ? "}" : ",\(members)}")
}

@Suite("Kubernetes events")
struct KubernetesEventTests {
    @Test(
        "The time is that of the latest occurrence, to the millisecond",
        arguments: [
            ("only-event-time", "2026-11-30T01:02:03.123Z"),
            ("only-creation-time", "2026-11-30T01:00:00.000Z"),
            ("series", "2026-11-30T02:02:03.654Z"), ("events-v1", "2026-11-30T01:30:00.500Z"),
            ("year1", "2026-11-30T01:00:00.000Z"), ("epoch", "2026-11-30T01:00:00.000Z"),
            ("future", "2099-01-01T00:00:00.000Z"), ("leap-second", "2017-01-01T00:00:00.000Z"),
            ("related", "2026-11-30T01:10:00.000Z"),
        ])
    func times(_ name: String, _ time: String) throws {
        let event = try #require(try decodeCase(name).first)
        #expect(event.text(.createdAt) == time)
        #expect(event.hasGivenTime)
    }

    @Test("Times have offsets; what is no time is none")
    func offsets() throws {
        let events = try decodeCase("time-offsets")
        #expect(
            events.map { $0.text(.createdAt) } == [
                "2026-11-30T01:10:00.999Z", "2026-11-30T01:10:00.000Z", "2026-11-30T01:00:00.000Z",
            ])
        let timeless = try decodeOne(#"{"kind":"Event","metadata":{"name":"n"}}"#)
        #expect(timeless.text(.createdAt) == testMoment.text)
        #expect(!timeless.hasGivenTime)
        #expect(timeless.text(.id)?.hasPrefix("evt_") == true)
        #expect(timeless.text(.title) == "n")
    }

    @Test("What is not said about the object is null")
    func objects() throws {
        for event in try decodeCase("no-object") {
            #expect(event.text(.objectKind) == nil)
            #expect(event.text(.objectNamespace) == nil)
            #expect(event.text(.objectName) == nil)
            #expect(event.text(.title) == "BackOff: Back-off restarting failed container")
            #expect(event.text(.reason) == "BackOff")
        }
        let node = try #require(try decodeCase("cluster-scope").first)
        #expect(node.text(.objectKind) == "Node")
        #expect(node.text(.objectNamespace) == nil)
        #expect(node.text(.objectName) == "node-3")
        #expect(node.text(.id) == "k8s:core:u9:9")
        let pod = try #require(try decodeCase("namespace-in-metadata").first)
        #expect(pod.text(.objectNamespace) == nil)
        #expect(pod.text(.objectName) == "web-0")
    }

    @Test("A message is stored as it came, and a title is one line of it")
    func messages() throws {
        let odd = try #require(try decodeCase("control-characters").first)
        #expect(odd.text(.title) == "BackOff: first real line")
        #expect(
            odd.text(.description)
                == "\n\nfirst real line\r\nsecond\tline\u{B}\0nul\u{1B}[31mred\u{1B}[0m\u{2028}sep\u{202E}gnp.exe"
        )
        let blank = try #require(try decodeCase("blanks").first)
        #expect(blank.text(.title) == "web-0.0045")
        #expect(blank.text(.reason) == nil)
        #expect(blank.text(.description) == "   ")
        let json = try #require(try decodeCase("json-message").first)
        #expect(json.text(.title) == #"{"level":"error","token":"abc"}"#)
        #expect(json.text(.reason) == nil)
        let numbers = try #require(try decodeCase("numbers").first)
        #expect(numbers.text(.title) == "7: 42")
        #expect(numbers.text(.description) == "42")
        #expect(numbers.text(.metadata)?.contains(#""message":42"#) == true)
    }

    @Test("The severity follows the table, whatever the case of the letters")
    func severities() throws {
        #expect(
            try decodeCase("types").map { $0.text(.severity) } == [
                "info", "error", "warning", "warning", "info", "info", "error", "info",
            ])
        let rows: [(type: String, reason: String, severity: Severity)] = [
            ("Normal", "NodeNotReady", .critical), ("Warning", "FailedKillPod", .critical),
            ("Normal", "OOMKilling", .critical), ("Normal", "FailedBinding", .error),
            ("", "Failed", .error), ("Warning", "FailedAttachVolume", .error),
            ("Normal", "FailedAttachVolume", .info), ("Warning", "SyncFailed", .error),
            ("Warning", "InspectError", .error), ("Normal", "InspectError", .info),
            ("Warning", "Evicted", .error), ("Warning", "EvictedPod", .warning),
            ("Warning", "BackOff", .warning), ("Normal", "Killing", .info),
            ("CRITICAL", "x", .error),
            ("Warning", "failed", .warning), ("Odd", "Unhealthy", .info),
        ]
        for row in rows {
            #expect(
                KubernetesSeverity.severity(type: row.type, reason: row.reason) == row.severity,
                "\(row)")
        }
    }

    @Test("A uid and a resourceVersion are the id; a count belongs to the series of the uid")
    func identity() throws {
        let uid = "k8s:core:00000000-0000-4000-8000-0000000000"
        let growing = try decodeCase("count-grows")
        #expect(growing.map { $0.text(.id) } == ["\(uid)31:1031", "\(uid)31:5031"])
        #expect(growing.map { $0.series?.key } == [Array("\(uid)31".utf8), Array("\(uid)31".utf8)])
        #expect(growing.map { $0.series?.count } == [3, 7])
        let same = try decodeCase("same-version")
        #expect(Set(same.map { $0.text(.id) }).count == 1)
        #expect(try decodeCase("huge-count").first?.series?.count == 4_294_967_296_000)
        #expect(try decodeCase("series").first?.series?.count == 41)
        #expect(try decodeOne(object(#""series":{"count":1},"count":1"#)).series?.count == 2)
        #expect(try decodeOne(object(#""count":0"#)).series?.count == 1)
        #expect(try decodeOne(object("")).series?.count == 1)

        let versionless = try decodeCase("no-version")
        let ids = versionless.compactMap { $0.text(.id) }
        #expect(Set(ids).count == 2)
        #expect(ids.allSatisfy { $0.hasPrefix("\(uid)33:sha256-") }, "\(ids)")
        #expect(try decodeCase("no-version").compactMap { $0.text(.id) } == ids)
        #expect(versionless.map { $0.series?.count } == [3, 7])

        let nameless = try #require(try decodeCase("generate-name").first)
        #expect(nameless.text(.id)?.contains(/^k8s:sha256:[0-9a-f]{64}$/) == true)
        #expect(nameless.series == nil)
        let odd = try decodeOne(
            #"{"kind":"Event","metadata":{"uid":"a b","resourceVersion":"1"},"count":1}"#)
        #expect(odd.text(.id)?.hasPrefix("k8s:sha256:") == true)
    }

    @Test("Both groups of the API give the same event, byte for byte")
    func groups() throws {
        let both = try decodeCase("both-groups").map { rendered($0) }
        #expect(both.count == 2)
        #expect(both[0] == both[1])
        let new = try #require(try decodeCase("events-v1").first)
        #expect(new.text(.objectName) == "web-1")
        #expect(new.text(.description) == "0/3 nodes are available")
        #expect(
            new.text(.metadata) == """
                {"action":"Scheduling","apiVersion":"v1","eventTime":"2026-11-30T01:00:00.000001Z",\
                "firstTimestamp":null,"involvedObject":{"kind":"Pod","name":"web-1","namespace":"shop"},\
                "kind":"Event","lastTimestamp":null,"message":"0/3 nodes are available",\
                "metadata":{"creationTimestamp":"2026-11-30T01:00:00Z","name":"web-1.1","namespace":"shop",\
                "resourceVersion":"77","uid":"00000000-0000-4000-8000-000000000999"},\
                "reason":"FailedScheduling","reportingComponent":"default-scheduler",\
                "reportingInstance":"default-scheduler-cp-1","series":{"count":9,\
                "lastObservedTime":"2026-11-30T01:30:00.5Z"},"source":{"component":"x"},"type":"Warning"}
                """)
        #expect(new.series?.count == 9)
    }

    @Test("Real events of both groups are the same")
    func realGroups() throws {
        // Their exporter wrote "null" where there is nothing, in one group or in both.
        let lines = try String(contentsOf: testData("kubernetes-events.ndjson"), encoding: .utf8)
            .split(separator: "\n")[49..<67]
            .map { $0.replacing(/:"(null)?"/, with: ":null") }
        var byID: [String: Set<String>] = [:]
        for line in lines {
            let event = try decodeOne(String(line))
            let text = rendered(event).replacing(/:"(null)?"/, with: ":null")
            byID[event.text(.id) ?? "", default: []].insert(text)
        }
        #expect(byID.count == 9)
        #expect(byID.values.count { $0.count == 1 } == 9)
    }

    @Test("Metadata is the object in one spelling: sorted, without bookkeeping, numbers exact")
    func metadata() throws {
        let event = try decodeOne(
            """
            {"zebra":[ {"b":1.10,"a":12345678901234567890} ], "kind":"Event","m\\u0065ssage":"\\u0041\\/",
             "metadata":{"uid":"u","resourceVersion":7,"managedFields":[{"x":1}]},"é":null,"count":1e0}
            """)
        #expect(
            event.text(.metadata)
                == #"{"apiVersion":"v1","count":1e0,"kind":"Event","message":"A/","metadata":{"resourceVersion":7,"uid":"u"},"zebra":[{"a":12345678901234567890,"b":1.10}],"é":null}"#
        )
        #expect(event.text(.id) == "k8s:core:u:7")
        #expect(event.text(.description) == "A/")
        for json in [
            #"{"kind":"Event","metadata":{"uid":"u","uid":"v"}}"#,
            #"{"kind":"Event","metadata":{},"kind":"Event"}"#,
            #"{"kind":"Event","metadata":{},"x":{"a":1,"\u0061":2}}"#,
        ] {
            #expect(throws: JSONError.self) { try decodeOne(json) }
        }
        let redacted = try decodeAll(
            Data(object(#""source":{"token":"x"}"#).utf8), redaction: Redaction(keys: ["token"]))
        #expect(redacted.first?.text(.metadata)?.contains(#"{"token":"[REDACTED]"}"#) == true)
    }

    @Test("An exporter's webhook is the same event, and names its cluster")
    func exporter() throws {
        let event = try #require(try decodeCase("exporter", cluster: "other").first)
        #expect(event.text(.id) == "k8s:core:00000000-0000-4000-8000-000000000812:1812")
        #expect(event.text(.cluster) == "c1")
        #expect(try decodeOne(object(""), cluster: "other").text(.cluster) == "other")
        #expect(try decodeOne(object("")).text(.cluster) == nil)
    }

    @Test("What is too long is cut and marked")
    func tooLong() throws {
        let named = try #require(try decodeCase("long-name").first)
        #expect(named.text(.objectName) == String(repeating: "a", count: 253))
        let metadata = try #require(named.text(.metadata))
        #expect(
            metadata.hasSuffix(#""truncated":["object_name"],"type":"Warning"}"#), "\(metadata)")
        #expect(metadata.contains(String(repeating: "a", count: 300)))

        let message = String(repeating: "é", count: 40_000)
        let wordy = try decodeOne(object(#""message":"\#(message)","reason":"R""#))
        #expect(wordy.text(.title) == "R: " + String(repeating: "é", count: 1021))
        #expect(wordy.text(.description) == String(repeating: "é", count: 32_768))
        #expect(wordy.text(.metadata)?.contains(#""truncated":["description"]"#) == true)
        #expect(wordy.text(.metadata)?.contains(message) == true)

        for deep in [
            #""message":"\#(String(repeating: "m", count: 300_000))""#,
            #""deep":\#(String(repeating: "[", count: 100) + String(repeating: "]", count: 100))"#,
        ] {
            let event = try decodeOne(object(#"\#(deep),"count":5,"type":"Warning""#))
            #expect(event.text(.id) == "k8s:core:u:1")
            #expect(event.series?.count == 5)
            let metadata = try #require(event.text(.metadata))
            #expect(metadata.contains(#""metadata":{"resourceVersion":"1","uid":"u"}"#))
            #expect(metadata.contains(/"truncated":\[.*"metadata"\]/), "\(metadata)")
            #expect(metadata.utf8.count < 1000)
        }
    }

    @Test(
        "What is no Event says what it is",
        arguments: [
            (#"{"kind":"Pod","metadata":{}}"#, "/kind", "not 'Pod'"),
            (#"{"kind":"Event"}"#, "/metadata", "must be an object"),
            (#"{"kind":"Event","metadata":[]}"#, "/metadata", "must be an object"),
            ("7", "", "must be a Kubernetes Event object"),
        ])
    func others(_ json: String, _ pointer: String, _ detail: String) throws {
        let error = try #require(throws: FieldError.self) { try decodeOne(json) }
        #expect(error.pointer == pointer)
        #expect(error.detail.contains(detail), "\(error)")
    }

    @Test("Whatever is stored already wins")
    func firstWins() throws {
        let events = try decodeCase("same-version")
        let isReplay = events[0].withView { events[1].isReplay(of: $0) }
        #expect(isReplay)
    }
}
