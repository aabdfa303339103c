#!/usr/bin/env python3
"""Every kind of client at once, under the memory limit that deploy/ ships, at the bound on bytes. What it measures is printed;
what is no time and breaks its bound is named, and the exit code is 1.

    bench/together.py BINARY [--seconds 600] [--wal-bytes 67108864] [--database-bytes 536870912] [--folder FOLDER]

Tests/Contract/test_together.py runs it for 20 seconds with small files.
"""

import argparse
import collections
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

MEMORY = 536_870_912
# The most resident memory: the pod's limit, minus the pages of files that count there.
MOST_RESIDENT = 400 * 1024 * 1024
PATIENCE = 60
# The longest shutdown: --shutdown-timeout, then emptying the WAL.
ENDING = 30
SEVERITIES = ("info", "info", "info", "warning", "error", "critical")
WORDS = [f"word{number}" for number in range(500)]

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("binary")
arguments.add_argument("--seconds", type=float, default=600)
arguments.add_argument("--wal-bytes", type=int, default=67_108_864)
arguments.add_argument("--database-bytes", type=int, default=536_870_912)
arguments.add_argument("--folder", default=".build")
options = arguments.parse_args()

over = threading.Event()
refused, broken = [], []
# The times of requests in milliseconds, and their numbers.
took, counts = collections.defaultdict(list), collections.Counter()
# The seq of each event whose POST was answered and which nobody deletes, because a stream that is
# behind does not report removed events.
acknowledged = {}
lock = threading.Lock()


def event(number):
    return {
        "event_type": "system" if number % 50 else "discarded", "severity": random.choice(SEVERITIES), "title": " ".join(random.choices(WORDS, k=6)),
        "description": " ".join(random.choices(WORDS, k=60)), "object_kind": "Pod", "object_namespace": f"namespace-{number % 20}",
        "object_name": f"pod-{random.getrandbits(17):x}", "metadata": {"reason": random.choice(WORDS), "node": f"node-{number % 30}"},
    }  # fmt: skip


class Server:
    def __init__(self, folder):
        self.database = Path(folder) / "logbook.db"
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "prlimit", f"--data={MEMORY}", options.binary, "serve", "--listen", "127.0.0.1:0", "--probe-listen", "127.0.0.1:0",
             "--database", self.database, "--max-wal-bytes", str(options.wal_bytes), "--max-database-bytes", str(options.database_bytes)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.log, ports = [], []
        while len(ports) < 2:
            self.log.append(self.process.stderr.readline())
            assert self.log[-1], "".join(self.log)
            ports += re.findall(r"Listening on http://127\.0\.0\.1:(\d+)", self.log[-1])
        self.port, self.probes = map(int, ports)
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        while b'"ready"' not in self.request("GET", "/schema/version")[1]:
            pass

    def connect(self, port=None):
        return http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)

    def request(self, method, target):
        with contextlib.closing(self.connect()) as client:
            client.request(method, target)
            answer = client.getresponse()
            return answer.status, answer.read()

    def resident(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) * 1024

    def wal(self):
        with contextlib.suppress(FileNotFoundError):
            return self.database.with_name("logbook.db-wal").stat().st_size
        return 0


def note(status, kind, what):
    counts[kind] += 1
    if status == 503:
        refused.append(what)
    elif status not in (200, 201):
        broken.append(f"{kind}: {what}")


def post(server, kind, make, interval, until=over):
    """One connection that posts the events from `make`."""
    client = server.connect()
    for number in itertools.count():
        if until.wait(interval):
            return
        body = json.dumps(make(number)).encode()
        begin = time.monotonic()
        client.request("POST", "/events", body, {"Content-Type": "application/json"})
        answer = client.getresponse()
        text = answer.read()
        took["POST"].append((time.monotonic() - begin) * 1000)
        note(answer.status, kind, text)
        if answer.status == 201 and (stored := json.loads(text))["event_type"] != "discarded":
            with lock:
                acknowledged[stored["seq"]] = stored["severity"]


def post_lines(server):
    """Streams of lines, each with pauses between them."""
    while not over.is_set():
        client = server.connect()
        lines = ((json.dumps(event(n)) + "\n").encode() for n in range(200) if not over.wait(0.01))
        client.request("POST", "/events", lines, {"Content-Type": "application/x-ndjson"}, encode_chunked=True)
        answer = client.getresponse()
        text = answer.read()
        note(answer.status, "streams of lines", text)
        if answer.status == 200 and json.loads(text)["rejected"]:
            broken.append(f"a line was refused: {text}")
        client.close()


