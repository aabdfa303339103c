public import Foundation

/// A test's folder, removed with the last reference.
public final class TemporaryFolder: Sendable {
    /// The folder's path.
    public let path: String

    /// Creates a folder.
    public init() throws {
        path = NSTemporaryDirectory() + "logbook-test-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            fatalError("a test left files that cannot be removed: \(error)")
        }
    }

    /// The path of the file `name` in it.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The names of all files in it, sorted.
    public func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// Every file in it with its bytes, for a later comparison; nil for a folder, and for a WAL's
    /// index, in which readers mark their positions.
    ///
    /// Closing a file drops this process's SQLite locks on it, so the files must not be open.
    public func contents() throws -> [String: Data?] {
        var contents: [String: Data?] = [:]
        for name in try names() {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: file(name), isDirectory: &isFolder),
                !isFolder.boolValue, !name.hasSuffix("-shm")
            else {
                contents.updateValue(nil, forKey: name)
                continue
            }
            contents[name] = try Data(contentsOf: URL(filePath: file(name)))
        }
        return contents
    }

    /// The size of a file; -1 if it does not exist.
    public func size(_ name: String) throws -> Int {
        guard try names().contains(name) else { return -1 }
        return try FileManager.default.attributesOfItem(atPath: file(name))[.size] as? Int ?? -1
    }
}
