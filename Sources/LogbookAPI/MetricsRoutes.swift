import Access
import EventStore
import Events
import HTTPServer
import System

/// `GET /metrics`, entirely from memory. docs/metrics.md has a line for each family, and a test
/// compares the two.
extension LogbookAPI {
    var metricsRoutes: [Route] {
        [
            route(
                .get, "/metrics", "metrics for Prometheus, from memory", scope: .read,
                statuses: [.ok]
            ) { [self] request, response throws(Problem) in
                var text = MetricsText()
                Self.write(request.serverFigures, to: &text)
                let statistics = repository.statistics
                writeEvents(statistics, to: &text)
                writeWriter(statistics, to: &text)
                writeSources(to: &text)
                writeSenders(to: &text)
                writeStore(to: &text)
                let engine = repository.engine
                write(engine.metrics, to: &text)
                writeStreams(to: &text)
                writeProcess(engine, to: &text)
                response.contentType = "text/plain; version=0.0.4; charset=utf-8"
                response.addHeader("Cache-Control", "no-store")
                response.body.append(contentsOf: text.bytes)
            }
        ]
    }

    // MARK: HTTP

    private static func write(_ figures: ServerFigures, to text: inout MetricsText) {
        text.family(
            "logbook_http_requests_total", .counter, "Requests answered, by route and status.")
        for requests in figures.requests {
            for (status, count) in zip(HTTPStatus.all, requests.counts) where count > 0 {
                text.sample(count, labels(requests) + [("status", String(status.code))])
            }
        }
        text.family(
            "logbook_http_request_duration_seconds", .histogram,
            "Time from the last byte of a request to its answer, or to the start of a streamed one."
        )
        let bounds = ServerFigures.Times.bounds.map { Int($0.inNanoseconds) }
        for requests in figures.requests {
            text.histogram(
                bounds, requests.times.counts, sum: requests.times.nanoseconds, areTimes: true,
                labels(requests))
        }
        text.family(
            "logbook_http_received_bytes_total", .counter,
            "Bytes received from clients, without TLS overhead.", figures.received)
        text.family(
            "logbook_http_sent_bytes_total", .counter,
            "Bytes sent to clients, without TLS overhead.",
            figures.sent)
        writeConnections(figures, to: &text)
    }

    private static func labels(_ requests: ServerFigures.Requests) -> MetricsText.Labels {
        [("route", requests.path ?? "none"), ("method", requests.method?.rawValue ?? "other")]
    }

    private static func writeConnections(_ figures: ServerFigures, to text: inout MetricsText) {
        text.family(
            "logbook_http_connections", .gauge, "Open connections.", figures.connections)
        text.family(
            "logbook_http_connections_limit", .gauge, "Limit on open connections.",
            figures.connectionLimit)
        text.family(
            "logbook_http_connections_accepted_total", .counter, "Connections accepted.",
            figures.accepted)
        text.family(
            "logbook_http_connections_refused_total", .counter,
            "Connections dropped: the TLS handshake failed, no memory for buffers was left, or idle ones made room for others."
        )
        text.sample(figures.failedHandshakes, [("reason", "tls_handshake")])
        text.sample(figures.shed, [("reason", "buffers")])
        text.sample(figures.displaced, [("reason", "room")])
        text.family(
            "logbook_http_accept_pauses_total", .counter,
            "Times that new connections had to wait, because of the limit on connections or on descriptors."
        )
        text.sample(figures.heldBackByConnections, [("reason", "connections")])
        text.sample(figures.heldBackByDescriptors, [("reason", "descriptors")])
        text.family(
            "logbook_http_buffered_bytes", .gauge, "Bytes in the buffers of all connections.",
            figures.bufferedBytes)
        text.family(
            "logbook_http_buffered_limit_bytes", .gauge,
            "Limit on the bytes in the buffers of all connections.",
            figures.bufferLimit)
        text.family(
            "logbook_auth_failures_total", .counter,
            "Requests refused because they had no valid token or certificate, or one without the scope."
        )
        for reason in AccessControl.Reason.allCases {
            text.sample(
                figures.accessRefusals[reason.rawValue] ?? 0, [("reason", reason.rawValue)])
        }
        text.family(
            "logbook_tls_certificate_end_timestamp_seconds", .gauge,
            "End of the certificate in use, in seconds since 1970; absent without TLS.")
        if let end = figures.certificateEnd { text.sample(Int(end)) }
    }

    // MARK: The store

    private func writeEvents(_ statistics: StoreStatistics, to text: inout MetricsText) {
        let tally = statistics.tally
        text.family(
            "logbook_events_stored_total", .counter,
            "Events stored, by type (other if the contract does not name it) and severity.")
        for type in EventType.allCases.map(Optional.some) + [nil] {
            for severity in Severity.allCases {
                text.sample(
                    tally.stored(type, severity),
                    [("type", type?.rawValue ?? "other"), ("severity", severity.rawValue)])
            }
        }
        text.family(
            "logbook_events_duplicate_total", .counter, "Events sent that were stored already.",
            tally.duplicates)
        text.family(
            "logbook_events_rejected_total", .counter, "Events sent and not stored, by reason.")
        text.sample(rejections.malformed, [("reason", "malformed")])
        text.sample(rejections.invalid, [("reason", "invalid")])
        text.sample(rejections.tooLarge, [("reason", "too_large")])
        text.sample(tally.conflicts, [("reason", "conflict")])
        text.sample(rejections.unavailable, [("reason", "unavailable")])
        text.family(
            "logbook_events_deleted_total", .counter, "Events deleted by request.", tally.deleted)
        text.family(
            "logbook_events_removed_total", .counter, "Events removed by retention, by reason.")
        text.sample(statistics.removedByAge, [("reason", "age")])
        text.sample(statistics.removedForCount, [("reason", "count")])
        text.sample(statistics.removedForBytes, [("reason", "bytes")])
        text.family(
            "logbook_events_last_seq", .gauge, "The seq of the last event stored.",
            Int(repository.commits.lastSeq))
    }

