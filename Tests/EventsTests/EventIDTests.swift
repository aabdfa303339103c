import Foundation
import Testing

@testable import Events

@Suite("EventID")
struct EventIDTests {
    @Test("A made id tells its time and ends in 16 random digits")
    func made() throws {
        var made: Set<String> = []
        for _ in 0..<1_000 {
            var bytes: [UInt8] = []
            EventID.append(now: testMoment, to: &bytes)
            let id = String(decoding: bytes, as: UTF8.self)
            #expect(id.wholeMatch(of: /evt_20261123_103045_[0-9a-f]{16}/) != nil, "\(id)")
            #expect(EventID.isValid(bytes))
            made.insert(id)
        }
        #expect(made.count == 1_000)
        // Each of the 16 digits takes each of the 16 values.
        for place in 20..<36 {
            #expect(Set(made.map { Array($0)[place] }).count == 16)
        }
    }

    @Test("An id is appended; years keep four digits")
    func appended() throws {
        var bytes = Array("before ".utf8)
        EventID.append(now: try #require(Timestamp(milliseconds: -62_167_219_200_000)), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("before evt_00000101_000000_"))
        #expect(bytes.count == 7 + 36)
    }

    @Test("Each byte is allowed or not as the contract has it")
    func characters() {
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-".utf8)
        for byte in UInt8.min ... .max {
            let isAllowed = allowed.contains(byte)
            #expect(EventID.isValid([UInt8(ascii: "a"), byte]) == isAllowed, "byte \(byte)")
            #expect(EventID.isValid([byte, UInt8(ascii: "a")]) == isAllowed, "byte \(byte)")
        }
    }

    @Test("None is a segment that clients take out of a path")
    func dots() {
        for id in [".", ".."] { #expect(!EventID.isValid(Array(id.utf8)), "\(id)") }
        for id in ["...", ".a", "a.", "..a", ":", "_"] {
            #expect(EventID.isValid(Array(id.utf8)), "\(id)")
        }
    }

    @Test("1 to 128 characters")
    func lengths() {
        for length in [1, 2, 127, 128] {
            #expect(EventID.isValid(Array(repeating: UInt8(ascii: "a"), count: length)))
        }
        for length in [0, 129, 1_000] {
            #expect(!EventID.isValid(Array(repeating: UInt8(ascii: "a"), count: length)))
        }
    }
}
