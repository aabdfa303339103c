"""How fast other programs' formats are stored, and the CPU of Logbook for an event, as ratios to the
same events as NDJSON on POST /events. Each format sends over four connections, into a new file.

    bench/senders.py [EVENTS [ROUNDS]]

LOGBOOK_BINARY is the program; scripts/setup test installs what this needs.
"""

import http.client
import json
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "Tests" / "Contract"))

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from support import Program

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
BATCH = 1000
CONNECTIONS = 4
TICKS = os.sysconf("SC_CLK_TCK")
TIME = 1_796_000_400
TEXT = "Back-off restarting failed container web in pod web-7d9c in the namespace shop, for the %dth time"
JSON = "application/json"


def lines(items):
    return b"".join(json.dumps(item, separators=(",", ":")).encode() + b"\n" for item in items)


def native(numbers):
    return lines(
        {"id": f"n{n}", "event_type": "system", "severity": "warning", "title": TEXT % n,
         "description": TEXT % n, "object_kind": "Pod", "object_namespace": "shop", "object_name": "web-0",
         "created_at": "2026-11-30T01:00:00Z", "metadata": {"node": "n1", "attempt": n}}
        for n in numbers)


def records(numbers):
    return lines(
        {"date": TIME, "level": "warning", "log": TEXT % n, "node": "n1", "attempt": n,
         "kubernetes": {"namespace_name": "shop", "pod_name": "web-0"}}
        for n in numbers)


def bulk(numbers):
    return b"".join(
        lines([{"create": {"_index": "logs"}},
               {"@timestamp": "2026-11-30T01:00:00Z", "level": "warning", "message": TEXT % n, "node": "n1",
                "attempt": n, "kubernetes": {"namespace": "shop", "pod": {"name": "web-0"}}}])
        for n in numbers)


def loki(numbers):
    values = [[f"{TIME}{n:09}", TEXT % n, {"attempt": str(n)}] for n in numbers]
    labels = {"namespace": "shop", "pod": "web-0", "level": "warning", "node": "n1"}
    return json.dumps({"streams": [{"stream": labels, "values": values}]}).encode()


def attribute(key, value):
    return {"key": key, "value": value}


def otlp(numbers):
    resource = [("k8s.namespace.name", "shop"), ("k8s.pod.name", "web-0"), ("k8s.node.name", "n1")]
    return {"resourceLogs": [{
        "resource": {"attributes": [attribute(key, {"stringValue": value}) for key, value in resource]},
        "scopeLogs": [{"scope": {"name": "kubelet"}, "logRecords": [
            {"timeUnixNano": f"{TIME}{n:09}", "severityNumber": 13, "severityText": "WARN",
             "body": {"stringValue": TEXT % n}, "attributes": [attribute("attempt", {"intValue": str(n)})]}
            for n in numbers]}]}]}


def protobuf(numbers):
    request = ExportLogsServiceRequest()
    found = otlp(numbers)["resourceLogs"][0]
    logs = request.resource_logs.add()
    for each in found["resource"]["attributes"]:
        logs.resource.attributes.add(key=each["key"]).value.string_value = each["value"]["stringValue"]
    scope = logs.scope_logs.add()
    scope.scope.name = "kubelet"
    for n in numbers:
        record = scope.log_records.add(
            time_unix_nano=int(f"{TIME}{n:09}"), severity_number=13, severity_text="WARN")
        record.body.string_value = TEXT % n
        record.attributes.add(key="attempt").value.int_value = n
    return request.SerializeToString()


# Path, Content-Type, and what makes a body of numbers.
WAYS = {
    "native": ("/events", "application/x-ndjson", native),
    "records": ("/ingest/records", "application/x-ndjson", records),
    "elasticsearch": ("/elasticsearch/_bulk", "application/x-ndjson", bulk),
    "loki": ("/loki/api/v1/push", JSON, loki),
    "otlp in JSON": ("/v1/logs", JSON, lambda numbers: json.dumps(otlp(numbers)).encode()),
    "otlp": ("/v1/logs", "application/x-protobuf", protobuf),
}


def cpu_seconds(identifier):
    user, system = Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def measure(path, content_type, bodies):
    """Events a second, and microseconds of CPU for each."""
    with tempfile.TemporaryDirectory(dir=".build") as folder:
        program = Program(Path(folder))

        def send(part):
            connection = http.client.HTTPConnection("127.0.0.1", program.port)
            for body in bodies[part::CONNECTIONS]:
                connection.request("POST", path, body, {"Content-Type": content_type})
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status in (200, 204), text

        used, begun = cpu_seconds(program.process.pid), time.monotonic()
        threads = [threading.Thread(target=send, args=(part,)) for part in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begun
        used = cpu_seconds(program.process.pid) - used
        metrics = program.request("GET", "/metrics").body.decode()
        program.stop()
    stored = re.findall(r"^logbook_events_stored_total\S* (\d+)", metrics, re.MULTILINE)
    assert sum(map(int, stored)) == EVENTS, stored
    return EVENTS / seconds, used / EVENTS * 1e6


found = {name: [] for name in WAYS}
bodies = {
    name: [make(range(start, start + BATCH)) for start in range(0, EVENTS, BATCH)]
    for name, (_, _, make) in WAYS.items()
}
for _ in range(ROUNDS):
    for name, (path, content_type, _) in WAYS.items():
        found[name].append(measure(path, content_type, bodies[name]))
print(f"{'format':15} {'events/s':>9} {'ratio':>6} {'CPU us':>7} {'ratio':>6}")
base = [statistics.median(values) for values in zip(*found["native"])]
for name, values in found.items():
    rate, cpu = [statistics.median(part) for part in zip(*values)]
    print(f"{name:15} {rate:9,.0f} {rate / base[0]:6.2f} {cpu:7.0f} {base[1] / cpu:6.2f}")
