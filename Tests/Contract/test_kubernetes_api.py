"""Kubernetes' own API for events: kubectl and the Python client against it, and what neither of them sends."""

import http.client
import json
import re
import subprocess
import threading
import time
from urllib.parse import quote

import kubernetes
import pytest
import yaml
from support import KUBECTL, PATIENCE_SECONDS, ROOT, run

OLD = "/since/3650d"
LIST = "/api/v1/events"


def kubectl(program, *arguments, prefix=""):
    return subprocess.run(
        [KUBECTL, "--kubeconfig=/dev/null", f"--cache-dir={program.database.parent}/cache", f"--server=http://127.0.0.1:{program.port}{prefix}", *arguments],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # fmt: skip


def event(name, version, namespace="shop", uid=None, count=1, **fields):
    """As the API server has it, an hour ago."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    return {
        "kind": "Event", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": uid or name, "resourceVersion": str(version), "creationTimestamp": moment},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": name.rpartition(".")[0], "apiVersion": "v1"},
        "reason": "BackOff", "message": "Back-off restarting failed container", "type": "Warning", "count": count,
        "source": {"component": "kubelet", "host": "node-1"}, "firstTimestamp": moment, "lastTimestamp": moment, "eventTime": None,
        "reportingComponent": "", "reportingInstance": "",
    } | fields  # fmt: skip


def store(program, *events):
    answer = program.request("POST", "/events", list(events))
    assert answer.json["rejected"] == 0
    return answer.json["ids"]


def get(program, path, **headers):
    return program.request("GET", path, headers={"Accept": "application/json"} | headers)


def names(answer):
    assert answer.status == 200, answer.body
    return [item["metadata"]["name"] for item in answer.json["items"]]


def program_stores(program, text):
    return program.request("POST", "/events", text).status in (200, 201)


@pytest.fixture
def keeping(start):
    return start(*(f"--retain-{severity}=off" for severity in ("info", "warning", "error", "critical")))


def test_kubectl_reads_what_came_from_clusters(keeping):
    lines = (ROOT / "Tests/Data/kubernetes-events.ndjson").read_bytes()
    assert program_stores(keeping, lines)
    listed = {form: kubectl(keeping, *form.split(), prefix=OLD) for form in (
        "get events -A", "get events -A -o wide", "get events -A --sort-by=.lastTimestamp", "get events -A -o name", "get events -A -o yaml",
        "get events.v1.events.k8s.io -A", "get events -A --chunk-size=7", "events -A", "get events -n kube-system",
        "events -A --types=Warning", "get events -A --field-selector=type!=Normal,reason=FailedMount")}  # fmt: skip
    for form, run in listed.items():
        # Typed clients read all of it, though some of the dumps' times are no times.
        assert (run.returncode, run.stderr) == (0, ""), form
        assert len(run.stdout.splitlines()) > 3, form
    assert sorted(listed["get events -A"].stdout.splitlines()) == sorted(listed["get events -A --chunk-size=7"].stdout.splitlines())
    assert listed["get events -A"].stdout.split()[:7] == "NAMESPACE LAST SEEN TYPE REASON OBJECT MESSAGE".split()
    assert " SUBOBJECT " in listed["get events -A -o wide"].stdout
    header, *rows = listed["events -A --types=Warning"].stdout.splitlines()
    assert len(rows) > 30 and not any("   Normal   " in row for row in rows)
    some = listed["get events -A -o name"].stdout.split()[5].removeprefix("event/")
    (namespace,) = {line.split()[0] for line in listed["get events -A -o wide"].stdout.splitlines() if line.endswith(f" {some}")}
    one = kubectl(keeping, "get", "event", "-n", namespace, some, "-o", "json", prefix=OLD)
    assert json.loads(one.stdout)["metadata"]["name"] == some
    spaces = kubectl(keeping, "get", "namespaces", "-o", "name").stdout.split()
    assert f"namespace/{namespace}" in spaces and "namespace/default" in spaces and spaces == sorted(spaces)


def test_without_a_range_it_is_the_latest_day(keeping):
    store(keeping, event("web-0.1", 7), event("web-1.1", 8, firstTimestamp="2020-01-01T00:00:00Z", lastTimestamp="2020-01-01T00:00:00Z"))
    usual = kubectl(keeping, "get", "events", "-A", "-o", "name")
    assert usual.stdout == "event/web-0.1\n"
    assert usual.stderr == "Warning: only events of the latest 24 hours; put /since/7d behind the server's address, or /from/TIME/to/TIME\n"
    assert kubectl(keeping, "get", "events", "-n", "shop", "-o", "name", prefix="/since/3000d").stdout == "event/web-1.1\nevent/web-0.1\n"
    assert names(get(keeping, "/from/2019-12-31T00:00:00Z/to/2020-01-02T00:00:00Z" + LIST)) == ["web-1.1"]
    assert names(get(keeping, "/from/2020-01-02T00:00:00Z/api/v1/namespaces/shop/events")) == ["web-0.1"]
    assert get(keeping, "/since/soon" + LIST).json["message"].startswith("Query parameter 'since' must be")
    # One event is found whenever it was.
    assert get(keeping, "/api/v1/namespaces/shop/events/web-1.1").json["metadata"]["uid"] == "web-1.1"
    assert get(keeping, "/api/v1/namespaces/shop/events/web-2.1").json == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": 'events "web-2.1" not found', "reason": "NotFound",
        "details": {"name": "web-2.1", "kind": "events"}, "code": 404}  # fmt: skip


def test_the_newest_revision_goes_out_as_it_came(empty):
    first, last = event("web-0.1", 7), event("web-0.1", 9, count=3, labels={"a": "b"})
    store(empty, first, event("web-1.1", 8), last)
    (other, same) = get(empty, "/since/2h" + LIST).json["items"]
    assert other["metadata"]["name"] == "web-1.1"
    assert same["metadata"].pop("resourceVersion") == "3" and same["metadata"].pop("annotations") == {"logbook/resource-version": "9"}
    del last["metadata"]["resourceVersion"]
    assert same == last
    # All of them, and those up to a time or a version.
    assert names(get(empty, "/revisions/since/2h" + LIST)) == ["web-0.1", "web-1.1", "web-0.1"]
    page = get(empty, "/since/2h" + LIST + "?limit=1")
    assert names(page) == ["web-1.1"]
    store(empty, event("web-0.1", 12, count=4), event("web-2.1", 13))
    rest = get(empty, "/since/2h" + LIST + "?limit=5&continue=" + quote(page.json["metadata"]["continue"]))
    # As of the first page.
    assert names(rest) == ["web-0.1"] and rest.json["items"][0]["count"] == 3 and "continue" not in rest.json["metadata"]
    assert rest.json["metadata"]["resourceVersion"] == page.json["metadata"]["resourceVersion"] == "3"


def test_pages_show_each_event_once(empty):
    store(empty, *(event(f"web-{number}.1", number + 1) for number in range(1000)))
    store(empty, *(event(f"web-{number}.1", number + 5000, count=2) for number in range(0, 1000, 3)))
    seen, token = [], ""
    while token is not None:
        page = get(empty, f"/since/2h{LIST}?limit=70&continue={quote(token)}")
        seen += names(page)
        token = page.json["metadata"].get("continue")
    assert len(seen) == 1000 and set(seen) == set(names(get(empty, "/since/2h" + LIST)))


def test_a_page_of_large_events_ends_early_and_goes_on(empty):
    for number in range(40):
        store(empty, event(f"web-{number}.1", number + 1, message="x" * 65_000, related={"kind": "y" * 180_000}))
    seen, token, sizes = [], "", []
    while token is not None:
        page = get(empty, f"/since/2h{LIST}?limit=100&continue={quote(token)}")
        seen += names(page)
        sizes.append(len(page.body))
        token = page.json["metadata"].get("continue")
    assert len(set(seen)) == len(seen) == 40 and len(sizes) > 1 and max(sizes) < 6 << 20
    # Without a limit it is whole.
    assert len(names(get(empty, "/since/2h" + LIST))) == 40


def test_other_events_are_honest_events(empty):
    alert = {"status": "firing", "labels": {"alertname": "PodCrash", "severity": "critical", "namespace": "shop", "pod": "web-0"},
             "annotations": {"summary": "web-0 crashes", "description": "It crashed 3 times."}, "startsAt": "2026-11-30T02:36:27Z",
             "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "c4e2d1a0b9f83c55"}  # fmt: skip
    sent = {"receiver": "logbook", "status": "firing", "alerts": [alert], "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "", "version": "4", "groupKey": "", "truncatedAlerts": 0}  # fmt: skip
    assert empty.request("POST", "/ingest/alertmanager", sent).status == 200
    assert empty.request("POST", "/events", {"id": "mine", "event_type": "operator", "severity": "info", "title": "Done", "occurrences": 4}).status == 201
    (firing,) = get(empty, OLD + "/api/v1/namespaces/shop/events").json["items"]
    assert firing["involvedObject"] == {"apiVersion": "v1", "kind": "Pod", "name": "web-0", "namespace": "shop"}
    assert (firing["type"], firing["reportingComponent"], firing["source"]) == ("Warning", "alertmanager", {"component": "alertmanager"})
    assert firing["message"] == "web-0 crashes\nIt crashed 3 times." and firing["lastTimestamp"] == "2026-11-30T02:36:27Z"
    (mine,) = get(empty, "/api/v1/namespaces/default/events").json["items"]
    assert (mine["type"], mine["message"], mine["count"], mine["metadata"]["name"]) == ("Normal", "Done", 4, "mine")
    assert get(empty, "/api/v1/namespaces/default/events/mine").json == mine
    shown = kubectl(empty, "events", "--for", "pod/web-0", "-n", "shop", "--types=Warning", prefix=OLD)
    assert "web-0 crashes" in shown.stdout, shown.stderr


@pytest.mark.parametrize("selector, expected", [
    ("", {"web-0.1", "db-0.1", "db-1.1"}), ("involvedObject.name=db-0", {"db-0.1"}), ("type!=Warning", {"db-1.1"}), ("type==Warning", {"web-0.1", "db-0.1"}),
    ("involvedObject.kind=Pod,reason=BackOff", {"web-0.1", "db-0.1"}), ("reason=", {"db-1.1"}), ("reason!=BackOff", {"db-1.1"}),
    ("metadata.name=db-0.1", {"db-0.1"}), ("metadata.namespace=data", {"db-0.1", "db-1.1"}), ("source=kubelet", {"web-0.1", "db-0.1"}),
    ("source=scheduler", {"db-1.1"}), ("reportingComponent=scheduler", {"db-1.1"}), ("involvedObject.fieldPath=spec.containers{a\\,b}", {"db-1.1"}),
    ("involvedObject.uid=u", {"db-1.1"}), ("involvedObject.name=db*", set()), ("regarding.name=db-0", {"db-0.1"}),
])  # fmt: skip
def test_field_selectors(empty, selector, expected):
    other = event("db-1.1", 9, "data", type="Normal", reason="", source={}, reportingComponent="scheduler")
    other["involvedObject"] |= {"fieldPath": "spec.containers{a,b}", "uid": "u"}
    store(empty, event("web-0.1", 7), event("db-0.1", 8, "data"), other)
    for group in ("/api/v1", "/apis/events.k8s.io/v1"):
        assert set(names(get(empty, f"/since/2h{group}/events?fieldSelector={quote(selector)}"))) == expected


def test_the_newer_group_has_its_own_names(empty):
    store(empty, event("web-0.1", 7, series={"count": 3, "lastObservedTime": "2026-11-30T00:00:00.000000Z"}))
    (item,) = get(empty, "/since/2h/apis/events.k8s.io/v1/events").json["items"]
    assert item["apiVersion"] == "events.k8s.io/v1" and item["regarding"]["name"] == "web-0" and item["note"].startswith("Back-off")
    assert item["deprecatedSource"] == {"component": "kubelet", "host": "node-1"}
    assert not item.keys() & {"involvedObject", "message", "source", "count", "firstTimestamp", "reportingComponent", "reportingController"}


ODD = [
    {"eventTime": "null"}, {"eventTime": "2026-11-30T00:00:00Z"}, {"firstTimestamp": "yesterday"}, {"lastTimestamp": "2026-11-30t00:00:00.5z"},
    {"count": "3"}, {"count": 3_000_000_000}, {"count": 1.5}, {"message": {"a": "b"}}, {"message": 7}, {"reason": ["a"]}, {"type": True},
    {"involvedObject": {"name": 7, "kind": {"a": 1}}}, {"source": "kubelet"}, {"source": {"component": []}}, {"series": 7}, {"series": {"count": "a"}},
    {"related": "a"}, {"action": {}}, {"reportingInstance": 1},
]  # fmt: skip


def test_one_odd_event_does_not_cost_the_others(keeping):
    """A client in Go refuses a whole list for one value of another type."""
    odd = [event(f"odd-{number}.1", number + 1, **fields) for number, fields in enumerate(ODD)]
    more = [event(f"odd-{number + 100}.1", number + 100) for number in range(4)]
    more[0]["metadata"] |= {"labels": {"a": 1, "b": {}}, "annotations": [1]}
    more[1]["metadata"] |= {"creationTimestamp": "never", "selfLink": 7}
    more[2]["metadata"]["generateName"] = ["a"]
    more[3]["metadata"]["annotations"] = {"logbook/resource-version": "mine", "b": "c"}
    store(keeping, *odd, *more, event("web-0.1", 1000))
    listed = kubectl(keeping, "events", "-A", "-o", "json", prefix=OLD)
    assert listed.returncode == 0, listed.stderr
    assert len(json.loads(listed.stdout)["items"]) == len(odd) + len(more) + 1


def lines(program, path, **headers):
    """The lines of a watch as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", path, headers={"Accept": "application/json"} | headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    while line := answer.readline():
        yield json.loads(line)
    connection.close()


def test_a_watch_goes_on_exactly(empty):
    store(empty, event("web-0.1", 7), event("web-1.1", 8))
    version = get(empty, LIST).json["metadata"]["resourceVersion"]
    watch = lines(empty, f"{LIST}?watch=1&resourceVersion={version}")
    store(empty, event("web-0.1", 9, count=2), event("web-2.1", 10))
    seen = [next(watch) for _ in range(2)]
    assert [(line["type"], line["object"]["metadata"]["name"]) for line in seen] == [("MODIFIED", "web-0.1"), ("ADDED", "web-2.1")]
    # From each version, what came after it.
    for number, line in enumerate(seen):
        again = lines(empty, f"{LIST}?watch=true&timeoutSeconds=1&resourceVersion={line['object']['metadata']['resourceVersion']}")
        assert list(again) == seen[number + 1 :]
    # Without a version, what is there, and then what comes; only what is selected.
    whole = lines(empty, f"/api/v1/namespaces/shop/events?watch=1&fieldSelector={quote('involvedObject.name!=web-1')}")
    assert [next(whole)["object"]["metadata"]["name"] for _ in range(2)] == ["web-0.1", "web-2.1"]
    store(empty, event("web-1.1", 11, count=2), event("web-3.1", 12), event("a.1", 13, "other"))
    assert next(whole)["object"]["metadata"]["name"] == "web-3.1"


def test_a_watch_tells_what_is_gone(empty):
    ids = store(empty, *(event(f"web-{number}.1", number + 1) for number in range(3)))
    assert empty.request("DELETE", f"/events/{ids[1]}").status == 204
    # Also from a version that this store never had.
    for version in (1, 50):
        (error,) = lines(empty, f"{LIST}?watch=1&resourceVersion={version}")
        assert error["type"] == "ERROR" and error["object"]["code"] == 410 and error["object"]["reason"] == "Expired"
    assert [line["object"]["metadata"]["name"] for line in lines(empty, f"{LIST}?watch=1&timeoutSeconds=1&resourceVersion=2")] == ["web-2.1"]


def test_bookmarks_and_ends(start):
    program = start("--stream-heartbeat=0.2")
    store(program, event("web-0.1", 7))
    watch = lines(program, f"{LIST}?watch=1&resourceVersion=1&allowWatchBookmarks=true")
    assert next(watch) == {"type": "BOOKMARK", "object": {"kind": "Event", "apiVersion": "v1", "metadata": {"resourceVersion": "1", "creationTimestamp": None}}}
    # Nobody who does not ask for them gets any, and the end is clean.
    assert list(lines(program, f"{LIST}?watch=1&resourceVersion=1&timeoutSeconds=1")) == []
    program.stop()


def test_a_watch_of_nothing_says_nothing(empty):
    assert list(lines(empty, f"{LIST}?watch=1&timeoutSeconds=1")) == []


def test_rows_of_a_watch_are_tables(empty):
    store(empty, event("web-0.1", 7))
    (line,) = lines(empty, f"{LIST}?watch=1&resourceVersion=0&timeoutSeconds=1", Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    (row,) = line["object"]["rows"]
    assert line["object"]["kind"] == "Table" and row["cells"][1:4] == ["Warning", "BackOff", "pod/web-0"] and row["cells"][9] == "web-0.1"
    assert row["object"]["kind"] == "PartialObjectMetadata" and row["object"]["metadata"]["name"] == "web-0.1"


@pytest.mark.parametrize("seconds, shown", [
    (1, "1s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (600, "10m"), (3 * 3600 - 60, "179m"), (3 * 3600, "3h"), (3 * 3600 + 300, "3h5m"),
    (9 * 3600, "9h"), (47 * 3600, "47h"), (50 * 3600, "2d2h"), (10 * 86400, "10d"), (800 * 86400, "2y70d"), (3000 * 86400, "8y")])  # fmt: skip
def test_ages_are_kubectls(keeping, seconds, shown):
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
    store(keeping, event("web-0.1", 7, firstTimestamp=moment, lastTimestamp=moment))
    table = get(keeping, f"/since/4000d{LIST}", Accept="application/json;as=Table;v=v1beta1;g=meta.k8s.io").json
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 31536000}

    def length(text):
        return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhdy])", text))

    found = table["rows"][0]["cells"][0]
    # A second may have passed.
    assert found == shown or (0 < length(found) - length(shown) <= 60 and re.sub(r"\d+", "", found)[:1] == re.sub(r"\d+", "", shown)[:1])


