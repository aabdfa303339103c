import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("The journal")
struct JournaldFormatTests {
    /// https://systemd.io/JOURNAL_EXPORT_FORMATS/, cut.
    private static let entry = """
        __CURSOR=s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c;m=4fc72436e;t=4c508a72423d9;x=d3e5610681098c10;p=system.journal
        __REALTIME_TIMESTAMP=1342540861416409
        __MONOTONIC_TIMESTAMP=21415215982
        _TRANSPORT=syslog
        PRIORITY=4
        SYSLOG_FACILITY=3
        SYSLOG_IDENTIFIER=gdm-password]
        MESSAGE=AccountsService-DEBUG(+): ActUserManager: ignoring unspecified session '8' since it's not graphical: Success
        _COMM=gdm-session-wor
        _HOSTNAME=epsilon


        """

    private func binary(_ name: String, _ value: [UInt8], length: UInt64? = nil) -> [UInt8] {
        let length = length ?? UInt64(value.count)
        return Array("\(name)\n".utf8)
            + (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + value + [10]
    }

    private func read(_ body: [UInt8], pieceBytes: Int = 4096) -> SenderReading {
        SenderReading(.journald, body, pieceBytes: pieceBytes)
    }

    @Test("An entry of texts")
    func texts() throws {
        let event = try #require(read(Array(Self.entry.utf8)).events.first)
        #expect(event.text(.id)?.hasPrefix("journald:") == true)
        #expect(event.text(.severity) == "warning")
        #expect(event.text(.title)?.hasPrefix("AccountsService-DEBUG(+)") == true)
        #expect(event.text(.reason) == "gdm-password]")
        #expect(event.text(.objectKind) == "Host")
        #expect(event.text(.objectName) == "epsilon")
        #expect(event.text(.createdAt) == "2012-07-17T16:01:01.416Z")
        #expect(event.metadata.contains(#""__MONOTONIC_TIMESTAMP":"21415215982""#))
        #expect(!event.metadata.contains("MESSAGE"))
    }

    @Test("Binary fields may have any bytes, an empty line too; repeated ones are an array")
    func binaryFields() throws {
        let body =
            Array("__REALTIME_TIMESTAMP=1342540861416409\nA=1\nA=2\nEMPTY=\n".utf8)
            + binary("MESSAGE", Array("foo\n\nbar=1\n".utf8)) + binary("B", [0, 10, 255])
            + binary("C", [])
            + Array("\n".utf8)
        for pieceBytes in 1...body.count {
            let reading = read(body, pieceBytes: pieceBytes)
            let event = try #require(reading.events.first)
            #expect(reading.outcome.rejected == 0)
            #expect(event.text(.title) == "foo")
            #expect(event.text(.description) == "foo\n\nbar=1\n")
            #expect(
                event.metadata
                    == #"{"__REALTIME_TIMESTAMP":"1342540861416409","A":["1","2"],"EMPTY":"","B":[0,10,255],"C":"","source":"journald"}"#
            )
        }
    }

    @Test("White space before the first entry is none of its, in whatever pieces it comes")
    func leadingBlanks() {
        let body = Array(" \r\n\t\(Self.entry)".utf8)
        for pieceBytes in [1, 2, 3, 4, 5, 4096] {
            #expect(read(body, pieceBytes: pieceBytes).events.count == 1)
        }
    }

    @Test("What journalctl -o json writes has the same id")
    func json() throws {
        // By systemd 252; arrays for what is no text and for what occurs more than once.
        let json = #"""
            {"__CURSOR":"s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c;m=4fc72436e;t=4c508a72423d9;x=d3e5610681098c10;p=system.journal","__REALTIME_TIMESTAMP":"1342540861416409","PRIORITY":"2","_HOSTNAME":"epsilon","MESSAGE":[102,111,111,10,255],"SYSLOG_IDENTIFIER":["a","b"],"BIG":null}
            """#
        let event = try #require(SenderReading(.journald, json + json + "{").events.first)
        let export = try #require(read(Array(Self.entry.utf8)).events.first)
        #expect(event.text(.id) == export.text(.id))
        #expect(event.text(.severity) == "critical")
        #expect(event.text(.title) == "foo")
        #expect(event.text(.reason) == "a")
        #expect(event.metadata.contains(#""MESSAGE":[102,111,111,10,255]"#))
        #expect(SenderReading(.journald, json + json + "{").outcome.rejected == 1)
    }

    @Test("Priorities")
    func priorities() {
        for (priority, severity) in [
            ("0", "critical"), ("2", "critical"), ("3", "error"), ("4", "warning"), ("5", "info"),
            ("7", "info"), ("x", "info"),
        ] {
            let reading = SenderReading(.journald, "PRIORITY=\(priority)\nMESSAGE=m\n\n")
            #expect(reading.events.first?.text(.severity) == severity)
        }
    }

    @Test("A bad entry costs its neighbors nothing")
    func neighbors() {
        let entry = "MESSAGE=a\n\n"
        for line in [
            "no field\n", "a=lower case\n", "=x\n", "É=x\n",
            String(repeating: "A", count: 65) + "=x\n",
        ] {
            let reading = SenderReading(.journald, entry + line + "B=c\n\n\n\n" + entry)
            #expect(reading.events.count == 2, "\(line)")
            #expect(reading.outcome.rejections.map(\.index) == [1])
        }
    }

    @Test("What cannot be followed ends the body; what came before is stored")
    func broken() {
        let entry = Array("MESSAGE=a\n\n".utf8)
        for (rest, status) in [
            (binary("A", [1], length: 2), SenderFailure.Status.malformed),
            (binary("A", [1], length: .max), .malformed),
            (binary("A", [1], length: 768 << 20 | 1), .malformed),
        ] {
            let reading = read(entry + rest + entry)
            #expect(reading.events.count == 1)
            #expect(reading.failure?.status == status)
        }
        for rest in [
            Array("A".utf8), Array("A=b\n".utf8), binary("A", [1, 2, 3]).dropLast(),
            Array("A\n1234".utf8), binary("A", [1], length: 768 << 20),
        ] {
            let reading = read(entry + rest)
            #expect(reading.events.count == 1)
            #expect(reading.outcome.rejections.map(\.detail) == ["the entry breaks off"])
        }
        #expect(read([]).failure?.status == .malformed)
        #expect(read(Array("\n\n".utf8)).failure?.status == .malformed)
        #expect(SenderReading(.journald, "x=1").failure?.status == .unsupported)
    }

    @Test("A field, many fields and an entry of any length cost bounded memory, and are cut")
    func long() throws {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
        let message = Array("MESSAGE=important\n\n".utf8)
        for fields in [
            binary("COREDUMP", long), Array("A=".utf8) + long + [10],
            Array((0..<100_000).map { "A\($0)=\n" }.joined().utf8),
            Array(String(repeating: "A=\n", count: 100_000).utf8),
        ] {
            let reading = read(fields + message + message)
            #expect(reading.events.count == 2)
            #expect(reading.cut == 1)
            let event = try #require(reading.events.first)
            #expect(event.text(.title) == "important")
            #expect(event.metadata.contains(#""truncated":["metadata"]"#))
            #expect(event.metadata.utf8.count <= 262_144)
        }
        var scanner = JournalScanner()
        var entries: [JournalScanner.Entry] = []
        try (binary("COREDUMP", long) + message).withUnsafeBytes { bytes in
            try scanner.read(bytes) { entries.append($0) }
        }
        #expect(
            entries.first?.fields.reduce(0) { $0 + $1.value.count } ?? .max <= JournalScanner
                .mostBytes + 9)
    }
}
