import Foundation

/// A folder of its own for a test; it goes with the last reference.
final class TemporaryFolder: Sendable {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(
            path: "store-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            fatalError("a test left files that cannot be removed: \(error)")
        }
    }

    /// The path of a file in it.
    func path(_ name: String) -> String { url.appending(path: name).path }

    /// The names of all files in it, in order.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    }

    /// Every file in it with its bytes, to be compared with what is there later; nil for a folder,
    /// and for the index of a WAL, in which readers mark where they are.
    ///
    /// Closing a file drops this process's SQLite locks on it: for files that nobody has open.
    func contents() throws -> [String: Data?] {
        var contents: [String: Data?] = [:]
        for name in try names() {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path(name), isDirectory: &isFolder),
                !isFolder.boolValue, !name.hasSuffix("-shm")
            else {
                contents.updateValue(nil, forKey: name)
                continue
            }
            contents[name] = try Data(contentsOf: URL(filePath: path(name)))
        }
        return contents
    }

    /// The size of a file, -1 when it is not there.
    func size(_ name: String) throws -> Int {
        guard try names().contains(name) else { return -1 }
        return try FileManager.default.attributesOfItem(atPath: path(name))[.size] as? Int ?? -1
    }
}
