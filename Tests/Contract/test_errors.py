"""Every error of the service, found in the sources by its text, has a case here or a reason for having none."""

import gzip
import json
import random
import re
import select
import socket
import sqlite3
from http import HTTPStatus

from conftest import BODIES
from support import PATIENCE_SECONDS, ROOT, Answer, receive, run

EVENT = b'{"event_type":"a","severity":"info","title":"t"}'

# Texts in the sources


def literal(text, start):
    """The string literal at `start` as a regular expression, with any text for an interpolation, and its end."""
    pattern, place = "", start + 1
    while text[place] != '"':
        if text.startswith("\\(", place):
            pattern, place = pattern + ".*", place + 2 + len(enclosed(text, place + 2)) + 1
        elif text[place] == "\\":
            pattern, place = pattern + re.escape(text[place + 1]), place + 2
        else:
            pattern, place = pattern + re.escape(text[place]), place + 1
    return pattern, place + 1


def enclosed(text, start):
    """The text up to the parenthesis that closes one opened before `start`."""
    depth, place = 1, start
    while depth:
        if text[place] == '"':
            place = literal(text, place)[1]
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
    return text[start : place - 1]


def literals(text):
    found, place = [], text.find('"')
    while place >= 0:
        pattern, end = literal(text, place)
        found, place = [*found, pattern], text.find('"', end)
    return found


def texts():
    """The parts of the detail of each error that the sources construct, by file."""
    found = set()
    for file in sorted(path for target in ("HTTPServer", "Access", "Events", "EventStore", "SQLiteStore", "Ingest", "LogbookAPI") for path in (ROOT / "Sources" / target).rglob("*.swift")):
        text = re.sub(r"^\s*//.*$", "", file.read_text(), flags=re.MULTILINE)
        # Those built from the errors of other layers.
        pieces = literals("".join(re.findall(r"self\.init\(.*?\)\n", text, re.DOTALL))) if file.stem == "Problem" else []
        for constructor in re.finditer(r"\b(?:Problem|HTTPError|QueryError|FieldError|wrong)\(|\.unavailable\(|\bproblem\(", text):
            inside = enclosed(text, text.index("(", constructor.start()) + 1)
            pieces += literals(re.sub(r'(parameter|pointer): *"[^"]*",?', "", inside))
        # Sentences that a function passes to a constructor.
        for function in re.finditer(r"func explanation\(.*?\n    }", text, re.DOTALL):
            pieces += literals(function[0])
        found |= {(file.name, piece) for piece in pieces if len(re.sub(r"\.\*|\\", "", piece)) > 3}
    return found


# Errors without a case here, by the reason, with the tests that cover those with another test.
ELSEWHERE = {
    "the database cannot be read at the moment": "SQLiteStoreTests/EventReaderTests.swift",
    "the query was stopped because it blocked the writing of events": "SQLiteStoreTests/OpenReadsTests.swift",
    "the service is shutting down": "SQLiteStoreTests/EventRepositoryTests.swift",
    "the disk is full": "EndToEndTests/FullDiskTests.swift",
    "too many events wait to be written": "SQLiteStoreTests/EventWriterTests.swift",
    "the database has reached its bound on bytes, and there is no room yet": "SQLiteStoreTests/RetentionTests.swift",
    "This port speaks TLS: the URL must begin with https.": "HTTPServerTests/TLSHandshakeTests.swift",
    ".* deletions by filter are already running": "SQLiteStoreTests/BulkDeletionTests.swift",
    "names .*, which has too many or too long values in this range": "SQLiteStoreTests/StatisticsTests.swift",
    "No part of the body has arrived for too long.": "HTTPServerTests/DeadlineTests.swift",
    "The service is shutting down, and the body is incomplete.": "HTTPServerTests/StopTests.swift",
    "The body is incomplete.": "EndToEndTests/LineStreamTests.swift",
    "the client's access was revoked": "LogbookAPITests/ClientGoneTests.swift",
    "The body paused, and another connection needed its slot.": "HTTPServerTests/ConnectionLimitTests.swift",
    "must be a Kubernetes Event object": "IngestTests/KubernetesEventTests.swift",
    "must be an object": "EventsTests/EventBuilderTests.swift",
    "the line did not come whole": "EndToEndTests/LineStreamTests.swift",
}
UNPROVOKED = {
    "the client has gone": "nobody is left to be told",
    "the database is being opened or migrated": "a migration would have to be held up; MigratingTests.swift has its status",
    "too many slow queries wait": "256 queries would have to take their time at once",
    "the copy could not be made; the log says why": "the disk would have to fail within a backup",
    "the disk has no space for a copy of the database": "the disk would have to be nearly full",
}

