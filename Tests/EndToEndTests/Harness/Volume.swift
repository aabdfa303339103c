import TestSupport

/// A small file system in memory for one test; needs root.
final class Volume: Sendable {
    let folder: TemporaryFolder

    init(bytes: Int) throws {
        folder = try TemporaryFolder()
        _ = try Command.output(
            "mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", folder.path)
    }

    deinit {
        do {
            _ = try Command.output("umount", "--lazy", folder.path)
        } catch {
            print("\(folder.path) stays mounted: \(error)")
        }
    }
}
