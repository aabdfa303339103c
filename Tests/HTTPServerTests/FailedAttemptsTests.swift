import Glibc
import Testing

@testable import HTTPServer

@Suite("Failed attempts")
struct FailedAttemptsTests {
    private static let second: UInt64 = 1_000_000_000

    @Test(
        "Ten in a minute cost nothing, each further one a second more than the one before, up to ten"
    )
    func steps() {
        var attempts = FailedAttempts()
        let delays = (0..<25).map { _ in attempts.note(from: 1, now: 7) / Self.second }
        #expect(delays == Array(repeating: 0, count: 10) + Array(1...10) + [10, 10, 10, 10, 10])
    }

    @Test("They are forgotten, one in six seconds, and after two minutes all of them")
    func forgotten() {
        var attempts = FailedAttempts()
        for _ in 0..<1000 { _ = attempts.note(from: 1, now: 0) }
        #expect(attempts.note(from: 1, now: 6 * Self.second) == 10 * Self.second)
        #expect(attempts.note(from: 1, now: 18 * Self.second) == 9 * Self.second)
        let later = 18 * Self.second + 19 * 6 * Self.second
        #expect(
            (0..<11).map { _ in attempts.note(from: 1, now: later) > 0 } == Array(
                repeating: false, count: 10) + [true])
    }

    @Test(
        "A million addresses cost no memory, and one that has done nothing is hardly ever charged")
    func flood() {
        var attempts = FailedAttempts()
        for network in 0..<40 as Range<UInt64> {
            for _ in 0..<100 { _ = attempts.note(from: network, now: 0) }
        }
        // Of 1,000 others some 10 meet one of those in the table of 4,096.
        let charged = (1000..<2000 as Range<UInt64>).filter { attempts.note(from: $0, now: 0) > 0 }
        #expect(charged.count < 200)
        for network in 0..<1_000_000 as Range<UInt64> { _ = attempts.note(from: network, now: 1) }
        #expect(attempts.note(from: 5_000_000, now: 1) == 10 * Self.second)
    }

    @Test(
        "An IPv6 address counts as its /64, one that wraps an IPv4 address as that",
        arguments: [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false), ("::1", "::1", true), ("::1", "192.0.2.1", false),
        ])
    func networks(_ one: String, _ other: String, areSame: Bool) throws {
        #expect((try Self.network(one) == Self.network(other)) == areSame)
    }

    private static func network(_ text: String) throws -> UInt64 {
        var storage = sockaddr_storage()
        let family = text.contains(":") ? AF_INET6 : AF_INET
        storage.ss_family = sa_family_t(family)
        withUnsafeMutableBytes(of: &storage) { bytes in
            let offset =
                family == AF_INET6
                ? MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)
                : MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)
            #expect(inet_pton(family, text, bytes.baseAddress! + offset!) == 1)
        }
        return PeerAddress(storage, size: socklen_t(MemoryLayout<sockaddr_storage>.size)).network
    }
}
