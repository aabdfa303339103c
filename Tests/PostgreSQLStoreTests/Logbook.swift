import EventStore
import Foundation
import Logging
import PostgreSQL
import PostgreSQLStore
import TestSupport

/// One of several Logbooks on a database, in service until the last reference goes.
final class Logbook: Sendable {
    let repository: any EventRepository

    /// - Parameter configure: changes the configuration, which keeps every event by default.
    init(
        _ url: String, opens: Bool = true,
        _ configure: (inout PostgreSQLConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = PostgreSQLConfiguration(
            address: try PostgreSQLAddress(url: url, allowsPassword: true))
        configuration.retention.ages = [:]
        configuration.lookInterval = .milliseconds(20)
        configure(&configuration)
        repository = PostgreSQLRepository(configuration, logger: quietLogger)
        if opens { try repository.open() }
    }

    deinit { repository.close() }

    /// The epoch in the metrics.
    var epoch: Int? {
        for metric in repository.engine.metrics where "\(metric.name)" == "logbook_store_epoch" {
            if case .gauge(let epoch) = metric.value { return epoch }
        }
        return nil
    }
}

/// A logger for what goes wrong on purpose.
let quietLogger: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

/// Waits for what no reply or commit tells of; false after a minute.
func becomesTrue(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return false
}

/// The number in an environment variable, for runs that are longer than usual.
func scale(_ name: String, _ usual: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? usual
}

/// The error of what must fail.
func failure<Success>(
    of body: () async throws -> Success
) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
