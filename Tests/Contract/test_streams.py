"""Live streams: each event once, in order, from the client's position."""

import json
import random
import resource
import selectors
import signal
import socket
import subprocess
import threading
import time
from itertools import islice

import postgresql
import pytest
from streams import LINES, Stream
from support import PATIENCE_SECONDS

SEVERITIES = ["info", "warning", "error", "critical"]


def event(name, severity="info", **fields):
    return {"id": name, "event_type": "cluster", "severity": severity, "title": "An event", **fields}


def store(program, *events):
    answer = program.request("POST", "/events", list(events))
    assert answer.json["accepted"] == len(events), answer.body


def ids(events, count):
    return [event["id"] for event in islice(events, count)]


def test_a_stream_begins_now_and_follows(empty):
    store(empty, event("before"))
    with Stream(empty) as stream, Stream(empty, accept=LINES) as lines:
        greeting = stream.block()
        assert (greeting.id, greeting.event, greeting.retry) == (1, None, 2000)
        for number in range(100):
            store(empty, *[event(f"{number}-{place}") for place in range(number % 3 + 1)])
        expected = [f"{number}-{place}" for number in range(100) for place in range(number % 3 + 1)]
        assert ids(stream.events(), len(expected)) == expected
        assert ids(lines.lines(), len(expected)) == expected


def test_a_stream_resumes_where_it_was(empty):
    store(empty, *[event(f"{number}", SEVERITIES[number % 4]) for number in range(1, 301)])
    for query, wanted in (("", lambda n: True), ("severity=error", lambda n: n % 4 == 2)):
        expected = [f"{number}" for number in range(1, 301) if wanted(number)]
        position, seen = 0, []
        while len(seen) < len(expected):
            with Stream(empty, query, after=position) as stream:
                for found in islice(stream.events(), min(7, len(expected) - len(seen))):
                    seen.append(found["id"])
                    position = found["seq"]
        assert seen == expected
    with Stream(empty, "after=298", accept=LINES) as lines:
        assert ids(lines.lines(), 2) == ["299", "300"]
    # A browser that reconnects keeps its URL.
    with Stream(empty, "after=1", after=298) as stream:
        assert ids(stream.events(), 2) == ["299", "300"]


def test_reset_when_something_behind_the_resume_point_is_gone(empty):
    store(empty, *[event(f"{number}") for number in range(1, 7)])
    for number in (1, 2, 3, 5):
        assert empty.request("DELETE", f"/events/{number}").status == 204
    for after, resets in ((0, None), (1, 3), (2, 3), (3, 3), (4, 4), (5, None), (99, 3)):
        expected = [number for number in (4, 6) if after == 99 or number > after]
        with Stream(empty, after=after) as stream:
            stream.block()
            if resets:
                reset = stream.block()
                assert (reset.event, reset.id, reset.data) == ("reset", resets, {"oldest": 4}), after
            assert ids(stream.events(), len(expected)) == [f"{number}" for number in expected]
        with Stream(empty, f"after={after}", accept=LINES) as stream:
            found = list(islice(stream.lines(), len(expected) + bool(resets)))
            assert ("reset" in found[0]) == bool(resets) and found[-1]["id"] == "6"
    for number in (4, 6):
        assert empty.request("DELETE", f"/events/{number}").status == 204
    with Stream(empty, after=2) as stream:
        stream.block()
        assert stream.block()[:3] == (6, "reset", {"oldest": None})
        store(empty, event("7"))
        assert ids(stream.events(), 1) == ["7"]


def test_heartbeats_move_the_resume_point(start):
    program = start("--stream-heartbeat", "0.05")
    with Stream(program, "severity=critical") as stream, Stream(program, accept=LINES) as lines:
        store(program, *[event(f"{number}") for number in range(5000)])
        assert next(block for block in stream.blocks() if block.id == 5000).event is None
        assert all(block.comments == 1 and not block.event for block in islice(stream.blocks(), 3))
        assert sum(1 for _ in islice(lines.lines(), 5000)) == 5000
        beat = b'{"position":"1-5000"}\n' if postgresql.IS_USED else b"\n"
        assert [lines.answer.readline() for _ in range(3)] == [beat] * 3


