"""Exports: all matching events, or a visible failure."""

import csv
import io
import json
import socket

import pytest
from support import PATIENCE_SECONDS
from test_streams import event, own_memory, store

TEXTS = ['a,b', 'say "hi"', "two\nlines", "\r\n", "", "=1+1", "@x", " é ", '"', None]


def test_csv_gives_back_what_is_stored(empty):
    store(empty, *[event(f"{number}", description=text, metadata={"text": text}) for number, text in enumerate(TEXTS)])
    answer = empty.request("GET", "/events/export?format=csv&order=asc")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert [row["description"] for row in rows] == [text or "" for text in TEXTS]
    assert [json.loads(row["metadata"])["text"] for row in rows] == TEXTS
    lines = answer.body.split(b"\r\n")
    assert lines[-1] == b"" and b',"",' in answer.body and answer.body.count(b',"",') == 1


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_an_export_is_all_of_it_in_order(empty, order):
    """More than one piece, more than one page, many events at one moment."""
    for batch in range(5):
        moment = f"2026-01-0{batch % 2 + 1}T00:00:00Z"
        store(empty, *[event(f"{batch}-{n}", ["info", "error"][n % 2], created_at=moment) for n in range(1300)])
    for query in ("", "&severity=error", "&since=2026-01-02T00:00:00Z", "&severity=critical"):
        body = empty.request("GET", f"/events/export?order={order}{query}").body
        exported = [json.loads(line) for line in body.splitlines()]
        paged, target = [], f"/events?limit=1000&order={order}{query}"
        while target:
            page = empty.request("GET", target)
            paged += page.json["events"]
            link = page.headers["Link"]
            target = link and "/" + link.split("<")[1].split(">")[0]
        assert exported == paged


def test_a_client_that_stalls_holds_no_memory(empty):
    for batch in range(50):
        store(empty, *[event(f"{batch}-{n}", description="x" * 4000) for n in range(100)])
    before = own_memory(empty)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE_SECONDS)
        client.connect(("127.0.0.1", empty.port))
        client.sendall(b"GET /events/export?order=asc HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.recv(100)
        for batch in range(50, 100):
            store(empty, *[event(f"{batch}-{n}", description="x" * 4000) for n in range(100)])
        assert own_memory(empty) - before < 30_000_000


def test_a_failure_in_the_middle_never_looks_whole(start):
    """The second half of the file is overwritten while the client stalls."""
    program = start()
    for batch in range(50):
        store(program, *[event(f"{batch}-{n}", description="x" * 4000) for n in range(100)])
    program.stop()
    program = start()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE_SECONDS)
        client.connect(("127.0.0.1", program.port))
        client.sendall(b"GET /events/export?order=asc HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        with open(program.database, "r+b") as file:
            size = file.seek(0, 2)
            file.seek(size // 2)
            file.write(b"\xff" * (size - size // 2))
        received = b""
        with pytest.raises(ConnectionResetError):
            while part := client.recv(1 << 16):
                received += part
        assert 0 < received.count(b'{"id"') < 5000
