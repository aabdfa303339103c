import Foundation
import Testing

@Suite("A newcomer's walk")
struct WalkTests {
    @Test("The commands of the README do what it says, from installing to upgrading")
    func walk() throws {
        let script = BuiltProgram.repository.appending(path: "Tests/Walk/walk.sh").path
        let run = try Command(script, [], environment: ["LOGBOOK_BINARY": BuiltProgram.path])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("walk: installed"))
    }
}
