import Events
import JSON

extension SenderFormat {
    /// GitHub's webhooks, signed or not.
    static let github = SenderFormat(
        name: GitHubReader.name,
        summary: "GitHub: the webhooks of a repository or an organization",
        routes: [SenderRoute(.post, "/ingest/github")],
        contentTypes: ["application/json"],
        example: """
            {"action":"completed","workflow_run":{"id":30433642,"name":"Build","display_title":"Update README.md","conclusion":"failure","html_url":"https://github.com/octo/shop/actions/runs/30433642","updated_at":"2026-11-30T02:36:27Z"},"repository":{"full_name":"octo/shop"},"sender":{"login":"octocat"}}
            """,
        configuration: """
            # Settings, Webhooks, Add webhook
            Payload URL: LOGBOOK/ingest/github
            Content type: application/json
            Secret: the content of the file that the access file names
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "a delivery is one event",
            refused: "400, 415 or 422 and a problem, which GitHub shows beside the delivery",
            unavailable: "503; GitHub does not try again, but redelivers by hand for 3 days"),
        signatureHeader: "x-hub-signature-256",
        reader: GitHubReader.self)
}

/// Reads one delivery. Its id is GitHub's, so that one delivered again is a duplicate.
struct GitHubReader: SenderReader {
    static let name = "github"

    /// Members that say what happened to what, with the event's own first.
    private static let subjects: [StaticString] = [
        "workflow_run", "workflow_job", "check_run", "check_suite", "deployment_status", "release",
        "pull_request", "issue", "deployment", "discussion", "alert",
    ]
    private static let titles: [StaticString] = ["title", "display_title", "name", "description"]
    private static let times: [StaticString] = [
        "updated_at", "completed_at", "published_at", "created_at",
    ]

    private let event: String?
    private let delivery: String?

    init(_ request: SenderRequest) {
        event = request.header("x-github-event")
        delivery = request.header("x-github-delivery")
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        guard !bytes.starts(with: "payload=".utf8) else {
            throw SenderFailure(
                .unsupported,
                "The body is a form: choose the content type application/json for the webhook.")
        }
        try SenderJSON.readBody(bytes) { body in
            guard body.isObject else { return batch.reject("a delivery must be an object") }
            add(body.members, to: batch)
        }
    }

    private func add(_ members: OutermostMembers, to batch: SenderBatch) {
        // A deployment's status, for one, comes with the run that made it.
        let own = Self.subjects.filter { "\($0)" == self.event }
        let subjectName = (own + Self.subjects).first { members.object($0) != nil }
        let subject = subjectName.flatMap(members.object)
        let kind = event ?? subjectName.map { "\($0)" } ?? "event"
        let repository = members.object("repository")?.string("full_name")
        let owner = repository ?? members.object("organization")?.string("login")
        var event = SenderEvent(Self.name, batch.options)
        event.setType("system")
        event.set(Self.severity(subject))
        event.setTitle(
            [kind, members.string("action"), owner].compactMap { $0 }.joined(separator: " "))
        event.set(
            .description,
            subject.flatMap { subject in
                Self.titles.lazy.compactMap(subject.string).first { !$0.isEmpty }
            } ?? members.object("head_commit")?.string("message"))
        event.set(.reason, kind)
        event.setObject(
            kind: repository == nil ? "Organization" : "Repository", namespace: nil, name: owner)
        event.set(
            subject.flatMap { subject in Self.times.lazy.compactMap(subject.time).first })
        if let delivery { event.setID("github:\(delivery)") }
        var metadata = SenderMetadata()
        metadata.append(members)
        if let name = self.event { metadata.append("X-GitHub-Event", text: name) }
        event.add(to: batch, metadata: metadata, content: members.raw)
    }

    private static func severity(_ subject: OutermostMembers?) -> Severity {
        switch subject?.string("conclusion") ?? subject?.string("state") {
        case "failure", "error", "timed_out", "startup_failure": .error
        case "action_required", "stale": .warning
        default: .info
        }
    }
}
