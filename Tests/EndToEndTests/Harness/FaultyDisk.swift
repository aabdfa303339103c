import Foundation
import TestSupport

/// The disk of `Tests/Faults/faults.c`, which fails as it is told: the environment of a process that
/// is to have it.
struct FaultyDisk: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case open, read, write, sync, truncate, unlink, rename
        /// All of these but `read`.
        case change
    }

    enum Action: String, Sendable {
        case inputOutputError = "EIO"
        case noSpace = "ENOSPC"
        /// Half of a write, then no space.
        case short
        case kill
        /// What was not synced is lost, in part.
        case cut
    }

    /// What fails: the calls `at`, counted from 1, and the `count - 1` that follow.
    struct Fault: CustomStringConvertible, Sendable {
        var kind: Kind
        var at: Int
        var action: Action
        var count = 1

        var description: String { "\(kind) \(at) \(action.rawValue) x\(count)" }
    }

    var fault: Fault?
    var seed = 0
    /// Bytes that the database's files may have together.
    var quota: Int?
    /// Of the file system, as statfs(2) has it.
    var type: UInt32?
    /// While this file exists nothing fails.
    var cure: String?
    /// Once this file exists the power goes at the next change.
    var cutsOnce: String?

    /// The library, built at its first use.
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

    /// For a process whose database is at `path`.
    func environment(of path: String) throws -> [String: String] {
        // Behind what is preloaded already: that of scripts/sanitize.
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
