"""Other programs' formats through the running program, with the real senders where they can be installed."""

import gzip
import importlib
import json
import logging
import re
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress

import postgresql
import pytest
from elastic_transport import ConnectionError as NoConnection
from elastic_transport import SerializationError
from elasticsearch import ApiError, Elasticsearch, helpers
from logging_loki import LokiHandler
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.common.http import Compression
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from support import PATIENCE_SECONDS, concrete, run
from test_contract import SENDERS, example_of, success
from test_metrics import free_port, samples

RECORD = {"date": 1796000400.123, "log": "no route"}


def wait_for(condition, what):
    deadline = time.monotonic() + 3 * PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)  # Only between two questions to another program.
    return found


def spoil(folder):
    """Has a table in the way of a migration, so that nothing can be stored."""
    with sqlite3.connect(folder / "logbook.db") as database:
        database.execute("CREATE TABLE events_v2 (x)")


def mend(folder):
    (folder / "logbook.db").unlink()


def post(url, body, content_type):
    """True if there is an answer, which is a success."""
    with suppress(OSError):
        return urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": content_type}), timeout=PATIENCE_SECONDS).status == 200


@pytest.mark.skipif(postgresql.IS_USED, reason="the disk is that of the file")
def test_nothing_is_stored_on_a_full_disk(start, disk):
    """Every format says so, and takes it once there is space."""
    program = start(environment=disk.environment)
    disk.fill()
    answers = [program.request(*concrete(operation).split(), example_of(operation)) for operation in SENDERS]
    assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(503, "1")}
    disk.free()
    wait_for(lambda: program.request("GET", "/readyz").json["writable"], "space")
    for operation in SENDERS:
        assert program.request(*concrete(operation).split(), example_of(operation)).status == success(operation)


def test_the_list_has_an_example_that_is_taken(empty):
    formats = empty.request("GET", "/ingest").json["formats"]
    listed = {f"{route['method']} {route['path']}" for each in formats for route in each["routes"]}
    assert listed >= set(SENDERS)
    for each in formats:
        method, path = each["routes"][0]["method"], each["routes"][0]["path"]
        assert empty.request("GET", path).json == each
        before = len(empty.export())
        for _ in range(2):
            answer = empty.request(method, path, each["example"].encode(), {"Content-Type": each["content_types"][0]})
            assert answer.status in (200, 204)
        assert len(empty.export()) == before + 1


@pytest.mark.parametrize("operation", SENDERS)
def test_a_body_may_be_compressed_and_chunked(empty, operation):
    example, (method, path) = example_of(operation), concrete(operation).split()
    body = example if isinstance(example, bytes) else json.dumps(example).encode()
    # A line has no time of its own, without which it is a new event each time.
    path += "?time=1796006187" if "/raw" in path else ""
    assert empty.request(method, path, gzip.compress(body), {"Content-Encoding": "gzip"}).status == success(operation)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    answer = empty.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks)
    assert answer.status == success(operation)
    assert len(empty.export()) == 1
    for broken in (gzip.compress(body)[:-9], b"no gzip"):
        assert empty.request(method, path, broken, {"Content-Encoding": "gzip"}).status == 400


@pytest.mark.skipif(postgresql.IS_USED, reason="the file is spoiled")
@pytest.mark.parametrize("operation", SENDERS)
def test_nothing_is_stored_while_it_cannot_be(start, tmp_path, operation):
    """A sender that tries again until it hears of success loses nothing."""
    method, path = concrete(operation).split()
    spoil(tmp_path)
    program = start()
    answer = program.request(method, path, example_of(operation))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    program.stop()
    mend(tmp_path)
    assert start().request(method, path, example_of(operation)).status == success(operation)


def test_severities_that_are_left_out(start):
    program = start("--ingest-min-severity", "records=error,alertmanager=critical")
    records = [RECORD | {"level": level} for level in ("info", "warn", "error", "fatal")]
    answer = program.request("POST", "/ingest/records", records)
    assert answer.json == {"accepted": 2, "duplicates": 0, "rejected": 0, "left_out": 2, "errors": []}
    assert {event["severity"] for event in program.export().values()} == {"error", "critical"}
    program.request("POST", "/ingest/records", [7, records[2], RECORD | {"log": "x" * 70_000, "level": 3}])
    counted = samples(program)
    assert {name: counted[f'logbook_ingest_{name}{{format="records"}}'] for name in (
        "requests_total", "stored_total", "duplicate_total", "cut_total", "left_out_total")} == {
        "requests_total": 2, "stored_total": 3, "duplicate_total": 1, "cut_total": 1, "left_out_total": 2}
    assert counted['logbook_ingest_rejected_total{format="records",reason="invalid"}'] == 1
    for wrong in ("records", "nothing=error", "records=loud"):
        assert "--ingest-min-severity must be" in run("serve", "--ingest-min-severity", wrong).stderr


