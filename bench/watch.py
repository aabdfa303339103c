"""CPU and memory of Logbook while a real API server gets RATE events a second for SECONDS, and the
time from the request that creates an event until a live stream has it. Before that, the time from
the start of the program to its first event.

    bench/watch.py [RATE [SECONDS]]

Needs `scripts/kube build`; LOGBOOK_BINARY is the program.
"""

import http.client
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / "Tests" / part) for part in ("Contract", "Kubernetes")
]

from cluster import Cluster, Watcher, event, identity, wait_until

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 100
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
CONNECTIONS = 4
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(identifier):
    user, system = Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def memory_megabytes(identifier, field):
    (line,) = [
        line
        for line in Path(f"/proc/{identifier}/status").read_text().splitlines()
        if line.startswith(field)
    ]
    return int(line.split()[1]) / 1000


def create(cluster, part, sent):
    """Every CONNECTIONS-th event, at its time; none waits for the one before it."""
    connection = cluster.connect()
    for number in range(part, RATE * SECONDS, CONNECTIONS):
        time.sleep(max(0, begin + number / RATE - time.monotonic()))
        now = time.monotonic()
        status, answer = cluster.request(
            "POST",
            "/api/v1/namespaces/default/events",
            event(f"web-{number % 500}.{number:x}", "default"),
            connection=connection,
        )
        assert status == 201, answer
        sent[identity(answer)] = now


def follow(program, came):
    connection = http.client.HTTPConnection("127.0.0.1", program.port)
    connection.request("GET", "/events/stream", headers={"Accept": "application/x-ndjson"})
    for line in connection.getresponse():
        if line.strip():
            came[json.loads(line).get("id")] = time.monotonic()


with tempfile.TemporaryDirectory(dir=".build") as name:
    folder = Path(name).resolve()
    cluster = Cluster(folder / "cluster")
    try:
        first = identity(cluster.create("first.1"))
        started = time.monotonic()
        program = Watcher(folder / "logbook", cluster)
        wait_until(lambda: program.request("GET", f"/events/{first}").status == 200)
        print(f"first event after {(time.monotonic() - started) * 1000:.0f} ms")
        sent, came = {}, {}
        threading.Thread(target=follow, args=(program, came), daemon=True).start()
        identifier = program.process.pid
        begin, before = time.monotonic() + 1, cpu_seconds(identifier)
        senders = [
            threading.Thread(target=create, args=(cluster, part, sent))
            for part in range(CONNECTIONS)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        took, used = time.monotonic() - begin, cpu_seconds(identifier) - before
        wait_until(lambda: sent.keys() <= came.keys())
        delays = sorted((came[name] - sent[name]) * 1000 for name in sent)
        print(
            f"{len(sent) / took:.0f} events/s: CPU {used / took:.1%} of a core, {used / len(sent) * 1e6:.0f} us an event; "
            f"memory {memory_megabytes(identifier, 'VmRSS'):.1f} MB, at most {memory_megabytes(identifier, 'VmHWM'):.1f} MB"
        )
        print(
            f"stored after: median {delays[len(delays) // 2]:.0f} ms, 99th percentile {delays[int(len(delays) * 0.99)]:.0f} ms, "
            f"longest {delays[-1]:.0f} ms"
        )
        program.stop()
    finally:
        cluster.stop()
