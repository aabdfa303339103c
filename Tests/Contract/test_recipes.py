"""The recipes of docs/senders.md for programs that send what one writes."""

import json
import os
import re
import subprocess

import yaml
from support import PATIENCE_SECONDS
from test_real_senders import recipe


def look_up(object, path):
    for name in path.strip(".").split("."):
        object = object[name]
    return object


def rendered(template, values):
    """The template of Go's text/template, as far as the recipes use it."""
    template = re.sub(r'{{ if eq (\S+) "(\w+)" }}(\w+){{ else }}(\w+){{ end }}', lambda m: m[3] if look_up(values, m[1]) == m[2] else m[4], template)
    template = re.sub(r"{{ toJson (\S+) }}", lambda m: json.dumps(look_up(values, m[1])), template)
    return re.sub(r"{{ (\.\S+) }}", lambda m: look_up(values, m[1]), template)


def document(first_line):
    return yaml.safe_load(recipe(first_line, "http://logbook:8080", "TOKEN"))


def stored(program, body):
    """The event of a body that is sent twice."""
    for counted in ("accepted", "duplicates"):
        answer = program.request("POST", "/ingest/records", body)
        assert answer.json[counted] == 1, answer
    (event,) = program.export().values()
    assert "truncated" not in (event["metadata"] or {})
    return event


def test_a_script_in_a_cron_job(empty, tmp_path):
    container = document("A CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    backup = tmp_path / "backup"
    backup.touch(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOGBOOK": f"http://127.0.0.1:{empty.port}", "LOGBOOK_TOKEN": "x", "NAMESPACE": "shop"}
    assert {variable["name"] for variable in container["env"]} == {"POD", "NAMESPACE", "LOGBOOK", "LOGBOOK_TOKEN"}
    for pod, code in ("backup-1", 0), ("backup-2", 3), ("backup-2", 3):
        backup.write_text(f"#!/bin/sh\nexit {code}\n")
        done = subprocess.run([*container["command"], *container["args"]], env=environment | {"POD": pod}, capture_output=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == code, done
    assert {(event["id"], event["severity"], event["title"], event["object_name"]) for event in empty.export().values()} == {
        ("backup:shop:backup-1", "info", "Backup ended with 0", "backup-1"), ("backup:shop:backup-2", "error", "Backup ended with 3", "backup-2")}


def test_the_layout_of_an_event_exporter(empty):
    """github.com/resmoio/kubernetes-event-exporter at 907ce91, pkg/sinks/tmpl.go: each text of the layout is a template."""
    layout = document("kubernetes-event-exporter")["receivers"][0]["webhook"]["layout"]
    event = {"UID": "u1", "ResourceVersion": "7", "Type": "Warning", "Reason": "BackOff", "Message": 'a "b"\nc', "GetTimestampISO8601": "2026-11-30T02:36:27.000Z",
             "InvolvedObject": {"kind": "", "Kind": "Pod", "Namespace": "shop", "Name": "web-0"}}
    found = stored(empty, {name: rendered(text, event) for name, text in layout.items()})
    assert found.items() >= {"id": "exporter:u1:7", "severity": "warning", "title": 'BackOff: a "b"', "object_namespace": "shop", "object_name": "web-0",
                             "created_at": "2026-11-30T02:36:27.000Z"}.items()


def test_the_template_of_argo_cd(empty):
    template = yaml.safe_load(document("Argo CD")["data"]["template.logbook"])["webhook"]["logbook"]["body"]
    state = {"phase": "Failed", "finishedAt": "2026-11-30T02:36:27Z", "message": 'one or more "objects"\nfailed', "syncResult": {"revision": "5b8e"}}
    app = {"metadata": {"uid": "7d0cdc51-ddcf-4743-b223-83ca5c699632", "name": "web", "namespace": "argocd"}, "status": {"operationState": state}}
    found = stored(empty, rendered(template, {"app": app}).encode())
    assert found.items() >= {"event_type": "operator", "severity": "error", "title": "Sync of web: Failed", "description": state["message"], "reason": "SyncFailed",
                             "object_kind": "Application", "metadata": {"revision": "5b8e", "source": "records"}}.items()


def test_the_payload_of_argo_events(empty):
    """A context key that there is not has its value from `value`; dots in `dest` make objects."""
    trigger = document("Argo Events")["triggers"][0]["template"]["http"]
    context = {"id": "30653163346530342d", "source": "push", "time": "2026-11-30T02:36:27Z"}
    data = {"body": {"title": "Release 2", "n": 2**53 + 1}}
    body = {}
    for part in trigger["payload"]:
        source, *names = part["src"], *part["dest"].split(".")
        value = look_up(data, source["dataKey"]) if "dataKey" in source else context.get(source["contextKey"], source.get("value"))
        target = body
        for name in names[:-1]:
            target = target.setdefault(name, {})
        target[names[-1]] = value
    found = stored(empty, body)
    assert found.items() >= {"id": context["id"], "event_type": "operator", "title": "Release 2", "object_kind": "EventSource", "object_name": "push"}.items()
    assert found["metadata"] == {"body": data["body"], "source": "records"}
