/// What the reader does not take, and in which line, counted from 1.
struct YAMLError: Error {
    let line: Int
    let detail: String
}