def test_streams_are_bounded_and_places_come_back(start):
    # One client gets two of three.
    program = start("--max-streams", "3", "--stream-heartbeat", "0.05")
    with Stream(program), Stream(program, accept=LINES):
        refused = program.request("GET", "/events/stream")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert program.request("HEAD", "/events/stream").status == 503
    deadline = time.monotonic() + PATIENCE_SECONDS
    # The server notices that a client has gone when it sends something, at the latest at the next
    # heartbeat.
    while program.request("HEAD", "/events/stream").status != 200:
        assert time.monotonic() < deadline
    for _ in range(10):
        assert program.request("HEAD", "/events/stream").status == 200


def test_shutdown_ends_streams_whole(start):
    program = start()
    with Stream(program) as stream, Stream(program, accept=LINES) as lines, Stream(program, "severity=error") as other:
        store(program, event("last"))
        program.process.send_signal(signal.SIGTERM)
        blocks = list(stream.blocks())
        assert [block.data["id"] for block in blocks if block.event] == ["last"] and blocks[-1].retry == 2000
        assert ids(lines.lines(), 2) == ["last"]
        assert list(other.blocks())[-1].retry == 2000
    assert program.process.wait(PATIENCE_SECONDS) == 0


def test_curl(empty):
    url = f"http://127.0.0.1:{empty.port}/events/stream"
    for accept, prefix in ((["-H", "Accept: application/x-ndjson"], b""), ([], b"data: ")):
        with subprocess.Popen(["curl", "-sN", *accept, url + "?after=0"], stdout=subprocess.PIPE) as curl:
            name = f"curl {len(accept)}".replace(" ", "-")
            store(empty, event(name))
            lines = (line.removeprefix(prefix) for line in curl.stdout if line.startswith(prefix + b'{"id"'))
            assert name in (json.loads(line)["id"] for line in lines)
            curl.kill()


def test_one_thousand_streams(start):
    """Half of them filter every tenth event."""
    count, batches = 1000, 30
    # One client gets three quarters of them.
    empty = start("--max-streams", "1400")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    expected = {
        "": [f"{batch}-{place}" for batch in range(batches) for place in range(10)],
        "?severity=error": [f"{batch}-3" for batch in range(batches)],
    }
    received = {}
    try:
        with selectors.DefaultSelector() as selector:
            for number in range(count):
                query = list(expected)[number % 2]
                client = socket.create_connection(("127.0.0.1", empty.port), PATIENCE_SECONDS)
                client.sendall(f"GET /events/stream{query} HTTP/1.0\r\nAccept: {LINES}\r\n\r\n".encode())
                received[client] = (query, client.recv(4096))
                assert received[client][1].startswith(b"HTTP/1.1 200 OK\r\n")
                selector.register(client, selectors.EVENT_READ)

            def post():
                for batch in range(batches):
                    store(empty, *[event(f"{batch}-{place}", "error" if place == 3 else "info") for place in range(10)])

            poster = threading.Thread(target=post)
            poster.start()
            unfinished = set(received)
            while unfinished:
                ready = selector.select(PATIENCE_SECONDS)
                assert ready, f"{len(unfinished)} streams wait for ever"
                for key, _ in ready:
                    query, before = received[key.fileobj]
                    received[key.fileobj] = (query, before + key.fileobj.recv(1 << 20))
                    if received[key.fileobj][1].count(b'{"id"') == len(expected[query]):
                        unfinished.discard(key.fileobj)
            poster.join()
        for query, body in received.values():
            lines = body.partition(b"\r\n\r\n")[2].split(b"\n")
            assert [json.loads(line)["id"] for line in lines if line.startswith(b'{"id"')] == expected[query]
    finally:
        for client in received:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def own_memory(program):
    status = open(f"/proc/{program.process.pid}/status").read()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def test_a_reader_that_stalls_costs_nothing_and_loses_nothing(empty):
    store(empty, event("first"))
    with Stream(empty, receive_buffer=4096) as stalled, Stream(empty) as brisk:
        text, before, names = "x" * 4000, own_memory(empty), []
        for batch in range(100):
            names += [f"{batch}-{place}" for place in range(100)]
            store(empty, *[event(name, description=text) for name in names[-100:]])
        assert ids(brisk.events(), len(names)) == names
        # 40 MB passed through, while SQLite's page caches filled.
        assert own_memory(empty) - before < 30_000_000
        assert ids(stalled.events(), len(names)) == names


