"""Formats of other programs with their own client libraries and programs."""

import base64
import gzip
import hashlib
import hmac
import json
import logging
import struct
import subprocess
import warnings

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from splunk_handler import SplunkHandler
from support import PATIENCE_SECONDS, run
from test_metrics import free_port


def one(program):
    (event,) = program.export().values()
    return event


def token(folder, scope):
    return run("token", "create", "--name", "x", "--scope", scope, "--file", folder / "access").stdout.strip()


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


# MARK: CloudEvents


def test_cloudevents_in_each_mode_are_one_event(empty):
    attributes = {"id": "42", "source": "/shop", "type": "com.example.order.failed", "specversion": "1.0", "subject": "Bestellung „7“ 100%",
                  "severitytext": "ERROR"}
    event = CloudEvent(attributes | {"datacontenttype": "application/json"}, {"message": "no stock", "n": 2**62 + 1})
    sent = [to_binary_event(event), to_structured_event(event)]
    for message, count in zip(sent, ("accepted", "duplicates")):
        answer = empty.request("POST", "/ingest/cloudevents", message.body, message.headers)
        assert (answer.status, answer.json[count]) == (200, 1)
    stored = one(empty)
    assert (stored["severity"], stored["title"], stored["object_name"]) == ("error", "no stock", attributes["subject"])
    assert stored["metadata"]["data"] == {"message": "no stock", "n": 2**62 + 1}
    assert stored["metadata"].items() >= attributes.items()
    batch = b"[%b,%b]" % (sent[1].body, sent[1].body.replace(b'"42"', b'"43"'))
    answer = empty.request("POST", "/ingest/cloudevents", batch, {"Content-Type": "application/cloudevents-batch+json"})
    assert (answer.json["accepted"], answer.json["duplicates"]) == (1, 1)


def test_bytes_of_cloudevents_stay_what_they_are(empty):
    event = CloudEvent({"id": "1", "source": "/a", "type": "b", "specversion": "1.0", "datacontenttype": "image/png"}, b"\x89PNG\xff")
    for message in (to_binary_event(event), to_structured_event(event)):
        assert empty.request("POST", "/ingest/cloudevents", message.body, message.headers).status == 200
    assert one(empty)["metadata"]["data_base64"] == "iVBOR/8="


def test_the_handshake_of_webhooks(start, tmp_path):
    secret = token(tmp_path, "write:cloudevents")
    program = start("--access-file", tmp_path / "access")
    asked = program.request("OPTIONS", "/ingest/cloudevents", headers={"WebHook-Request-Origin": "eventemitter.example.com"})
    assert (asked.status, asked.headers["WebHook-Allowed-Origin"], asked.headers["WebHook-Allowed-Rate"]) == (200, "*", "*")
    event = {"specversion": "1.0", "id": "1", "source": "a", "type": "b"}
    assert program.request("POST", f"/ingest/cloudevents?access_token={secret}", event).status == 401
    assert program.request("POST", "/ingest/cloudevents", event, bearer(secret)).status == 200


# MARK: Splunk


def test_splunk_handler(start, tmp_path, capsys):
    """It retries while nobody listens; its events follow one another without a separator."""
    secret, port = token(tmp_path, "write:splunk"), free_port()
    boss = token(tmp_path, "admin")
    with warnings.catch_warnings(action="ignore"):
        handler = SplunkHandler(
            "127.0.0.1", port, secret, "main", hostname="n1", protocol="http", verify=False, flush_interval=3600, retry_count=8,
            retry_backoff=0.5, sourcetype="app")
    logger = logging.getLogger("test_splunk_handler")
    logger.propagate = False
    logger.addHandler(handler)
    logger.error("no route")
    logger.error("no route\nto db")
    try:
        program = start("--access-file", tmp_path / "access", port=port)
        handler.force_flush()
        events = [json.loads(line) for line in program.request("GET", "/events/export", headers=bearer(boss)).body.splitlines()]
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert sorted((event["title"], event["description"], event["object_name"]) for event in events) == [
        ("no route", "no route", "n1"), ("no route", "no route\nto db", "n1")]
    assert {event["metadata"]["sourcetype"] for event in events} == {"app"}
    assert "Exception" not in capsys.readouterr().out


def test_lines_of_text(empty):
    """What curl sends to Splunk's /raw, in any pieces; the query is the envelope."""
    for _ in range(2):
        answer = empty.request("POST", "/services/collector/raw?sourcetype=syslog&host=n1&time=1796006187.5&x=y&source=a%2Fb+c",
                               b'no route\r\n\nto "db" \xff\n' + b"x" * (2**20 + 1) + b"\nlast")
        assert answer.json == {"text": "Success", "code": 0, "rejected": 1}
    events = {event["title"]: event for event in empty.export().values()}
    assert events.keys() == {"no route", 'to "db" \ufffd', "last"}
    assert {(event["object_name"], event["created_at"]) for event in events.values()} == {("n1", "2026-11-30T02:36:27.500Z")}
    assert events["last"]["metadata"] == {"sourcetype": "syslog", "host": "n1", "time": "1796006187.5", "source": "a/b c"}
    # Without a time, none is a repeat of another.
    for _ in range(2):
        assert empty.request("POST", "/services/collector/raw/1.0", b"no route").status == 200
    assert len(empty.export()) == 5


