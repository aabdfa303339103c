import Events
import Foundation
import JSON
import TestSupport
import Testing

@testable import Ingest

@Suite("Telling formats apart")
struct EventFormatTests {
    private func read(_ json: String, cluster: String? = nil) throws -> [Ingested] {
        try EventFormats.readItem(
            Array(json.utf8), now: testMoment, IngestOptions(cluster: cluster))
    }

    /// As words: the title of an event, the reason why it is none, or nothing.
    private func words(_ json: String) throws -> [String] {
        try read(json).map { item in
            switch item {
            case .event(let event): event.text(.title) ?? ""
            case .invalid(let errors):
                errors.map { "\($0.pointer) \($0.detail)" }.joined(separator: "; ")
            case .nothing: "nothing"
            }
        }
    }

    private let pod = #"{"kind":"Pod","metadata":{"name":"p"}}"#
    private let event =
        #"{"kind":"Event","metadata":{"uid":"u","resourceVersion":"1"},"reason":"R"}"#
    private let native = #"{"event_type":"x","severity":"info","title":"N"}"#

    @Test("An object with event_type is native, and strict")
    func strict() throws {
        #expect(try words(native) == ["N"])
        let mixed =
            #"{"kind":"Event","metadata":{},"event_type":"x","severity":"info","title":"N"}"#
        #expect(try words(mixed).first?.hasPrefix("/kind is not a field of an event") == true)
        #expect(try words(#"{"items":[],"event_type":"x"}"#).first?.hasPrefix("/items") == true)
        #expect(try words("{}").first?.hasPrefix("/event_type is required") == true)
        #expect(try words(#"{"log":"x"}"#).first?.hasPrefix("/log is not a field") == true)
        #expect(try words("7") == [" an event is a JSON object, not a number"])
    }

    @Test("What Kubernetes prints is told by its keys")
    func kubernetes() throws {
        #expect(try words(event) == ["R"])
        #expect(try words(#"{"type":"ADDED","object":\#(event)}"#) == ["R"])
        #expect(try words(#"{"object":\#(event),"type":"MODIFIED"}"#) == ["R"])
        #expect(try words(#"{"object":\#(event),"type":"DELETED"}"#) == ["nothing"])
        #expect(
            try words(#"{"type":"BOOKMARK","object":{"kind":"Event","metadata":{}}}"#) == [
                "nothing"
            ])
        #expect(
            try words(
                #"{"type":"ERROR","object":{"kind":"Status","message":"too old","code":410}}"#)
                == ["/object is an error of the API server: 'too old'"])
        #expect(
            try words(#"{"kind":"List","items":[\#(event),\#(pod),\#(native),7]}"#) == [
                "R", "/kind must be Event, not 'Pod'", "N",
                " an event is a JSON object, not a number",
            ])
        for empty in [
            #"{"items":[]}"#, #"{"kind":"EventList","items":null}"#, #"{"kind":"EventList"}"#,
        ] {
            #expect(try words(empty) == [])
        }
        #expect(try words(pod) == ["/kind must be Event, not 'Pod'"])
        #expect(
            try words(#"{"items":[{"items":[\#(event)]}]}"#) == [" must be an Event, not a list"])
        #expect(try words(#"{"metadata":{},"involvedObject":{},"message":"m"}"#) == ["m"])
    }

    @Test("The cluster of an event that names none is that of whoever brought it")
    func cluster() throws {
        for json in [native, event] {
            guard case .event(let event) = try read(json, cluster: "c").first else {
                Issue.record("no event")
                return
            }
            #expect(event.text(.cluster) == "c")
        }
        let named = native.dropLast() + #","cluster":"other"}"#
        guard case .event(let event) = try read(String(named), cluster: "c").first,
            case .event(let replay) = try read(native, cluster: "c").first,
            case .event(let first) = try read(native).first
        else { throw CancellationError() }
        #expect(event.text(.cluster) == "other")
        // The cluster that was filled in is not compared.
        let isReplay = first.withView { stored in
            replay.withView { sent in
                var stored = stored
                stored[.id] = sent[.id]
                return replay.isReplay(of: stored)
            }
        }
        #expect(isReplay)
    }

    @Test("What is not Unicode is mended in formats of other programs, and in no native event")
    func mended() throws {
        let half =
            #"{"kind":"Event","metadata":{},"message":"half \ud83d pair \ud83d\ude00 \\ud83d \udc00"}"#
        #expect(try words(half) == ["half \u{FFFD} pair \u{1F600} \\ud83d \u{FFFD}"])
        let bytes = try eventCase("invalid-utf8").split(separator: UInt8(ascii: "\n"))[0]
        guard
            case .event(let event) = try EventFormats.readItem(
                Array(bytes), now: testMoment, IngestOptions()
            ).first
        else { throw CancellationError() }
        #expect(event.text(.description) == "caf\u{FFFD}")
        #expect(throws: JSONError.self) {
            try read(#"{"event_type":"x","severity":"info","title":"\ud83d"}"#)
        }
        #expect(throws: JSONError.self) { try read(#"{"log":"\ud83d"}"#) }
        #expect(throws: JSONError.self) { try read(#"{"kind":"Event","metadata":{},}"#) }
    }

    @Test("Nothing is handed over of a text that is broken in the middle")
    func atomic() {
        var count = 0
        let json = Array(#"{"items":[\#(event),{]}"#.utf8)
        #expect(throws: JSONError.self) {
            try json.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                try EventFormats.read(&reader, now: testMoment, IngestOptions()) { _ in count += 1 }
            }
        }
        #expect(count == 0)
    }
}
