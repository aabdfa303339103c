/// Tracks the keys of all open objects to detect duplicates.
///
/// The keys of a small object are compared one by one, without hashing. A larger one gets a set.
/// The standard library seeds its hashes at random, so keys cannot be crafted to collide.
struct KeyTracker {
    /// The outcome of inserting a key.
    enum Insertion {
        case new
        /// The innermost object has it already.
        case duplicate
        /// The open objects have the most keys that are kept.
        case beyondLimit
    }

    private struct Container {
        let isObject: Bool
        /// The start of the object's keys in `keys`, unless it has a set.
        let firstKey: Int
        var set: Set<DecodedKey>?
    }

    /// The most keys that are compared one by one; hashing is cheaper above it.
    private static let comparedLimit = 16
    /// The most keys of all open objects together. It bounds memory: a key is a few bytes of text,
    /// and a set takes ten times that.
    static let limit = 65_536

    private var containers: [Container] = []
    private var keys: [DecodedKey] = []
    /// The number of keys in `keys` and in the sets.
    private var count = 0

    /// True if the innermost open container is an object.
    var isInObject: Bool { containers[containers.count - 1].isObject }

    mutating func open(isObject: Bool) {
        if containers.capacity == 0 {
            // Enough for most values, so the arrays grow only once.
            containers.reserveCapacity(8)
            keys.reserveCapacity(2 * Self.comparedLimit)
        }
        containers.append(Container(isObject: isObject, firstKey: keys.count, set: nil))
    }

    mutating func close() {
        let container = containers.removeLast()
        count -= container.set?.count ?? keys.count - container.firstKey
        keys.removeLast(keys.count - container.firstKey)
    }

    /// Inserts a key of the innermost object.
    mutating func insert(_ string: JSONString) -> Insertion {
        guard count < Self.limit else { return .beyondLimit }
        let key = DecodedKey(string)
        let top = containers.count - 1
        if containers[top].set != nil {
            guard containers[top].set!.insert(key).inserted else { return .duplicate }
        } else {
            let firstKey = containers[top].firstKey
            for index in firstKey..<keys.count where keys[index] == key { return .duplicate }
            keys.append(key)
            if keys.count - firstKey > Self.comparedLimit {
                containers[top].set = Set(keys[firstKey...])
                keys.removeLast(keys.count - firstKey)
            }
        }
        count += 1
        return .new
    }
}
