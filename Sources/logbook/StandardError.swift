import Glibc

/// Prints a line for people to standard error.
func printToStandardError(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    // Where standard error is closed, nobody listens.
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
