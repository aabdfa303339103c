#!/usr/bin/env python3
"""Compares a thousand watches of Kubernetes' API with a thousand live tails: the service's CPU for each event that all receive.

  bench/watches.py BINARY [COUNT] [EVENTS]
"""

import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request

BINARY, COUNT, EVENTS = sys.argv[1], int((sys.argv[2:3] or [1000])[0]), int((sys.argv[3:4] or [200])[0])
PATHS = {"tails": "/events/stream", "watches": "/api/v1/events?watch=1&resourceVersion={}", "tables": "/api/v1/events?watch=1&resourceVersion={}"}
ACCEPT = {"tails": "application/x-ndjson", "watches": "application/json", "tables": "application/json;as=Table;v=v1;g=meta.k8s.io"}


def event(number):
    return {
        "kind": "Event", "apiVersion": "v1",
        "metadata": {"name": f"web-0.{number:x}", "namespace": "shop", "uid": f"u{number}", "resourceVersion": str(number + 1)},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0", "apiVersion": "v1"}, "reason": "BackOff", "type": "Warning",
        "message": "Back-off restarting failed container", "count": 1, "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-11-30T02:39:07Z", "lastTimestamp": "2026-11-30T02:39:07Z", "eventTime": None,
        "reportingComponent": "", "reportingInstance": "",
    }  # fmt: skip


def cpu(process):
    fields = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(kind):
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0", "--database", f"{folder}/logbook.db", "--max-streams", "4096"], stderr=subprocess.PIPE, text=True)  # fmt: skip
        log = ""
        while "is in service" not in log or "Listening" not in log:
            log += process.stderr.readline()
        port = int(re.search(r"Listening on http://127\.0\.0\.1:(\d+)", log)[1])

        def store(number):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/events", json.dumps(event(number)).encode(), {"Content-Type": "application/json"})
            urllib.request.urlopen(request).close()

        store(0)
        selector = selectors.DefaultSelector()
        seen = {}
        for _ in range(COUNT):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(f"GET {PATHS[kind].format(1)} HTTP/1.1\r\nHost: localhost\r\nAccept: {ACCEPT[kind]}\r\n\r\n".encode())
            answer = client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ)
            seen[client] = 0

        def wait(count):
            while any(number < count for number in seen.values()):
                for key, _ in selector.select():
                    seen[key.fileobj] += key.fileobj.recv(1 << 20).count(b"web-0.")

        # How often an event's name is in what is sent for it.
        store(1)
        wait(1)
        each = statistics.mode(seen.values())
        begin = cpu(process)
        for number in range(2, EVENTS + 2):
            store(number)
            wait(each * number)
        used = cpu(process) - begin
        process.terminate()
        process.wait()
        process.stderr.close()
        return used / EVENTS / COUNT * 1e6


figures = {kind: [] for kind in PATHS}
for _ in range(3):
    for kind in PATHS:
        figures[kind].append(run(kind))
tails = statistics.median(figures["tails"])
for kind, found in figures.items():
    print(f"{kind:10}{statistics.median(found):8.2f} us of CPU for each event and client{statistics.median(found) / tails:8.2f} of tails")