def watch(server, received):
    """A client of Kubernetes' API: it lists, watches, and lists again when it is told to; `received` gets each seq of a watch."""
    while not over.is_set():
        version = json.loads(server.request("GET", "/since/1h/api/v1/events?limit=1")[1])["metadata"]["resourceVersion"]
        client = server.connect()
        client.request("GET", f"/api/v1/events?watch=1&resourceVersion={version}&allowWatchBookmarks=true", headers={"Accept": "application/json"})
        answer = client.getresponse()
        if answer.status != 200:
            return broken.append(f"a watch: {answer.status}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            for line in map(json.loads, answer):
                if line["type"] in ("ADDED", "MODIFIED"):
                    received.append(int(line["object"]["metadata"]["resourceVersion"]))
        client.close()


def follow(server, query, received, pause=0.0):
    """A live stream; `received` gets each seq. It ends with the server."""
    client = server.connect()
    client.request("GET", f"/events/stream?{query}", headers={"Accept": "application/x-ndjson"})
    answer = client.getresponse()
    if answer.status != 200:
        return broken.append(f"a live stream: {answer.status}")
    with contextlib.suppress(OSError, http.client.HTTPException):
        for line in answer:
            seq = json.loads(line).get("seq") if line.strip() else None
            if seq is not None:
                received.append(seq)
            over.wait(pause)


def ask(server, kind, interval, method, *targets):
    """A client that sends one request after another and reads each answer completely."""
    for target in itertools.cycle(targets):
        if over.wait(interval):
            return
        begin = time.monotonic()
        try:
            status, body = server.request(method, target)
        except (ConnectionError, http.client.HTTPException):
            # An export that blocks the WAL is broken off, so that nobody takes it for complete.
            if kind != "exports":
                raise
            counts["exports (broken off)"] += 1
            continue
        took[kind].append((time.monotonic() - begin) * 1000)
        counts[kind] += 1
        if status not in (200, 503):
            broken.append(f"{method} {target}: {status} {body[:200]}")
        if status == 503:
            counts[f"{kind}: {json.loads(body)['detail'][:60]} (503)"] += 1


def probe(server):
    client = server.connect(server.probes)
    for target in itertools.cycle(("/healthz", "/readyz", "/schema/version")):
        if over.wait(0.02):
            return
        begin = time.monotonic()
        client.request("GET", target)
        answer = client.getresponse()
        answer.read()
        took["probes"].append((time.monotonic() - begin) * 1000)
        if answer.status != 200:
            broken.append(f"{target}: {answer.status}")


def opened(server, message):
    """A connection that sends `message` and reads no more than the socket's buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(message.encode())
    return connection


def measure(server, highest):
    """The WAL 50 times a second, memory once."""
    for turn in itertools.count():
        if over.wait(0.02) or server.process.poll() is not None:
            return
        highest["wal"] = max(highest["wal"], server.wal())
        if turn % 50 == 0:
            highest["resident"].append(server.resident())


def at(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0


def guarded(run):
    def body(*inputs):
        try:
            run(*inputs)
        except (OSError, http.client.HTTPException) as error:
            if not over.is_set():
                broken.append(f"{run.__name__}: {error!r}")

    return body


def check_streams(followed):
    """Checks that each acknowledged event came once and in order to its followers."""
    for name, (received, matches) in followed.items():
        if received != sorted(set(received)):
            broken.append(f"the stream of {name} is not in order, or has an event twice")
        wanted = {seq for seq, severity in acknowledged.items() if matches(severity)}
        missed = wanted - set(received)
        if missed:
            broken.append(f"the stream of {name} lacks {len(missed)} of {len(wanted)} events, of seq {min(missed)} on")


def end(server):
    """Sends SIGTERM while the stalled clients are connected. Returns the time until the end."""
    begin = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        status = server.process.wait(ENDING)
    except subprocess.TimeoutExpired:
        server.process.kill()
        status = "a kill"
    if status != 0:
        broken.append(f"SIGTERM ended with {status}:\n{''.join(server.log[-5:])}")
    if server.wal():
        broken.append(f"the WAL has {server.wal()} bytes after SIGTERM")
    return time.monotonic() - begin


def report(server, highest, slices, ending):
    limit = min(options.wal_bytes, options.database_bytes // 4)
    resident = highest["resident"]
    minute = min(60, max(1, len(resident) // 4))
    first, last = max(resident[:minute], default=0), max(resident[-minute:], default=0)
    print(f"appends: {sum(counts[kind] for kind in ('single', 'arrays', 'streams of lines'))}; refused: {len(refused)}")
    print(f"WAL at most: {highest['wal']} of {limit} bytes")
    print(f"resident: {first >> 20} MiB at most in the first {minute} s, {last >> 20} in the last, {max(resident, default=0) >> 20} ever")
    for kind, values in sorted(took.items()):
        print(f"{kind}: {len(values)}, ms {at(values, 0.5):.1f} p50, {at(values, 0.99):.1f} p99, {max(values):.1f} longest")
    print("longest slices, ms:", ", ".join(f"{job} {us / 1000:.1f}" for job, us in slices.items()))
    print(f"the end after SIGTERM: {ending:.1f} s; not now:", {kind: n for kind, n in counts.items() if n and "(" in kind})
    if refused:
        broken.append(f"{len(refused)} appends were refused: {refused[0]}")
    if highest["wal"] > limit:
        broken.append(f"the WAL had {highest['wal']} bytes, of {limit}")
    if max(resident, default=0) > MOST_RESIDENT:
        broken.append(f"{max(resident) >> 20} MiB were resident, of {MOST_RESIDENT >> 20}")
    # Ten minutes are enough to tell a leak from a filling cache.
    if options.seconds >= 300 and last > first * 1.25 + (32 << 20):
        broken.append(f"memory grew from {first >> 20} to {last >> 20} MiB")
    for line in broken[:20]:
        print(f"BROKEN: {line}")
    return 1 if broken else 0


def main():
    with tempfile.TemporaryDirectory(prefix="bench.", dir=options.folder) as folder:
        server = Server(folder)
        highest = {"wal": 0, "resident": []}
        everything, errors, slow, idle, watched = [], [], [], [], []
        followers = [("", everything), ("severity=error,critical", errors), ("", slow, 0.01), ("object_name=none", idle)]
        streams = [threading.Thread(target=guarded(follow), args=(server, *rest), daemon=True) for rest in followers]
        streams.append(threading.Thread(target=guarded(watch), args=(server, watched), daemon=True))
        for thread in streams:
            thread.start()
        while b"\nlogbook_streams 5\n" not in server.request("GET", "/metrics")[1]:
            pass
        work = [
            (measure, highest), (post, "single", event, 0.005), (post, "single", event, 0.02), (post, "arrays", lambda n: [event(n) for _ in range(100)], 0.05),
            (post_lines,), (probe,),
            (ask, "exports", 0.5, "GET", "/events/export", "/events/export?format=csv&severity=error"),
            (ask, "backups", 3, "GET", "/backup"),
            (ask, "searches", 0.1, "GET", "/events?q=word7+word8", "/events?q=word1*&severity=error", "/events?metadata.node=node-7&limit=100"),
            (ask, "pages", 0.05, "GET", "/events", "/events?severity=error&object_namespace=namespace-3"),
            (ask, "lists of kubectl", 0.5, "GET", "/since/1h/api/v1/events?limit=500", "/since/1h/api/v1/namespaces/namespace-3/events?fieldSelector=type!%3DNormal&limit=500"),
            (ask, "statistics", 0.5, "GET", "/events/stats?by=severity,object_namespace", "/events/stats?interval=1m&since=1h&by=object_name"),
            (ask, "deletions", 2, "DELETE", "/events?event_type=discarded"),
        ]  # fmt: skip
        threads = [threading.Thread(target=guarded(run), args=(server, *rest)) for run, *rest in work]
        # Live streams that nothing else wakes, and one writer, because other requests would end a
        # read that a stream left open.
        threads[0].start()
        alone = threading.Event()
        threading.Timer(options.seconds / 4, alone.set).start()
        guarded(post)(server, "arrays", lambda n: [event(n) for _ in range(100)], 0, alone)
        head = "HTTP/1.1\r\nHost: localhost\r\n"
        stalled = [
            opened(server, f"GET /events/stream {head}\r\n"),
            opened(server, f'POST /events {head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"event_type"'),
            *(opened(server, f"GET /healthz {head}") for _ in range(20)),
        ]
        for thread in threads[1:]:
            thread.start()
        # When there is more to export than sockets can hold.
        over.wait(options.seconds * 3 / 8)
        stalled.append(opened(server, f"GET /events/export {head}\r\n"))
        over.wait(options.seconds * 3 / 8)
        over.set()
        for thread in threads:
            thread.join()
        highest["wal"] = max(highest["wal"], server.wal())
        slices = {}
        if server.process.poll() is None:
            slices = json.loads(server.request("GET", "/schema")[1])["statistics"]["longest_slices_us"]
        deadline = time.monotonic() + 10
        while acknowledged and time.monotonic() < deadline and (not everything or everything[-1] < max(acknowledged)):
            time.sleep(0.05)
        ending = end(server)
        for thread in streams:
            thread.join(PATIENCE)
        # Slow clients are told that they lost something (`reset`), so only their order is checked.
        check_streams({
            "everything": (everything, lambda severity: True), "errors": (errors, lambda severity: severity in ("error", "critical")),
            "the slow": (slow, lambda severity: False), "a watch": (watched, lambda severity: False), "nothing": (idle, lambda severity: False),
        })  # fmt: skip
        for connection in stalled:
            connection.close()
        return report(server, highest, slices, ending)


if __name__ == "__main__":
    os.makedirs(options.folder, exist_ok=True)
    sys.exit(main())
