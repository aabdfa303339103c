import JSON
import TestSupport
import Testing

/// The quick look at stored objects, against the reader.
@Suite("Compact objects")
struct CompactObjectTests {
    /// True if both agree, as far as the quick look promises.
    private func isConsistent(_ text: [UInt8]) -> Bool {
        let isCompact = text.withUnsafeBytes { $0.isCompactJSONObject }
        return text.withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            do throws(JSONError) {
                guard try reader.peekKind() == .object else { return !isCompact }
                let slice = try reader.skipValue()
                try reader.expectEnd()
                let isWhole = !slice.hasWhitespace && slice.raw.count == text.count
                let mayGiveUp =
                    slice.depth > 64
                    || String(decoding: text, as: UTF8.self).lowercased().contains("\\ud")
                return isCompact ? isWhole : !isWhole || mayGiveUp
            } catch {
                return !isCompact || "\(error)".contains("occurs twice")
            }
        }
    }

    @Test("Every case of the suites, alone and as a member", arguments: ConformanceCase.all)
    func cases(_ testCase: ConformanceCase) {
        #expect(isConsistent(testCase.text))
        #expect(isConsistent(Array(#"{"a":"#.utf8) + testCase.text + Array("}".utf8)))
        #expect(isConsistent(Array(#"{"a":["#.utf8) + testCase.text + Array(#",{}],"b":""}"#.utf8)))
    }

    @Test(
        "An object of all there is",
        arguments: [
            #"{}"#, #"{"a":{}}"#, #"{"a":[]}"#, #"{"a":[[],{},[{}]],"b":null}"#,
            #"{"é\n\u00e9":"😀","n":-1.10e+5,"t":true,"f":false,"x":[0,"",1E2]}"#,
        ])
    func all(_ text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { $0.isCompactJSONObject })
        #expect(isConsistent(Array(text.utf8)))
    }

    @Test("Whatever byte is changed, left out or added")
    func mutations() {
        let text = Array(
            #"{"é\n\u00e9":"😀","n":-1.10e+5,"t":true,"f":false,"x":[0,"",1E2,{}],"a":{"b":null}}"#
                .utf8)
        var wrong: [[UInt8]] = []
        for place in text.indices {
            var shorter = text
            shorter.remove(at: place)
            if !isConsistent(shorter) { wrong.append(shorter) }
            if !isConsistent(Array(text[..<place])) { wrong.append(Array(text[..<place])) }
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                if !isConsistent(changed) { wrong.append(changed) }
                changed.insert(text[place], at: place + 1)
                if !isConsistent(changed) { wrong.append(changed) }
            }
        }
        #expect(wrong.map { String(decoding: $0, as: UTF8.self) } == [])
    }

    @Test("64 levels are looked at, more are left to the reader", arguments: [63, 64, 65, 200])
    func depth(_ levels: Int) {
        let text =
            String(repeating: #"{"a":"#, count: levels) + "1"
            + String(repeating: "}", count: levels)
        #expect(Array(text.utf8).withUnsafeBytes { $0.isCompactJSONObject } == (levels <= 64))
        #expect(isConsistent(Array(text.utf8)))
    }
}
