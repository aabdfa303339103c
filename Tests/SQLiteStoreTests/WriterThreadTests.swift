import CLinux
import Dispatch
import Glibc
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("The writer's thread") struct WriterThreadTests {
    private final class Notes: Sendable {
        let numbers = Mutex<[Int]>([])

        func note(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    @Test("It does what came before it was started, and what comes, in order")
    func order() throws {
        let thread = WriterThread("test")
        let notes = Notes()
        for number in 0..<10 { thread.async { notes.note(number) } }
        try thread.start()
        for number in 10..<1000 { thread.async { notes.note(number) } }
        thread.sync {}
        #expect(notes.numbers.withLock { $0 } == Array(0..<1000))
        thread.end()
    }

    @Test("What is to be done later is done later, the soonest first, while other tasks go on")
    func timers() throws {
        let thread = WriterThread("test")
        try thread.start()
        let notes = Notes()
        let begin = clinux_monotonic_nanoseconds()
        let done = DispatchSemaphore(value: 0)
        thread.async(after: .milliseconds(60)) {
            notes.note(Int(clinux_monotonic_nanoseconds() - begin) / 1_000_000)
            done.signal()
        }
        thread.async(after: .milliseconds(20)) { notes.note(2) }
        thread.sync { notes.note(1) }
        done.wait()
        let numbers = notes.numbers.withLock { $0 }
        #expect(numbers.prefix(2) == [1, 2])
        #expect(numbers[2] >= 60)
        thread.end()
    }

    @Test("It ends when what is due has been done, without its timers, and lets go of everything")
    func end() throws {
        weak var weakThread: WriterThread?
        let notes = Notes()
        let done = DispatchSemaphore(value: 0)
        do {
            let thread = WriterThread("test")
            weakThread = thread
            try thread.start()
            thread.async(after: .seconds(3600)) { notes.note(2) }
            thread.async {
                notes.note(1)
                done.signal()
            }
            thread.end()
        }
        done.wait()
        while weakThread != nil { usleep(1000) }
        #expect(notes.numbers.withLock { $0 } == [1])
    }
}
