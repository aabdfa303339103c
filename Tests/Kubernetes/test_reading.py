"""The same commands of kubectl against the API server and against a Logbook that watches it: the same output."""

import json
import re
import subprocess
import threading

import pytest
from cluster import KUBE, START_SECONDS, Watcher, event, identity, wait_until
from support import KUBECTL, Program

NAMESPACE = "reading"
COMMANDS = [
    ["get", "events", "-n", NAMESPACE],
    ["get", "events", "-n", NAMESPACE, "-o", "wide"],
    ["get", "events", "-n", NAMESPACE, "--sort-by=.metadata.name"],
    ["get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp", "-o", "wide"],
    ["get", "events", "-n", NAMESPACE, "--chunk-size=2"],
    ["get", "events", "-n", NAMESPACE, "-o", "name"],
    ["get", "events", "-n", NAMESPACE, "--no-headers", "--field-selector=type!=Normal"],
    ["get", "events", "-n", NAMESPACE, "--field-selector=involvedObject.name=repeated,reason=BackOff"],
    ["get", "events", "-n", NAMESPACE, "--field-selector=metadata.name=plain.1"],
    ["get", "events", "-n", NAMESPACE, "--field-selector=source=kubelet"],
    ["get", "events", "-n", NAMESPACE, "-o", "jsonpath={range .items[*]}{.metadata.name} {.count}{'\\n'}{end}"],
    ["get", "events", "-n", NAMESPACE, "-o", "custom-columns=A:.involvedObject.name,B:.message"],
    ["get", "event", "plain.1", "-n", NAMESPACE],
    ["get", "event", "repeated.1", "-n", NAMESPACE, "-o", "wide"],
    ["get", "event", "nothing", "-n", NAMESPACE],
    ["get", "events", "-n", "default", "--field-selector=involvedObject.kind=Node"],
    ["get", "events.v1.events.k8s.io", "-n", NAMESPACE],
    ["get", "events", "-n", NAMESPACE, "--field-selector=spec.a=b"],
    ["get", "events", "-n", "empty"],
    ["get", "namespace", NAMESPACE, "-o", "name"],
]  # fmt: skip
NEWER = [
    ["events", "-n", NAMESPACE],
    ["events", "-n", NAMESPACE, "--types=Warning", "--no-headers"],
    ["events", "-n", NAMESPACE, "--for=pod/plain", "--types=Warning"],
]


