import Foundation

/// The thread that starts every child. It lives as long as the tests.
///
/// Children ask the kernel to kill them when their parent ends, so that crashed or killed tests
/// leave none behind. To the kernel, the parent is the thread that called fork (prctl(2),
/// PR_SET_PDEATHSIG).
enum SpawningThread {
    private typealias Job = @Sendable () -> Void

    private static let jobs: Guarded<[Job]> = {
        let jobs = Guarded<[Job]>([])
        Thread.detachNewThread {
            while true {
                _ = jobs.wait { $0.isEmpty ? nil : true }
                let waiting = jobs.with { jobs in
                    defer { jobs = [] }
                    return jobs
                }
                for job in waiting { job() }
            }
        }
        return jobs
    }()

    /// Runs `body` on the thread.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        let outcome = Guarded<Result<Value, any Error>?>(nil)
        jobs.with { jobs in
            jobs.append { outcome.with { $0 = Result(catching: body) } }
        }
        guard let result = outcome.wait(for: { $0 }) else {
            throw HarnessError("no child could be started in time")
        }
        return try result.get()
    }
}
