"""The contract, the program, and the comparison of both."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import postgresql
import yaml
from jsonschema import Draft202012Validator, FormatChecker

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("LOGBOOK_BINARY", ROOT / ".build/release/logbook")).absolute()
KUBECTL = Path(sys.executable).with_name("kubectl")
PATIENCE_SECONDS = 20  # Only what hangs takes as long.


def close(node):
    """Makes object schemas refuse unknown fields. Clients must ignore those; these tests must not."""
    if isinstance(node, dict) and node.get("type") == "object" and "properties" in node:
        node["additionalProperties"] = False
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        close(child)


CONTRACT = yaml.safe_load((ROOT / "openapi.yaml").read_text())
close(CONTRACT)
# Keyed by "GET /events/{id}" and so on.
OPERATIONS = {
    f"{method.upper()} {path}": {"shared": item.get("parameters", []), **operation}
    for path, item in CONTRACT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}


def resolve(node):
    while "$ref" in node:
        target = CONTRACT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def parameters(operation):
    described = OPERATIONS[operation]["shared"] + OPERATIONS[operation].get("parameters", [])
    return {parameter["name"]: parameter for parameter in described if parameter["in"] == "query"}


def concrete(path):
    """A path with something in place of its parameter."""
    return path.replace("{id}", "node-3-not-ready").replace("{file}", "app.js").replace("{index}", "logs").replace("{name}", "logs")


def response(operation, status):
    """The contract's description of an answer; None is a path outside the contract."""
    responses = OPERATIONS[operation]["responses"] if operation else CONTRACT["components"]["responses"]
    return resolve(responses.get(str(status), {"$ref": "#/components/responses/Refused"}))


def examples(holder):
    """The examples of a media type or a parameter, by name."""
    named = {name: resolve(example)["value"] for name, example in holder.get("examples", {}).items()}
    return named | ({"example": holder["example"]} if "example" in holder else {})


def validator(schema):
    return Draft202012Validator({**schema, "components": CONTRACT["components"]}, format_checker=FormatChecker())


def typed(schema, text):
    """A parameter or header field converted to its schema's type."""
    try:
        return json.loads(text) if schema.get("type") in ("integer", "boolean") else text
    except ValueError:
        return text


def run(*arguments):
    """Runs another of the program's commands."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def endless(answer):
    return answer.headers["X-Accel-Buffering"] == "no" and answer.status == 200


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def receive(connection):
    """The answer on a connection, which then ends."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        return Answer(status, http.client.parse_headers(stream), stream.read())


class Program:
    """`logbook serve` over a database in `folder`, on a port that the system chooses; `within` is what starts it."""

    def __init__(self, folder, *flags, port=0, environment={}, within=(), on_postgresql=postgresql.IS_USED):
        self.database = folder / "logbook.db"
        command = [*within, BINARY, "serve", "--listen", f"127.0.0.1:{port}", *postgresql.flags(self.database, on_postgresql),
                   *(word for severity in ("info", "warning", "error", "critical")
                     for word in (f"--retain-{severity}", "off")), *flags]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOGBOOK_")}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=kept | environment)
        self.log = []
        listening = (re.search(r"Listening on http://127\.0\.0\.1:(\d+)", line) for line in self.lines())
        self.port = int(next(filter(None, listening))[1])
        # The pipe is drained, so that the program never waits for space in it.
        threading.Thread(target=lambda: [*self.lines()], daemon=True).start()
        # Until the database is in service or its migration has failed.
        while b'"migrating"' in self.request("GET", "/schema/version").body:
            assert self.process.poll() is None, "the program ended"

    def lines(self):
        """The log's lines as they arrive, kept in `log`."""
        for line in self.process.stderr:
            self.log.append(line)
            yield line

    def request(self, method, target, body=None, headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            as_it_is = body is None or isinstance(body, bytes)
            connection.request(method, target, body if as_it_is else json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            # A live stream has no end, so its start is enough.
            body = answer.read1() if endless(answer) else answer.read()
            return Answer(answer.status, answer.headers, body)
        finally:
            connection.close()

    def send(self, message):
        """Sends raw bytes; the body is everything after the head of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            connection.sendall(message)
            return receive(connection)

    def export(self, query=""):
        """The events that are stored, by id."""
        lines = [json.loads(line) for line in self.request("GET", f"/events/export?{query}").body.splitlines()]
        events = {line["id"]: line for line in lines}
        assert len(events) == len(lines)
        return events

    def stop(self):
        self.process.terminate()
        try:
            assert self.process.wait(PATIENCE_SECONDS) == 0
        finally:
            self.process.kill()


# Fields that OpenAPI leaves to HTTP.
TRANSPORT_FIELDS = {"date", "content-type", "content-length", "connection", "transfer-encoding", "x-content-type-options"}


# The time when the example was stored, in JSON and in CSV, which no example can know.
EPOCH = re.compile(r"(?m)(?<=^id: )\d+-|^\{\"position\":.*\n")
RECEIVED_AT = re.compile(r'(?<="received_at":")[^"]*|(?<=,3,)[^,]*(?=,[0-9a-f]*,1\r\n)')


def settled(text):
    return EPOCH.sub("", RECEIVED_AT.sub("2026-11-23T10:30:46.009Z", text))


def check(answer, operation, example=None):
    """Checks an answer against the contract: fields, content type, schema, and the named example verbatim."""
    documented = response(operation, answer.status)
    fields = {name: resolve(field) for name, field in documented.get("headers", {}).items()}
    assert {name.lower() for name in answer.headers} <= TRANSPORT_FIELDS | {name.lower() for name in fields}
    for name, field in fields.items():
        if field.get("required") or name in answer.headers:
            validator(field["schema"]).validate(typed(field["schema"], answer.headers[name]))
    content = documented.get("content", {})
    if not answer.body:
        # A message of protocol buffers may have no bytes.
        assert not content or answer.headers["Preference-Applied"] or "application/x-protobuf" in content
        return
    assert answer.headers["Content-Type"] in content
    media = content[answer.headers["Content-Type"]]
    if "json" not in answer.headers["Content-Type"].replace("x-ndjson", ""):
        assert not example or settled(answer.body.decode()) == examples(media)[example]
        return
    validator(media["schema"]).validate(answer.json)
    assert "problem" not in answer.headers["Content-Type"] or answer.json["status"] == answer.status
    assert not example or json.loads(settled(answer.body.decode())) == examples(media)[example]
