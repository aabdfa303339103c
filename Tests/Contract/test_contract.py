"""Checks the program against openapi.yaml: its routes, its requests, its answers."""

import gzip
import json
import re
import sqlite3
import subprocess
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
import yaml
from conftest import BODIES
from openapi_spec_validator import validate
from support import BINARY, CONTRACT, OPERATIONS, ROOT, check, concrete, examples, parameters, resolve, response, typed, validator

EVENT = {"event_type": "cluster", "severity": "info", "title": "An event"}
UNTITLED = {"event_type": "cluster", "severity": "info"}
COMPLETE = BODIES["complete"]
LINES = b'{"event_type":"a","severity":"info","title":"1"}\n{"event_type":"a","severity":"info","title":"2"}\n'
OTHER = COMPLETE | {"title": "Other content"}
NEW_EVENT = {"$ref": "#/components/schemas/NewEvent"}


# Parameters that an operation requires.
NEEDED = {"DELETE /events": "?severity=critical"}


def example_of(operation):
    """A body for an operation that stores: EVENT, or an example of a sender's format."""
    content = OPERATIONS[operation]["requestBody"]["content"]
    if operation == "POST /events":
        return EVENT
    types = ("application/json", "application/x-ndjson", "text/plain")
    (example, *_) = examples(next(content[name] for name in types if name in content)).values()
    return example.encode() if isinstance(example, str) else example


def ask(program, operation, query="", body=None, headers={}):
    """Operations on one event use COMPLETE."""
    method, path = concrete(operation).split()
    query = query or NEEDED.get(operation, "")
    return program.request(method, path + query, example_of(operation) if body is None and method in ("POST", "PUT") else body, headers)


class Case(NamedTuple):
    """A request while COMPLETE is stored, its status, and the example that its answer equals verbatim."""

    operation: str
    status: int
    example: str | None = None
    body: object = None
    query: str = ""
    headers: dict = {}


def post(status, body, example=None, query="", **headers):
    return Case("POST /events", status, example, body, query, {name.replace("_", "-"): headers[name] for name in headers})


# The paths of other programs' formats that take events.

def success(operation):
    (status,) = [status for status in OPERATIONS[operation]["responses"] if status[0] == "2"]
    return int(status)


SENDERS = [operation for operation, described in OPERATIONS.items() if described.get("tags") == ["senders"] and "requestBody" in described]

