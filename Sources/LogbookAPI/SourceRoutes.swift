import Access
import Events
import HTTPServer
import Ingest
import JSON
import System

/// Answers from memory with the sources that Logbook itself asks for events.
extension LogbookAPI {
    var sourceRoutes: [Route] {
        [
            route(
                .get, "/sources",
                "the sources that Logbook itself asks for events, and their states", scope: .read,
                statuses: [.ok, .badRequest]
            ) { [self] request, response throws(Problem) in
                _ = try parameters(request, known: [])
                response.addHeader("Cache-Control", "no-store")
                response.body.append("{\"sources\":")
                response.body.appendJSONArray(of: sources()) { $0.appendJSON(to: &$1) }
                response.body.append("}\n")
            }
        ]
    }

    /// Writes the metrics of all sources.
    func writeSources(to text: inout MetricsText) {
        let reports = sources()
        func numbers(
            _ name: StaticString, _ kind: MetricsText.Kind, _ help: StaticString,
            _ value: (SourceReport) -> Int
        ) {
            text.family(name, kind, help)
            for report in reports { text.sample(value(report), [("source", report.name)]) }
        }
        func time(_ name: StaticString, _ help: StaticString, _ value: (SourceReport) -> Duration) {
            text.family(name, .gauge, help)
            for report in reports {
                let milliseconds = Int(value(report).inMilliseconds)
                text.sample(nanoseconds: milliseconds * 1_000_000, [("source", report.name)])
            }
        }
        func counters<Kind: CaseIterable & RawRepresentable<String> & Hashable>(
            _ name: StaticString, _ label: StaticString, _ help: StaticString,
            _ counts: (SourceReport) -> [Kind: Int]
        ) {
            text.family(name, .counter, help)
            for report in reports {
                for kind in Kind.allCases {
                    text.sample(
                        counts(report)[kind] ?? 0,
                        [("source", report.name), (label, kind.rawValue)])
                }
            }
        }
        let now = now().milliseconds
        numbers("logbook_source_connected", .gauge, "1 while a source brings events, else 0.") {
            $0.isConnected ? 1 : 0
        }
        time("logbook_source_silence_seconds", "Time since the last line of a source.") {
            .milliseconds(max(0, now - ($0.lastLine ?? $0.begun).milliseconds))
        }
        numbers(
            "logbook_source_position", .gauge,
            "The version of the cluster up to which everything is stored."
        ) { Int(clamping: $0.position ?? 0) }
        time("logbook_source_lag_seconds", "Age of the last event when it arrived.") {
            $0.lag ?? .zero
        }
        numbers("logbook_source_stored_total", .counter, "Events of a source that were stored.") {
            $0.stored
        }
        numbers(
            "logbook_source_duplicate_total", .counter,
            "Events of a source that were stored already."
        ) { $0.duplicates }
        counters(
            "logbook_source_skipped_total", "reason",
            "Events of a source that were not stored, by reason."
        ) { $0.skipped }
        counters("logbook_source_lists_total", "reason", "Lists of all events, by reason.") {
            $0.relists
        }
        counters("logbook_source_errors_total", "error", "Errors of a source, by kind.") {
            $0.errors
        }
        numbers(
            "logbook_source_gaps_total", .counter, "Outages longer than the server keeps events."
        ) {
            $0.gaps
        }
        time("logbook_source_gap_seconds", "Length of the last gap.") { $0.lastGap }
    }
}

extension SourceReport {
    fileprivate func appendJSON(to output: inout [UInt8]) {
        func append(_ name: StaticString, _ text: String?) {
            output.append(name)
            if let text { output.appendJSONString(text) } else { output.append("null") }
        }
        func append(_ name: StaticString, _ number: Int) {
            output.append(name)
            output.appendInteger(number)
        }
        append("{\"name\":", name)
        append(",\"kind\":", kind)
        append(",\"server\":", server)
        append(",\"state\":", state.rawValue)
        append(",\"since\":", since.text)
        output.append(isConnected ? ",\"connected\":true" : ",\"connected\":false")
        output.append(",\"last_error\":")
        if let lastError {
            append("{\"detail\":", lastError.text)
            append(",\"at\":", lastError.at.text)
            output.append("}")
        } else {
            output.append("null")
        }
        append(",\"last_line_at\":", lastLine?.text)
        append(",\"observed_at\":", observed?.text)
        append(",\"position\":", position.map(String.init))
        append(",\"stored\":", stored)
        append(",\"duplicates\":", duplicates)
        append(",\"skipped\":", skipped.values.reduce(0, +))
        append(",\"lists\":", relists.values.reduce(0, +))
        append(",\"errors\":", errors.values.reduce(0, +))
        append(",\"gaps\":", gaps)
        output.append("}")
    }
}
