import ArgumentParser

/// `logbook completions`
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print a script that completes commands and flags in a shell.",
        discussion: """
            Examples:
              logbook completions bash > /etc/bash_completion.d/logbook
              logbook completions zsh > "${fpath[1]}/_logbook"
              logbook completions fish > ~/.config/fish/completions/logbook.fish
              source <(logbook completions bash)
            """)

    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash, zsh, fish

        var known: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        try reportingFailures(of: "completions") {
            let output = StandardOutput()
            try output.write { $0 += Array(Logbook.completionScript(for: shell.known).utf8) }
            try output.write { if $0.last != UInt8(ascii: "\n") { $0.append(UInt8(ascii: "\n")) } }
            try output.flush()
        }
    }
}