CASES = [
    post(201, EVENT),
    post(201, EVENT, Content_Type="text/plain"),
    post(201, EVENT, Prefer="return=minimal"),
    post(200, EVENT, Content_Type="application/x-ndjson"),
    post(200, EVENT, Content_Type="application/jsonl"),
    post(200, b'{"title":\n' + LINES, Content_Type="application/x-ndjson"),
    post(200, LINES),
    post(422, b"\n", Content_Type="application/x-ndjson"),
    post(400, EVENT, query="?strict=true", Content_Type="application/x-ndjson"),
    post(200, COMPLETE, "replay"),
    post(200, COMPLETE, Prefer="return=minimal"),
    post(200, [BODIES["array"][0], COMPLETE, UNTITLED], "summary"),
    post(200, [EVENT, OTHER]),
    post(200, [EVENT, COMPLETE], query="?strict=true"),
    post(400, b'{"severity":"info",}', "malformed"),
    post(400, b'{"severity":"info","severity":"info"}'),
    post(400, b""),
    post(400, EVENT, query="?x=1"),
    post(409, OTHER, "conflict"),
    post(413, [EVENT] * 10_001, "tooManyEvents"),
    post(415, b"event_type=cluster", "notJSON"),
    post(415, EVENT, Content_Encoding="zstd"),
    post(422, {"event_type": "cluster", "severity": "fatal"}, "invalid"),
    post(422, [EVENT, UNTITLED], "strict", query="?strict=true"),
    post(422, [EVENT, OTHER], query="?strict=true"),
    post(422, [OTHER]),
    post(422, []),
    post(422, b'"text"', Content_Type="application/json"),
    Case("GET /events", 200, "last"),
    Case("GET /events", 200, "counted", query="?fields=title,id&count=exact&severity_min=error&metadata.restarts=3"),
    Case("GET /events", 200, "last", query="?object_name=node-*,!node-1&severity=!info&event_type=a,cluster"),
    Case("GET /events", 400, "unknownFilter", query="?severty=error"),
    Case("GET /events", 400, "wrongLimit", query="?limit=0"),
    Case("GET /events", 400, query="?limit=1&limit=1"),
    Case("GET /events", 200, query="?q=node+-nothing"),
    Case("GET /events", 400, query="?q=-node"),
    Case("GET /events", 400, query="?q=%22node"),
    Case("GET /events/{id}", 200, "event"),
    Case("GET /events/{id}", 404, "noSuchEvent", query="-not"),
    Case("DELETE /events", 200, "deleted", query="?object_name=node-*&metadata.restarts=3&dry_run=true"),
    Case("DELETE /events", 200, "deleted", query="?since=2026-11-23T00:00:00Z"),
    Case("DELETE /events", 200, "nothing", query="?severity=!error"),
    Case("DELETE /events", 400, "noFilter", query="?dry_run=true"),
    Case("DELETE /events", 400, query="?limit=1"),
    Case("DELETE /events/{id}", 204),
    Case("DELETE /events/{id}", 404, "noSuchEvent", query="-not"),
    Case("GET /events/stream", 200, "stored", query="?after=0"),
    Case("GET /events/stream", 200, "stored", query="?after=0", headers={"Accept": "application/x-ndjson"}),
    Case("GET /events/stream", 200, "reset", headers={"Last-Event-ID": "9"}),
    Case("GET /events/stream", 400, "unknownStreamParameter", query="?limit=1"),
    Case("GET /events/stream", 400, query="?after=1&after=1"),
    Case("GET /events/stream", 400, headers={"Last-Event-ID": "evt"}),
    Case("GET /events/stream", 406, "noSuchStream", headers={"Accept": "application/json, text/*;q=0"}),
    Case("GET /backup", 200),
    Case("GET /events/export", 200, "exported"),
    Case("GET /events/export", 200, "exported", headers={"Accept": "text/csv, */*;q=0.1"}),
    Case("GET /events/export", 200, "exported", query="?format=csv&order=asc"),
    Case("GET /events/export", 400, "unknownExportParameter", query="?limit=1"),
    Case("GET /events/export", 406, "noSuchExport", headers={"Accept": "application/json"}),
    Case("GET /events/stats", 200),
    Case("GET /events/stats", 200, "counted", query="?since=2026-11-23T10:15:00Z&until=2026-11-23T12:00:00Z&interval=1h&by=severity,object_namespace"),
    Case("GET /events/stats", 400, query="?by=title"),
    Case("GET /events/stats", 400, "tooManyBuckets", query="?interval=1m&since=2026-11-20T00:00:00Z&until=2026-11-23T00:00:00Z"),
    Case("GET /schema", 200),
    Case("GET /schema/version", 200, "ready"),
    Case("GET /schema/migrations", 200),
    Case("GET /healthz", 200, "alive"),
    Case("GET /readyz", 200, "ready"),
    Case("GET /sources", 200, "none"),
    Case("GET /ingest", 200),
    *[Case(operation, success(operation), headers={"X": "y"}) for operation in OPERATIONS if OPERATIONS[operation].get("tags") == ["senders"]],
    *[Case(operation, success(operation), query="?x=1") for operation in SENDERS],
    *[Case(operation, 400, "noBody" if "/elasticsearch/" in operation else "emptyBody", b"") for operation in SENDERS if operation != "POST /v1/logs"],
    *[Case(operation, 413, "tooLarge" if operation == "POST /v1/logs" else "tooFar" if "/elasticsearch/" in operation else "expands", gzip.compress(b"[" + b" " * 2**24),
           headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}) for operation in SENDERS],
    Case("POST /v1/logs", 200, "all", {}),
    Case("POST /v1/logs", 200, "all", b"", headers={"Content-Type": "application/x-protobuf"}),
    Case("POST /v1/logs", 200, "partial", {"resourceLogs": [{"scopeLogs": [{"logRecords": [7]}]}]}),
    Case("POST /v1/logs", 400, "malformed", b"{"),
    Case("POST /v1/logs", 400, None, b"\n\x05"),
    *[Case(operation, 415, "coding", b"x", headers={"Content-Encoding": "zstd"}) for operation in SENDERS],
    Case("POST /ingest/records", 200, "summary", b'{"log":"x"}\n{"log":"' + b"x" * 2**20 + b'"}'),
    Case("POST /ingest/records", 415, None, b"x=1"),
    Case("POST /ingest/records", 422, "allRefused", b"[7]"),
    Case("POST /ingest/alertmanager", 200, None, {"alerts": []}),
    Case("POST /ingest/alertmanager", 422, None, {"alerts": [7]}),
    *[Case(operation, 422, None, [7]) for operation in SENDERS 
      if operation not in ("POST /ingest/records", "POST /ingest/alertmanager", "POST /v1/logs") and "/elasticsearch/" not in operation and "/raw" not in operation],
    *[Case(operation, 200, "created" if "{id}" not in operation else None, {"message": "m", "n": operation}) for operation in SENDERS if "/_doc" in operation],
    *[Case(operation, 400, None, [7]) for operation in SENDERS if "/_doc" in operation],
    *[Case(operation, 422, None, b"x" * (2**20 + 1)) for operation in SENDERS if "/raw" in operation],
    Case("POST /ingest/cloudevents", 200, None, b"", headers={"ce-id": "1", "ce-source": "/a", "ce-type": "b", "ce-specversion": "1.0"}),
    Case("POST /ingest/github", 415, None, b"payload=%7B%7D"),
    *[Case(operation, 200) for operation in OPERATIONS if operation.startswith("OPTIONS ")],
    *[Case(f"GET /services/collector/health{version}", 200, "healthy") for version in ("", "/1.0")],
    *[Case(operation, 200, "items", b'{"create":{"_index":"logs","_id":"1"}}\n{"message":"m","n":"%s"}\n{"delete":{"_index":"logs","_id":"1"}}\n' % operation.encode())
      for operation in OPERATIONS if operation.endswith("_bulk") and operation[0] == "P"],
    Case("POST /loki/api/v1/push", 422, None, {"streams": [7]}),
    Case("GET /metrics", 200),
    Case("GET /", 200),
    Case("GET /", 200, headers={"Accept": "text/html, */*;q=0.8"}),
    Case("GET /", 200, query="?since=24h&x=1", headers={"Accept": "text/html, */*;q=0.8"}),
    Case("GET /page/{file}", 200),
    Case("GET /page/{file}", 404, "noSuchFile", query=".map"),
    Case("GET /openapi.yaml", 200),
    Case("GET /openapi.json", 200),
    *[Case(f"GET /{name}", 304, headers={"If-None-Match": "*"}) for name in ("", "page/{file}", "openapi.yaml", "openapi.json")],
    *[Case(operation, 400, "unknownParameter", query="?x=1") for operation in OPERATIONS if "400" in OPERATIONS[operation]["responses"] and not parameters(operation) and operation not in SENDERS],
]


