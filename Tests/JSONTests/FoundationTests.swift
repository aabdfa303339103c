import Foundation
import JSON
import TestSupport
import Testing

@Suite("Against Foundation")
struct FoundationTests {
    @Test("Random documents go both ways between the two", arguments: UInt64(1)...300)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let tree = generator.tree()
        let written = bytes { tree.append(to: &$0) }
        #expect(try JSONTree(whole: written) == tree)
        #expect(skippingError(written) == nil)
        let read = try JSONSerialization.jsonObject(
            with: Data(written), options: .fragmentsAllowed)
        #expect(tree.isSame(as: read))

        let theirs = try JSONSerialization.data(
            withJSONObject: tree.foundation, options: [.fragmentsAllowed, .prettyPrinted])
        let back = try JSONTree(whole: Array(theirs))
        #expect(tree.isSame(as: back.foundation))
        let compacted = try withReader(Array(theirs)) { reader in
            let slice = try reader.skipValue()
            return bytes { slice.appendCompact(to: &$0) }
        }
        #expect(try JSONTree(whole: compacted) == back)
        let slice = try withReader(compacted) { try $0.skipValue() }
        #expect(!slice.hasWhitespace)
    }

    @Test("Mutated texts never read outside, and are accepted where grammar and Foundation do")
    func mutations() {
        var generator = SeededGenerator(seed: 7)
        let seeds =
            (0..<40).map { _ in
                let tree = generator.tree()
                return Array(bytes { tree.append(to: &$0) }.prefix(2_000))
            } + ConformanceCase.all.map(\.text) + [Array(sample.utf8)]
        let guarded = GuardedPage()
        var accepted = 0
        var refused = 0
        var compared = 0
        for _ in 0..<30_000 {
            let text = generator.mutate(seeds.randomElement(using: &generator)!)
            let error = guarded.skippingError(text)
            if error == nil { accepted += 1 } else { refused += 1 }
            #expect((error == nil) == JSONGrammar.accepts(text), "\(text)")
            guard Self.mustAgree(text, error) else { continue }
            let theirs = try? JSONSerialization.jsonObject(
                with: Data(text), options: .fragmentsAllowed)
            #expect((error == nil) == (theirs != nil), "\(String(decoding: text, as: UTF8.self))")
            compared += 1
        }
        #expect(compared > 20_000)
        #expect(accepted > 1_000)
        #expect(refused > 10_000)
    }

    /// False for inputs on which Foundation is known to deviate from RFC 8259, or where that leaves
    /// a choice.
    private static func mustAgree(_ text: [UInt8], _ error: JSONError?) -> Bool {
        // It accepts a byte order mark, and guesses UTF-16 and UTF-32 from it or from zero bytes.
        let marks: [[UInt8]] = [[0xEF, 0xBB, 0xBF], [0xFE, 0xFF], [0xFF, 0xFE]]
        if text.prefix(4).contains(0) || marks.contains(where: text.starts) { return false }
        guard let error else {
            // It refuses numbers that a Double cannot hold.
            return (try? JSONTree(whole: text))?.hasOnlyFiniteNumbers ?? true
        }
        // It accepts a comma before the end of a container, and takes the last of two equal keys.
        let isTrailingComma =
            error.message.hasSuffix("after ',', found ']'")
            || error.message.hasSuffix("after ',', found '}'")
        return !isTrailingComma && !error.message.hasSuffix("occurs twice in one object")
    }
}
