"""Secrets in metadata are never stored, whichever way they arrive, and never returned."""

import json
import re
import subprocess

from support import BINARY, ROOT

SECRET = "s3cret-" + "x" * 40
EVENT = {"id": "e", "event_type": "cluster", "severity": "info", "title": "An event", "created_at": "2026-11-23T10:30:45.123Z"}
SENT = {"user": "a", "password": SECRET, "headers": [{"Authorization": f"Bearer {SECRET}"}], "apiKey": {"value": SECRET}}
STORED = {"user": "a", "password": "[REDACTED]", "headers": [{"Authorization": "[REDACTED]"}], "apiKey": "[REDACTED]"}


def event(name):
    return EVENT | {"id": name, "metadata": SENT}


def test_secrets_are_stored_nowhere(start):
    program = start()
    answer = program.request("POST", "/events", event("single"))
    assert (answer.status, answer.json["metadata"]) == (201, STORED)
    assert program.request("POST", "/events", [event("first"), event("second")]).json["accepted"] == 2
    lines = (json.dumps(event("line")) + "\n").encode()
    assert program.request("POST", "/events", lines, {"Content-Type": "application/x-ndjson"}).json["accepted"] == 1
    assert program.request("POST", "/events", lines + lines).json["duplicates"] == 2
    # Read on another thread than short bodies.
    large = [event("large") | {"description": "x" * 60_000}, *({**event(f"l{n}"), "description": "x" * 60_000} for n in range(5))]
    assert program.request("POST", "/events", large).json["accepted"] == 6
    for target in ("/events?limit=100", "/events/export", "/events/line", "/events/stream?after=0"):
        answer = program.request("GET", target)
        assert SECRET.encode() not in answer.body and b"[REDACTED]" in answer.body
    for file in program.database.parent.glob("logbook.db*"):
        assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in "".join(program.log)


def test_sending_twice_is_safe_with_redaction(start):
    program = start()
    assert program.request("POST", "/events", event("e")).status == 201
    again = program.request("POST", "/events", event("e"))
    assert (again.status, again.json["metadata"]) == (200, STORED)
    # Redacted metadata is stored again unchanged, as from an export.
    assert program.request("POST", "/events", EVENT | {"id": "e", "metadata": STORED}).status == 200
    other = EVENT | {"id": "e", "metadata": SENT | {"user": "b"}}
    assert program.request("POST", "/events", other).status == 409


def test_keys_can_be_chosen(start):
    program = start("--redact-keys", "card_number")
    metadata = {"cardNumber": 1, "password": "p"}
    assert program.request("POST", "/events", EVENT | {"metadata": metadata}).json["metadata"] == {"cardNumber": "[REDACTED]", "password": "p"}
    program.stop()
    program = start("--redact-keys", "off")
    assert program.request("POST", "/events", EVENT | {"id": "f", "metadata": metadata}).json["metadata"] == metadata


def test_keys_that_are_no_names_are_refused():
    for keys in ("password,", "pass word", "_._", "é"):
        run = subprocess.run([BINARY, "serve", "--redact-keys", keys], capture_output=True, text=True)
        assert run.returncode == 64 and "--redact-keys must be names" in run.stderr, keys


def test_every_threat_names_a_test_that_there_is():
    table = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")][2:]
    assert len(table) > 15
    for line in table:
        names = re.findall(r"`(\w+(?:\.py)?)`", line.split("|")[-2])
        assert names, line
        for name in names:
            file = name if name.endswith(".py") else f"{name}.swift"
            assert list((ROOT / "Tests").rglob(file)), line
