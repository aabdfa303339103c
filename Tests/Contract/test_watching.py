"""A watcher's memory, beside a server that sends what no real API server does: lines of 3 MB."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import PATIENCE_SECONDS

# The path of a cluster behind Rancher.
PATH = "/k8s/clusters/c-1/api/v1/events"
ROUND = 10_000
ROUNDS = 5
HUGE_LINES = 5  # In each round.
GROWTH_BYTES = 8 << 20


def line(version, message):
    metadata = {"name": f"web-0.{version}", "namespace": "shop", "uid": f"u-{version}", "resourceVersion": f"{version}"}
    event = {"metadata": metadata, "involvedObject": {"kind": "Pod", "namespace": "shop", "name": f"web-{version % 100}"},
             "reason": "BackOff", "type": "Warning", "count": 1, "message": message,
             "lastTimestamp": "2026-11-23T10:30:45Z"}
    return json.dumps({"type": "ADDED", "object": event}).encode() + b"\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith(f"{PATH}?watch=1&resourceVersion=1&"):
            self.watch()
        elif self.path.startswith(f"{PATH}?"):
            body = b'{"kind":"EventList","metadata":{"resourceVersion":"1"},"items":[]}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def watch(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        version = 1
        for _ in range(ROUNDS):
            for _ in range(HUGE_LINES):
                self.chunk(line(0, "x" * (3 << 20)))
            for _ in range(0, ROUND, 100):
                self.chunk(b"".join(line(version + number, "restarting failed container " * 20) for number in range(1, 101)))
                version += 100
            self.server.next_round.acquire()

    def chunk(self, body):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.next_round = threading.Semaphore(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.next_round.release()
    server.shutdown()
    server.server_close()


def peak_bytes(program):
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return next(int(field.split()[1]) * 1024 for field in status.splitlines() if field.startswith("VmHWM:"))


def await_position(program, version):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        (source,) = program.request("GET", "/sources").json["sources"]
        if source["position"] == str(version):
            return source
        assert time.monotonic() < deadline, source
        time.sleep(0.01)


def test_memory_is_flat_over_50000_live_events_and_lines_of_3_mb(start, server):
    program = start("--kubernetes-server", f"http://127.0.0.1:{server.server_port}/k8s/clusters/c-1")
    peaks = []
    for number in range(1, ROUNDS + 1):
        source = await_position(program, 1 + number * ROUND)
        peaks.append(peak_bytes(program))
        if number < ROUNDS:
            server.next_round.release()
    assert (source["stored"], source["skipped"], source["lists"]) == (ROUNDS * ROUND, ROUNDS * HUGE_LINES, 1)
    # The first two rounds fill what is bounded. Some 70 MB come after them.
    assert peaks[-1] - peaks[1] < GROWTH_BYTES, peaks


def test_one_of_several_watches_and_another_takes_over(start):
    programs = [start("--kubernetes-server", "http://127.0.0.1:1", on_postgresql=True) for _ in range(3)]  # Nobody listens there.

    def wait_for(*states):
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        found = None
        while found != list(states):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
            found = sorted(program.request("GET", "/sources").json["sources"][0]["state"] for program in programs)

    def leader():
        (only,) = [program for program in programs if b"\nlogbook_store_leader 1\n" in program.request("GET", "/metrics").body]
        return only

    wait_for("standby", "standby", "waiting")
    first = leader()
    programs.remove(first)
    first.stop()
    wait_for("standby", "waiting")
    second = leader()
    programs.remove(second)
    second.process.kill()
    second.process.wait()
    wait_for("waiting")