@pytest.mark.parametrize(("seed", "most"), [(0, None), (1, None), (2, None), (3, 200), (4, 200)])
def test_model(start, seed, most):
    """Clients post, delete, follow, break off and resume at random, and retention removes what came first; then each history
    is held against what was stored."""
    program = start("--stream-heartbeat", "0.05", *(["--max-events", str(most)] if most else []))
    store(program, event("always-there"))
    posted, deleted, lock, done = {}, set(), threading.Lock(), threading.Event()
    failures, histories = [], []

    def guarded(work):
        def run(*arguments):
            try:
                work(*arguments)
            except BaseException as failure:
                failures.append(failure)
                raise

        return lambda *arguments: threading.Thread(target=run, args=arguments)

    @guarded
    def post(name, rng):
        for number in range(60):
            events = [event(f"{name}-{number}-{place}", rng.choice(SEVERITIES)) for place in range(rng.randint(1, 20))]
            if rng.random() < 0.2:
                # A batch that is not stored at all must not appear or hide anything.
                refused = [*events, events[0] | {"title": "Another"}]
                assert program.request("POST", "/events?strict=true", refused).status == 422
            store(program, *events)
            with lock:
                posted.update((event["id"], event["severity"]) for event in events)

    @guarded
    def delete(rng):
        while not done.is_set():
            with lock:
                names = rng.sample(sorted(posted), min(5, len(posted)))
                deleted.update(names)
            for name in names:
                assert program.request("DELETE", f"/events/{name}").status in (204, 404)

    @guarded
    def follow(severity, accept, rng):
        history, position = [], 0
        histories.append((severity, history))
        while position < last_seq():
            lines, query = accept == LINES, f"severity={severity}" if severity else ""
            with Stream(program, query, position, accept) as stream:
                budget = rng.choice([1, 5, 50, 500])
                for found in stream.lines(beats=True) if lines else stream.blocks():
                    data = found if lines else found.data
                    if data and "severity" in data:
                        history.append(data)
                        position = data["seq"]
                        budget -= 1
                    elif data:
                        oldest = (data["reset"] if lines else data)["oldest"]
                        position = max(position, oldest - 1)
                    elif not lines:
                        position = found.id
                    if budget == 0 or position >= last_seq():
                        break

    def last_seq():
        return final[0] if done.is_set() else float("inf")

    final = [0]
    seeds = random.Random(seed)
    posters = [post(f"p{number}", random.Random(seeds.random())) for number in range(3)]
    deleter = delete(random.Random(seeds.random()))
    followers = [follow(severity, "text/event-stream", random.Random(seeds.random())) for severity in [None, *SEVERITIES]]
    followers += [follow(None, LINES, random.Random(seeds.random())) for _ in range(2)]
    for thread in [*posters, deleter, *followers]:
        thread.start()
    for thread in posters:
        thread.join()
    # The last event is one that every follower wants or skips, and that nobody deletes.
    final[0] = program.request("POST", "/events", event("end")).json["seq"]
    done.set()
    for thread in [deleter, *followers]:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    assert not failures
    posted |= {"always-there": "info", "end": "info"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        remaining = {json.loads(line)["id"] for line in program.request("GET", "/events/export").body.splitlines()}
        # In PostgreSQL they are counted once a second, and only the export tells of it.
        if not (postgresql.IS_USED and most and len(remaining) > most and time.monotonic() < deadline):
            break
        time.sleep(0.05)
    if most:
        assert len(remaining) < len(posted.keys() - deleted)
    else:
        assert remaining == posted.keys() - deleted
    for severity, history in histories:
        seqs, names = [found["seq"] for found in history], [found["id"] for found in history]
        assert seqs == sorted(set(seqs)), "in order, and once"
        assert len(names) == len(set(names))
        assert all(posted[found["id"]] == found["severity"] == (severity or found["severity"]) for found in history)
        wanted = {name for name, of in posted.items() if severity in (None, of)}
        assert wanted & remaining <= set(names) <= wanted, "complete"