WRONG = {
    "/api/v1/pods": 404, "/apis/apps/v1/deployments": 404, "/api/v2": 404, "/apis/nothing": 404, "/clusters/a": 404, "/since/24h": 404, "/api/v1/": 404,
    LIST + "?fieldSelector=a": 400, LIST + "?fieldSelector=spec.nodeName=a": 400, LIST + "?labelSelector=a": 400, LIST + "?limit=many": 400,
    LIST + "?continue=mine": 400, LIST + "?continue=1.mine": 400, LIST + "?resourceVersion=a": 400, LIST + "?resourceVersion=999": 504,
    LIST + "?watch=1&resourceVersion=a": 400, LIST + "?watch=1&timeoutSeconds=-1": 400, LIST + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan": 422,
    "/clusters/a%2Cb" + LIST: 400, "/from/a" + LIST: 400,
}  # fmt: skip


@pytest.mark.parametrize("path", WRONG)
def test_every_error_is_a_status(empty, path):
    answer = get(empty, path)
    assert answer.status == WRONG[path] and answer.headers["Content-Type"] == "application/json"
    assert answer.json["kind"] == "Status" and answer.json["code"] == answer.status and answer.json["message"] and answer.json["status"] == "Failure"


def test_it_is_read_only(empty):
    for method, path in (("POST", LIST), ("DELETE", "/api/v1/namespaces/shop/events/a"), ("PUT", "/apis/events.k8s.io/v1/events"), ("PATCH", "/since/2h" + LIST)):
        answer = empty.request(method, path)
        assert answer.status in (405, 501) and answer.json["kind"] == "Status", (method, answer.body)
    run = kubectl(empty, "delete", "event", "a", "-n", "shop")
    assert run.returncode == 1 and run.stderr.startswith("Error from server (MethodNotAllowed)")


