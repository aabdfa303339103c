import Events
import JSON

extension SenderFormat {
    /// Elasticsearch's bulk requests, and what its clients ask for first.
    static let elasticsearch = SenderFormat(
        name: ElasticsearchReader.name,
        summary: "rsyslog, Fluent Bit, Filebeat, Logstash, Vector: Elasticsearch's _bulk",
        routes: [
            SenderRoute(.post, "/elasticsearch/_bulk"),
            SenderRoute(.put, "/elasticsearch/_bulk"),
            SenderRoute(.post, "/elasticsearch/{index}/_bulk"),
            SenderRoute(.put, "/elasticsearch/{index}/_bulk"),
            SenderRoute(
                .post, "/elasticsearch/{index}/_doc", reader: ElasticsearchDocumentReader.self),
            SenderRoute(
                .put, "/elasticsearch/{index}/_doc/{id}", reader: ElasticsearchDocumentReader.self),
        ] + ElasticsearchAnswer.routes,
        contentTypes: [
            "application/x-ndjson", "application/json",
            "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
        ],
        example: """
            {"create":{"_index":"logs"}}
            {"@timestamp":"2026-11-30T02:36:27.000Z","message":"no route to db","log.level":"error","host":{"name":"n1"}}
            """,
        configuration: """
            # rsyslog
            action(type="omelasticsearch" server="http://LOGBOOK:8080/elasticsearch" searchType=""
              searchIndex="syslog" bulkmode="on" errorfile="/var/log/logbook.errors")
            """,
        answers: SenderAnswers(
            stored: "200; each item has the status 201, or 200 or 409 if it was stored already",
            partlyRefused: "200; the items that cannot be stored have the status 400",
            refused: "200 with items of status 400; 400 if a line of an action is malformed"),
        failures: [.malformed, .tooLarge, .unsupported, .unavailable], listsItems: true,
        reader: ElasticsearchReader.self)
}

/// Reads pairs of lines: an action, and the document that it stores.
struct ElasticsearchReader: SenderReader {
    static let name = "elasticsearch"

    /// The operations that store a document.
    private enum Operation: String {
        case index
        case create
    }

    /// A line of an action.
    private struct Action {
        var name: String
        var operation: Operation?
        var index: String?
        var id: String?
    }

    private let index: String?
    private var actions: [Action] = []

    /// The most documents in a request; its answer lists each.
    static let mostItems = 32_768

    init(_ request: SenderRequest) {
        index = request.parameter.isEmpty ? nil : request.parameter
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
            .lazy.map { UnsafeRawBufferPointer(rebasing: $0) }
            .filter { $0.firstSign != nil }.makeIterator()
        guard let first = lines.next() else {
            throw SenderFailure(.malformed, "The body is empty.")
        }
        var line: UnsafeRawBufferPointer? = first
        while let text = line {
            guard actions.count < Self.mostItems else {
                throw SenderFailure(
                    .tooLarge, "A request has at most \(Self.mostItems) documents.")
            }
            let action = try action(text)
            actions.append(action)
            if action.name == "delete" {
                batch.reject("deletions are not taken: events are kept")
            } else if let document = lines.next() {
                add(document, action, to: batch)
            } else {
                batch.reject("the document is missing", .malformed)
            }
            line = lines.next()
        }
    }

    private func action(_ line: UnsafeRawBufferPointer) throws(SenderFailure) -> Action {
        var action: Action?
        try? SenderJSON.read(line) { value in
            guard value.isObject else { return }
            let members = value.members
            guard members.all.count == 1, let (key, target) = members.all.first, target.isObject,
                ["index", "create", "update", "delete"].contains(key.string)
            else { return }
            action = Action(
                name: key.string, operation: Operation(rawValue: key.string),
                index: target.members.string("_index") ?? index,
                id: target.members.scalar("_id"))
        }
        guard let action else {
            throw SenderFailure(
                .malformed,
                "The line of action \(actions.count) must be an object such as {\"create\":{}}, with index, create, update or delete."
            )
        }
        return action
    }

    private func add(
        _ document: UnsafeRawBufferPointer, _ action: Action, to batch: SenderBatch
    ) {
        guard action.operation != nil else {
            return batch.reject("updates are not taken: events do not change")
        }
        do throws(JSONError) {
            try SenderJSON.read(document) { value in
                Self.add(value, index: action.index, id: action.id, to: batch)
            }
        } catch {
            batch.reject("the document is not valid JSON: \(error)", .malformed)
        }
    }

    fileprivate static func add(
        _ document: JSONSlice, index: String?, id: String?, to batch: SenderBatch
    ) {
        guard document.isObject else { return batch.reject("a document must be an object") }
        var target = SenderMetadata()
        if let index { target.append("_index", text: index) }
        if let id { target.append("_id", text: id) }
        PlainRecord.add(
            document, name, id: id.map { Self.id(index, $0, document.raw) }, beside: target,
            to: batch)
    }

    /// The id of a document with an `_id`, which Elasticsearch keeps apart by index and overwrites.
    private static func id(
        _ index: String?, _ id: String, _ content: UnsafeRawBufferPointer
    ) -> String {
        var bytes = Array("\(index ?? "")\0\(id)\0".utf8)
        bytes.append(contentsOf: content)
        return "\(name):\(SenderEvent.hash(bytes))"
    }

    // MARK: Answers

