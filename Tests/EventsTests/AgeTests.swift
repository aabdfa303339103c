import Testing

@testable import Events

@Suite("Age")
struct AgeTests {
    @Test(
        "Digits and a unit",
        arguments: [
            ("0s", 0), ("1s", 1000), ("15m", 900_000), ("36h", 129_600_000), ("7d", 604_800_000),
            ("007d", 604_800_000), ("1w", 604_800_000), ("1y", 31_536_000_000),
            ("36524999d", 3_155_759_913_600_000),
            ("40000000s", 40_000_000_000), ("3155759999999s", 3_155_759_999_999_000),
        ] as [(String, Int64)])
    func read(text: String, milliseconds: Int64) {
        #expect(Age.milliseconds(text) == milliseconds)
    }

    @Test(
        "Anything else is none",
        arguments: [
            "", "d", "7", "7W", "7D", "7M", "-7d", "+7d", "7 d", " 7d", "7d ", "1.5h", "1h30m",
            "0x7d",
            "7dd", "７d", "3155760000000s", "7d\u{301}", "\u{301}7d", "36525000d",
            "9223372036854775807d",
            "99999999999999999999d", "7ms", "7\u{0}d", "1_000s",
        ])
    func refused(text: String) {
        #expect(Age.milliseconds(text) == nil)
    }
}