class Refusal(NamedTuple):
    """The server's refusals before a route is called; None is a path outside the contract."""

    status: int
    operation: str | None
    message: bytes
    flags: list = []
    example: str | None = None


def head(line, *fields):
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", "Connection: close", *fields, "", ""]).encode()


FULL = ["--max-body-bytes", "1000", "--max-buffered-bytes", "1000"]
REFUSALS = [
    Refusal(400, None, b"no request\r\n\r\n"),
    Refusal(400, None, head("GET /%")),
    Refusal(403, "GET /healthz", head("GET /healthz", "Sec-Fetch-Site: cross-site")),
    Refusal(404, None, head("GET /none"), example="notFound"),
    Refusal(405, "GET /events", head("PUT /events"), example="methodNotAllowed"),
    Refusal(408, None, b"GET / HT", ["--header-timeout", "0.5"]),
    Refusal(408, "POST /events", head("POST /events", "Content-Length: 2"), ["--header-timeout", "0.5"]),
    Refusal(413, "POST /events", head("POST /events", "Content-Length: 16777217")),
    Refusal(413, "POST /v1/logs", head("POST /v1/logs", "Content-Length: 16777217"), example="announced"),
    Refusal(414, None, head("GET /" + "x" * 8192), example="targetTooLong"),
    Refusal(417, "GET /", head("GET /", "Expect: tea")),
    Refusal(421, "GET /events", head("GET /events").replace(b"localhost", b"evil.example")),
    Refusal(431, None, head("GET /", "A: " + "x" * 16384)),
    Refusal(431, None, head("GET /", *["A: x"] * 99)),
    Refusal(501, None, head("BREW /none")),
    Refusal(501, "POST /events", head("POST /events", "Transfer-Encoding: gzip, chunked")),
    Refusal(503, "POST /events", head("POST /events", "Content-Length: 1000") + b"x" * 999, FULL),
    Refusal(505, None, b"GET / HTTP/2.0\r\n\r\n"),
]


