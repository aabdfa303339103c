import Foundation
import TestSupport
import Testing

/// The process is killed at random moments, over and over, on the same file.
@Suite("Killed while events come in", .serialized)
struct CrashTests {
    /// `LOGBOOK_CRASH_ROUNDS=500 make test`
    private static let rounds = Rounds.number("CRASH_ROUNDS", default: 25)
    private static let clients = 12
    /// The most events acknowledged before the kill, beyond the first.
    private static let spread = 600

    @Test("Every acknowledged event is there, once, after every round")
    func rounds() throws {
        let folder = try TemporaryFolder()
        var all = Acknowledgements()
        var generator = SeededGenerator(seed: 4)
        for round in 0..<Self.rounds {
            let server = try LogbookProcess(in: folder)
            if round.isMultiple(of: 5) { try expectAll(all, server, round) }
            let crowd = try BatchingCrowd(
                of: Self.clients, prefix: "r\(round)", seed: UInt64(round), to: server)
            try crowd.awaitAcknowledged(.random(in: 1...Self.spread, using: &generator))
            // Somewhere inside a commit, rather than right after one.
            usleep(.random(in: 0...3_000, using: &generator))
            server.kill()
            all.merge(try crowd.awaitEnd())
            let wrong = try all.contradictions(inFile: server.database)
            try #require(wrong == [], "round \(round)")
        }
        try expectAll(all, try LogbookProcess(in: folder), Self.rounds)
    }

    private func expectAll(
        _ all: Acknowledgements, _ server: LogbookProcess, _ round: Int
    ) throws {
        let found = try server.walk("limit=1000")
        #expect(all.contradictions(found.map(\.id)) == [], "round \(round)")
        #expect(Set(found.map(\.seq)).count == found.count, "round \(round)")
        // Acknowledged events are recognized when sent again.
        for id in all.stored.prefix(5) {
            let event = BatchingCrowd.event(id).json
            #expect(try server.post(event).status == 200, "round \(round): \(id)")
        }
    }
}
