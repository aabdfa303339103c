import Glibc

/// The program that shows long output on a terminal page by page: `$PAGER`, or `less`. Standard
/// output goes to it until it is released.
final class Pager {
    private let process: pid_t
    private let terminal: Int32

    /// Starts it; nil if none is wanted or there is none.
    init?() {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let wanted = variable("PAGER")
        guard (variable("NO_PAGER") ?? "").isEmpty, variable("TERM") != "dumb", wanted != "",
            wanted != "cat"
        else { return nil }
        // As git sets it: leave if it fits the screen, pass colors, leave the text there.
        setenv("LESS", "FRX", 0)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var process = pid_t()
        guard Self.spawn(wanted.map { ["sh", "-c", $0] } ?? ["less"], ends[0], &process) else {
            close(ends[0])
            close(ends[1])
            return nil
        }
        self.process = process
        terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        dup2(ends[1], STDOUT_FILENO)
        close(ends[0])
        close(ends[1])
        // Ctrl-C is for the pager, which ends this program by closing the pipe.
        signal(SIGINT, SIG_IGN)
    }

    /// Waits until its reader has seen everything.
    deinit {
        dup2(terminal, STDOUT_FILENO)
        close(terminal)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        signal(SIGINT, SIG_DFL)
    }

    /// Starts `command` with `input` as its standard input.
    private static func spawn(_ command: [String], _ input: Int32, _ process: inout pid_t) -> Bool {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        // This program ignores SIGPIPE, which a pager does not expect.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        return posix_spawnp(&process, command[0], &actions, &attributes, &arguments, environ) == 0
    }
}
