"""The program's log: its format, its lines for requests, and its safety against anything that is sent."""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
from support import BINARY, PATIENCE_SECONDS

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
# Characters that end a line, move a cursor or change the direction of text; header fields cannot
# hold C0 controls.
HOSTILE = ["\r\n2026-01-01T00:00:00.000Z error forged", "\x1b[2J", "\x7f", "\u009b31m", "\u2028forged", "\u202egnp.exe", 'a" b=c\\']


def find(program, wanted):
    """The first line for which `wanted` is true, once it is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        for line in program.log[:]:
            if wanted(line):
                return line
        assert time.monotonic() < deadline, "".join(program.log)


def percent(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def entries(program):
    """The lines of a JSON log; each is an object and nothing else."""
    return [json.loads(line) for line in program.log[:]]


def entry(program, **fields):
    line = find(program, lambda line: fields.items() <= json.loads(line).items())
    return json.loads(line)


def test_text(start):
    program = start("--log-level", "debug")
    program.request("GET", "/healthz")
    line = find(program, lambda line: "/healthz" in line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z debug GET /healthz 200 client=127\.0\.0\.1:\d+ duration_us=\d+ "
                        r"method=GET route=/healthz status=200\n", line)


def test_start_tells_what_runs(start, tmp_path):
    program = start("--log-format", "json", "--max-streams", "7")
    first = entries(program)[0]
    assert first["level"] == "info" and re.match(r"Logbook \d+\.\d+\.\d+ with SQLite 3\.\S+ on \d+ event loops: serve --listen ", first["message"])
    assert "--max-streams 7" in first["message"]
    line = find(program, lambda line: "is in service" in line)
    assert re.search(rf"{tmp_path}/logbook\.db is in service: schema version \d+, file system (?!unknown)\S+, every commit synced", line)


def test_every_request_at_debug_and_none_at_info(start):
    program = start("--log-format", "json", "--log-level", "debug")
    program.request("GET", "/events/some-id?", headers=TRACEPARENT)
    line = entry(program, route="/events/{id}")
    assert line.keys() == {"time", "level", "message", "method", "route", "status", "duration_us", "client", "id", "trace_id"}
    assert (line["level"], line["method"], line["status"], line["id"], line["trace_id"]) == ("debug", "GET", "404", "some-id", TRACE)
    program.request("HEAD", "/none")
    assert entry(program, route="none")["method"] == "HEAD"
    program.send(b"no request\r\n\r\n")
    assert entry(program, method="other", status="400")["route"] == "none"


def test_a_trace_is_that_of_its_request_alone(start):
    program = start("--log-format", "json", "--log-level", "debug")
    program.send(f"GET /healthz HTTP/1.1\r\nHost: x\r\nTraceparent: {TRACEPARENT['traceparent']}\r\n\r\n".encode()
                 + b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert entry(program, route="/healthz")["trace_id"] == TRACE
    assert "trace_id" not in entry(program, route="none")


def test_problem_answers_do_not_change_with_a_trace(program):
    plain, traced = (program.request("GET", "/events/none", headers=headers) for headers in ({}, TRACEPARENT))
    assert (plain.status, plain.body) == (traced.status, traced.body)
    assert plain.headers.keys() == traced.headers.keys()


def test_slow_and_failing_requests_are_warnings(start, tmp_path):
    program = start("--log-format", "json", "--slow-request", "0")
    # The lines of the start may have used up the first second's limit.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(line.get("trace_id") == TRACE for line in entries(program)):
        assert time.monotonic() < deadline
        program.request("GET", "/healthz", headers=TRACEPARENT)
    line = entry(program, trace_id=TRACE)
    assert (line["level"], line["route"], line["status"]) == ("warning", "/healthz", "200")


def test_failures_are_warnings_and_probes_are_not(start, tmp_path):
    with sqlite3.connect(tmp_path / "logbook.db") as database:
        database.execute("CREATE TABLE events_v2 (x)")
    program = start("--log-format", "json")
    for path in ("/readyz", "/schema/version", "/healthz", "/events"):
        program.request("GET", path)
    assert entry(program, route="/events", status="503")["level"] == "warning"
    # In order of arrival: earlier lines would be there.
    assert {line.get("route") for line in entries(program)} == {None, "/events"}


def test_a_flood_of_failures_is_counted(start, tmp_path):
    with sqlite3.connect(tmp_path / "logbook.db") as database:
        database.execute("CREATE TABLE events_v2 (x)")
    program = start("--log-format", "json")
    request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    program.send(request * 999 + last)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        program.send(last)
        lines = [line for line in entries(program) if line.get("route") == "/events"]
        omitted = sum(int(line.get("requests_not_logged", 0)) for line in lines)
        if omitted >= 500:
            break
        assert time.monotonic() < deadline


@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_that_is_sent_forges_or_hides_a_line(start, format):
    program = start("--log-format", format, "--log-level", "debug")
    before = len(program.log)
    for text in HOSTILE:
        program.request("GET", f"/events/{percent(text)}")
        # Raw, where a header field or a target may hold it; elsewhere it is refused.
        raw = text.encode()
        program.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nTraceparent: " + raw + b"\r\nUser-Agent: " + raw + b"\r\nConnection: close\r\n\r\n")
        program.send(b"GET /events/" + raw + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        program.send(raw + b" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    program.request("GET", "/events/the-last")
    find(program, lambda line: "the-last" in line)
    lines = program.log[before:]
    for line in lines:
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e]", line.removesuffix("\n")), line
        if format == "json":
            assert json.loads(line)["level"] in ("debug", "info")
        else:
            assert re.match(r"\S+Z (debug|info) ", line), line
    assert not any(line.startswith("2026-01-01T00:00:00.000Z") for line in lines)
    if format == "json":
        ids = {json.loads(line).get("id") for line in lines}
        assert set(HOSTILE) <= ids


def test_no_secret_is_logged(start):
    program = start("--log-level", "debug")
    for headers in ({"Authorization": "Bearer s3cret"}, {"Cookie": "s3cret"}):
        program.request("GET", "/events?q=s3cret&metadata.password=s3cret", headers=headers)
        program.request("POST", "/events?token=s3cret", {"title": "s3cret"}, headers=headers)
    program.request("GET", "/events/the-last")
    find(program, lambda line: "the-last" in line)
    assert "s3cret" not in "".join(program.log)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def serve_silently(tmp_path, *flags, **options):
    """The program on a Unix socket, with a log that nobody reads."""
    path = str(tmp_path / "socket")
    process = subprocess.Popen([BINARY, "serve", "--listen", f"unix:{path}", "--database", tmp_path / "logbook.db", *flags], **options)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection = UnixConnection(path)
            connection.request("GET", "/readyz")
            if b'"writable":true' in connection.getresponse().read():
                return process, connection
        except OSError:
            pass
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


def post(connection, **fields):
    connection.request("POST", "/events", json.dumps({"event_type": "system", "severity": "info", "title": "t", **fields}))
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_log_that_nobody_reads_holds_nothing_up(tmp_path):
    reading, writing = os.pipe()
    process, connection = serve_silently(tmp_path, "--log-level", "debug", stdout=writing, stderr=writing)
    os.close(writing)
    # More lines than the pipe and the queue can hold.
    for number in range(9_000):
        connection.request("GET", "/events/" + "x" * 120)
        connection.getresponse().read()
    assert post(connection, id="stored") == 201
    text = b""
    while b"lines were not logged" not in text:
        text = text[-100:] + os.read(reading, 65_536)
    # It flows again, and then fills up once more.
    for number in range(9_000):
        connection.request("GET", "/events/" + "x" * 120)
        connection.getresponse().read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert not os.path.exists(tmp_path / "logbook.db-wal") or os.path.getsize(tmp_path / "logbook.db-wal") == 0
    os.close(reading)


def test_closed_standard_descriptors(tmp_path):
    process, connection = serve_silently(tmp_path, "--log-level", "debug", preexec_fn=lambda: os.closerange(0, 3), close_fds=False)
    assert post(connection) == 201
    assert [os.readlink(f"/proc/{process.pid}/fd/{descriptor}") for descriptor in range(3)] == ["/dev/null"] * 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert sqlite3.connect(tmp_path / "logbook.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
