import JSON
import Testing

struct ConformanceCase: Sendable, CustomTestStringConvertible {
    let line: String
    let text: [UInt8]
    /// The offset at which the text stops being JSON; nil if it must be accepted.
    let wrongOffset: Int?

    var testDescription: String { line }

    static let all: [ConformanceCase] = (conformanceCases + "\n" + suiteCases).split(
        separator: "\n"
    )
    .filter { !$0.hasPrefix("#") }
    .map { ConformanceCase(line: $0) }

    init(line: Substring) {
        self.line = String(line)
        let verdict = line.prefix { $0 != " " }
        wrongOffset = verdict == "y" ? nil : Int(verdict.dropFirst())!
        text = Self.bytes(of: line.dropFirst(verdict.count + 1))
    }

    private static func bytes(of text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text
        while let character = rest.popFirst() {
            if character == "<" {
                let hex = rest.prefix { $0 != ">" }
                rest = rest.dropFirst(hex.count + 1)
                if !hex.isEmpty { bytes.append(UInt8(hex, radix: 16)!) }
            } else {
                bytes.append(contentsOf: character.utf8)
            }
        }
        return bytes
    }
}

@Suite("RFC 8259, case by case")
struct ConformanceTests {
    @Test("Skipping finds the first wrong byte", arguments: ConformanceCase.all)
    func skip(_ testCase: ConformanceCase) {
        #expect(skippingError(testCase.text)?.offset == testCase.wrongOffset)
    }

    @Test("Reading value by value finds the same byte", arguments: ConformanceCase.all)
    func pull(_ testCase: ConformanceCase) {
        do throws(JSONError) {
            _ = try JSONTree(whole: testCase.text)
            #expect(testCase.wrongOffset == nil)
        } catch {
            #expect(error.offset == testCase.wrongOffset)
        }
    }

    @Test("The grammar, plainly transcribed, says the same", arguments: ConformanceCase.all)
    func grammar(_ testCase: ConformanceCase) {
        #expect(JSONGrammar.accepts(testCase.text) == (testCase.wrongOffset == nil))
    }

    @Test("Nesting is taken up to the bound, and a hundred thousand levels end there")
    func depth() {
        let brackets = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        let closing = [UInt8](repeating: UInt8(ascii: "]"), count: 512)
        #expect(skippingError(Array(brackets[..<500]) + closing[..<500]) == nil)
        #expect(skippingError(Array(brackets[..<512]) + closing) == nil)
        #expect(skippingError(brackets)?.offset == 512)
        let pairs = Array(String(repeating: "[{\"\":", count: 50_000).utf8)
        #expect(skippingError(pairs)?.offset == 256 * 5)
    }

    @Test("The table is whole")
    func count() {
        let accepted = ConformanceCase.all.filter { $0.wrongOffset == nil }.count
        #expect(accepted > 130)
        #expect(ConformanceCase.all.count - accepted > 400)
        #expect(Set(ConformanceCase.all.map(\.line)).count == ConformanceCase.all.count)
    }
}