# Requests that provoke the others, as bytes, and the flags of the program that gets them


def get(target, *fields, method="GET", version="HTTP/1.1", host="Host: localhost"):
    return "\r\n".join([f"{method} {target} {version}", *([host] if host else []), "Connection: close", *fields, "", ""]).encode()


def post(body, *fields, target="/events"):
    return get(target, f"Content-Length: {len(body)}", *fields, method="POST") + body


def chunked(*lines, field="Transfer-Encoding: chunked"):
    return get("/events", field, method="POST") + "\r\n".join(lines).encode()


LINES = "Content-Type: application/x-ndjson"
TAKEN = json.dumps(BODIES["complete"] | {"title": "Other content"}).encode()
# One more than an object may have.
KEYS = b",".join(b'"%d":0' % number for number in range(65_537))
# Longer than a body may be, and no text that expands too far.
NOISE = random.Random(1).randbytes(9 * 2**20).hex().encode()
CURSOR = "0195cb9217fdb067a8000001a20846fe000000000000000001323032362d31312d32335431303a33303a34352e3132335a"
MESSAGES = [
    # Targets and their queries
    get("/none"), get("/events", method="PUT"), get("/events", method="DELETE"), get("/events/none"), get("/events/none", method="DELETE"),
    get("/openapi.json?x=1"), get("/events", host="Host: evil.example"), get("/events?x=1"), get("/events/stream?x=1"), get("/events?limit=1&limit=2"), get("/events?%FF=1"),
    get("/events/stream?after=1&after=2"), post(EVENT, target="/events?strict=true&strict=true"), get("/events?severity="),
    get("/events?limit=0"), get("/events?order=up"), get("/events?since=now"), get("/events?severity=fatal"), get("/events?event_type=A"),
    get(f"/events?order=asc&cursor={CURSOR}"), get("/events?q=%22open"), get("/events?q=%00"),
    get(f"/events?offset=1&cursor={CURSOR}"), get("/events?offset=1&fold=true"), get("/events?fold=1"), get("/events?fold_key=x"),
    get("/events/export?fold=true"), get("/events/stats?fold=true"), get("/events/stream?fold=true"), get("/events?fold=true&severity=info", method="DELETE"),
    get(f"/events?fold=true&cursor={CURSOR}"), get("/events?count=all"), get("/events?fields=name"), get("/events?metadata.=1"),
    get("/events?" + "&".join(f"metadata.k{n}=1" for n in range(9))),
    get("/events?" + "&".join(f"metadata.a={n}" for n in range(65))), get("/events?object_kind=" + ",".join(map(str, range(65)))),
    get("/events?object_kind=a,,b"), get("/events?event_type=!A"), get("/events?q=" + "x" * 5000), get("/events?q=-a"),
    get("/events?q=" + "+".join(map(str, range(100)))), get("/events?q=a*"), get("/events?q=*"),
    get("/events/export?format=xml"), get("/events/export", "Accept: image/png"), get("/events/stream", "Accept: image/png"),
    get("/events/stream?after=x"), get("/events/stream", "Last-Event-ID: x"), get("/events/stats?by=title"), get("/events/stats?interval=7h"),
    get("/events/stats?interval=1m&since=3d"), get("/page/none"), post(EVENT, target="/events?strict=yes"), post(EVENT, LINES, target="/events?strict=true"),
    # Bodies
    post(b""), post(b"{"), post(b"a=b"), post(EVENT, "Content-Encoding: gzip"), post(EVENT, "Content-Encoding: br"),
    post(gzip.compress(EVENT)[:-4], "Content-Encoding: gzip"), post(gzip.compress(b" " * 2**21), "Content-Encoding: gzip"), post(b"\xff\xfe{\0"),
    post(gzip.compress(NOISE), "Content-Encoding: gzip"), post(b'{"items":[{"items":[]}]}'),
    post(b'{"type":"ERROR","object":{"message":"too old"}}'), post(b'{"kind":"Pod"}'), post(b'{"kind":"Event"}'),
    chunked("120000", '{"x":"' + "x" * (0x120000 - 6), "0", "", ""),  post(b"[]"), post(b'[{"a":1}]'), post(b"{}"), post(TAKEN),
    post(b"1", "Content-Type: application/json"), post(b"[" + TAKEN + b"]"), post(b"[" + TAKEN + b"," + EVENT + b"]", target="/events?strict=true"),
    post(b"[{}," + EVENT + b"]", target="/events?strict=true"), post(b"[" + b",".join([EVENT] * 10_001) + b"]"), post(b"", LINES), post(b"\n", LINES),
    post(b"{}\n", LINES), post(EVENT + b"\n" + b"x" * 1_100_000 + b"\n", LINES), get("/events", "Content-Length: 16777217", method="POST"),
    post(b'{"metadata":{' + KEYS + b"}}"), post(b"[" + EVENT + b',{"metadata":{' + KEYS + b"}}]"),
    # Heads
    b"GET /\nHost: x\n\n", b"= /\r\n\r\n", get("/none", method="BREW"), get("/", method="X" * 33), get("/", version="HTTP/2.0"), get("/", version="http/1.1"),
    b"GET HTTP/1.1\r\n\r\n", get("x"), get("/%"), get("/#"), get("/" + "x" * 8192), get("http://a b/"), get("http://[/"), get("/", "Expect: tea"),
    get("/", "A: " + "x" * 16_384), get("/", *["A: x"] * 99), get("/", "A b"), get("/", "A : b"), get("/", " A: b"), get("/", "{: b"), get("/", "A: \x01"),
    get("/", host=None), get("/", host="Host: a b"), get("http://a/", host="Host: b"), get("/", "Content-Length: +1"), get("/", "Content-Length:"),
    get("/", "Content-Length: 1", "Content-Length: 1"), get("/", "Content-Length: 1", "Transfer-Encoding: chunked"),
    get("/", "Transfer-Encoding: chunked", version="HTTP/1.0"),
    # Codings
    chunked("x", field="Content-Type: application/json\r\nTransfer-Encoding: chunked"), chunked("0", field="Transfer-Encoding: ,"), chunked("0", field="Transfer-Encoding: chunked;a"),
    chunked("0", field="Transfer-Encoding: chunked, gzip"), chunked("0", field="Transfer-Encoding: gzip, chunked"), chunked("-1", ""),
    chunked("F" * 17, ""), chunked("1 ", ""), chunked("1\n"), chunked("1;" + "x" * 4096), chunked("1", "xyz", ""), chunked("1", "xx", ""),
    chunked(*["1;" + "x" * 4000, "["] * 5), chunked("0", *["A: x"] * 101, ""), chunked("0", "A: " + "x" * 16_384, ""), chunked("0", "A", ""),
]
SLOW = [(b"GET / HT", ["--header-timeout", "0.2"]), (get("/events", "Content-Length: 2", method="POST"), ["--header-timeout", "0.2"])]
FULL = [(get("/events", "Content-Length: 1000", method="POST") + b"x" * 999, ["--max-body-bytes", "1000", "--max-buffered-bytes", "1000"])]


