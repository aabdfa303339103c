/// Knows the keys of all open objects, and so whether one occurs twice.
///
/// The keys of an object that has few are compared one by one, which takes no hashing. One that has
/// more gets a set; the standard library seeds its hashes at random, so that keys cannot be crafted
/// to collide.
struct KeyTracker {
    private struct Container {
        let isObject: Bool
        /// Where the object's keys start in `keys`, unless it has a set.
        let firstKey: Int
        var set: Set<DecodedKey>?
    }

    /// Above this many keys comparing them costs more than hashing them.
    private static let comparedLimit = 16

    private var containers: [Container] = []
    private var keys: [DecodedKey] = []

    /// Whether the innermost open container is an object.
    var isInObject: Bool { containers[containers.count - 1].isObject }

    mutating func open(isObject: Bool) {
        if containers.capacity == 0 {
            // Enough for most values, so that the arrays grow once.
            containers.reserveCapacity(8)
            keys.reserveCapacity(2 * Self.comparedLimit)
        }
        containers.append(Container(isObject: isObject, firstKey: keys.count, set: nil))
    }

    mutating func close() {
        let container = containers.removeLast()
        keys.removeLast(keys.count - container.firstKey)
    }

    /// - Returns: false when the innermost object has the key already.
    mutating func insert(_ string: JSONString) -> Bool {
        let key = DecodedKey(string)
        let top = containers.count - 1
        if containers[top].set != nil {
            return containers[top].set!.insert(key).inserted
        }
        let firstKey = containers[top].firstKey
        for index in firstKey..<keys.count where keys[index] == key { return false }
        keys.append(key)
        if keys.count - firstKey > Self.comparedLimit {
            containers[top].set = Set(keys[firstKey...])
            keys.removeLast(keys.count - firstKey)
        }
        return true
    }
}
