import JSON

/// The Kubernetes event of which an event is one revision.
public struct EventSeries: Equatable, Sendable {
    /// The revision's id without its version, such as `k8s:core:UID`.
    public let key: [UInt8]
    /// The number of times the Kubernetes event had occurred by then.
    public let count: Int64

    private static let prefix: StaticString = "k8s:core:"

    /// Returns nil if `id` is not the id of a revision.
    public init?(id: UnsafeRawBufferPointer, count: Int64) {
        guard let end = Self.keyEnd(id) else { return nil }
        key = Array(id[..<end])
        self.count = count
    }

    /// True if `id` is `k8s:core:UID:RESOURCEVERSION`.
    public static func isRevision(_ id: UnsafeRawBufferPointer) -> Bool { keyEnd(id) != nil }

    private static func keyEnd(_ id: UnsafeRawBufferPointer) -> Int? {
        let length = prefix.utf8CodeUnitCount
        // A letter first: this is asked of every event.
        guard id.count > length + 2, id[0] == UInt8(ascii: "k"),
            id.starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: length)),
            let end = id[length...].firstIndex(of: UInt8(ascii: ":")), end > length,
            end == id.lastIndex(of: UInt8(ascii: ":")), end < id.count - 1
        else { return nil }
        return end
    }

    /// Reads how often a Kubernetes event has occurred from its object, `json`, in the shape of
    /// core/v1.
    ///
    /// Before Kubernetes 1.26 a series began with the count 1 for the first repeat.
    public static func count(of json: UnsafeRawBufferPointer) -> Int64 {
        var reader = JSONReader(json)
        var count: Int64 = 1
        var repeats: Int64?
        do throws(JSONError) {
            guard try reader.peekKind() == .object else { return 1 }
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("count") {
                    count = number(try reader.skipValue()) ?? 1
                } else if key.equals("series"), try reader.peekKind() == .object {
                    repeats = repeats ?? 0
                    try reader.beginObject()
                    while let key = try reader.nextKey() {
                        let value = try reader.skipValue()
                        if key.equals("count") { repeats = number(value) ?? 0 }
                    }
                } else {
                    _ = try reader.skipValue()
                }
            }
        } catch {
            // Nothing, or a text that somebody else stored: one occurrence.
            return 1
        }
        return repeats.map { max($0, 2) } ?? max(count, 1)
    }

    /// True if two Kubernetes objects differ at most in their member `metadata`.
    static func tellTheSame(
        _ left: UnsafeRawBufferPointer?, _ right: UnsafeRawBufferPointer?
    ) -> Bool {
        guard let left, let right, let own = ownMetadata(left) else { return false }
        let rest = left.count - own.upperBound
        // Compared first, because that is cheaper than to read another object.
        guard right.count >= own.lowerBound + rest,
            left.prefix(own.lowerBound).elementsEqual(right.prefix(own.lowerBound)),
            left.suffix(rest).elementsEqual(right.suffix(rest))
        else { return false }
        return ownMetadata(right) == own.lowerBound..<(right.count - rest)
    }

    /// The place of the member `metadata` in a Kubernetes object.
    private static func ownMetadata(_ json: UnsafeRawBufferPointer) -> Range<Int>? {
        var reader = JSONReader(json)
        do throws(JSONError) {
            guard try reader.peekKind() == .object else { return nil }
            try reader.beginObject()
            while let key = try reader.nextKey() {
                let value = try reader.skipValue().raw
                guard key.equals("metadata") else { continue }
                let start = value.baseAddress! - json.baseAddress!
                return start..<(start + value.count)
            }
        } catch {
            // A text that somebody else stored.
        }
        return nil
    }

    private static func number(_ value: JSONSlice) -> Int64? {
        Int64(String(decoding: value.raw, as: UTF8.self))
    }
}
