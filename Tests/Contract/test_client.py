"""Answers to the commands, even from a hostile server: none acts on the terminal, crashes a command or ends an import."""

import contextlib
import json
import os
import pty
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from support import BINARY, PATIENCE_SECONDS, run

# Clears the screen, the same as one character, changes the direction of text, sets the terminal's
# title, rings the bell.
EVIL = "a\u001b[2Jb\u009b2Jc\u202ed\u2066e\u001b]0;t\u0007f\u007f\rg"
OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
MOST = 2**63 - 1


@contextlib.contextmanager
def server(answer):
    """A server that answers with the status and body that `answer` returns for a request's target and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            status, body, *reason = answer(self.path, self.rfile.read(int(self.headers["Content-Length"] or 0)))
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status, *reason)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()


def on_terminal(*arguments):
    """Runs a command with one terminal as standard output and standard error; returns the terminal's text."""
    master, terminal = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "NO_PAGER": "1", "TERM": "xterm"}
    with subprocess.Popen([BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        written = b""
        # Reading from a terminal that nobody has open any more is an error.
        with contextlib.suppress(OSError):
            while piece := os.read(master, 65536):
                written += piece
        os.close(master)
        process.wait(timeout=PATIENCE_SECONDS)
    # The terminal itself turns a line feed into CR LF; the progress on standard error is our own.
    return re.sub("\r\x1b\\[K([0-9]+ events.*? left)?", "", written.decode()).replace("\r\n", "\n").replace("\r\n", "\n")


@pytest.fixture
def evil(empty):
    event = {"id": "evil", "event_type": "x", "severity": "info", "title": EVIL, "object_kind": EVIL, "metadata": {"k": EVIL}}
    # Also as raw bytes, where JSON allows that.
    body = json.dumps(event, ensure_ascii=False).encode()
    assert empty.request("POST", "/events", body, {"Content-Type": "application/json"}).status == 201
    return ("--server", f"http://127.0.0.1:{empty.port}")


def test_a_terminal_obeys_no_event(evil):
    commands = [("events", command, *evil, "--format", form)
                for command in ("list", "export") for form in ("table", "csv", "json", "yaml") if (command, form) != ("export", "table")]
    commands += [("events", "get", "evil", *evil, "--format", form) for form in ("table", "csv", "json", "yaml")]
    commands += [("events", "stats", *evil, "--by", "object_kind", "--format", form) for form in ("table", "csv", "json", "yaml")]
    commands += [("events", "list", "--follow", *evil, "--tail", "1", "--count", "1", "--format", form) for form in ("table", "csv", "json", "yaml")]
    for command in commands:
        shown = on_terminal(*command)
        assert "b" in shown and not OBEYED.search(shown), (command, shown)
        piped = subprocess.run([BINARY, *command], capture_output=True, timeout=PATIENCE_SECONDS, check=True).stdout
        # A file and a pipe get the bytes, and on a terminal JSON and YAML mean the same.
        if "csv" in command:
            assert EVIL.replace("\n", "\r\n").encode() in piped, command
        if "json" in command and command[1] != "stats":
            assert json.loads(piped) == json.loads(shown), command
        if "yaml" in command and command[1] != "stats":
            assert yaml.safe_load(piped) == yaml.safe_load(shown), command


def test_a_terminal_obeys_no_error(tmp_path, monkeypatch):
    # Files that a command creates under such a name must not stay here.
    monkeypatch.chdir(tmp_path)
    refusals = [(400, {"detail": EVIL}), (400, EVIL.encode()), (503, {"detail": EVIL}), (200, EVIL.encode())]
    for status, body in refusals:
        with server(lambda *_, status=status, body=body: (status, body)) as url:
            for command in [("events", "list"), ("events", "get", EVIL), ("events", "stats"), ("schema", "show"), ("events", "delete", EVIL)]:
                shown = on_terminal(*command, "--server", url)
                assert "b" in shown or status == 200, (command, shown)
                assert not OBEYED.search(shown), (status, command, shown)
    for command in [("events", "list", "--format", EVIL), ("events", "list", "--server", EVIL), (EVIL,), ("check", "--database", EVIL),
                    ("events", "import", EVIL), ("events", "export", "--output", EVIL + "/x"), ("restore", "--from", EVIL, "--database", EVIL)]:
        shown = on_terminal(*command)
        assert "a" in shown and not OBEYED.search(shown), (command, shown)


def test_no_number_of_a_server_crashes_a_command(tmp_path):
    (tmp_path / "in").write_text("{}\n" * 3)
    numbers = [MOST, -MOST, -1, 2**64, 10**400, 1.5, None, "1"]
    for number in numbers:
        bucket = {"start": "9999-12-31T23:59:59.999Z", "total": number, "counts": {"x": number}}
        counted = {"interval": "1h", "total": number, "buckets": [bucket] * 3, "totals": {"severity": [{"value": "x", "count": number}]}}
        answers = {
            "/events/stats": counted,
            "/events": {"accepted": number, "duplicates": number, "rejected": number, "deleted": number, "seq": number,
                        "errors": [{"index": number, "detail": "x"}], "pagination": {"total": number, "next_cursor": None}, "events": [{"seq": number}]},
        }
        with server(lambda path, _, answers=answers: (200, answers[path.split("?")[0]])) as url:
            commands = [("events", "stats", "--format", "table"), ("events", "stats", "--format", "csv"), ("events", "list"),
                        ("events", "import", tmp_path / "in"), ("events", "export"), ("events", "delete", "--type", "x", "--yes")]
            for command in commands:
                ended = run(*command, "--server", url)
                assert ended.returncode in (0, 1), (number, command, ended)
                assert on_terminal(*map(str, command), "--server", url), (number, command)
        with server(lambda *_, number=number: (422, {"errors": [{"pointer": f"/{number}/id", "detail": "x"}], "rejected": number})) as url:
            assert run("events", "import", tmp_path / "in", "--server", url).returncode == 1


def summary(lines, **others):
    return {"accepted": len(lines), "duplicates": 0, "rejected": 0, "errors": [], "ids": [], **others}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_a_proxy_says_for_a_while_is_waited_for(status, tmp_path):
    (tmp_path / "in").write_text("{}\n")
    asked = []

    def answer(path, body):
        asked.append(path)
        if len(asked) == 1:
            return status, b"<html>"
        if path.startswith("/events?"):
            return 200, {"events": [], "pagination": {"next_cursor": None}}
        return (200, summary(["{}"])) if body.endswith(b"}\n") else (201, json.loads(body))

    add = ("events", "add", "--type", "x", "--severity", "info", "--title", "t")
    for command in [("events", "import", tmp_path / "in"), ("events", "export"), add]:
        asked.clear()
        with server(answer) as url:
            ended = run(*command, "--server", url)
        assert ended.returncode == 0 and len(asked) == 2, (command, ended)
        assert f"answered {status}" in ended.stderr and "trying again" in ended.stderr


def test_pieces_fit_through_a_proxy(tmp_path):
    events = [{"id": f"e{number}", "title": "x" * 1000} for number in range(3000)]
    events.insert(1500, {"id": "large", "title": "x" * 140_000})
    (tmp_path / "in").write_text("".join(json.dumps(event) + "\n" for event in events))
    sizes, stored = [], []

    def answer(limit):
        def answered(_, body):
            sizes.append(len(body))
            if len(body) > limit:
                return 413, b"<html>"
            lines = body.decode().splitlines()
            stored.extend(json.loads(line)["id"] for line in lines)
            return 200, summary(lines)

        return answered

    with server(answer(1_000_000)) as url:
        ended = run("events", "import", tmp_path / "in", "--server", url)
    assert ended.returncode == 0 and max(sizes) < 600_000
    assert stored == [event["id"] for event in events]

    sizes.clear()
    stored.clear()
    with server(answer(100_000)) as url:
        ended = run("events", "import", tmp_path / "in", "--server", url)
    assert ended.returncode == 1, ended
    assert stored == [event["id"] for event in events if event["id"] != "large"]
    assert "line 1501: answered 413" in ended.stderr and "rejected 1" in ended.stdout, ended
    # The size limit is learned, not tried again with every piece.
    assert sum(size > 100_000 for size in sizes) < 30, sizes
