import Events
import Foundation
import TestSupport

/// A file of Tests/Data.
func testData(_ name: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Data/\(name)")
}

/// What a real tool may print: Tests/Data/README.md says what each case is.
func eventCase(_ name: String) throws -> Data {
    try Data(contentsOf: testData("event-cases/\(name).json"))
}

/// The JSON of an event that no store has had yet.
func rendered(_ event: Event) -> String { event.withView { TestSupport.rendered($0) } }