def place(name):
    """Where scripts/kube has one of its programs."""
    found = subprocess.run([KUBE, name], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def kubectls():
    """This one of PyPI, and the one of the API server's age."""
    return {"new": KUBECTL, "old": place("kubectl")}


@pytest.fixture(scope="module")
def watched(cluster, tmp_path_factory):
    cluster.make_namespace(NAMESPACE)
    made = [
        cluster.create("plain.1", NAMESPACE),
        cluster.create("repeated.1", NAMESPACE, count=3),
        cluster.create("text.1", NAMESPACE, message="ä 😀\t\\", reason="Failed", type="Normal"),
        cluster.create("node-9.1", "default", involvedObject={"kind": "Node", "name": "node-9"}),
    ]
    newer = event("newer.1", NAMESPACE)
    cluster.ask(
        "POST",
        f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events",
        {
            "metadata": newer["metadata"],
            "regarding": newer["involvedObject"],
            "reason": "Killing",
            "note": "Stopping container",
            "type": "Normal",
            "action": "Kill",
            "eventTime": "2026-11-30T02:39:07.123456Z",
            "reportingController": "kubelet",
            "reportingInstance": "node-1",
        },
    )
    again = made[1] | {"count": 37}
    made[1] = cluster.ask("PUT", f"/api/v1/namespaces/{NAMESPACE}/events/repeated.1", again)
    program = Watcher(tmp_path_factory.mktemp("reading"), cluster)
    program.await_events(
        [identity(item) for item in [*made, *cluster.events(NAMESPACE).values()]]
    )
    yield program
    program.stop()


def ask(kubectl, where, arguments, folder):
    run = subprocess.run(
        [kubectl, *where, f"--cache-dir={folder}/{where[0][-8:]}", *arguments],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    return run.returncode, run.stdout, run.stderr


def comparable(text, is_sorted):
    """Without what time makes of an age; and without order, where the API server's is by name."""
    text = re.sub(r"\b\d+[smhdy](\d+[smhd])?( ago)?\b", "AGE", text)
    lines = [re.sub(r" +", " ", line) for line in text.splitlines()]
    return lines if is_sorted else sorted(lines)


@pytest.mark.parametrize("age", ["new", "old"])
def test_kubectl_prints_the_same(cluster, watched, tmp_path, age):
    kubectl = kubectls()[age]
    mine = [f"--server=http://127.0.0.1:{watched.port}/since/3650d", "--kubeconfig=/dev/null"]
    theirs = [f"--kubeconfig={cluster.places['kubeconfig']}"]
    for arguments in COMMANDS + (NEWER if age == "new" else []):
        found = ask(kubectl, mine, arguments, tmp_path)
        wanted = ask(kubectl, theirs, arguments, tmp_path)
        is_sorted = any("sort-by=.metadata.name" in argument for argument in arguments)
        assert found[0] == wanted[0], (arguments, found, wanted)
        assert comparable(found[1], is_sorted) == comparable(wanted[1], is_sorted), arguments
        if "spec.a=b" in arguments[-1]:  # The sentence of the API server, which then lists nothing.
            assert "field label not supported: spec.a" in found[2] and "spec.a" in wanted[2]
        else:
            assert found[2] == wanted[2], arguments


@pytest.mark.parametrize("group", ["events", "events.v1.events.k8s.io"])
def test_objects_are_the_same(cluster, watched, tmp_path, group):
    """But for the version, the annotation that keeps it, and who manages which field."""
    arguments = ["get", group, "-n", NAMESPACE, "-o", "json"]
    mine = [f"--server=http://127.0.0.1:{watched.port}/since/3650d", "--kubeconfig=/dev/null"]
    found = json.loads(ask(KUBECTL, mine, arguments, tmp_path)[1])["items"]
    wanted = cluster.kubectl(*arguments)
    wanted = json.loads(wanted.stdout)["items"]
    assert len(found) == len(wanted) == 4

    def plain(item):
        metadata = dict(item["metadata"])
        metadata.pop("managedFields", None)
        annotations = metadata.pop("annotations", {})
        version = metadata.pop("resourceVersion")
        return item | {"metadata": metadata}, annotations.get("logbook/resource-version", version)

    def by_name(items):
        return {item["metadata"]["name"]: plain(item) for item in items}

    mine, theirs = by_name(found), by_name(wanted)
    assert mine.keys() == theirs.keys()
    for name, (item, version) in theirs.items():
        assert mine[name][1] == version
        for key in item.keys() | mine[name][0].keys():
            assert mine[name][0].get(key, "absent") == item.get(key, "absent"), (name, key)


def test_a_watch_prints_the_same(cluster, watched, tmp_path):
    mine = [f"--server=http://127.0.0.1:{watched.port}/since/3650d", "--kubeconfig=/dev/null"]
    theirs = [f"--kubeconfig={cluster.places['kubeconfig']}"]
    flags = ["get", "events", "-n", "shop", "--watch-only", "--no-headers", "--output-watch-events"]
    with (
        subprocess.Popen(
            [KUBECTL, *mine, *flags], stdout=subprocess.PIPE, text=True, bufsize=1
        ) as found,
        subprocess.Popen(
            [KUBECTL, *theirs, *flags], stdout=subprocess.PIPE, text=True, bufsize=1
        ) as wanted,
    ):
        # Each sees the first of these that comes after it has begun.
        number = 0
        seen = {}
        for process in (found, wanted):
            seen[process] = []
        def read(process):
            for line in process.stdout:
                seen[process].append(line)

        threads = [threading.Thread(target=read, args=[process]) for process in (found, wanted)]
        for thread in threads:
            thread.start()
        def both_follow():
            nonlocal number
            number += 1
            cluster.create(f"begin.{number}", "shop")
            return seen[found] and seen[wanted]

        wait_until(both_follow)
        created = cluster.create("watched.1", "shop")
        cluster.ask("PUT", "/api/v1/namespaces/shop/events/watched.1", created | {"count": 2})
        cluster.create("watched.2", "shop", type="Normal", reason="Pulled")

        def rows(process):
            return comparable("".join(line for line in seen[process] if "watched" in line), True)

        wait_until(lambda: len(rows(found)) == len(rows(wanted)) == 3)
        assert rows(found) == rows(wanted)
        for process in (found, wanted):
            process.kill()
        for thread in threads:
            thread.join()


def test_a_reflector_holds_what_is_there_over_a_restart(tmp_path):
    """client-go lists, watches, and goes on after a restart of Logbook, as a controller does."""

    def store(program, *events):
        answer = program.request("POST", "/events", list(events))
        assert answer.json["rejected"] == 0, answer.json

    def stored(number, count=1):
        made = event(f"held.{number}", "shop", count)
        made["metadata"] |= {"uid": f"u{number}", "resourceVersion": str(1000 * count + number)}
        return made

    program = Program(tmp_path)
    store(program, *(stored(number) for number in range(50)))
    server = f"http://127.0.0.1:{program.port}/since/1d"
    with subprocess.Popen(
        [place("reflector"), server, "shop"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    ) as reflector:

        def holds(wanted):
            def held():
                reflector.stdin.write("\n")
                return json.loads(reflector.stdout.readline())["counts"] == wanted

            wait_until(held)

        wanted = {f"held.{number}": 1 for number in range(50)}
        holds(wanted)
        store(program, *(stored(number, 2) for number in range(10)), stored(50))
        wanted |= {f"held.{number}": 2 for number in range(10)} | {"held.50": 1}
        holds(wanted)
        program.stop()
        program = Program(tmp_path, port=program.port)
        store(program, *(stored(number, 3) for number in range(5)), stored(51))
        wanted |= {f"held.{number}": 3 for number in range(5)} | {"held.51": 1}
        holds(wanted)
        reflector.stdin.close()
    program.stop()