def opened(program, message):
    """A connection on which `message` has been sent."""
    connection = socket.create_connection(("127.0.0.1", program.port), PATIENCE_SECONDS)
    connection.sendall(message)
    return connection


def many_at_once(start):
    """One live stream, backup and body too many, and a query that takes too long."""
    program = start("--max-streams", "1", "--query-timeout", "0.001")
    with opened(program, get("/events/stream")) as stream:
        assert stream.recv(12) == b"HTTP/1.1 200"
        yield program.send(get("/events/stream"))
    for _ in range(20):
        events = [{"event_type": "a", "severity": "info", "title": "t", "object_name": f"n{n}", "description": "x" * 1000} for n in range(1000)]
        assert program.request("POST", "/events", events).status == 200
    yield program.send(get("/events/stats?by=object_name&severity=info&object_kind=none"))
    yield program.send(get("/events/stats?by=object_name,object_kind"))
    with socket.socket() as backup:
        backup.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        backup.settimeout(PATIENCE_SECONDS)
        backup.connect(("127.0.0.1", program.port))
        backup.sendall(get("/backup"))
        assert backup.recv(12) == b"HTTP/1.1 200"
        yield program.send(get("/backup"))
    # Each counts as 512 KiB of 64 MiB, so 32 of any kind are too many.
    body = chunked("1", "[", "").replace(b"Connection: close", LINES.encode())
    bodies = [opened(program, body) for _ in range(160)]
    answered, _, _ = select.select(bodies, [], [], PATIENCE_SECONDS)
    yield receive(answered[0])
    for body in bodies:
        body.close()