def test_a_stream_of_records_is_stored_as_it_arrives(empty):
    """Its sender pauses after each line, and breaks off at last."""
    head = b"POST /ingest/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", empty.port), PATIENCE_SECONDS) as connection:
        connection.sendall(head)
        for number in range(3):
            line = json.dumps(RECORD | {"n": number}).encode() + b"\n"
            connection.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            wait_for(lambda: len(empty.export()) == number + 1, number)
        connection.sendall(b'5\r\n{"log\r\n')
    assert len(empty.export()) == 3


def test_memory_of_the_largest_bodies(start, tmp_path):
    """As many events as 16 MiB can have cost no more than one of POST /events with as many bytes."""

    def peak(program):
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{program.process.pid}/status").read())[1]) << 10

    def growth(path, body):
        program = start()
        before = peak(program)
        assert program.request("POST", path, body).status == 200
        grown = peak(program) - before
        program.stop()
        (tmp_path / "logbook.db").unlink(missing_ok=True)
        return grown

    text = "x" * 550
    event = {"event_type": "a", "severity": "info", "title": "t", "description": 2 * text}
    native = growth("/events", json.dumps([event] * 10_000).encode())
    alert = {"labels": {"alertname": "a"}, "annotations": {"description": text}, "startsAt": "2026-11-30T02:36:27Z"}
    assert growth("/ingest/alertmanager", json.dumps({"alerts": [alert] * 20_000}).encode()) < native
    assert growth("/ingest/records", (json.dumps(RECORD | {"log": text}).encode() + b"\n") * 20_000) < native


# MARK: OpenTelemetry


@pytest.mark.skipif(postgresql.IS_USED, reason="the file is spoiled")
@pytest.mark.parametrize("encoding", ["proto", "json"])
def test_opentelemetry_sdk(start, tmp_path, disk, encoding):
    """Python's SDK in both encodings, compressed, through a 503, a restart and a full disk; what it sends again is a duplicate."""
    exporter = importlib.import_module(f"opentelemetry.exporter.otlp.{encoding}.http._log_exporter")
    port = free_port()
    spoil(tmp_path)
    program = start(port=port)
    exporting = exporter.OTLPLogExporter(endpoint=f"http://127.0.0.1:{port}/v1/logs", timeout=PATIENCE_SECONDS, compression=Compression.GZIP)
    provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporting))
    logger = provider.get_logger("orders", "1.2")
    for number in range(3):
        logger.emit(timestamp=1796000400123456789 + number, severity_number=SeverityNumber.ERROR, severity_text="ERROR",
                    body=f"no route {number}", attributes={"order": 2**53 + 1, "n": number}, event_name="order.failed")
    flushing = threading.Thread(target=provider.force_flush)
    flushing.start()
    status = r'http_requests_total{route="/v1/logs",method="POST",status="%d"} [1-9]'
    wait_for(lambda: re.search(status % 503, program.request("GET", "/metrics").body.decode()), "a 503")
    program.stop()
    mend(tmp_path)
    program = start(port=port, environment=disk.environment)
    wait_for(lambda: len(program.export()) == 3, "three events")
    flushing.join(PATIENCE_SECONDS)
    disk.fill()
    logger.emit(timestamp=1796000400123456789, body="on a full disk")
    flushing = threading.Thread(target=provider.force_flush)
    flushing.start()
    wait_for(lambda: re.search(status % 503, program.request("GET", "/metrics").body.decode()), "a 503")
    disk.free()
    wait_for(lambda: len(program.export()) == 4, "four events")
    flushing.join(PATIENCE_SECONDS)
    provider.shutdown()
    *events, last = sorted(program.export().values(), key=lambda event: event["description"])
    assert last["title"] == "on a full disk"
    assert [event["description"] for event in events] == ["no route 0", "no route 1", "no route 2"]
    assert {(event["title"], event["severity"], event["object_name"]) for event in events} == {("order.failed", "error", "shop")}
    assert events[2]["metadata"]["attributes"] == {"order": 2**53 + 1, "n": 2}
    assert events[0]["metadata"]["timeUnixNano"] == 1796000400123456789
    assert events[0]["metadata"]["scope"] == {"name": "orders", "version": "1.2"}
    assert events[0]["created_at"] == "2026-11-30T01:00:00.123Z"


# MARK: Alertmanager