def test_forms_that_are_not_there(empty):
    assert get(empty, LIST, Accept="application/vnd.kubernetes.protobuf").status == 406
    assert get(empty, LIST, Accept="application/vnd.kubernetes.protobuf, application/json").status == 200
    assert get(empty, LIST + "?includeObject=All", Accept="application/json;as=Table;v=v1;g=meta.k8s.io").status == 400


def test_who_may(start, tmp_path):
    token = {scope: run("token", "create", "--name", scope, "--scope", scope, "--file", tmp_path / "access").stdout.strip() for scope in ("read", "write")}
    program = start("--access-file", tmp_path / "access")
    assert get(program, LIST, Authorization=f"Bearer {token['read']}").status == 200
    for status, reason, headers in ((401, "Unauthorized", {}), (403, "Forbidden", {"Authorization": f"Bearer {token['write']}"})):
        answer = get(program, LIST, **headers)
        assert (answer.status, answer.json["kind"], answer.json["reason"]) == (status, "Status", reason)


def test_a_cluster_is_chosen_by_a_prefix(empty):
    assert empty.request("POST", "/events?cluster=eu-1", [event("web-0.1", 7)]).status == 200
    assert empty.request("POST", "/events?cluster=eu-2", [event("web-1.1", 7)]).status == 200
    assert names(get(empty, "/clusters/eu-2/since/2h" + LIST)) == names(get(empty, "/since/2h/clusters/eu-2" + LIST)) == ["web-1.1"]
    assert names(get(empty, "/clusters/eu-3" + LIST)) == []


