"""Every form that kubectl prints, by curl and by `logbook events import`: the watcher's events."""

import json
import subprocess

import pytest
from cluster import Watcher, event, identity
from support import BINARY, KUBECTL, PATIENCE_SECONDS

NAMESPACE = "forms"
RAW = f"/api/v1/namespaces/{NAMESPACE}/events"
# Arguments, and a change of the output. A watch is stopped once it has printed all events.
FORMS = {
    "list": (["get", "events", "--output=json"], None),
    "list of events.k8s.io/v1": (["get", "events.v1.events.k8s.io", "--output=json"], None),
    "kubectl events": (["events", "--output=json"], None),
    "one": (["get", "event", "plain.1", "--output=json"], None),
    "watch": (["get", "events", "--output=json", "--watch"], None),
    "watch events": (["get", "events", "--output=json", "--watch", "--output-watch-events"], None),
    "watch events of events.k8s.io/v1": (
        ["get", "events.v1.events.k8s.io", "--output=json", "--watch", "--output-watch-events"],
        None,
    ),
    "raw list": (["get", f"--raw={RAW}"], None),
    "raw watch": (["get", f"--raw={RAW}?watch=1"], None),
    "jsonpath": (["get", "events", "--output=jsonpath={.items[*]}"], None),
    "array by jsonpath": (["get", "events", "--output=jsonpath-as-json={.items[*]}"], None),
    "array": (
        ["get", "events", "--output=json"],
        lambda text: json.dumps(json.loads(text)["items"]).encode(),
    ),
    "lines": (
        ["get", "events", "--output=json"],
        lambda text: b"".join(
            json.dumps(item).encode() + b"\n" for item in json.loads(text)["items"]
        ),
    ),
}


@pytest.fixture(scope="module")
def watched(cluster, tmp_path_factory):
    """The watcher's events, by id."""
    cluster.make_namespace(NAMESPACE)
    cluster.create("plain.1", NAMESPACE)
    cluster.create("repeated.1", NAMESPACE, count=37)
    cluster.create(
        "text.1", NAMESPACE, message='Erste Zeile "ä"\nzweite\t\\ \u2028 😀', reason="Failed"
    )
    cluster.create(
        "related.1",
        NAMESPACE,
        type="Normal",
        related={"kind": "Node", "name": "node-1"},
        action="Binding",
    )
    newer = event("newer.1", NAMESPACE)
    cluster.ask(
        "POST",
        f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events",
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": newer["metadata"],
            "regarding": newer["involvedObject"],
            "reason": "FailedScheduling",
            "note": "0/1 nodes are available",
            "type": "Warning",
            "action": "Scheduling",
            "reportingController": "default-scheduler",
            "reportingInstance": "scheduler-1",
            "eventTime": "2026-11-30T12:00:00.123456Z",
            "series": {"count": 5, "lastObservedTime": "2026-11-30T12:30:00.654321Z"},
        },
    )
    ids = set(map(identity, cluster.events(NAMESPACE).values()))
    program = Watcher(tmp_path_factory.mktemp("watched"), cluster)
    program.await_events(ids)
    yield alike(program.export(f"object_namespace={NAMESPACE}"), ids)
    program.stop()


def alike(events, ids):
    """Without what tells of the way in."""
    return {
        name: {
            field: value
            for field, value in events[name].items()
            if field not in ("seq", "received_at")
        }
        for name in ids & events.keys()
    }


def printed(cluster, form, count):
    arguments, change = FORMS[form]
    command = [
        KUBECTL,
        "--kubeconfig",
        cluster.places["kubeconfig"],
        "--namespace",
        NAMESPACE,
        *arguments,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    if "watch" in form:
        text = b""
        while complete_values(text) < count:
            piece = process.stdout.read1()
            assert piece, text
            text += piece
        process.terminate()
        text += process.stdout.read()
    else:
        text = process.stdout.read()
    process.wait(PATIENCE_SECONDS)
    return change(text) if change else text


def complete_values(text):
    """How many JSON values are whole: kubectl writes one in many pieces."""
    rest, count = text.decode(errors="replace").lstrip(), 0
    while rest:
        try:
            _, end = json.JSONDecoder().raw_decode(rest)
        except json.JSONDecodeError:
            break
        rest, count = rest[end:].lstrip(), count + 1
    return count


@pytest.mark.parametrize("form", FORMS)
def test_what_kubectl_prints_is_what_is_watched(cluster, watched, start, form):
    expected = {
        name: event
        for name, event in watched.items()
        if form != "one" or event["object_name"] == "plain"
    }
    text = printed(cluster, form, len(expected))
    program = start()
    posted = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail-with-body", "--data-binary", "@-"]
        + [f"{address(program)}/events"],
        input=text,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    assert posted.returncode == 0, posted.stdout
    assert json.loads(posted.stdout).get("rejected", 0) == 0, posted.stdout
    assert alike(program.export(), watched.keys()) == expected
    # The command finds only duplicates, also in the UTF-16 that PowerShell's `>` writes.
    count = len(expected)
    assert import_events(program, text) == f"accepted 0, duplicates {count}, rejected 0\n"
    powershell = text.decode().encode("utf-16")
    assert import_events(program, powershell) == f"accepted 0, duplicates {count}, rejected 0\n"
    # Another Logbook gets the same from it.
    other = start()
    assert import_events(other, text) == f"accepted {count}, duplicates 0, rejected 0\n"
    assert alike(other.export(), watched.keys()) == expected


def address(program):
    return f"http://127.0.0.1:{program.port}"


def import_events(program, text):
    command = [BINARY, "events", "import", "--server", address(program), "-"]
    return subprocess.run(
        command, input=text, capture_output=True, timeout=PATIENCE_SECONDS, check=True
    ).stdout.decode()