def test_contract_is_valid():
    validate(CONTRACT)


def test_examples_of_answers_keep_to_their_schemas():
    for answer in [resolve(answer) for operation in OPERATIONS.values() for answer in operation["responses"].values()]:
        for media in answer.get("content", {}).values():
            assert examples(media)
            for example in examples(media).values():
                validator(media["schema"]).validate(example)


def test_version_is_that_of_the_program():
    printed = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == CONTRACT["info"]["version"]


def test_routes_are_those_of_the_contract(program):
    listed = program.request("GET", "/").json["routes"]
    assert {f"{r['method']} {r['path']}": (sorted(r["parameters"]), sorted(r["statuses"])) for r in listed} == {
        operation: (sorted(parameters(operation)), sorted(int(s) for s in described["responses"] if s != "default"))
        for operation, described in OPERATIONS.items()
    }


def test_the_contract_is_served_as_it_is_and_as_json(empty):
    text = (ROOT / "openapi.yaml").read_bytes()
    assert empty.request("GET", "/openapi.yaml").body == text
    assert empty.request("GET", "/openapi.json").json == yaml.safe_load(text)


def test_what_the_client_has_is_not_sent_again(empty):
    for path, accept in (("/", "text/html"), ("/", "*/*"), ("/page/app.js", "*/*"), ("/openapi.yaml", "*/*"), ("/openapi.json", "*/*")):
        answer = empty.request("GET", path, headers={"Accept": accept})
        tag = answer.headers["ETag"]
        for condition, status in ((tag, 304), (f'"x" , W/{tag}', 304), ("*", 304), ('"x"', 200), (tag.strip('"'), 200)):
            again = empty.request("GET", path, headers={"Accept": accept, "If-None-Match": condition})
            assert (again.status, again.body) == (status, b"" if status == 304 else answer.body), condition
            assert again.headers["ETag"] == tag
    tags = {empty.request("GET", path, headers={"Accept": "text/html"}).headers["ETag"] for path in ("/", "/openapi.yaml", "/openapi.json")}
    assert len(tags) == 3


def test_the_page_is_compressed_for_clients_that_accept_it(empty):
    for path, vary in (("/", "Accept, Accept-Encoding"), ("/page/app.js", "Accept-Encoding")):

        def ask(coding, tag=None):
            answer = empty.request("GET", path, headers={"Accept": "text/html", "Accept-Encoding": coding} | ({"If-None-Match": tag} if tag else {}))
            assert answer.headers["Vary"] == vary
            return answer

        plain, packed = ask("gzip;q=0, br"), ask("br, GZIP;q=0.1")
        assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
        assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body) / 2
        tags = plain.headers["ETag"], packed.headers["ETag"]
        assert tags[0] != tags[1]
        assert [ask("gzip", tag).status for tag in tags] == [200, 304]
        assert [ask("identity", tag).status for tag in tags] == [304, 200]


def test_a_browser_gets_the_page(empty):
    firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    for accept, kind in ((firefox, "text/html; charset=utf-8"), ("application/json;q=0.5,text/html;q=0.4", "application/json"),
                         ("image/png", "application/json"), ("*/*", "application/json")):
        assert empty.request("GET", "/", headers={"Accept": accept}).headers["Content-Type"] == kind, accept


def test_all_that_the_contract_has_is_tested():
    """401, 403, 500, 501 and 503 have their own tests, for every operation that has them."""
    for operation, described in OPERATIONS.items():
        for status in described["responses"].keys() - {"401", "403", "500", "501", "503", "default"}:
            tested = {case.example for case in CASES if (case.operation, str(case.status)) == (operation, status)}
            assert tested, (operation, status)
            if operation in SENDERS:
                # They share their answers.
                tested = {case.example for case in [*CASES, *REFUSALS] if case.operation in SENDERS and str(case.status) == status}
            errors = response(operation, status).get("content", {}).get("application/problem+json", {})
            assert examples(errors).keys() <= tested
    refused = CONTRACT["components"]["responses"]["Refused"]
    assert examples(refused["content"]["application/problem+json"]).keys() <= {case.example for case in REFUSALS}
    own = {str(c.status) for c in REFUSALS if not c.operation or str(c.status) not in OPERATIONS[c.operation]["responses"]}
    assert set(re.findall(r"\b[45]\d\d\b", refused["description"])) == own
    assert PARAMETER_VALUES.keys() == {name for operation in OPERATIONS for name in parameters(operation)}
    assert resolve(NEW_EVENT)["properties"].keys() < FIELD_VALUES.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation} {case.status} {case.example}")
