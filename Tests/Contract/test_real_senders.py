"""Collectors that run as they are, through a token that is unknown at first, a 503, a full disk and a restart."""

import importlib.util
import json
import os
import platform
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from glob import glob

import postgresql
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from support import PATIENCE_SECONDS, ROOT, run
from test_metrics import free_port
from test_sender_clients import bearer
from test_senders import mend, post, spoil, wait_for

pytestmark = pytest.mark.skipif(postgresql.IS_USED, reason="the file is spoiled")
DOCUMENT = (ROOT / "docs/senders.md").read_text()
SYSLOG = ROOT / ".build/syslog"
LIBRARIES = {"LD_LIBRARY_PATH": ":".join([*glob(f"{SYSLOG}/usr/lib/*-linux-gnu"), *glob(f"{SYSLOG}/lib/*-linux-gnu"), f"{SYSLOG}/usr/lib/syslog-ng"])}
TROUBLES = "an unknown token", "a 503", "a full disk", "a restart"


def recipe(first_line, address, token):
    """A block of the document, with this address and token."""
    (block,) = re.findall(rf"^```\w+\n(# {first_line}.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    return block.replace("http://logbook:8080", address).replace("TOKEN", token)


@contextmanager
def running(folder, *command, environment={}):
    """A program, until the test ends."""
    with open(folder / "sender.log", "wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=folder, env=os.environ | environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def give(path, message):
    """Sends a message of syslog to the socket at `path`, once its program listens."""
    wait_for(path.exists, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        sender.send(f"<11>Nov 30 02:36:27 app: {message}".encode())


class Service:
    """Logbook, with its troubles."""

    def __init__(self, start, folder, disk, scope):
        self.start, self.folder, self.disk, self.port = start, folder, disk, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.access = folder / "access"
        created = [run("token", "create", "--name", "x", "--scope", scope).stdout.splitlines() for scope in (scope, "admin")]
        (self.line, self.token), (known, boss) = (sorted(lines, key=len, reverse=True) for lines in created)
        self.access.write_text(f"{known}\n")
        self.headers = bearer(boss)

    def begin(self, **options):
        self.program = self.start("--access-file", self.access, port=self.port, **options)

    def counted(self, pattern):
        text = self.program.request("GET", "/metrics", headers=self.headers).body.decode()
        return sum(int(count) for count in re.findall(rf"{pattern} (\d+)", text))

    def unavailable(self):
        return self.counted(r'http_requests_total{route="[^"]*",method="POST",status="503"}')

    def stored(self):
        lines = self.program.request("GET", "/events/export", headers=self.headers).body.splitlines()
        return [json.loads(line)["title"] for line in lines]

    def trouble(self, send):
        """Has `send` send a message in each of the TROUBLES, which it names, and one more."""
        spoil(self.folder)
        self.begin()
        send(TROUBLES[0])
        wait_for(lambda: self.counted('auth_failures_total{reason="invalid_token"}'), TROUBLES[0])
        self.access.write_text(f"{self.access.read_text()}{self.line}\n")
        wait_for(lambda: self.program.request("GET", "/ingest", headers=bearer(self.token)).status == 403, "a known token")
        send(TROUBLES[1])
        wait_for(self.unavailable, TROUBLES[1])
        self.program.stop()
        mend(self.folder)
        self.begin(environment=self.disk.environment)
        self.disk.fill()
        send(TROUBLES[2])
        wait_for(self.unavailable, TROUBLES[2])
        self.disk.free()
        wait_for(lambda: self.program.request("GET", "/readyz").json["writable"], "space")
        send("no trouble")
        wait_for(lambda: "no trouble" in self.stored(), "no trouble")
        self.program.stop()
        send(TROUBLES[3])
        self.begin()
        wait_for(lambda: TROUBLES[3] in self.stored(), TROUBLES[3])


def test_rsyslog(start, tmp_path, disk):
    """Nothing is lost while nobody listens; what is answered with an error is in the file from which it can be sent."""
    service = Service(start, tmp_path, disk, "write:elasticsearch")
    errors, log = tmp_path / "errors", tmp_path / "log"
    actions = recipe("rsyslog", service.address, service.token).replace("/var/log/logbook.errors", str(errors))
    (tmp_path / "rsyslog.conf").write_text(
        f'global(workDirectory="{tmp_path}")\nmodule(load="imuxsock" SysSock.Use="off")\nmodule(load="omelasticsearch")\n'
        f'input(type="imuxsock" Socket="{log}")\n' + actions.replace('resumeRetryCount="-1"', 'resumeRetryCount="-1" action.resumeInterval="1"'))
    modules = glob(f"{SYSLOG}/usr/lib/*-linux-gnu/rsyslog")[0]
    command = SYSLOG / "usr/sbin/rsyslogd", "-n", "-f", "rsyslog.conf", "-i", tmp_path / "pid", "-M", modules
    with running(tmp_path, *command, environment=LIBRARIES):
        service.trouble(lambda message: give(log, message))
    (command,) = re.findall(r"`(jq [^`]*)`", DOCUMENT)
    body = subprocess.run(command.replace("/var/log/logbook.errors", str(errors)), shell=True, check=True, capture_output=True).stdout
    answer = service.program.request("POST", "/elasticsearch/_bulk", body, service.headers)
    assert {item["create"]["status"] for item in answer.json["items"]} <= {201, 409}
    assert sorted(service.stored()) == sorted([*TROUBLES, "no trouble"])


def test_syslog_ng(start, tmp_path, disk):
    """It sends everything again until it is stored."""
    service = Service(start, tmp_path, disk, "write:records")
    log = tmp_path / "log"
    (tmp_path / "syslog-ng.conf").write_text(
        f'@version: 3.38\noptions {{ time-reopen(1); }};\nsource local {{ unix-dgram("{log}"); }};\n'
        + recipe("syslog-ng", service.address, service.token) + "log { source(local); destination(logbook); };\n")
    modules = glob(f"{SYSLOG}/usr/lib/syslog-ng/[0-9]*")[0]
    command = (SYSLOG / "usr/sbin/syslog-ng", "--foreground", "--no-caps", "--cfgfile=syslog-ng.conf", f"--module-path={modules}",
               *(f"--{name}={tmp_path}/{name}" for name in ("persist-file", "pidfile", "control")))  # fmt: skip
    with running(tmp_path, *command, environment=LIBRARIES):
        service.trouble(lambda message: give(log, message))
        wait_for(lambda: len(service.stored()) >= len(TROUBLES) + 1, "all messages")
    assert sorted(service.stored()) == sorted([*TROUBLES, "no trouble"])


@pytest.mark.skipif(importlib.util.find_spec("rotel") is None, reason=f"no wheel for {platform.platform()}")
def test_rotel(start, tmp_path, disk):
    """A collector of OTLP, protobuf and gzip. It drops what is answered with a 401, as the specification has it."""
    service = Service(start, tmp_path, disk, "write:otlp")
    agent = importlib.util.find_spec("rotel").submodule_search_locations[0] + "/rotel-agent"
    grpc, http = free_port(), free_port()

    def send(message):
        request = ExportLogsServiceRequest()
        record = request.resource_logs.add().scope_logs.add().log_records.add()
        record.time_unix_nano = time.time_ns()
        record.body.string_value = message
        wait_for(lambda: post(f"http://127.0.0.1:{http}/v1/logs", request.SerializeToString(), "application/x-protobuf"), message)

    with running(tmp_path, agent, "start", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}",
                 "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", service.address,
                 "--otlp-exporter-custom-headers", f"Authorization=Bearer {service.token}", "--batch-timeout", "100ms",
                 "--otlp-exporter-retry-initial-backoff", "100ms", "--otlp-exporter-retry-max-backoff", "500ms"):  # fmt: skip
        service.trouble(send)
        wait_for(lambda: len(service.stored()) >= len(TROUBLES), "all records")
    assert sorted(service.stored()) == sorted([*TROUBLES[1:], "no trouble"])