def shutting_down(start, tmp_path):
    """A stream of lines with one line stored."""
    remove_database(tmp_path)
    program = start("--shutdown-delay", "1")
    head = chunked(f"{len(EVENT) + 1:x}", EVENT.decode() + "\n", "").replace(b"Connection: close", LINES.encode())
    with opened(program, head) as stream, stream.makefile("rb") as lines:
        while not program.request("GET", "/events").json["events"]:
            pass
        program.process.terminate()
        while program.request("GET", "/readyz").status == 200:
            pass
        yield program.send(get("/readyz"))
        stream.sendall(b"1\r\n\n\r\n")
        status = int(lines.readline().split()[1])
        fields = dict(line.decode().strip().split(": ", 1) for line in iter(lines.readline, b"\r\n"))
        yield Answer(status, fields, lines.read(int(fields["Content-Length"])))
    program.process.wait(PATIENCE_SECONDS)


def remove_database(folder):
    for file in folder.glob("logbook.db*"):
        file.unlink()


def broken(start, tmp_path):
    """A database that cannot be migrated, and one with invalid pages."""
    remove_database(tmp_path)
    with sqlite3.connect(tmp_path / "logbook.db") as database:
        database.execute("CREATE TABLE events_v2 (x)")
    program = start()
    for target in ("/schema/version", "/readyz", "/events"):
        yield program.send(get(target))
    program.stop()
    remove_database(tmp_path)
    program = start()
    with sqlite3.connect(f"file:{program.database}?immutable=1", uri=True) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        pages = database.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0").fetchall()
    with open(program.database, "r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    yield program.send(get("/events"))


def guarded(start, tmp_path):
    """Missing, wrong, weak and duplicate tokens; missing and wrong signatures."""
    token = run("token", "create", "--name", "ci", "--scope", "read", "--file", tmp_path / "access").stdout.strip()
    program = start("--access-file", tmp_path / "access")
    for fields in ([], ["Authorization: Bearer wrong"], [f"Authorization: Bearer {token}"], ["Authorization: Basic x"] * 2):
        message = get("/events/x", *fields, method="DELETE")
        yield message, program.send(message)
    token = run("token", "create", "--name", "writer", "--scope", "write", "--file", tmp_path / "access").stdout.strip()
    program.stop()
    (tmp_path / "secret").write_text("s" * 16)
    with open(tmp_path / "access", "a") as file:
        file.write(f"\nflux write:flux hmac:{tmp_path}/secret\n")
    program = start("--access-file", tmp_path / "access")
    for message in (
        post(EVENT, f"Authorization: Bearer {token}", target="/events?keep_received_at=true"), post(EVENT, target="/ingest/flux"),
        post(EVENT, "X-Signature: sha256=0", target="/ingest/flux"),
        get("/ingest/flux", f"X-Signature: sha256={'0' * 64}", "Content-Length: 1048577", method="POST"),
    ):
        yield message, program.send(message)
    program.stop()


def answers(start, tmp_path):
    yield from guarded(start, tmp_path)
    program = start()
    yield "no cluster", program.send(post(EVENT, target="/events?cluster="))
    yield "another site", program.send(post(EVENT, "Sec-Fetch-Site: cross-site"))
    program.request("POST", "/events", BODIES["complete"])
    for message in MESSAGES:
        yield message, program.send(message)
    program.stop()
    for message, flags in SLOW + FULL:
        program = start(*flags)
        yield message, program.send(message)
        program.stop()
    program = start(on_postgresql=True)
    yield "no backup", program.send(get("/backup"))
    program.stop()
    for provoked in (many_at_once(start), shutting_down(start, tmp_path), broken(start, tmp_path)):
        for answer in provoked:
            yield provoked.__name__, answer


# A file path, SQL, a stack trace.
LEAK = re.compile(r"(^|[\s'\"(])/[\w.-]+/|\.db\b|\.swift\b|\b(SELECT|INSERT|UPDATE|WHERE|FROM)\b|SQLite|idx_|0x[0-9a-f]{6}|Fatal error|errno")


def check_shape(answer):
    """RFC 9457 and the contract's additions; the texts for people."""
    problem = answer.json
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in answer.headers) == (answer.status == 503)
    assert answer.status != 503 or int(answer.headers["Retry-After"]) > 0
    assert ("Allow" in answer.headers) == (answer.status == 405)
    assert ("Accept-Encoding" in answer.headers) == (answer.status == 415 and "Content-Encoding" in problem["detail"])
    assert problem.keys() - {"errors", "summary"} == {"type", "title", "status", "detail"}
    assert (problem["type"], problem["status"]) == ("about:blank", answer.status)
    assert problem["title"] in (HTTPStatus(answer.status).phrase, *{413: ["Content Too Large"], 414: ["URI Too Long"], 422: ["Unprocessable Content"]}.get(answer.status, []))
    errors = problem.get("errors", [{"pointer": "", "detail": "none"}])
    assert 1 <= len(errors) <= 100
    for error in errors:
        assert error.keys() in ({"pointer", "detail"}, {"parameter", "detail"})
        assert re.fullmatch(r"(/([^~/]|~[01])*)*", error.get("pointer", ""))
        assert error.get("parameter", "x")
    found = [problem["detail"], *(error["detail"] for error in errors)]
    for text in found:
        assert len(text) > 3 and not LEAK.search(text), text
    assert re.match("[A-Z].*[.]$", problem["detail"], re.DOTALL), problem["detail"]
    return found


def test_every_error_has_the_shape_of_all(start, tmp_path):
    found = []
    for request, answer in answers(start, tmp_path):
        if answer.status >= 400:
            try:
                found += check_shape(answer)
            except AssertionError as error:
                raise AssertionError(f"{request[:200]}: {answer}") from error
        else:
            # A stream of lines reports its errors in its summary.
            assert answer.json.get("rejected"), f"{request[:200]}: {answer}"
            found += [error["detail"] for error in answer.json["errors"]]
    said = texts()
    assert len(said) > 100
    excused = {re.sub(r"\\(.)", r"\1", piece) for _, piece in said}
    missed = sorted(
        f"{file}: {piece}" for file, piece in said
        if not any(re.search(piece, text) for text in found)
        and not any(re.sub(r"\\(.)", r"\1", piece).startswith(known) for known in ELSEWHERE | UNPROVOKED))
    assert not missed, "errors without a case:\n" + "\n".join(missed)
    for known, file in ELSEWHERE.items():
        assert any(text.startswith(known) for text in excused), known
        assert (ROOT / "Tests" / file).exists()
    for known in UNPROVOKED:
        assert any(text.startswith(known) for text in excused), known