def test_answers(program, case):
    answer = ask(program, case.operation, case.query, case.body, case.headers)
    assert answer.status == case.status
    check(answer, case.operation, case.example)


def test_answers_with_postgresql(start):
    """What differs from the answers over a file."""
    program = start(on_postgresql=True)
    assert program.request("POST", "/events", COMPLETE).status == 201
    (operation,) = [operation for operation in OPERATIONS if "501" in OPERATIONS[operation]["responses"]]
    answer = ask(program, operation)
    assert answer.status == 501
    check(answer, operation, "noBackup")
    check(ask(program, "GET /schema"), "GET /schema")
    described = ask(program, "GET /schema").json
    assert (described["durability"], described["fsync"]) == ("local", "on")
    for position in ("0", "1-0"):
        validator({"$ref": "#/components/schemas/Position"}).validate(position)
        assert b"\nid: 1-1\nevent: event\n" in ask(program, "GET /events/stream", f"?after={position}").body
    # An epoch that is over may have had other events at the same positions.
    assert b"\nevent: reset\n" in ask(program, "GET /events/stream", headers={"Last-Event-ID": "7-1"}).body
    for after, lines in (("0", [b'{"position":"1-0"}']), ("7-1", [b'{"position":"7-1"}', b'{"reset":{"oldest":1}}', b'{"position":"1-0"}'])):
        found = ask(program, "GET /events/stream", f"?after={after}", headers={"Accept": "application/x-ndjson"}).body.splitlines()
        assert found[: len(lines)] == lines
    for position in ("1-", "-1", "1-1-1"):
        assert ask(program, "GET /events/stream", f"?after={position}").status == 400


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: str(refusal.status))
def test_refusals(start, refusal):
    answer = start(*refusal.flags).send(refusal.message)
    assert answer.status == refusal.status
    check(answer, refusal.operation, refusal.example)
    assert ("Allow" in answer.headers) == (answer.status == 405)


@pytest.mark.parametrize("operation", [operation for operation in OPERATIONS if "500" in OPERATIONS[operation]["responses"]])
def test_damaged_database(empty, operation):
    """The first page of every table and index is overwritten before the program has read it."""
    with sqlite3.connect(f"file:{empty.database}?immutable=1", uri=True) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        pages = database.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0").fetchall()
    with open(empty.database, "r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    answer = ask(empty, operation)
    assert answer.status == 500
    check(answer, operation, "damaged")


@pytest.mark.parametrize("operation", [operation for operation in OPERATIONS if "503" in OPERATIONS[operation]["responses"]])
def test_failed_migration(start, tmp_path, operation):
    """A view has the name of the table that the second migration creates."""
    with sqlite3.connect(tmp_path / "logbook.db") as database:
        database.execute("CREATE TABLE events_v2 (x)")
    answer = ask(start(), operation)
    assert answer.status == 503
    check(answer, operation, {"GET /readyz": "notReady", "GET /schema/version": "migrationFailed"}.get(operation, "unavailable"))


@pytest.mark.parametrize("path", CONTRACT["paths"])
def test_head_and_options_come_with_every_path(program, path):
    own = {operation.split()[0] for operation in OPERATIONS if operation.split()[1] == path}
    described = list(response(f"GET {path}", 200)["content"])
    path = concrete(path)
    options = program.request("OPTIONS", path)
    # An answer of its own has a status that its senders like.
    assert options.status == (200 if "OPTIONS" in own else 204)
    assert set(options.headers["Allow"].split(", ")) == own | {"HEAD", "OPTIONS"}
    answer = program.send(head(f"HEAD {path}"))
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, described[0], b"")


