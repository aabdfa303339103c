import Events
import Foundation
import TestSupport

/// A file of Tests/Data.
func testData(_ name: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Data/\(name)")
}

/// The output of real tools; Tests/Data/README.md describes each case.
func eventCase(_ name: String) throws -> Data {
    try Data(contentsOf: testData("event-cases/\(name).json"))
}

/// The JSON of an event that no store has had yet.
func rendered(_ event: Event) -> String { event.withView { TestSupport.rendered($0) } }
