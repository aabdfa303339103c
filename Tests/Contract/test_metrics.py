"""GET /metrics compared with its documentation, Prometheus' own check, a scraping Prometheus, and the requests sent."""

import json
import re
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress

import postgresql
import pytest
from monitoring import DOCUMENTED, METRICS, ONLY_WITH_POSTGRESQL, QUERIES, WITH_POSTGRESQL, rows, without_variables
from streams import Stream
from support import PATIENCE_SECONDS

EVENT = {"event_type": "cluster", "severity": "error", "title": "An event"}


def read(program):
    answer = program.request("GET", "/metrics")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return answer.body.decode()


def samples(program):
    """Each sample by its name and labels as written."""
    return {name: float(value) for name, value in re.findall(r"^([^#\s].*) (\S+)$", read(program), re.MULTILINE)}


def wait(program, name, value):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while samples(program).get(name) != value:
        assert time.monotonic() < deadline, (name, samples(program).get(name))


@pytest.fixture
def busy(start, tmp_path):
    """A program with at least one sample of every family."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "30", "-subj", "/CN=localhost",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    program = start("--listen", "https://127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key,
                    "--kubernetes-server", "http://127.0.0.1:1")  # Nobody listens there.
    assert program.request("POST", "/events", EVENT).status == 201
    if not postgresql.IS_USED:
        wait(program, "logbook_events", 1)  # They are counted after the start.
    return program


def test_list_and_documentation_are_equal(busy):
    text = read(busy)
    kinds = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    assert [(name, kind) for name, kind, _, _ in DOCUMENTED] == kinds
    for name, kind, labels, _ in DOCUMENTED:
        suffix = "_count" if kind == "histogram" else ""
        found = re.findall(rf"^{name}{suffix}(?:{{(.*)}})? ", text, re.MULTILINE)
        assert found, name
        documented = re.findall(r"`(\w+)`", labels)
        for sample in found:
            assert re.findall(r'(\w+)="', sample) == documented, name


def test_list_with_postgresql(start):
    """Some families take the place of those of a file."""
    text = read(start(on_postgresql=True))
    own = rows(WITH_POSTGRESQL)
    replaced = set(re.search(r"\n\n((?:`\w+`\s)+)\n", WITH_POSTGRESQL)[1].replace("`", "").split())
    expected = []
    for name, kind, _, _ in DOCUMENTED:
        if name not in replaced:
            expected.append((name, kind))
        elif own:
            expected += [(name, kind) for name, kind, _, _ in own]
            own = []
    assert replaced < {name for name, _, _, _ in DOCUMENTED}
    assert re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE) == expected
    version, = re.findall(r"^logbook_build_info{(.*)} 1$", text, re.MULTILINE)
    assert re.fullmatch(r'version="[^"]+",postgresql_version="\d+.*"', version)
    check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_values_of_labels_are_documented(busy):
    what = {name: text for name, _, _, text in DOCUMENTED}
    for name, reason in re.findall(r'^(\w+){reason="(\w+)"}', read(busy), re.MULTILINE):
        assert f"`{reason}`" in what[name]


def test_promtool_finds_nothing(busy):
    check = subprocess.run(["promtool", "check", "metrics"], input=read(busy), capture_output=True, text=True)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_requests_are_counted_by_route_method_and_status(program):
    for method, target in [("GET", "/events/none"), ("GET", "/events/other"), ("HEAD", "/healthz"), ("PUT", "/events"),
                           ("GET", "/none"), ("GET", "/events?limit=0"), ("OPTIONS", "/events")]:
        program.request(method, target)
    program.send(b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    program.send(b"no request\r\n\r\n")
    counted = samples(program)
    for route, method, status, count in [
        ("/events", "POST", 201, 1), ("/events/{id}", "GET", 404, 2), ("/healthz", "HEAD", 200, 1), ("/events", "PUT", 405, 1),
        ("none", "GET", 404, 1), ("/events", "GET", 400, 1), ("/events", "OPTIONS", 204, 1), ("/", "other", 405, 1),
        ("none", "other", 400, 1),
    ]:
        labels = f'route="{route}",method="{method}"'
        assert counted[f'logbook_http_requests_total{{{labels},status="{status}"}}'] == count, labels
        assert counted[f"logbook_http_request_duration_seconds_count{{{labels}}}"] == count, labels
        assert counted[f'logbook_http_request_duration_seconds_bucket{{{labels},le="+Inf"}}'] == count, labels


def test_bytes_are_those_on_the_wire(empty):
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    before = samples(empty)
    with socket.create_connection(("127.0.0.1", empty.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as stream:
            answer = stream.read()
    asked = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    first = empty.send(asked)
    size = sum(len(f"{name}: {value}\r\n") for name, value in first.headers.items()) + len(b"HTTP/1.1 200 OK\r\n\r\n") + len(first.body)
    second = empty.send(asked)

    def of(answer, name):
        return int(re.search(rf"^{name} (\d+)$", answer.body.decode(), re.MULTILINE)[1])

    # A request is counted as received before it is answered, and its answer as sent after.
    assert of(second, "logbook_http_received_bytes_total") - of(first, "logbook_http_received_bytes_total") == len(asked)
    assert of(second, "logbook_http_sent_bytes_total") - of(first, "logbook_http_sent_bytes_total") == size
    assert of(first, "logbook_http_received_bytes_total") - before["logbook_http_received_bytes_total"] == len(request) + len(asked)
    assert of(first, "logbook_http_sent_bytes_total") - before["logbook_http_sent_bytes_total"] > len(answer)


def test_events_are_counted_by_what_became_of_them(empty):
    named = EVENT | {"id": "named", "created_at": "2026-11-23T10:30:45.123Z"}
    for body in [named, named, named | {"title": "Other"}, EVENT | {"severity": "fatal"}, b'{"severity":',
                 [EVENT | {"event_type": "foo", "severity": "info"}, EVENT | {"event_type": "operator"}, {}], [EVENT] * 10_001]:
        empty.request("POST", "/events", body)
    empty.request("POST", "/events?strict=true", [EVENT, named | {"title": "Other"}])
    lines = b"\n".join([json.dumps(EVENT | {"event_type": "system"}).encode(), b"{", b'{"title":"' + b"x" * 2**20 + b'"}'])
    empty.request("POST", "/events", lines, {"Content-Type": "application/x-ndjson"})
    empty.request("DELETE", "/events/named")
    empty.request("DELETE", "/events/named")
    counted = samples(empty)
    stored = {labels: count for labels, count in counted.items() if labels.startswith("logbook_events_stored_total") and count}
    assert stored == {
        f'logbook_events_stored_total{{type="{kind}",severity="{severity}"}}': 1
        for kind, severity in [("cluster", "error"), ("other", "info"), ("operator", "error"), ("system", "error")]
    }
    assert counted["logbook_events_duplicate_total"] == 1
    assert counted["logbook_events_deleted_total"] == 1
    assert {reason: counted[f'logbook_events_rejected_total{{reason="{reason}"}}']
            for reason in ("malformed", "invalid", "too_large", "conflict", "unavailable")} == {
        "malformed": 2, "invalid": 2, "too_large": 2, "conflict": 2, "unavailable": 0}
    events = empty.request("GET", "/events").json["events"]
    assert counted["logbook_events_last_seq"] == max(event["seq"] for event in events)
    # Two events were stored one by one, two in an array, one in a stream, and one of them was
    # deleted.
    assert counted["logbook_commit_events_sum"] == 5
    commits = counted["logbook_commit_events_count"]
    assert commits == counted["logbook_commit_duration_seconds_count"] == counted["logbook_commit_sync_duration_seconds_count"]
    assert 0 < counted["logbook_commit_sync_duration_seconds_sum"] < counted["logbook_commit_duration_seconds_sum"]


def test_a_store_that_cannot_be_used(start, tmp_path):
    with sqlite3.connect(tmp_path / "logbook.db") as database:
        database.execute("CREATE TABLE events_v2 (x)")
    program = start()
    assert program.request("POST", "/events", [EVENT, EVENT]).status == 503
    counted = samples(program)
    assert counted['logbook_events_rejected_total{reason="unavailable"}'] == 2
    assert counted["logbook_writable"] == counted["logbook_ready"] == 0
    assert counted["logbook_schema_version"] < counted["logbook_schema_latest_version"]


def test_retention_and_sizes(start, tmp_path):
    program = start("--max-events", "10")
    assert program.request("POST", "/events", [EVENT] * 100).status == 200
    stored, counted = 100, samples(program)
    # The number of events is counted once, in the background; surplus ones are removed with the
    # next commit.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while counted['logbook_events_removed_total{reason="count"}'] != stored - 10:
        assert time.monotonic() < deadline
        assert program.request("POST", "/events", EVENT).status == 201
        stored, counted = stored + 1, samples(program)
    wait(program, "logbook_database_bytes", (tmp_path / "logbook.db").stat().st_size)
    counted = samples(program)
    assert counted["logbook_writable"] == counted["logbook_ready"] == 1
    assert 0 < counted["logbook_volume_free_bytes"] <= counted["logbook_volume_bytes"]
    assert counted["logbook_write_queue_events"] == counted["logbook_write_queue_bytes"] == 0


def test_streams_and_how_far_they_are_behind(empty):
    title = "x" * 1000
    with Stream(empty), Stream(empty, receive_buffer=4096):
        wait(empty, "logbook_streams", 2)
        # More than sockets can hold. One of the two reads nothing, and neither does the other here.
        for _ in range(20):
            assert empty.request("POST", "/events", [EVENT | {"title": title}] * 1000).status == 200
        assert samples(empty)["logbook_stream_lag_events"] > 1000
    wait(empty, "logbook_streams", 0)
    assert samples(empty)["logbook_stream_lag_events"] == 0


def test_a_stream_that_keeps_up_is_not_behind(empty):
    with Stream(empty, "severity=critical") as stream:
        wait(empty, "logbook_streams", 1)
        for severity in ("error", "critical", "error"):
            assert empty.request("POST", "/events", EVENT | {"severity": severity}).status == 201
        assert next(stream.events())["severity"] == "critical"
        wait(empty, "logbook_stream_lag_events", 0)


def test_figures_of_the_process_are_those_of_the_system(empty):
    folder = f"/proc/{empty.process.pid}"
    counted = samples(empty)
    with open(f"{folder}/status") as status:
        of = dict(line.split(":", 1) for line in status)
    assert counted["process_resident_memory_bytes"] == pytest.approx(int(of["VmRSS"].split()[0]) * 1024, rel=0.3)
    assert counted["process_virtual_memory_bytes"] == pytest.approx(int(of["VmSize"].split()[0]) * 1024, rel=0.3)
    assert 1 < counted["process_open_fds"] < counted["process_max_fds"]
    assert counted["process_cpu_seconds_total"] > 0
    with open("/proc/stat") as statistics:
        boot = next(int(line.split()[1]) for line in statistics if line.startswith("btime"))
    with open(f"{folder}/stat") as statistics:
        began = boot + int(statistics.read().rpartition(")")[2].split()[19]) / 100
    assert counted["process_start_time_seconds"] == pytest.approx(began, abs=2)
    with socket.create_connection(("127.0.0.1", empty.port), PATIENCE_SECONDS):
        wait(empty, "process_open_fds", counted["process_open_fds"] + 1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def prometheus(folder, target):
    """Runs a Prometheus that scrapes `target`; gives a function for queries."""
    (folder / "prometheus.yaml").write_text(json.dumps({
        "scrape_configs": [{"job_name": "logbook", "scrape_interval": "1s", "scrape_timeout": "1s",
                            "static_configs": [{"targets": [target]}]}]}))
    port = free_port()
    log = open(folder / "prometheus.log", "wb")
    process = subprocess.Popen(
        ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

    def ask(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)["data"]

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        log.close()


def test_prometheus_scrapes_it(busy, tmp_path):
    with prometheus(tmp_path, f"127.0.0.1:{busy.port}") as ask:
        deadline = time.monotonic() + 3 * PATIENCE_SECONDS
        names = set()
        while not METRICS <= names:
            assert time.monotonic() < deadline, (METRICS - names, (tmp_path / "prometheus.log").read_text())
            with suppress(OSError):  # It does not listen yet.
                names = set(ask("label/__name__/values"))

        def result(query):
            """Waits, because Prometheus lists the names of a scrape before it has stored the values."""
            while not (found := ask("query?" + urllib.parse.urlencode({"query": query}))["result"]):
                assert time.monotonic() < deadline, query
            return found

        stored, = result('logbook_events_stored_total{type="cluster",severity="error"}')
        assert stored["value"][1] == "1"
        # The limit of the database is shown only if there is one.
        absent = {"logbook_database_limit_bytes"} | ONLY_WITH_POSTGRESQL
        for query in (query for query in QUERIES if not any(name in query for name in absent)):
            # Nothing that a format has counted may have changed meanwhile.
            result(without_variables(query).removesuffix(" > 0"))