PARAMETER_VALUES = {
    "strict": ["true", "false", "1", "yes"],
    "keep_received_at": ["true", "false", "1", "yes"],
    "event_type": ["cluster", "a.b_c-9", "x" * 64, "x" * 65, "Cluster", "9a", "a,b", "!a", "a*", "*", "!", "a,", "a,!b*", ",".join("a" * 64), "a**", "!!a", "a\\*"],
    "severity": ["critical", "Error", "info,error", "!info", "warn*", "!*", "x*", "info*", "infos*", "info,", "err,info", "err*,i*", "critical*", "\\!info"],
    "severity_min": ["info", "critical", "Error", "error,info", "err*"],
    "metadata.PATH": ["a", "a,", "!", " "],
    "object_kind": ["Pod", "a b", "a!b", "a*b", "é", "Pod,Node", ",", "!Pod", "Po*", "a,,b", "!", "!!", "a,!", "\\", "\\,", "\\\\,", "a\\*", "!\\!", "**", ","],
    "object_namespace": ["default", "a,", "!", "*", ",".join(f"n{n}" for n in range(64)), "!a*,!b"],
    "object_name": ["web-0", "web-*", "!web-0"],
    "cluster": ["eu-1", "eu-*,!eu-2", ",", "x" * 253, "x" * 254],
    "reason": ["BackOff", "Back*", "!*", "!"],
    "fold_key": ["0123456789abcdef", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0", "0x23456789abcdef", "!0123456789abcdef"],
    "fold": ["true", "false", "1", "yes"],
    "q": ["Node-3", '"not ready" -c de*', "x" * 1024, "x" * 1025],
    "since": ["2026-11-23T10:30:45.1234567+05:30", "90s", "0m", "2026-11-23", "1w", "h", "-1h", "now"],
    "until": ["2026-02-28T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23T10:30:45", "7d", "7D"],
    "limit": ["1", "1000", "0", "1001", "-1", "1.5", "x"],
    "after": ["0", "9" * 18, "9" * 20, "1-42", "1-" + "9" * 20, "1-", "-1", "1-1-1", "+1", "x", "1.5"],
    "format": ["csv", "ndjson", "CSV", "json"],
    "order": ["asc", "desc", "DESC", "up"],
    "cursor": ["xyz", "x y"],
    "occurrences": ["true", "false", "1", "yes"],
    "dry_run": ["true", "false", "1", "yes"],
    "offset": ["0", "10000000", "10000001", "-1", "x"],
    "count": ["exact", "Exact", "all"],
    "fields": ["id", "seq,id,metadata", "reason,fold_key", "id,", "name", "id, seq"],
    "interval": ["1s", "2m", "30m", "3h", "12h", "1d", "99999d", "100000d", "0d", "01d", "1D", "4h", "24h", "60s", "3m"],
    "by": ["event_type", "object_name,event_type,severity,object_kind,object_namespace", "object,reason", "cluster", "title", "severity,", "severity,severity",
           "severity,object_kind,severity", "severity event_type", ","],
}


@pytest.mark.parametrize("name", PARAMETER_VALUES)
def test_parameters_take_what_the_contract_says(program, name):
    operation = next(operation for operation in OPERATIONS if name in parameters(operation))
    described = parameters(operation)[name]
    schema = resolve(described["schema"])
    for value in [*examples(described).values(), *PARAMETER_VALUES[name]]:
        value = value if isinstance(value, str) else json.dumps(value)
        # In seconds, years would be too many buckets.
        range = {"since": "15m"} if name == "interval" else {}
        answer = ask(program, operation, NEEDED.get(operation, "?") + "&" + urlencode({name: value} | range))
        assert (answer.status != 400) == validator(schema).is_valid(typed(schema, value)), value


ABSENT = object()
FIELD_VALUES = {
    "id": ["a", "A.b_c:d-9", "x" * 128, "x" * 129, "", "a/b", "a b", "é", None, 1, ABSENT],
    "event_type": ["a", "x" * 64, "x" * 65, "", "A", "1a", "a b", None, 1, ABSENT],
    "severity": ["info", "warning", "error", "critical", "", "INFO", None, 3, ABSENT],
    "title": ["x", "é" * 1024, "x" * 1025, "", None, 1, ABSENT],
    "description": [None, "", "x" * 65536, "x" * 65537, 1],
    "severity_min": ["info", "critical", "Error", "error,info", "err*"],
    "metadata.PATH": ["a", "a,", "!", " "],
    "object_kind": [None, "", "é" * 253, "x" * 254, 1],
    "object_namespace": [None, "", "x" * 253, "x" * 254, False],
    "object_name": [None, "", "x" * 253, "x" * 254, []],
    "metadata": [None, {}, {"a": [1, {"b": None}]}, [], "{}", 1, True],
    "cluster": [None, "", "é" * 253, "x" * 254, 1],
    "reason": [None, "", "x" * 253, "x" * 254, {}],
    "occurrences": [0, 1, 2**31 - 1, 2**31, -1, 1.5, None, "1", True],
    "received_at": ["2026-11-23T10:30:45Z", None],
    "fold_key": ["0123456789abcdef", None],
    "created_at": ["2026-11-23T10:30:45Z", "1999-12-31T23:59:59.123456789-12:00", "2026-11-23", "", None, 1, ABSENT],
    "seq": [1, None],
    "titel": ["x", None],
}


@pytest.mark.parametrize("field", FIELD_VALUES)
def test_events_take_what_the_contract_says(program, field):
    for value in FIELD_VALUES[field]:
        event = {name: value for name, value in (EVENT | {field: value}).items() if value is not ABSENT}
        answer = program.request("POST", "/events", event)
        assert answer.status == (201 if validator(NEW_EVENT).is_valid(event) else 422), value
        check(answer, "POST /events")
        assert answer.status == 201 or [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]


@pytest.mark.parametrize(
    ("field", "longest", "longer"),
    [
        ("description", '"' + "é" * 32768 + '"', '"' + "é" * 32768 + 'x"'),
        ("metadata", '{ "a" : "' + "x" * 262_136 + '" }', '{"a":"' + "x" * 262_137 + '"}'),
        ("metadata", '{"a":' * 64 + "1" + "}" * 64, '{"a":' * 65 + "1" + "}" * 65),
    ],
)
def test_bounds_that_a_schema_cannot_say(program, field, longest, longer):
    for value, status in ((longest, 201), (longer, 422)):
        body = json.dumps(EVENT)[:-1] + f',"{field}":{value}}}'
        assert program.request("POST", "/events", body.encode()).status == status


@pytest.mark.parametrize("name", BODIES)
def test_examples_of_bodies_are_stored(empty, name):
    validator(OPERATIONS["POST /events"]["requestBody"]["content"]["application/json"]["schema"]).validate(BODIES[name])
    answer = empty.request("POST", "/events", BODIES[name])
    check(answer, "POST /events")
    assert answer.json["accepted"] == len(BODIES[name]) if isinstance(BODIES[name], list) else answer.status == 201


def test_an_event_without_what_the_store_gives_is_a_replay_of_itself(program):
    stored = program.request("POST", "/events", EVENT).json
    again = {name: value for name, value in stored.items() if name not in ("received_at", "fold_key", "seq")}
    assert re.fullmatch(r"evt_\d{8}_\d{6}_[0-9a-f]{16}", stored["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stored["created_at"])
    validator(NEW_EVENT).validate(again)
    answer = program.request("POST", "/events", again)
    assert (answer.status, answer.json) == (200, stored)


def test_metadata_comes_back_as_it_came(program):
    body = json.dumps(EVENT)[:-1] + ',"metadata":{ "z" : 12345678901234567890,\n "a":1.10, "b":"a b" }}'
    location = program.request("POST", "/events", body.encode()).headers["Location"]
    assert b'"metadata":{"z":12345678901234567890,"a":1.10,"b":"a b"},' in program.request("GET", f"/{location}").body


def test_pages_end_early_at_4_mib_and_link_to_the_next(empty):
    events = [EVENT | {"id": f"e{n}", "metadata": {"a": "x" * 262_000}} for n in range(20)]
    assert empty.request("POST", "/events", events).json["accepted"] == 20
    first = empty.request("GET", "/events?order=asc&since=1h")
    second = empty.request("GET", "/" + re.fullmatch('<(.+)>; rel="next"', first.headers["Link"])[1])
    for page in (first, second):
        check(page, "GET /events")
    assert 4 * 1024**2 <= len(first.body) < 4.5 * 1024**2
    assert first.json["pagination"]["next_cursor"] in first.headers["Link"] and not second.json["pagination"]["next_cursor"]
    assert [e["id"] for page in (first, second) for e in page.json["events"]] == [e["id"] for e in events]
