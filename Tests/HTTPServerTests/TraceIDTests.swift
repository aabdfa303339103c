import Testing

@testable import HTTPServer

@Suite("TraceID")
struct TraceIDTests {
    private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let usual = "00-\(id)-00f067aa0ba902b7-01"

    private static func read(_ text: String) -> String? {
        var text = text
        return text.withUTF8 { TraceID(traceparent: UnsafeRawBufferPointer($0))?.description }
    }

    @Test(
        "What W3C Trace Context allows is read",
        arguments: [
            (usual, id), ("00-\(id)-00f067aa0ba902b7-00", id),
            (
                "00-00000000000000000000000000000001-0000000000000001-ff",
                "00000000000000000000000000000001"
            ),
            ("cc-\(id)-00f067aa0ba902b7-01", id),
            ("cc-\(id)-00f067aa0ba902b7-01-what-comes-later", id),
        ])
    func valid(_ text: String, _ id: String) {
        #expect(Self.read(text) == id)
    }

    @Test(
        "All else is ignored",
        arguments: [
            "", "00", "ff-\(id)-00f067aa0ba902b7-01", "00-\(id)-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "\(usual)-more", "\(usual) ",
            "cc-\(id)-00f067aa0ba902b7-01.later", "00-\(id.uppercased())-00f067aa0ba902b7-01",
            "00-\(id)-00f067aa0ba902b7-0g", "0x-\(id)-00f067aa0ba902b7-01",
            "00_\(id)-00f067aa0ba902b7-01", "00-\(id.dropLast())--00f067aa0ba902b7-01",
        ])
    func invalid(_ text: String) {
        #expect(Self.read(text) == nil)
    }
}
