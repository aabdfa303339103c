import JSON

extension SenderFormat {
    /// OpenTelemetry's logs over HTTP.
    static let otlp = SenderFormat(
        name: OTLPReader.name,
        summary: "OpenTelemetry's logs, in protocol buffers or JSON: collectors and SDKs",
        routes: [SenderRoute(.post, "/v1/logs")],
        contentTypes: ["application/x-protobuf", "application/json"],
        example: """
            {"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{"name":"orders"},"logRecords":[{"timeUnixNano":"1796000400123456789","severityNumber":17,"severityText":"ERROR","body":{"stringValue":"no route to db"},"attributes":[{"key":"order","value":{"intValue":"7"}}],"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]}
            """,
        configuration: """
            exporters:
              otlphttp/logbook:
                logs_endpoint: LOGBOOK/v1/logs
                headers: {authorization: "Bearer ${env:LOGBOOK_TOKEN}"}
            service:
              pipelines:
                logs: {receivers: [k8sobjects], exporters: [otlphttp/logbook]}
            """,
        answers: SenderAnswers(
            stored: "200 and an ExportLogsServiceResponse in the request's encoding",
            partlyRefused: "200 with partialSuccess: the number of rejected records, and why",
            refused:
                "200 with partialSuccess if the records are not valid, 400 and a Status if the request is not; the sender drops them"
        ),
        failures: [.malformed, .tooLarge, .unsupported, .unavailable],
        reader: OTLPReader.self)
}

/// Reads an ExportLogsServiceRequest (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
struct OTLPReader: SenderReader {
    static let name = "otlp"

    /// True if the request, and so the answer, is in JSON.
    private var isJSON: Bool

    init(_ request: SenderRequest) {
        isJSON = request.contentType.contains("json")
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        // No message of protocol buffers begins like this, but one may begin with a line feed.
        if bytes.first == UInt8(ascii: "{") { isJSON = true }
        if isJSON, let first = bytes.firstSign, first != UInt8(ascii: "{") {
            isJSON = false
        }
        guard !bytes.isEmpty else { return }
        guard isJSON else {
            do throws(ProtobufError) {
                return try OTLPProtobuf.read(bytes, into: batch)
            } catch {
                throw SenderFailure(
                    .malformed, "The body is not an ExportLogsServiceRequest: \(error).")
            }
        }
        let isRequest = try SenderJSON.readBody(bytes) { body in
            guard body.isObject else { return false }
            OTLPJSON.read(body.members, into: batch)
            return true
        }
        guard isRequest else {
            throw SenderFailure(
                .malformed, "The body is not an ExportLogsServiceRequest: it must be an object.")
        }
    }

    // MARK: Answering

    /// An ExportLogsServiceResponse: partial_success 1 with rejected_log_records 1, error_message 2.
    func answer(_ outcome: SenderOutcome) -> SenderAnswer? {
        guard outcome.rejected > 0 else { return answer(200, isJSON ? Array("{}".utf8) : []) }
        let message = outcome.rejections.prefix(10).map { "record \($0.index): \($0.detail)" }
            .joined(separator: "; ")
        var body: [UInt8] = []
        if isJSON {
            body.append("{\"partialSuccess\":{\"rejectedLogRecords\":\"")
            body.appendInteger(outcome.rejected)
            body.append("\",\"errorMessage\":")
            body.appendJSONString(message)
            body.append("}}")
        } else {
            var partial: [UInt8] = []
            partial.appendProtobuf(1, number: UInt64(outcome.rejected))
            partial.appendProtobuf(2, bytes: Array(message.utf8))
            body.appendProtobuf(1, bytes: partial)
        }
        return answer(200, body)
    }

    /// A google.rpc.Status: code 1, message 2.
    func answer(_ failure: SenderFailure) -> SenderAnswer? {
        // https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
        let code: UInt64 =
            switch failure.status {
            case .malformed, .invalid, .unsupported: 3
            case .tooLarge: 8
            case .unavailable: 14
            }
        var body: [UInt8] = []
        if isJSON {
            body.append("{\"code\":")
            body.appendInteger(Int(code))
            body.append(",\"message\":")
            body.appendJSONString(failure.detail)
            body.append("}")
        } else {
            body.appendProtobuf(1, number: code)
            body.appendProtobuf(2, bytes: Array(failure.detail.utf8))
        }
        return answer(failure.status.rawValue, body)
    }

    private func answer(_ status: Int, _ body: [UInt8]) -> SenderAnswer {
        SenderAnswer(
            status: status,
            contentType: isJSON ? "application/json" : "application/x-protobuf", body: body)
    }
}

extension [UInt8] {
    /// Appends a field that is a varint.
    fileprivate mutating func appendProtobuf(_ field: Int, number: UInt64) {
        appendVarint(UInt64(field << 3))
        appendVarint(number)
    }

    /// Appends a field that is a string or a message.
    fileprivate mutating func appendProtobuf(_ field: Int, bytes: [UInt8]) {
        appendVarint(UInt64(field << 3 | 2))
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    private mutating func appendVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
