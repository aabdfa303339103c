import Dispatch
import EventStore
import Events
import Foundation
import HTTPClient
import Ingest
import Logging
import SQLiteStore
import Synchronization
import TLS
import TestSupport
import Testing

@testable import Kubernetes

@Suite("A watcher, against a scripted API server")
struct EventWatcherTests {
    private static func id(_ uid: String, _ version: UInt64) -> String {
        "k8s:core:\(uid):\(version)"
    }

    private static func added(_ uid: String, _ version: UInt64) -> String {
        Object.line("ADDED", Object.event(uid, version))
    }

    // MARK: List and watch

    @Test("All pages are stored; the watch begins at the version of the first")
    func pages() throws {
        let trial = try Trial(token: "secret\n")
        trial.watcher.start()
        let first = try trial.server.next()
        #expect(first.target == "/api/v1/events?limit=500")
        #expect(first.field("User-Agent") == "test/1.0")
        #expect(first.field("Authorization") == "Bearer secret")
        #expect(first.field("Accept-Encoding") == nil)
        first.answer(Object.list(7, [Object.event("a", 5, kind: false)], next: "x_-1="))
        // An object that changes between two pages has a version above that of the first.
        let second = try trial.server.next()
        #expect(second.target == "/api/v1/events?limit=500&continue=x_-1%3D")
        second.answer(Object.list(9, [Object.event("b", 8)]))
        let watch = try trial.server.next()
        #expect(watch.target.hasPrefix("/api/v1/events?watch=1&resourceVersion=7&timeoutSeconds="))
        #expect(watch.target.hasSuffix("&allowWatchBookmarks=true"))
        #expect((300...600).contains(Int(watch.parameter("timeoutSeconds") ?? "") ?? 0))
        watch.begin()
        watch.send(Self.added("b", 8))
        watch.send(Object.line("MODIFIED", Object.event("a", 11)))
        // Nothing has happened again.
        watch.send(Object.line("MODIFIED", Object.event("a", 12, count: 11)))
        try trial.wait(forEvents: 5)
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("b", 8), Self.id("a", 11)])
        let report = trial.report
        #expect(report.state == .watching && report.isConnected && report.lastError == nil)
        #expect(report.stored == 3 && report.duplicates == 2 && report.position == 12)
        #expect(report.relists == [.start: 1] && report.errors == [:] && report.skipped == [:])
        #expect(report.lag == .milliseconds(30123))
        #expect(
            trial.log.lines == [
                .init(
                    level: .notice,
                    message:
                        "Kubernetes events are watched at \(trial.server.url), from version 7")
            ])
    }

    @Test("One namespace, and a selector")
    func scope() throws {
        let trial = try Trial {
            $0.namespace = "shop"
            $0.fieldSelector = "type!=Normal,reason=Back Off"
        }
        trial.watcher.start()
        let path = "/api/v1/namespaces/shop/events"
        let selector = "&fieldSelector=type%21%3DNormal%2Creason%3DBack%20Off"
        let list = try trial.server.next()
        #expect(list.target == "\(path)?limit=500\(selector)")
        list.answer(Object.list(7, []))
        let watch = try trial.server.next()
        #expect(watch.target.hasPrefix("\(path)?watch=1") && watch.target.hasSuffix(selector))
        #expect(trial.report.name == "kubernetes/shop")
    }

    @Test("A start lists again, and stores nothing twice")
    func restarts() throws {
        let trial = try Trial()
        for start in 0..<3 {
            trial.watcher.start()
            try trial.answerList(7, [Object.event("a", 5), Object.event("b", 6)])
            _ = try trial.beginWatch(from: 7)
            #expect(trial.report.stored == (start == 0 ? 2 : 0))
            #expect(trial.report.duplicates == (start == 0 ? 0 : 2))
            try trial.restart()
        }
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("b", 6)])
    }

    @Test("A watch that ended well goes on from its last line, a second later at the earliest")
    func resume() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        var version: UInt64 = 7
        for _ in 0..<3 {
            let watch = try trial.beginWatch(from: version)
            version += 1
            watch.send(Self.added("a", version))
            watch.end()
        }
        _ = try trial.beginWatch(from: version)
        #expect(trial.clock.pauses == [.seconds(1), .seconds(1), .seconds(1)])
        #expect(trial.report.relists == [.start: 1] && trial.report.stored == 3)
    }

    @Test("What is deleted, or only a bookmark, is no event but moves the position")
    func noEvents() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        // All events of one lease go with one version.
        for number in 0..<465 {
            watch.send(Object.line("DELETED", Object.event("u\(number)", 12)))
        }
        try trial.wait("deletions") { $0.position == 12 }
        watch.send(
            Object.line("BOOKMARK", #"{"kind":"Event","metadata":{"resourceVersion":"20"}}"#))
        try trial.wait("a bookmark") { $0.position == 20 }
        watch.end()
        _ = try trial.beginWatch(from: 20)
        #expect(try trial.ids() == [])
        #expect(trial.report.stored == 0 && trial.report.skipped == [:])
    }

    @Test("What is no event costs only itself")
    func broken() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7, [#"{"a":1}"#, Object.event("a", 5), "7"])
        let watch = try trial.beginWatch(from: 7)
        watch.send("no JSON\n{}\n[]\n\n")
        watch.send(Object.line("ADDED", #"{"metadata":7}"#))
        watch.send(Object.line("SOMETHING", Object.event("b", 8)))
        watch.send(Self.added("c", 9))
        try trial.wait(forEvents: 2)
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("c", 9)])
        #expect(trial.report.skipped == [.invalid: 6, .unknownType: 1])
        #expect(trial.report.position == 9)
    }

    // MARK: Stale positions

    @Test("A position that has expired is known in any shape", arguments: 0..<3)
    func stale(_ shape: Int) throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7, [Object.event("a", 5)])
        let expired = Object.status(410, "too old resource version: 7 (9)")
        for list in 0..<2 {
            let watch = try trial.next("resourceVersion", "\(7 + list)")
            switch shape {
            case 0:
                watch.begin()
                watch.send(Self.added("b", 8))
                watch.send(Object.line("ERROR", expired))
                watch.end()
            case 1: watch.answer(expired, status: 410)
            default:
                watch.begin()
                watch.end()
            }
            try trial.answerList(UInt64(8 + list), [Object.event("a", 5), Object.event("b", 8)])
        }
        _ = try trial.beginWatch(from: 9)
        let reason: SourceReport.Relist = [.expiredLine, .gone, .emptyWatch][shape]
        #expect(trial.report.relists == [.start: 1, reason: 2])
        #expect(trial.report.errors == [:])
        // The first at once, the second when 30 s have passed.
        #expect(trial.clock.pauses.contains { $0 > .seconds(25) && $0 <= .seconds(30) })
        #expect(trial.clock.pauses.count { $0 > .seconds(1) } == 1)
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("b", 8)])
    }

    @Test("A silent watch that lasted is none of them, but the server may have been restored")
    func silent() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(70)
        for version in [70, 80] as [UInt64] {
            let watch = try trial.beginWatch(from: 70)
            trial.clock.turn(by: .seconds(300))
            watch.end()
            let look = try trial.next("limit", "1")
            look.answer(Object.list(version, [Object.event("x", 4)], next: "more"))
        }
        let watch = try trial.beginWatch(from: 70)
        trial.clock.turn(by: .seconds(300))
        watch.end()
        try trial.next("limit", "1").answer(Object.list(69, []))
        try trial.answerList(69, [Object.event("b", 60)])
        _ = try trial.beginWatch(from: 69)
        #expect(trial.report.relists == [.start: 1, .future: 1])
        #expect(try trial.ids() == [Self.id("b", 60)])
    }

    @Test("A list whose token expires goes on where the server says, and else begins again")
    func expiredToken() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.next("limit", "500").answer(Object.list(7, [Object.event("a", 5)], next: "one"))
        try trial.next("continue", "one").answer(
            Object.status(410, "The provided continue parameter is too old", next: "two"),
            status: 410)
        try trial.next("continue", "two").answer(
            Object.list(12, [Object.event("b", 6)], next: "three"))
        // Twice in a row is once too often.
        try trial.next("continue", "three").answer(
            Object.status(410, "old", next: "four"), status: 410)
        try trial.next("continue", "four").answer(
            Object.status(410, "old", next: "five"), status: 410)
        try trial.next("limit", "500").answer(
            Object.list(20, [Object.event("a", 5), Object.event("c", 18)], next: "six"))
        try trial.next("continue", "six").answer(Object.list(20, []))
        _ = try trial.beginWatch(from: 20)
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("b", 6), Self.id("c", 18)])
        #expect(trial.report.relists == [.start: 1, .gone: 1])
    }

    // MARK: Trouble

    @Test("An error in the middle: what came is stored, and the watch goes on from there")
    func errorLine() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        watch.send(Self.added("a", 8))
        watch.send(Object.line("ERROR", Object.status(500, "etcdserver: leader changed")))
        watch.end()
        try trial.next("limit", "1").answer(Object.list(9, []))
        _ = try trial.beginWatch(from: 8)
        #expect(trial.report.errors == [.status500: 1] && trial.report.relists == [.start: 1])
        let text = "the API server ends the watch with 500: etcdserver: leader changed"
        #expect(trial.report.lastError?.text == text)
        try trial.wait("recovery") { $0.state == .watching }
        #expect(
            trial.log.messages.dropFirst() == [
                "Kubernetes events are not watched: \(text)",
                "Kubernetes events are watched at \(trial.server.url), from version 8",
            ])
    }

    @Test("A reset in the middle of a chunk loses nothing that came")
    func reset() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        watch.send(Self.added("a", 8))
        try trial.wait(forEvents: 1)
        watch.write("ff\r\n{\"type\":\"ADDED\",")
        watch.reset()
        try trial.next("limit", "1").answer(Object.list(9, []))
        try trial.beginWatch(from: 8).send(Self.added("b", 9))
        try trial.wait(forEvents: 2)
        #expect(trial.report.errors == [.unreachable: 1])
        #expect(
            trial.clock.pauses.first.map {
                (.milliseconds(800)...(.milliseconds(1600))).contains($0)
            } == true)
    }

    @Test("A connection that is dead without a word is given up after the watch's own time")
    func halfOpen() throws {
        let trial = try Trial {
            $0.watchSeconds = 0...0
            $0.grace = .milliseconds(300)
        }
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        try watch.waitForClose()
        try trial.next("limit", "1").answer(Object.list(9, []))
        _ = try trial.beginWatch(from: 7)
        #expect(trial.report.errors[.timeout] == 1 && trial.report.relists == [.start: 1])
    }

    @Test("A 401 has the token read again and sent at once; a second one waits")
    func unauthorized() throws {
        let trial = try Trial(token: "old")
        trial.watcher.start()
        let refused = Object.status(401, "Unauthorized")
        func replace(_ token: String) throws {
            try Data(token.utf8).write(to: URL(filePath: trial.folder.file("token")))
        }
        let first = try trial.server.next()
        #expect(first.field("Authorization") == "Bearer old")
        try replace("new")
        first.answer(refused, status: 401)
        let second = try trial.server.next()
        #expect(second.field("Authorization") == "Bearer new")
        #expect(trial.clock.pauses == [] && trial.log.messages == [])
        second.answer(refused, status: 401)
        let third = try trial.server.next()
        #expect(trial.clock.pauses.count == 1)
        #expect(trial.report.state == .waiting && !trial.report.isConnected)
        #expect(trial.report.lastError?.text == "the API server answers 401: Unauthorized")
        third.answer(Object.list(7, []))
        // Each watch has the token of its time, and may retry once again.
        try replace("newer")
        let watch = try trial.server.next()
        watch.answer(refused, status: 401)
        try trial.next("limit", "1").answer(Object.list(7, []))
        let again = try trial.server.next()
        #expect(again.field("Authorization") == "Bearer newer")
        #expect(trial.clock.pauses.count == 2)
        #expect(trial.report.errors == [.status401: 3])
    }

    @Test("A 403 shows the server's own sentence, and is asked again after 30 s")
    func forbidden() throws {
        let trial = try Trial()
        trial.watcher.start()
        let sentence =
            #"events is forbidden: User \"system:serviceaccount:a:b\" cannot list resource \"events\" in API group \"\" at the cluster scope"#
        for _ in 0..<3 {
            try trial.server.next().answer(Object.status(403, sentence), status: 403)
        }
        let list = try trial.next("limit", "500")
        let text = sentence.replacing("\\", with: "")
        #expect(trial.report.lastError?.text == text)
        #expect(trial.report.state == .waiting)
        #expect(trial.clock.pauses == [.seconds(30), .seconds(30), .seconds(30)])
        // One line, not one for each.
        #expect(trial.log.messages == ["Kubernetes events are not watched: \(text)"])
        list.answer(Object.list(7, []))
        _ = try trial.beginWatch(from: 7)
        try trial.wait("recovery") { $0.state == .watching }
        #expect(trial.log.lines.map(\.level) == [.warning, .notice])
    }

    @Test(
        "Retry-After is obeyed, and the watch goes on from its position",
        arguments: [429, 503, 504])
    func retryAfter(_ status: Int) throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let refused = Object.status(status, "later")
        try trial.next("resourceVersion", "7").answer(
            refused, status: status, fields: ["Retry-After: 17"])
        try trial.next("limit", "1").answer(
            refused, status: status, fields: ["Retry-After: 86400"])
        try trial.next("limit", "1").answer(Object.list(7, []))
        _ = try trial.beginWatch(from: 7)
        #expect(Array(trial.clock.pauses.prefix(2)) == [.seconds(17), .seconds(300)])
        #expect(trial.report.errors == [SourceReport.Failure(status: status): 2])
        #expect(trial.report.relists == [.start: 1])
    }

    @Test("Waits double up to 30 s and once more by chance, and begin again after two good minutes")
    func backoff() throws {
        let trial = try Trial()
        trial.watcher.start()
        for _ in 0..<9 { try trial.server.next().answer("", status: 500) }
        let pauses = trial.clock.pauses.map { $0 / .milliseconds(800) }
        _ = try trial.server.next()
        for (pause, factor) in zip(pauses, [1, 2, 4, 8, 16, 32, 37.5, 37.5]) {
            #expect((factor...2 * factor).contains(pause), "\(pauses)")
        }
        var backoff = Backoff()
        for _ in 0..<9 { _ = backoff.next(at: .zero) }
        #expect(backoff.next(at: .seconds(120)) >= .seconds(30))
        #expect(backoff.next(at: .seconds(241)) <= .milliseconds(1600))
    }

    @Test("An answer that is none of an API server is told, and asked for again")
    func otherAnswers() throws {
        let trial = try Trial()
        trial.watcher.start()
        let noList = "the answer is not a list of Kubernetes objects"
        for (body, fields, text) in [
            ("<html></html>", [], noList), ("{}", [], noList), ("[]", [], noList),
            (#"{"metadata":{"resourceVersion":"x"},"items":[]}"#, [], noList),
            (
                "zip", ["Content-Encoding: gzip"],
                "the answer is compressed (gzip), but Logbook did not ask for that"
            ),
        ] {
            try trial.server.next().answer(body, fields: fields)
            let next = try trial.server.next()
            #expect(trial.report.lastError?.text == text)
            next.answer("<h1>Bad</h1>", status: 502)
        }
        try trial.server.next().answer("", status: 307, fields: ["Location: http://127.0.0.1:1/"])
        let last = try trial.server.next()
        #expect(
            trial.report.lastError?.text == "the answer, a 307, is not from an API server")
        #expect(trial.report.errors == [.unusable: 5, .status502: 5, .other: 1])
        last.answer(String(Object.list(7, [Object.event("a", 5)]).dropLast(2)))
        _ = try trial.server.next()
        #expect(trial.report.lastError?.text == noList)
    }

    @Test("A list goes on at the page where it failed")
    func failedPage() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.next("limit", "500").answer(Object.list(7, [Object.event("a", 5)], next: "one"))
        try trial.next("continue", "one").answer("", status: 503)
        try trial.next("continue", "one").answer(
            Object.list(7, [Object.event("b", 6)], next: "two"))
        // A token that the server does not take means all from the start.
        try trial.next("continue", "two").answer(Object.status(400, "bad"), status: 400)
        let list = try trial.server.next()
        #expect(list.parameter("continue") == nil)
        list.answer(Object.list(12, []))
        _ = try trial.beginWatch(from: 12)
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("b", 6)])
    }

    // MARK: Pieces and sizes

    @Test("A line may be cut anywhere")
    func cuts() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        for byte in (Self.added("é", 8) + Self.added("b", 9)).utf8 {
            watch.write("1\r\n")
            watch.write([byte])
            watch.write("\r\n")
        }
        try trial.wait("both") { $0.position == 9 }
        #expect(try trial.ids().last == Self.id("b", 9))
    }

    @Test("A line of 3 MB is passed over, and counted")
    func longLine() throws {
        let trial = try Trial()
        trial.watcher.start()
        let huge = Object.event("big", 8, message: String(repeating: "x", count: 3 << 20))
        try trial.answerList(7, [huge, Object.event("a", 5)])
        let watch = try trial.beginWatch(from: 7)
        watch.send(Object.line("ADDED", huge) + Self.added("b", 9))
        watch.send(Object.line("ADDED", huge))
        watch.end()
        // It was a line: the position has not expired.
        _ = try trial.beginWatch(from: 9)
        #expect(try trial.ids() == [Self.id("a", 5), Self.id("b", 9)])
        #expect(trial.report.skipped == [.tooLong: 3])
    }

    @Test("A burst is stored in batches of 500, in order")
    func burst() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let commits = trial.repository.statistics.commits
        let watch = try trial.beginWatch(from: 7)
        let versions = 8..<UInt64(5008)
        watch.send(versions.map { Self.added("u\($0)", $0) }.joined())
        try trial.wait(forEvents: 5000)
        #expect(try trial.ids() == versions.map { Self.id("u\($0)", $0) })
        #expect(trial.repository.statistics.commits - commits < 100)
        #expect(trial.report.position == 5007)
    }

    // MARK: The store

    @Test("While the store takes nothing, the watcher reads nothing")
    func backPressure() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        try trial.wait("the list") { $0.state == .watching }
        let block = WriterBlock(trial.repository)
        let text = (8..<UInt64(5008)).map { Self.added("u\($0)", $0) }.joined()
        let chunk = Array("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n".utf8)
        var rest = chunk[...]
        // More than sockets and the watcher hold would fit in the end, if it were read on.
        var idle = 0
        while !rest.isEmpty, idle < 200 {
            let count = watch.writeWithoutWaiting(rest)
            rest = rest.dropFirst(count)
            idle = count == 0 ? idle + 1 : 0
            if count == 0 { usleep(1000) }
        }
        #expect(trial.report.stored == 0)
        block.release()
        watch.write(Array(rest))
        try trial.wait(forEvents: 5000)
        #expect(trial.report.errors == [:])
    }

    @Test("A store that refuses ends the watch, which goes on from what is committed")
    func refusingStore() throws {
        let trial = try Trial(queuedEvents: 1)
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        watch.send(Self.added("a", 8))
        try trial.wait(forEvents: 1)
        let block = WriterBlock(trial.repository)
        trial.repository.append([try event(["id": "waits"])]) { _ in }
        trial.clock.stopPauses()
        watch.send(Self.added("b", 9))
        try watch.waitForClose()
        try trial.wait("the refusal") { $0.state == .waiting }
        #expect(trial.report.errors == [.store: 1] && trial.report.position == 8)
        #expect(
            trial.report.lastError?.text
                == "the store takes no events: too many events wait to be written")
        block.release()
        try trial.restart()
        trial.watcher.start()
        try trial.answerList(9, [Object.event("a", 8), Object.event("b", 9)])
        try trial.wait(forEvents: 2)
        #expect(try trial.ids() == [Self.id("a", 8), "waits", Self.id("b", 9)])
    }

    // MARK: The end

    @Test("It ends at once, whatever it waits for", arguments: 0..<4)
    func ends(_ moment: Int) throws {
        let trial = try Trial()
        trial.watcher.start()
        switch moment {
        case 0: _ = try trial.server.next()
        case 1:
            let list = try trial.server.next()
            list.begin()
            list.send(#"{"items":["#)
        case 2:
            try trial.answerList(7)
            let watch = try trial.beginWatch(from: 7)
            watch.send(Self.added("a", 8) + "{\"type\":")
            try trial.wait(forEvents: 1)
        default:
            trial.clock.stopPauses()
            try trial.server.next().answer("", status: 500)
            try trial.wait("a pause") { $0.state == .waiting }
        }
        let begun = ContinuousClock.now
        trial.watcher.stop(timeout: .seconds(60))
        #expect(ContinuousClock.now - begun < .seconds(30))
        #expect(trial.report.state == .stopped && !trial.report.isConnected)
    }

    // MARK: Gaps

    @Test("An outage longer than the server keeps events is on record; a shorter one is not")
    func gap() throws {
        let trial = try Trial { $0.cluster = "eu" }
        trial.watcher.start()
        try trial.answerList(7, [Object.event("a", 5)])
        let watch = try trial.beginWatch(from: 7)
        trial.clock.turn(by: .seconds(60))
        watch.send(Self.added("b", 8))
        try trial.wait(forEvents: 2)
        // Two minutes, then an hour and a second.
        for (minutes, seconds) in [(2, 0), (60, 1)] {
            try trial.restart()
            trial.clock.turn(by: .seconds(minutes * 60 + seconds))
            trial.watcher.start()
            try trial.answerList(9, [])
            _ = try trial.beginWatch(from: 9)
            #expect(trial.report.gaps == (minutes == 2 ? 0 : 1))
        }
        let all = try trial.events()
        #expect(all.count == 3)
        let told = all[2]
        let from = testMoment.milliseconds + 180_000
        #expect(told.text(.id) == "k8s:gap:\(from)-\(from + 3_601_000)")
        #expect(
            told.text(.title)
                == "Kubernetes events between 2026-11-23T10:33:45.123Z and 2026-11-23T10:33:46.123Z may be missing"
        )
        #expect(told.text(.eventType) == "system" && told.text(.severity) == "warning")
        #expect(told.text(.cluster) == "eu" && told.text(.reason) == "EventsMayBeMissing")
        #expect(told.text(.createdAt) == "2026-11-23T11:33:46.123Z")
        #expect(trial.report.lastGap == .seconds(1))
    }

    @Test("Another namespace is another source, and a gap comes within a run, too")
    func gapWithinRun() throws {
        let trial = try Trial { $0.namespace = "shop" }
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        trial.clock.turn(by: .seconds(7200))
        watch.end()
        // No line for two hours, but the server ended it well: it was there all the time.
        try trial.next("limit", "1").answer("", status: 503)
        trial.clock.turn(by: .seconds(3700))
        try trial.next("limit", "1").answer(Object.list(6, []))
        try trial.answerList(6)
        _ = try trial.beginWatch(from: 6)
        #expect(trial.report.gaps == 1)
        let event = try #require(try trial.events().first)
        #expect(
            event.text(.title)?.hasPrefix(
                "Kubernetes events of the namespace shop between 2026-11-23T12:30:45.123Z and ")
                == true)
        #expect(event.text(.objectNamespace) == "shop")
    }

    @Test("How far it has come is kept every five minutes")
    func observations() throws {
        let trial = try Trial()
        trial.watcher.start()
        try trial.answerList(7)
        let watch = try trial.beginWatch(from: 7)
        var kept: [Int64] = []
        for version in 8..<UInt64(16) {
            trial.clock.turn(by: .seconds(100))
            watch.send(Self.added("a", version))
            try trial.wait("the line") {
                $0.position == version && $0.observed == trial.clock.wall()
            }
            let reader = try #require(try trial.repository.makeLocalReader())
            let name = trial.watcher.configuration.observedName
            let moment = try #require(try reader.observedAt(source: name))
            kept.append((moment.milliseconds - testMoment.milliseconds) / 1000)
        }
        #expect(kept == [0, 0, 300, 300, 300, 600, 600, 600])
        trial.watcher.stop(timeout: .seconds(60))
        let reader = try #require(try trial.repository.makeLocalReader())
        let last = try reader.observedAt(source: trial.watcher.configuration.observedName)
        #expect(last == trial.clock.wall())
    }

    // MARK: Access

    @Test("By TLS; token and authorities are read anew for each connection")
    func secure() throws {
        let folder = try TemporaryFolder()
        let authorities = folder.file("ca.crt")
        let trial = try Trial(isSecure: true, token: "secret", authorities: authorities)
        trial.clock.stopPauses()
        trial.watcher.start()
        try trial.wait("no file") { $0.errors[.unusable] == 1 }
        #expect(trial.report.lastError?.text.hasPrefix("cannot use the authorities") == true)
        try FileManager.default.copyItem(
            atPath: TestCertificate.configuration.certificatePath, toPath: authorities)
        try trial.restart()
        trial.clock.stopPauses(false)
        trial.watcher.start()
        let list = try trial.server.next()
        #expect(list.field("Authorization") == "Bearer secret")
        list.answer(Object.list(7, [Object.event("a", 5)]))
        let watch = try trial.beginWatch(from: 7)
        watch.send((8..<UInt64(508)).map { Self.added("u\($0)", $0) }.joined())
        try trial.wait(forEvents: 501)
        // The next connection finds another file.
        try Data().write(to: URL(filePath: authorities))
        watch.end()
        try trial.wait("another file") { $0.errors[.unusable] != nil }
    }

    @Test("A token goes nowhere in plain text but to this machine")
    func exposedToken() throws {
        let trial = try Trial(token: "secret") {
            let server = ServerAddress("http://192.0.2.1:8080")!
            $0.server = APIServer(server, tokenFile: "/dev/null")
        }
        trial.clock.stopPauses()
        try Data("secret".utf8).write(to: URL(filePath: trial.folder.file("token")))
        trial.watcher.start()
        try trial.wait("the refusal") { $0.errors[.unusable] == 1 }
    }
}
