import Foundation
import JSON

/// Memory with unreadable memory before and after it.
final class GuardedPage {
    private static let size = 4_096
    private let start: UnsafeMutableRawPointer

    init() {
        let whole = mmap(
            nil, 3 * Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        precondition(mprotect(whole, Self.size, PROT_NONE) == 0)
        precondition(mprotect(whole + 2 * Self.size, Self.size, PROT_NONE) == 0)
        start = whole + Self.size
    }

    deinit {
        munmap(start - Self.size, 3 * Self.size)
    }

    /// Skips `text` at the page's end, then at its start. A read outside the page ends the process.
    func skippingError(_ text: [UInt8]) -> JSONError? {
        precondition(text.count <= Self.size)
        let errors = [start + (Self.size - text.count), start].map { place in
            text.withUnsafeBytes { place.copyMemory(from: $0.baseAddress!, byteCount: text.count) }
            return Self.error(UnsafeRawBufferPointer(start: place, count: text.count))
        }
        precondition(errors[0] == errors[1], "what surrounds a text must not matter")
        return errors[0]
    }

    private static func error(_ text: UnsafeRawBufferPointer) -> JSONError? {
        var reader = JSONReader(text)
        do throws(JSONError) {
            _ = try reader.skipValue()
            try reader.expectEnd()
            return nil
        } catch {
            return error
        }
    }
}
