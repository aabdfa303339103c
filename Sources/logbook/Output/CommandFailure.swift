import ArgumentParser
import EventStore
import Events
import JSON

/// Runs the work of a command; reports an error on standard error and by the exit code.
///
/// - Parameter subject: the start of the message: the server or file.
func reportingFailures(of subject: String, _ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as SchemaError {
        printToStandardError(error.message)
        if case .refused = error { throw ExitCode.refused }
        throw ExitCode.failure
    } catch let error as QueryError {
        throw ValidationError("\(FilterOptions.flag(of: error.parameter)) \(error.detail)")
    } catch let error as StoreError {
        printToStandardError("\(subject): \(error)")
        throw ExitCode.failure
    } catch let error as JSONError {
        printToStandardError("\(subject): the answer cannot be read: \(error)")
        throw ExitCode.failure
    } catch let error as ClientError {
        if case .wrongParameter(let error) = error.kind {
            throw ValidationError("\(FilterOptions.flag(of: error.parameter)) \(error.detail)")
        }
        printToStandardError("\(subject): \(error)")
        throw ExitCode.failure
    } catch let error as StandardOutput.Failure {
        printToStandardError("\(error)")
        throw ExitCode.failure
    }
}
