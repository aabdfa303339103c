import Foundation

/// A program started by a test. It is killed at the latest with the last reference.
final class ChildProcess: Sendable {
    /// The status as in shells: the exit code, or 128 plus the number of the signal that ended it.
    private let status = Guarded<Int32?>(nil)
    let standardOutput: ChildOutput
    let standardError: ChildOutput
    let identifier: pid_t

    /// Starts `program`, found by PATH, with an empty standard input.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let output = try Self.makePipe()
        let errors = try Self.makePipe()
        defer {
            close(output.writing)
            close(errors.writing)
        }
        standardOutput = ChildOutput(output.reading)
        standardError = ChildOutput(errors.reading)
        let command = ["setpriv", "--pdeathsig", "KILL", program] + arguments
        identifier = try SpawningThread.run {
            try Self.spawn(command, environment, output: output.writing, errors: errors.writing)
        }
        Self.reap(identifier, into: status)
    }

    deinit { kill() }

    private static func makePipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        // Close-on-exec from the start, which pipe(2) cannot do. A pipe held open by another test's
        // child would never end.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw HarnessError("no pipe: errno \(errno)")
        }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], output: Int32, errors: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Dispatch's threads block most signals, and a child would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("LOGBOOK_") }
        inherited.merge(environment) { $1 }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] =
            inherited.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var identifier: pid_t = 0
        let result = posix_spawnp(&identifier, arguments[0], &actions, &attributes, &argv, &envp)
        guard result == 0 else {
            throw HarnessError("cannot start \(arguments[0]): \(String(cString: strerror(result)))")
        }
        return identifier
    }

    private static func reap(_ identifier: pid_t, into status: Guarded<Int32?>) {
        Thread.detachNewThread {
            var information = siginfo_t()
            // First wait, then reap under the lock, so that no signal can hit the next process with
            // that number.
            while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0 {
                guard errno == EINTR else { return }
            }
            status.with { status in
                var code: Int32 = 0
                waitpid(identifier, &code, 0)
                let signal = code & 0x7F
                status = signal == 0 ? code >> 8 & 0xFF : 128 + signal
            }
        }
    }

    /// Sends a signal if it is still running.
    func signal(_ number: Int32) {
        status.with { status in
            if status == nil { _ = Glibc.kill(identifier, number) }
        }
    }

    /// Kills it and waits for its end.
    func kill() {
        signal(SIGKILL)
        _ = status.wait { $0 }
    }

    /// Waits for its end; kills it if it does not end.
    func waitForExit() throws -> Int32 {
        if let code = status.wait(for: { $0 }) { return code }
        kill()
        throw HarnessError("the program did not end; its log: \(standardError.text)")
    }
}
