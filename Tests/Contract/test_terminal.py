"""The commands on real terminals: golden screens at four widths, the pager, local time, the demo, and what one asks at 3 a.m."""

import datetime
import json
import os
import re
import shlex
import signal
import subprocess

import pytest
from support import BINARY, PATIENCE_SECONDS, ROOT
from terminal import terminal

SCREENS = ROOT / "Tests/Data/screens"


def ago(**age):
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(**age)).isoformat()


def event(age, severity, reason, kind, name, message, namespace="shop", **others):
    return {
        "event_type": "cluster", "severity": severity, "title": f"{reason}: {message}", "reason": reason, "object_kind": kind,
        "object_name": name, "object_namespace": namespace, "created_at": ago(seconds=30, **age), "cluster": "eu-1",
        "metadata": {"source": {"component": "kubelet"}}, **others}  # fmt: skip


@pytest.fixture
def server(empty):
    events = [
        event({"minutes": 3}, "error", "BackOff", "Pod", "payments-58d9f7c6b4-x2lkq", "Back-off restarting failed container payments in pod payments-58d9f7c6b4-x2lkq_shop(3f1c)",
              occurrences=37, id="crash", description="Back-off\n  the last line"),
        event({"minutes": 52}, "info", "ScalingReplicaSet", "Deployment", "payments", "Scaled up replica set payments-58d9f7c6b4 from 0 to 3"),
        event({"hours": 6}, "critical", "NodeNotReady", "Node", "node-3", "Node node-3 status is now: NodeNotReady", namespace=None),
        event({"days": 3}, "warning", "FailedScheduling", "Pod", "report-29384756-7zx", "0/3 nodes are available: 3 Insufficient memory. \u6771\u4eac"),
    ]  # fmt: skip
    assert empty.request("POST", "/events", events).status == 200
    return empty


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize("flags", ["", "-A", "-o wide"])
def test_screens(server, columns, flags):
    with terminal(columns, environment={"LOGBOOK_SERVER": f"http://127.0.0.1:{server.port}"}) as screen:
        screen.type(f"clear; $LOGBOOK events {flags}; echo END", "Enter")
        shown = screen.wait_for(lambda text: re.search("^END$", text, re.MULTILINE)).split("END\n")[0]
    golden = SCREENS / f"{columns}{flags.replace(' ', '')}.txt"
    if os.environ.get("LOGBOOK_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()
    # Nothing has been wrapped by the terminal, and the message is not starved.
    if columns >= 80:
        rows = shown.splitlines()
        assert len(rows) == 5 and columns - rows[0].index("MESSAGE") >= columns / 3 - 1 or flags


def test_long_output_goes_through_the_pager(server, tmp_path):
    events = [event({"minutes": number}, "info", "Pulled", "Pod", f"p{number}", f"number {number}") for number in range(60)]
    assert server.request("POST", "/events", events).status == 200
    url = {"LOGBOOK_SERVER": f"http://127.0.0.1:{server.port}"}
    with terminal(80, rows=20, environment=url) as screen:
        screen.type("$LOGBOOK events; echo END $?", "Enter")
        # The pager holds at the end of the first screen.
        shown = screen.wait_for(lambda text: text.rstrip().endswith(":"))
        assert "END" not in shown.split("\n", 1)[1] and "LAST SEEN" in shown
        screen.type("q")
        shown = screen.wait_for(lambda text: "END 0" in text)
        assert "50 of 64; --limit or --all for more" in shown
        # The end of each has a word of its own, because the screen shows that of the one before.
        for word, way in (("ONE", "--no-pager"), ("TWO", "-o json --no-pager")):
            screen.type(f"clear; $LOGBOOK events {way}; echo {word} $?", "Enter")
            screen.wait_for(lambda text: re.search(f"^{word} 0$", text, re.MULTILINE))
        screen.type(f"clear; PAGER='cat > {tmp_path}/paged' $LOGBOOK events --all; echo LAST $?", "Enter")
        screen.wait_for(lambda text: re.search("^LAST 0$", text, re.MULTILINE))
    assert len((tmp_path / "paged").read_text().splitlines()) == 65


def test_an_empty_answer_and_the_latest_say_so(server):
    def events(*arguments):
        return subprocess.run([BINARY, "events", "--server", f"http://127.0.0.1:{server.port}", *arguments],
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # fmt: skip

    none = events("-n", "none")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "No events match.\n")
    latest = [line.split()[3] for line in events("--tail", "2").stdout.splitlines()[1:]]
    assert latest == ["Deployment/payments", "Pod/payments-58d9f7c6b4-x2lkq"]
    # One of several, as in the API.
    assert len(events("--severity", "error", "--severity", "info", "-oname").stdout.splitlines()) == 2
    assert len(events("-nshop", "-n", "none", "-ojson").stdout.splitlines()) == 5
    assert events("--type", "A").stderr.startswith("Error: --type has 'A'")
    assert events("--filter", "severity=bad").stderr.startswith("Error: --filter severity must be")
    refused = events("--since", "1h", "--since", "2h")
    assert refused.returncode == 64 and refused.stderr.startswith("Error: --since is given twice")


def test_an_event_is_described(server):
    one = subprocess.run([BINARY, "events", "get", "crash", "--server", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True, check=True)
    assert re.search(r"^Created: +20\d\d-\S+Z \(3m ago\)$", one.stdout, re.MULTILINE)
    assert one.stdout.endswith("Description:\n  Back-off\n    the last line\nMetadata:\n  source:\n    component: kubelet\n")


@pytest.mark.parametrize("zone, typed, meant", [
    ("Europe/Berlin", "2026-03-28", "2026-03-27T23:00:00.000Z"),
    ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00.000Z"),
    # Skipped, and there twice.
    ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00.000Z"),
    ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00.000Z"),
    ("America/New_York", "2026-11-01 01:30:15", "2026-11-01T05:30:15.000Z"),
    ("Asia/Kolkata", "2026-11-29 09:00", "2026-11-29T03:30:00.000Z"),
    ("UTC", "2026-11-29T09:00:00+01:00", "2026-11-29T08:00:00.000Z"),
    ("Europe/Berlin", "2026-11-29 09:00:00Z", "2026-11-29T09:00:00.000Z"),
])  # fmt: skip
def test_times_are_local(empty, zone, typed, meant):
    command = [BINARY, "events", "add", "--type", "x", "--severity", "info", "--title", "t", "-o", "json",
               "--server", f"http://127.0.0.1:{empty.port}", "--created-at", typed]  # fmt: skip
    stored = json.loads(subprocess.run(command, env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True).stdout)
    assert stored["created_at"] == meant
    if len(typed) == 16:
        utc = subprocess.run([*command, "--utc"], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True).stdout
        assert json.loads(utc)["created_at"] == typed.replace(" ", "T") + ":00.000Z"


def test_a_time_alone_is_the_last_one(empty):
    now = datetime.datetime.now(datetime.UTC)
    later, earlier = now + datetime.timedelta(minutes=30), now - datetime.timedelta(minutes=30)
    for typed, age in ((later, 23.5), (earlier, 0.5)):
        command = [BINARY, "events", "add", "--type", "x", "--severity", "info", "--title", "t", "-o", "json", "--utc",
                   "--server", f"http://127.0.0.1:{empty.port}", "--created-at", f"{typed:%H:%M}"]  # fmt: skip
        stored = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["created_at"]
        assert abs((now - datetime.datetime.fromisoformat(stored)).total_seconds() / 3600 - age) < 0.1


@pytest.fixture
def demo(tmp_path):
    process = subprocess.Popen(
        [BINARY, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})  # fmt: skip
    try:
        first = process.stdout.readline()
        yield process, re.search(r"http://127\.0\.0\.1:\d+", first)[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_leaves_nothing(demo, tmp_path, number):
    process, url = demo
    said = [process.stdout.readline() for _ in range(4)]
    for line in said[1:3]:
        command = shlex.split(line)
        assert command[0] == "logbook" and ("--server" in command) != url.endswith(":8080")
        shown = subprocess.run([BINARY, *command[1:]], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert shown.returncode == 0 and len(shown.stdout.splitlines()) > 20, shown
    counted = json.loads(subprocess.run([BINARY, "events", "stats", "--server", url, "--since", "1d", "-ojson"], capture_output=True, check=True).stdout)
    assert 500 < counted["total"] < 5000
    assert [folder.name[:13] for folder in tmp_path.iterdir()] == ["logbook-demo."]
    process.send_signal(number)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr.read() == "" and not list(tmp_path.iterdir())


def test_each_question_at_3_am_has_one_command(demo):
    _, url = demo
    section = re.search(r"^## At 3 a\.m\.\n.*?```sh\n(.*?)```", (ROOT / "docs/cli.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    lines = [line for line in section.splitlines() if line]
    assert len(lines) == 6
    expected = ["panic: PAYMENTS|BackOff", "Back-off restarting", "ScalingReplicaSet", "BackOff", "shop/payments|payments", "BackOff"]
    for line, wanted in zip(lines, expected, strict=True):
        command = [BINARY, *shlex.split(line, comments=True)[1:], "--server", url]
        if "-f" in command:
            command += ["--count", "5"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert shown.returncode == 0 and re.search(wanted, shown.stdout), (line, shown)
