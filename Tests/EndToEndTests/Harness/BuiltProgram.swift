import Foundation

/// The paths of the built program and of the sources.
enum BuiltProgram {
    /// `LOGBOOK_BINARY`, or the program built with the tests.
    static let path: String = {
        if let path = ProcessInfo.processInfo.environment["LOGBOOK_BINARY"] { return path }
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appendingPathComponent("logbook").path
    }()

    /// The checkout that this file belongs to.
    static let repository: URL = {
        var url = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return url
    }()
}