    private func writeWriter(_ statistics: StoreStatistics, to text: inout MetricsText) {
        let limits = repository.queueLimits
        text.family(
            "logbook_write_queue_events", .gauge, "Events waiting to be written.",
            statistics.queued.events)
        text.family(
            "logbook_write_queue_limit_events", .gauge,
            "Limit on the events waiting to be written.",
            limits.events)
        text.family(
            "logbook_write_queue_bytes", .gauge, "Bytes of the events waiting to be written.",
            statistics.queued.bytes)
        text.family(
            "logbook_write_queue_limit_bytes", .gauge, "Limit on the bytes waiting to be written.",
            limits.bytes)
        text.family(
            "logbook_write_queue_refusals_total", .counter,
            "Requests refused because the queue was full.", statistics.queueRefusals)
        write(
            statistics.commitSizes, "logbook_commit_events",
            "Events stored and deleted in a commit.", areTimes: false, to: &text)
        write(
            statistics.commitTimes, "logbook_commit_duration_seconds",
            "Time of a commit, including its sync.", to: &text)
        write(
            statistics.syncTimes, "logbook_commit_sync_duration_seconds",
            "Time that a commit takes to write and sync the WAL.", to: &text)
        text.family(
            "logbook_store_clock_lag_seconds", .gauge,
            "Lag of the store's clock behind the system's; negative if it is ahead.")
        text.sample(nanoseconds: Int(statistics.clockLag.inNanoseconds))
    }

    private func write(
        _ distribution: Distribution, _ name: StaticString, _ help: StaticString,
        areTimes: Bool = true, to text: inout MetricsText
    ) {
        text.family(name, .histogram, help)
        text.histogram(
            distribution.bounds, distribution.counts, sum: distribution.sum, areTimes: areTimes)
    }

    /// Appends the metrics that only one engine has.
    private func write(_ metrics: [EngineMetric], to text: inout MetricsText) {
        for metric in metrics {
            switch metric.value {
            case .counter(let count): text.family(metric.name, .counter, metric.help, count)
            case .gauge(let value):
                text.family(metric.name, .gauge, metric.help)
                if let value { text.sample(value) }
            case .time(let time):
                text.family(metric.name, .gauge, metric.help)
                text.sample(nanoseconds: Int(time.inNanoseconds))
            case .times(let distribution): write(distribution, metric.name, metric.help, to: &text)
            }
        }
    }

    private func writeStore(to text: inout MetricsText) {
        let state = repository.schemaState
        text.family(
            "logbook_schema_version", .gauge, "Version of the schema; 0 before it is known.",
            state.version)
        text.family(
            "logbook_schema_latest_version", .gauge,
            "The latest version that this program knows.", state.latest)
        text.family(
            "logbook_writable", .gauge, "1 while events can be stored, else 0.",
            state.status == .ready && repository.unwritableReason == nil ? 1 : 0)
        text.family(
            "logbook_database_damaged", .gauge,
            "1 from the discovery of damage in the database until the process ends, else 0.",
            repository.isDamaged ? 1 : 0)
        text.family(
            "logbook_ready", .gauge, "1 while /readyz is 200, else 0.",
            unreadyReason == nil ? 1 : 0)
    }

    private func writeStreams(to text: inout MetricsText) {
        let streams = liveTail.figures
        text.family("logbook_streams", .gauge, "Open live streams.", streams.count)
        text.family(
            "logbook_streams_limit", .gauge, "Limit on open live streams.", streams.limit)
        text.family(
            "logbook_stream_lag_events", .gauge,
            "Events that the slowest live stream has yet to examine.",
            Int(max(0, repository.commits.lastSeq - (streams.last ?? .max))))
    }

    // MARK: The process

    private func writeProcess(_ engine: EngineReport, to text: inout MetricsText) {
        text.family("logbook_build_info", .gauge, "Always 1; the labels name the versions.")
        text.sample(1, [("version", version), engine.version])
        let process = ProcessFigures()
        text.family("process_cpu_seconds_total", .counter, "CPU time used, user and system.")
        text.sample(nanoseconds: process.cpuNanoseconds)
        text.family(
            "process_resident_memory_bytes", .gauge, "Resident memory.", process.residentBytes)
        text.family(
            "process_virtual_memory_bytes", .gauge, "Virtual memory.", process.virtualBytes)
        text.family("process_open_fds", .gauge, "Open descriptors.", process.openDescriptors)
        text.family(
            "process_max_fds", .gauge, "Limit on open descriptors.", process.mostDescriptors)
        text.family("process_threads", .gauge, "Threads.", process.threads)
        text.family(
            "process_start_time_seconds", .gauge, "Start of the process, in seconds since 1970.")
        text.sample(nanoseconds: ProcessFigures.start)
    }
}