def test_the_python_client(start):
    program = start()
    port = program.port
    store(program, *(event(f"web-{number}.1", number + 1) for number in range(30)))
    client = kubernetes.client.ApiClient(kubernetes.client.Configuration(host=f"http://127.0.0.1:{port}/since/2h"))
    core = kubernetes.client.CoreV1Api(client)
    first = core.list_event_for_all_namespaces(limit=20)
    rest = core.list_event_for_all_namespaces(limit=20, _continue=first.metadata._continue)
    assert len({item.metadata.name for item in first.items + rest.items}) == 30
    seen = []
    watch = kubernetes.watch.Watch()

    def follow():
        for change in watch.stream(core.list_namespaced_event, "shop", resource_version=first.metadata.resource_version, timeout_seconds=PATIENCE_SECONDS):
            seen.append(change["object"].metadata.name)
            if change["object"].metadata.name == "last.1":
                watch.stop()

    thread = threading.Thread(target=follow)
    thread.start()
    store(program, *(event(f"new-{number}.1", number + 100) for number in range(20)))
    store(program, event("last.1", 999))
    thread.join(PATIENCE_SECONDS)
    assert seen == [f"new-{number}.1" for number in range(20)] + ["last.1"]


def test_kubeconfig(start, tmp_path):
    program = start()
    store(program, event("web-0.1", 7))
    made = run("kubeconfig", "--server", f"http://127.0.0.1:{program.port}/", "--since", "2h", "--context", "it's")
    (tmp_path / "config").write_text(made.stdout)
    shown = subprocess.run(
        [KUBECTL, f"--kubeconfig={tmp_path}/config", f"--cache-dir={tmp_path}/cache", "get", "events", "-A", "-o", "name"],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # fmt: skip
    assert (shown.stdout, shown.stderr) == ("event/web-0.1\n", "")
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("-")
    secure = run("kubeconfig", "--server", "https://logbook:8080", "--cluster", "eu 1", "--ca", tmp_path / "ca.crt", "--token-file", tmp_path / "token")
    config = yaml.safe_load(secure.stdout)
    assert config["clusters"][0]["cluster"] == {"server": "https://logbook:8080/clusters/eu%201", "certificate-authority": f"{tmp_path}/ca.crt"}
    assert config["users"][0]["user"] == {"tokenFile": f"{tmp_path}/token"}
    for flags, said in ((["--token-file", tmp_path / "token"], "because it is not https"), (["--server", "unix:/a"], "for kubectl"), (["--server", "https://a", "--ca", "/none"], "No such file")):
        refused = run("kubeconfig", *flags)
        assert refused.returncode == 64 and said in refused.stderr
