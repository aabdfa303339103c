import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("Flux and GitHub")
struct FluxFormatTests {
    /// "Generic webhook" in github.com/fluxcd/notification-controller at 2e46958,
    /// docs/spec/v1beta3/providers.md; its members are those of Event in github.com/fluxcd/pkg at
    /// e2cfd1a2, apis/event/v1beta1/event.go.
    private static let flux = """
        {"involvedObject":{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","name":"webapp","namespace":"apps","uid":"7d0cdc51-ddcf-4743-b223-83ca5c699632"},"metadata":{"kustomize.toolkit.fluxcd.io/revision":"main/731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"},"severity":"error","reason":"ValidationFailed","message":"service/apps/webapp validation error: spec.type: Unsupported value: Ingress","reportingController":"kustomize-controller","reportingInstance":"kustomize-controller-7c7b47f5f-8bhrp","timestamp":"2022-10-28T07:26:19Z"}
        """

    @Test("An event of Flux")
    func flux() throws {
        let event = try #require(SenderReading(.flux, Self.flux).events.first)
        #expect(event.text(.id)?.hasPrefix("flux:") == true)
        #expect(event.text(.eventType) == "operator")
        #expect(event.text(.severity) == "error")
        #expect(event.text(.title)?.hasPrefix("service/apps/webapp validation error") == true)
        #expect(event.text(.reason) == "ValidationFailed")
        #expect(event.text(.objectKind) == "Kustomization")
        #expect(event.text(.objectNamespace) == "apps")
        #expect(event.text(.objectName) == "webapp")
        #expect(event.text(.createdAt) == "2022-10-28T07:26:19.000Z")
        #expect(
            event.metadata.contains(
                #""metadata":{"kustomize.toolkit.fluxcd.io/revision":"main/731f"#))
        for (word, severity) in [
            ("info", "info"), ("trace", "info"), ("error", "error"), ("x", "info"),
        ] {
            let text = Self.flux.replacing(#""severity":"error""#, with: #""severity":"\#(word)""#)
            #expect(SenderReading(.flux, text).events.first?.text(.severity) == severity)
        }
        for body in ["{}", "[]", "7", #"{"involvedObject":[]}"#] {
            let reading = SenderReading(.flux, body)
            #expect(reading.events.isEmpty && reading.outcome.rejected == 1)
        }
        #expect(SenderReading(.flux, Self.flux + "{").failure?.status == .malformed)
    }

    /// github.com/octokit/webhooks at 3a58428a, payload-examples/api.github.com/issues/
    /// opened.payload.json, cut to what matters here.
    private static let issue = """
        {"action":"opened","issue":{"url":"https://api.github.com/repos/Codertocat/Hello-World/issues/1","number":1,"title":"Spelling error in the README file","created_at":"2019-05-15T15:20:18Z","updated_at":"2019-05-15T15:20:18Z"},"repository":{"id":186853002,"full_name":"Codertocat/Hello-World"},"sender":{"login":"Codertocat","id":21031067}}
        """

    private func delivery(
        _ body: String, _ headers: [(name: String, value: String)] = []
    ) throws -> Event {
        try #require(SenderReading(.github, Array(body.utf8), headers: headers).events.first)
    }

    @Test("A delivery of GitHub")
    func github() throws {
        let headers = [
            (name: "X-GitHub-Event", value: "issues"),
            (name: "X-GitHub-Delivery", value: "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ]
        let event = try delivery(Self.issue, headers)
        #expect(event.text(.id) == "github:72d3162e-cc78-11e3-81ab-4c9367dc0958")
        #expect(event.text(.title) == "issues opened Codertocat/Hello-World")
        #expect(event.text(.description) == "Spelling error in the README file")
        #expect(event.text(.reason) == "issues")
        #expect(event.text(.severity) == "info")
        #expect(event.text(.objectKind) == "Repository")
        #expect(event.text(.objectName) == "Codertocat/Hello-World")
        #expect(event.text(.createdAt) == "2019-05-15T15:20:18.000Z")
        #expect(event.metadata.contains(#""X-GitHub-Event":"issues","source":"github""#))
        let plain = try delivery(Self.issue)
        #expect(plain.text(.id)?.hasPrefix("github:") == true)
        #expect(plain.text(.title) == "issue opened Codertocat/Hello-World")
        let push = try delivery(
            #"{"ref":"refs/heads/main","head_commit":{"message":"Update"},"repository":{"full_name":"o/r"}}"#,
            [(name: "x-github-event", value: "push")])
        #expect(push.text(.title) == "push o/r")
        #expect(push.text(.description) == "Update")
        let organization = try delivery(
            #"{"organization":{"login":"o"}}"#, [(name: "x-github-event", value: "ping")])
        #expect(organization.text(.objectKind) == "Organization")
    }

    @Test("What a delivery is about comes before what made it")
    func deployment() throws {
        // The same, deployment_status/gh-pages.payload.json.
        let event = try delivery(
            #"{"check_run":{"name":"deploy","conclusion":null},"workflow_run":{"display_title":"x","conclusion":"failure","updated_at":"2022-01-03T01:28:40Z"},"deployment":{"description":"Pages"},"deployment_status":{"state":"in_progress","updated_at":"2022-01-03T01:28:41Z"},"action":"created","repository":{"full_name":"Codertocat/Hello-World"}}"#,
            [(name: "X-GitHub-Event", value: "deployment_status")])
        #expect(event.text(.severity) == "info")
        #expect(event.text(.createdAt) == "2022-01-03T01:28:41.000Z")
        #expect(event.text(.title) == "deployment_status created Codertocat/Hello-World")
    }

    @Test("A failed run, check or deployment is an error")
    func conclusions() throws {
        for (subject, severity) in [
            (#""workflow_run":{"conclusion":"failure"}"#, "error"),
            (#""check_run":{"conclusion":"timed_out"}"#, "error"),
            (#""workflow_run":{"conclusion":"success"}"#, "info"),
            (#""workflow_run":{"conclusion":null}"#, "info"),
            (#""deployment_status":{"state":"error"},"deployment":{}"#, "error"),
            (#""check_run":{"conclusion":"action_required"}"#, "warning"),
            (#""issue":{"state":"open"}"#, "info"),
        ] {
            #expect(try delivery("{\(subject)}").text(.severity) == severity)
        }
    }

    @Test("A form says how to choose JSON")
    func form() {
        let reading = SenderReading(.github, "payload=%7B%7D")
        #expect(reading.failure?.status == .unsupported)
        #expect(reading.failure?.detail.contains("application/json") == true)
        #expect(SenderReading(.github, "[]").outcome.rejected == 1)
        #expect(SenderReading(.github, "{").failure?.status == .malformed)
    }
}