@contextmanager
def running(folder, name, *command, port):
    """A program of Prometheus' that listens on `port`."""
    with open(folder / f"{name}.log", "wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

        def is_up():
            with suppress(OSError):
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=PATIENCE_SECONDS).status == 200

        try:
            wait_for(is_up, name)
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


@contextmanager
def alerting(folder, url, token):
    """A Prometheus with one rule, and an Alertmanager that notifies `url`; gives a function that changes the rule."""
    ports = free_port(), free_port()
    (folder / "alertmanager.yaml").write_text(json.dumps({
        "route": {"receiver": "logbook", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "2s"},
        "receivers": [{"name": "logbook", "webhook_configs": [
            {"url": url, "send_resolved": True, "http_config": {"authorization": {"credentials": token}}}]}]}))
    (folder / "prometheus.yaml").write_text(json.dumps({
        "global": {"evaluation_interval": "1s"}, "rule_files": [f"{folder}/rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports[0]}"]}]}]}}))

    def rule(expression):
        labels = {"severity": "critical", "namespace": "shop", "pod": "web-0"}
        (folder / "rules.yaml").write_text(json.dumps({"groups": [{"name": "g", "rules": [
            {"alert": "PodCrash", "expr": expression, "labels": labels, "annotations": {"summary": "web-0 crashes"}}]}]}))

    def change(expression):
        rule(expression)
        urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/-/reload", b"", timeout=PATIENCE_SECONDS)

    rule("vector(1)")
    manager = ("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yaml", f"--storage.path={folder}/alerts",
               "--cluster.listen-address=")
    server = ("prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/tsdb", "--web.enable-lifecycle",
              # The first alert may come before Prometheus has found Alertmanager.
              "--rules.alert.resend-delay=1s")
    with running(folder, "alertmanager", *manager, port=ports[0]), running(folder, "prometheus", *server, port=ports[1]):
        yield change


@pytest.mark.skipif(postgresql.IS_USED, reason="the file is spoiled")
def test_alertmanager(start, tmp_path, disk):
    """Its token is unknown at first, then Logbook is overloaded, then away, then its disk is full; both alerts are stored once."""
    access, port = tmp_path / "access", free_port()
    token, boss = (run("token", "create", "--name", "x", "--scope", scope).stdout.splitlines() for scope in ("write:alertmanager", "admin"))
    (line, token), (known, boss) = (sorted(lines, key=len, reverse=True) for lines in (token, boss))
    access.write_text(f"{known}\n")
    headers = {"Authorization": f"Bearer {boss}"}

    def metrics():
        return start.program.request("GET", "/metrics", headers=headers).body.decode()

    def restart():
        start.program = start("--access-file", access, port=port, environment=disk.environment)

    def events():
        lines = start.program.request("GET", "/events/export", headers=headers).body.splitlines()
        return {event["id"].rpartition(":")[2]: event for event in map(json.loads, lines)}

    spoil(tmp_path)
    restart()
    with alerting(tmp_path, f"http://127.0.0.1:{port}/ingest/alertmanager", token) as change:
        wait_for(lambda: re.search(r'auth_failures_total{reason="invalid_token"} [1-9]', metrics()), "an unknown token")
        access.write_text(f"{known}\n{line}\n")
        unavailable = r'/ingest/alertmanager",method="POST",status="503"} [1-9]'
        wait_for(lambda: re.search(unavailable, metrics()), "a 503")
        start.program.stop()
        mend(tmp_path)
        restart()
        fired = wait_for(lambda: events().get("firing"), "the alert")
        start.program.stop()
        change("vector(1) > 1")
        restart()
        disk.fill()
        wait_for(lambda: re.search(unavailable, metrics()), "a 503 on a full disk")
        disk.free()
        resolved = wait_for(lambda: events().get("resolved"), "the end of the alert")
        change("vector(1)")
        wait_for(lambda: len(start.program.request("GET", "/events", headers=headers).json["events"]) == 3, "the alert again")
        wait_for(lambda: re.search(r'ingest_duplicate_total{format="alertmanager"} [1-9]', metrics()), "a repeated notification")
    assert (fired["severity"], fired["title"], fired["object_kind"], fired["object_name"]) == ("critical", "web-0 crashes", "Pod", "web-0")
    assert (resolved["severity"], resolved["object_namespace"], resolved["reason"]) == ("info", "shop", "PodCrash")
    assert fired["created_at"] < resolved["created_at"]
    assert fired["id"].rpartition(":")[0] == resolved["id"].rpartition(":")[0]
    assert resolved["metadata"]["labels"] == {"alertname": "PodCrash", "severity": "critical", "namespace": "shop", "pod": "web-0"}
    ids = [event["id"] for event in start.program.request("GET", "/events", headers=headers).json["events"]]
    assert len(set(ids)) == 3 and all(identifier.startswith("am:") for identifier in ids)


