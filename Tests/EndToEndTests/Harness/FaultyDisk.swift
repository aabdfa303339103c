import Foundation
import TestSupport

/// The disk of `Tests/Faults/faults.c`, which fails on command: the environment of a process that
/// uses it.
struct FaultyDisk: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case open, read, write, sync, truncate, unlink, rename
        /// All of these except `read`.
        case change
    }

    enum Action: String, Sendable {
        case inputOutputError = "EIO"
        case noSpace = "ENOSPC"
        /// Half of a write, then no space.
        case short
        case kill
        /// Unsynced data is partly lost.
        case cut
    }

    /// The failing calls: `at`, counted from 1, and the `count - 1` calls after it.
    struct Fault: CustomStringConvertible, Sendable {
        var kind: Kind
        var at: Int
        var action: Action
        var count = 1

        var description: String { "\(kind) \(at) \(action.rawValue) x\(count)" }
    }

    var fault: Fault?
    var seed = 0
    /// The most bytes of the database's files together.
    var quota: Int?
    /// The file system's type, as in statfs(2).
    var type: UInt32?
    /// Nothing fails while this file exists.
    var cure: String?
    /// Once this file exists, the power fails at the next change.
    var cutsOnce: String?

    /// The library, built on first use.
    private static let library = Result<(folder: TemporaryFolder, path: String), any Error>(
        catching: {
            let folder = try TemporaryFolder()
            let path = folder.file("faults.so")
            let source = BuiltProgram.repository.appendingPathComponent("Tests/Faults/faults.c")
                .path
            _ = try Command.output(
                "clang", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path,
                source)
            return (folder, path)
        })

    /// The environment of a process whose database is at `path`.
    func environment(of path: String) throws -> [String: String] {
        // After the library of scripts/sanitize, if that is already preloaded.
        let preloaded = ProcessInfo.processInfo.environment["LD_PRELOAD"].map { $0 + ":" } ?? ""
        var environment = [
            "LD_PRELOAD": preloaded + (try Self.library.get().path), "FAULTS_FILE": path,
            "FAULTS_SEED": "\(seed)",
        ]
        environment["FAULTS_KIND"] = fault?.kind.rawValue
        environment["FAULTS_AT"] = fault.map { "\($0.at)" }
        environment["FAULTS_COUNT"] = fault.map { "\($0.count)" }
        environment["FAULTS_ACTION"] = fault?.action.rawValue
        environment["FAULTS_QUOTA"] = quota.map { "\($0)" }
        environment["FAULTS_TYPE"] = type.map { "\($0)" }
        environment["FAULTS_CURE"] = cure
        environment["FAULTS_CUT"] = cutsOnce
        return environment
    }
}