    func answer(_ outcome: SenderOutcome) -> SenderAnswer? {
        var details: [Int: String] = [:]
        for rejection in outcome.rejections { details[rejection.index] = rejection.detail }
        var body = Array("{\"took\":0,\"errors\":\(outcome.rejected > 0),\"items\":".utf8)
        let items = Array(zip(actions, outcome.items).enumerated())
        body.appendJSONArray(of: items) { item, output in
            Self.append(item.element.0, item.element.1, details[item.offset], to: &output)
        }
        body.append("}\n")
        return ElasticsearchAnswer.of(body)
    }

    private static func append(
        _ action: Action, _ state: SenderOutcome.Item, _ detail: String?, to output: inout [UInt8]
    ) {
        func error(_ type: StaticString, _ reason: String) {
            output.append(",\"error\":{\"type\":\"")
            output.append(type)
            output.append("\",\"reason\":")
            output.appendJSONString(reason)
            output.append("}")
        }
        output.append("{\"")
        output.append(contentsOf: action.name.utf8)
        output.append("\":{\"_index\":")
        output.appendJSONString(action.index ?? "logbook")
        if let id = action.id {
            output.append(",\"_id\":")
            output.appendJSONString(id)
        }
        switch (state, action.operation) {
        case (.stored, _): output.append(",\"status\":201,\"result\":\"created\"")
        case (.duplicate, .create):
            output.append(",\"status\":409")
            error("version_conflict_engine_exception", "the document is stored already")
        case (.duplicate, _), (.leftOut, _):
            output.append(",\"status\":200,\"result\":\"noop\"")
        case (.rejected, _):
            output.append(",\"status\":400")
            error("document_parsing_exception", detail ?? "the document cannot be stored")
        }
        output.append("}}")
    }

    func answer(_ failure: SenderFailure) -> SenderAnswer? { ElasticsearchAnswer.of(failure) }
}

/// Reads a single document, as Kubernetes' event exporter sends it.
struct ElasticsearchDocumentReader: SenderReader {
    private let index: String
    private let id: String?

    init(_ request: SenderRequest) {
        // The name of an index has no slash.
        let names = request.parameter.split(separator: "/", maxSplits: 1).map(String.init)
        index = names.first ?? ""
        id = names.count > 1 ? names[1] : nil
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        try SenderJSON.readBody(bytes) {
            ElasticsearchReader.add($0, index: index, id: id, to: batch)
        }
    }

    func answer(_ outcome: SenderOutcome) -> SenderAnswer? {
        if outcome.isRefused {
            let detail = outcome.rejections[0].detail
            return ElasticsearchAnswer.of(
                SenderFailure(.malformed, "The document cannot be stored: \(detail)."))
        }
        let isNew = outcome.accepted > 0
        var body = Array("{\"_index\":".utf8)
        body.appendJSONString(index)
        if let id {
            body.append(",\"_id\":")
            body.appendJSONString(id)
        }
        body.append(isNew ? ",\"result\":\"created\"}\n" : ",\"result\":\"noop\"}\n")
        return ElasticsearchAnswer.of(body)
    }

    func answer(_ failure: SenderFailure) -> SenderAnswer? { ElasticsearchAnswer.of(failure) }
}

/// Answers in Elasticsearch's form. Its clients refuse one without the product's name.
enum ElasticsearchAnswer {
    static func of(_ body: [UInt8], status: Int = 200) -> SenderAnswer {
        SenderAnswer(
            status: status, headers: [("X-Elastic-Product", "Elasticsearch")], body: body)
    }

    static func of(_ failure: SenderFailure) -> SenderAnswer {
        var body = Array("{\"error\":{\"type\":".utf8)
        switch failure.status {
        case .unavailable: body.append("\"unavailable_shards_exception\"")
        case .tooLarge: body.append("\"content_too_long_exception\"")
        case .malformed, .unsupported, .invalid: body.append("\"illegal_argument_exception\"")
        }
        body.append(",\"reason\":")
        body.appendJSONString(failure.detail)
        body.append("},\"status\":")
        body.appendInteger(failure.status.rawValue)
        body.append("}\n")
        return of(body, status: failure.status.rawValue)
    }

    /// The questions of clients before they send: the version, the license, health, and templates
    /// and policies for indexes, which Logbook does not need.
    static let routes: [SenderRoute] =
        [
            (
                "",
                #"{"name":"logbook","cluster_name":"logbook","cluster_uuid":"logbook","version":{"number":"8.15.0","build_flavor":"default","build_type":"docker","build_hash":"unknown","build_date":"2024-08-05T10:05:34.233336849Z","build_snapshot":false,"lucene_version":"9.11.1","minimum_wire_compatibility_version":"7.17.0","minimum_index_compatibility_version":"7.0.0"},"tagline":"You Know, for Search"}"#
            ),
            (
                "/_license",
                #"{"license":{"status":"active","uid":"logbook","type":"basic","issued_to":"logbook","issuer":"logbook"}}"#
            ),
            (
                "/_cluster/health",
                #"{"cluster_name":"logbook","status":"green","timed_out":false,"number_of_nodes":1,"number_of_data_nodes":1}"#
            ),
        ].flatMap { path, text in
            // A client appends its own slash to the address.
            (path.isEmpty ? ["", "/"] : [path]).map { answering($0, text) }
        }
        + ["/_ilm/policy/{name}", "/_index_template/{name}", "/_ingest/pipeline/{name}"].map {
            answering($0, "{}")
        }

    private static func answering(_ path: String, _ text: String) -> SenderRoute {
        SenderRoute(.get, "/elasticsearch\(path)") { _ in of(Array("\(text)\n".utf8)) }
    }
}