# MARK: Elasticsearch


def documents(first, last):
    return [{"_op_type": "create", "_index": "logs", "_id": str(number), "@timestamp": "2026-11-30T02:36:27Z", "message": f"m{number}"}
            for number in range(first, last)]


@pytest.mark.skipif(postgresql.IS_USED, reason="the file is spoiled")
def test_elasticsearch(start, tmp_path, disk):
    """The vendor's client: a token that is wrong at first, a 503, a restart, a full disk, and everything sent again."""
    port, access = free_port(), tmp_path / "access"
    token = run("token", "create", "--name", "x", "--scope", "write:elasticsearch,read", "--file", access).stdout.strip()
    address = f"http://127.0.0.1:{port}/elasticsearch"
    spoil(tmp_path)
    program = start("--access-file", access, port=port)
    with Elasticsearch(address, bearer_auth=token) as client, pytest.raises(ApiError) as failure:
        helpers.bulk(client, documents(0, 500))
    assert failure.value.status_code == 503
    program.stop()
    mend(tmp_path)
    program = start("--access-file", access, port=port)
    with Elasticsearch(address, bearer_auth="wrong") as client, pytest.raises(SerializationError):
        helpers.bulk(client, documents(0, 500))
    with Elasticsearch(address, bearer_auth=token, max_retries=0) as client:
        assert client.info()["version"]["number"].startswith("8.")
        assert helpers.bulk(client, documents(0, 500)) == (500, [])
        program.stop()
        with pytest.raises(NoConnection):
            helpers.bulk(client, documents(0, 1000))
        program = start("--access-file", access, port=port, environment=disk.environment)
        disk.fill()
        with pytest.raises(ApiError) as failure:
            helpers.bulk(client, documents(500, 1000))
        assert failure.value.status_code == 503
        disk.free()
        wait_for(lambda: program.request("GET", "/readyz").json["writable"], "space")
        stored, errors = helpers.bulk(client, documents(0, 1000), raise_on_error=False)
    assert (stored, {error["create"]["status"] for error in errors}, len(errors)) == (500, {409}, 500)
    exported = program.request("GET", "/events/export", headers={"Authorization": f"Bearer {token}"}).body.splitlines()
    assert {json.loads(line)["title"] for line in exported} == {f"m{number}" for number in range(1000)}
    assert len(exported) == 1000


def test_single_documents(empty):
    """As Kubernetes' event exporter sends them (pkg/sinks/elasticsearch.go): with the Event's uid as their id, or without an id."""
    event = {"metadata": {"name": "web-0.1", "namespace": "shop", "uid": "u1", "resourceVersion": "7"}, "reason": "BackOff", "message": "m", "type": "Warning",
             "involvedObject": {"kind": "Pod", "name": "web-0", "namespace": "shop", "labels": {}}, "clusterName": "c", "lastTimestamp": "2026-11-30T02:36:27Z"}
    with Elasticsearch(f"http://127.0.0.1:{empty.port}/elasticsearch") as client:
        results = [client.index(index="kube-events", id=id, document=event)["result"] for id in ("u1", "u1", None)]
        other = [client.index(index="logs", id="a/b", document={"message": "x", "n": number}) for number in (1, 2)]
        with pytest.raises(ApiError, match="illegal_argument_exception"):
            client.perform_request("POST", "/logs/_doc", headers={"Content-Type": "application/json", "Accept": "application/json"}, body=[7])
    assert results == ["created", "noop", "noop"]
    assert [(answer["_id"], answer["result"]) for answer in other] == [("a/b", "created")] * 2
    events = sorted(empty.export().values(), key=lambda event: event["metadata"].get("n", 0))
    assert [event["id"] for event in events if event["cluster"]] == ["k8s:core:u1:7"]
    assert [event["metadata"] for event in events if not event["cluster"]] == [
        {"n": number, "_index": "logs", "_id": "a/b", "source": "elasticsearch"} for number in (1, 2)]


# MARK: Loki


def test_loki(empty):
    """python-logging-loki, which needs a 204."""
    handler = LokiHandler(url=f"http://127.0.0.1:{empty.port}/loki/api/v1/push", tags={"app": "shop"}, version="1")
    problems = []
    handler.handleError = problems.append
    record = logging.LogRecord("web", logging.ERROR, "app.py", 1, "no route to %s", ("db",), None)
    handler.emit(record)
    handler.emit(record)
    assert not problems
    events = list(empty.export().values())
    assert {event["title"] for event in events} == {"no route to db"}
    assert {(event["severity"], event["object_kind"], event["object_name"]) for event in events} == {("error", "Application", "shop")}
