import Events
import JSON

extension SenderFormat {
    /// Flux's notifications, signed or not.
    static let flux = SenderFormat(
        name: FluxReader.name,
        summary: "Flux: the events of its controllers, by a Provider of type generic",
        routes: [SenderRoute(.post, "/ingest/flux")],
        contentTypes: ["application/json"],
        example: """
            {"involvedObject":{"kind":"Kustomization","namespace":"apps","name":"web","uid":"7d0cdc51-ddcf-4743-b223-83ca5c699632","apiVersion":"kustomize.toolkit.fluxcd.io/v1"},"severity":"error","timestamp":"2026-11-30T02:36:27Z","message":"kustomize build failed","reason":"BuildFailed","metadata":{"revision":"main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"},"reportingController":"kustomize-controller","reportingInstance":"kustomize-controller-7c7b47f5f-8bhrp"}
            """,
        configuration: """
            apiVersion: notification.toolkit.fluxcd.io/v1beta3
            kind: Provider
            metadata: {name: logbook, namespace: flux-system}
            spec:
              type: generic-hmac # or generic, with a token in the Secret's headers
              address: LOGBOOK/ingest/flux
              secretRef: {name: logbook}
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "a request has one event",
            refused: "400 or 422 and a problem; Flux drops the event and logs it"),
        signatureHeader: "x-signature",
        reader: FluxReader.self)
}

/// Reads one event.
struct FluxReader: SenderReader {
    static let name = "flux"

    init(_ request: SenderRequest) {}

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        try SenderJSON.readBody(bytes) { body in
            guard body.isObject else { return batch.reject("an event must be an object") }
            Self.add(body.members, to: batch)
        }
    }

    private static func add(_ members: OutermostMembers, to batch: SenderBatch) {
        guard let object = members.object("involvedObject") else {
            return batch.reject("involvedObject must be an object")
        }
        var event = SenderEvent(name, batch.options)
        event.setType("operator")
        event.set(members.string("severity").flatMap(Severity.init(word:)) ?? .info)
        event.setTitle(members.string("message"), members.string("reason"), "Flux")
        event.set(.description, members.string("message"))
        event.set(.reason, members.string("reason"))
        event.setObject(
            kind: object.string("kind") ?? "Object", namespace: object.string("namespace"),
            name: object.string("name"))
        event.set(members.time("timestamp"))
        var metadata = SenderMetadata()
        metadata.append(members)
        event.add(to: batch, metadata: metadata, content: members.raw)
    }
}