@pytest.mark.parametrize("authorization", ["Splunk {}", "Bearer {}", "Basic {:basic}", "ApiKey {:basic}"])
def test_a_token_in_the_ways_of_senders(start, tmp_path, authorization):
    secret = token(tmp_path, "write:splunk")
    program = start("--access-file", tmp_path / "access")
    pair = base64.b64encode(f"any:{secret}".encode()).decode()
    value = authorization.replace("{:basic}", pair).format(secret)
    assert program.request("POST", "/services/collector/event", {"event": "x"}, {"Authorization": value}).json == {"text": "Success", "code": 0}
    wrong = program.request("POST", "/services/collector/event", {"event": "x"}, {"Authorization": value[:-4]})
    assert (wrong.status, wrong.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")


# MARK: Signatures


@pytest.mark.parametrize("name, header", [("flux", "X-Signature"), ("github", "X-Hub-Signature-256")])
def test_signed_bodies(start, tmp_path, name, header):
    secret, other = b"a secret of this test", {"flux": "github", "github": "flux"}[name]
    (tmp_path / "secret").write_bytes(secret + b"\n")
    boss = token(tmp_path, "admin")
    with open(tmp_path / "access", "a") as file:
        file.write(f"\n{name} write:{name} hmac:{tmp_path}/secret\n")
    program = start("--access-file", tmp_path / "access")
    body = json.dumps({"involvedObject": {"kind": "A", "name": "b"}, "message": "m"}).encode()
    packed = gzip.compress(body)

    def send(body, signed, path=name, **headers):
        signature = {header: "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()} if signed is not None else {}
        return program.request("POST", f"/ingest/{path}", body, signature | headers)

    assert send(body, body).status == 200
    # The bytes on their way are signed.
    assert send(packed, packed, **{"Content-Encoding": "gzip"}).status == 200
    assert send(packed, body, **{"Content-Encoding": "gzip"}).status == 403
    assert send(body, body + b" ").status == 403
    assert send(body, None).status == 401
    assert send(body, body, other).status == 401
    assert send(body, None, **bearer(boss)).status == 200
    assert program.request("GET", "/events", headers={header: "sha256=" + hmac.new(secret, b"", hashlib.sha256).hexdigest()}).status == 401
    metrics = program.request("GET", "/metrics", headers=bearer(boss)).body.decode()
    assert 'logbook_auth_failures_total{reason="invalid_signature"} 2' in metrics


# MARK: The journal


def entry(number, message):
    """In the export format, as systemd-journal-remote reads it."""
    fields = [f"__REALTIME_TIMESTAMP={1796006187500000 + number}", f"__MONOTONIC_TIMESTAMP={number}", "_BOOT_ID=" + "b" * 32,
              "PRIORITY=3", "SYSLOG_IDENTIFIER=app", "_HOSTNAME=n1"]
    binary = b"BINARY\n" + struct.pack("<Q", 4) + b"\n\n\x00\xff\n"
    return "\n".join([*fields, f"MESSAGE={message}"]).encode() + b"\n" + binary + b"\n"


def test_journal_upload(start, tmp_path):
    """It ends with an error while Logbook refuses, and sends all again; journalctl brings the same events."""
    journal = tmp_path / "test.journal"
    source = b"".join(entry(number, f"message {number}") for number in range(1, 1001))
    subprocess.run(["/lib/systemd/systemd-journal-remote", f"--output={journal}", "-"], input=source, check=True, capture_output=True,
                   timeout=3 * PATIENCE_SECONDS)
    port = free_port()

    def upload():
        return subprocess.run(
            ["/lib/systemd/systemd-journal-upload", f"--url=http://127.0.0.1:{port}", f"--file={journal}", "--follow=0"],
            capture_output=True, timeout=3 * PATIENCE_SECONDS)

    assert upload().returncode != 0
    (tmp_path / "access").write_text("")
    program = start("--access-file", tmp_path / "access", port=port)
    assert upload().returncode != 0
    program.stop()
    program = start(port=port)
    for _ in range(2):
        assert upload().returncode == 0
    lines = subprocess.run(["journalctl", f"--file={journal}", "-o", "json"], check=True, capture_output=True).stdout
    answer = program.request("POST", "/ingest/journald", lines)
    assert answer.json == {"accepted": 0, "duplicates": 1000, "rejected": 0, "left_out": 0, "errors": []}
    events = sorted(program.export().values(), key=lambda event: event["created_at"])
    assert {event["description"] for event in events} == {f"message {number}" for number in range(1, 1001)}
    assert events[0].items() >= {"severity": "error", "reason": "app", "object_name": "n1"}.items()
    assert events[0]["metadata"]["BINARY"] == [10, 10, 0, 255]
