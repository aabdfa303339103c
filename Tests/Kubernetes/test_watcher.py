"""The watcher against a real API server: rights, tokens, namespaces, and the chart's own words."""

import os
import subprocess

import yaml
from cluster import Watcher, access, chart, identity, placed, wait_until
from support import BINARY, KUBECTL, PATIENCE_SECONDS, ROOT, Program

FORBIDDEN = (
    'events is forbidden: User "system:serviceaccount:logbook:logbook" cannot list resource "events" in API group "" '
    "at the cluster scope"
)
# What 1.20 has no word for yet: its PodDisruptionBudgets are policy/v1beta1.
NEWER = {"CronJob", "PodDisruptionBudget"}


def watching(program):
    return lambda: program.source()["state"] == "watching"


def restart(cluster):
    """Has every watch begin again: one that runs is never asked for its right again."""
    cluster.kill("kube-apiserver")
    cluster.start()


def test_a_right_that_is_taken_away_and_given_back(cluster, watch, tmp_path):
    token = tmp_path / "token"
    token.write_text(cluster.make_token())
    program = watch(token_file=token)
    program.await_events([identity(cluster.create("right.1"))])
    (binding,) = [document for document in access() if document["kind"] == "ClusterRoleBinding"]
    cluster.ask(
        "DELETE",
        f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{binding['metadata']['name']}",
    )
    restart(cluster)
    missed = identity(cluster.create("right.2"))
    # The API server's own sentence says whom to give what.
    wait_until(lambda: FORBIDDEN in str(program.source()["last_error"]))
    assert program.source()["state"] == "waiting"
    assert program.request("GET", "/readyz").status == 200
    assert program.request("GET", f"/events/{missed}").status == 404
    cluster.apply([binding])
    program.await_events([missed])
    wait_until(watching(program))


def test_a_token_that_is_replaced(cluster, watch, tmp_path):
    token = tmp_path / "token"
    token.write_text(cluster.make_token())
    program = watch(token_file=token)
    program.await_events([identity(cluster.create("token.1"))])
    # Tokens are bound to the account: those of one that is made anew are worth nothing any more.
    (account,) = [placed(document) for document in access() if document["kind"] == "ServiceAccount"]
    cluster.ask("DELETE", "/api/v1/namespaces/logbook/serviceaccounts/logbook")
    cluster.apply([account])
    restart(cluster)
    missed = identity(cluster.create("token.2"))
    wait_until(
        lambda: (
            "401" in str(program.source()["last_error"])
            or "Unauthorized" in str(program.source()["last_error"])
        )
    )
    # As the kubelet does it.
    (tmp_path / "new").write_text(cluster.make_token())
    (tmp_path / "new").rename(token)
    program.await_events([missed])
    wait_until(watching(program))


def test_two_watch_the_same_cluster(cluster, watch):
    """They store the same, so one's events are duplicates to the other."""
    programs = [watch(), watch()]
    ids = {identity(cluster.create(f"two.{number}")) for number in range(20)}
    for program in programs:
        program.await_events(ids)
    first, second = (without_arrival(program.export()) for program in programs)
    assert first == second and ids <= first.keys()
    server = f"http://127.0.0.1:{programs[1].port}"
    imported = subprocess.run(
        [BINARY, "events", "import", "--server", server, "-"],
        input=programs[0].request("GET", "/events/export").body,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    assert imported.stdout == b"accepted 0, duplicates %d, rejected 0\n" % len(first), (
        imported.stderr
    )


def without_arrival(events):
    return {
        identifier: {
            name: value for name, value in event.items() if name not in ("seq", "received_at")
        }
        for identifier, event in events.items()
    }


def test_one_namespace_by_a_role(cluster, watch, tmp_path):
    values = {"fullnameOverride": "tenant", "kubernetes": {"namespaces": ["shop"]}}
    cluster.apply([placed(document) for document in access(values)])
    token = tmp_path / "token"
    token.write_text(cluster.make_token(account="tenant"))
    elsewhere = identity(cluster.create("role.1"))
    program = watch("--kubernetes-namespace", "shop", token_file=token)
    program.await_events([identity(cluster.create("role.2", "shop"))])
    assert program.request("GET", f"/events/{elsewhere}").status == 404
    assert not program.source()["last_error"]


def test_the_api_server_takes_the_chart(cluster):
    """Schemas know less than it does, the meaning of a selector for one."""
    for values in (
        None,
        {"kubernetes": {"enabled": False}},
        {"access": {"secretName": "tokens"}},
        {"ingress": {"enabled": True}, "grafanaDashboard": {"enabled": True}},
        {"persistence": {"existingClaim": "events"}, "backup": {"enabled": True}},
        {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    ):
        cluster.apply(
            [placed(document) for document in chart(values) if document["kind"] not in NEWER],
            "--dry-run=server",
        )
    base = subprocess.run(
        [KUBECTL, "kustomize", ROOT / "deploy/kubernetes"], capture_output=True, check=True
    )
    cluster.apply(
        [document for document in yaml.safe_load_all(base.stdout) if document["kind"] not in NEWER],
        "--dry-run=server",
    )


def test_what_the_chart_starts_finds_its_cluster(cluster, tmp_path):
    """The arguments, files and environment that a kubelet would give it."""
    (pod,) = [
        document["spec"]["template"]["spec"]
        for document in chart()
        if document["kind"] == "StatefulSet"
    ]
    (container,) = pod["containers"]
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "kubernetes"]
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text(cluster.make_token())
    (account / "ca.crt").write_bytes(open(cluster.places["ca"], "rb").read())
    watches = [argument for argument in container["args"] if "kubernetes" in argument]
    assert watches == ["--kubernetes"]
    script = f'mount -t tmpfs none /run && mkdir -p {mount["mountPath"]} && mount --bind {account} {mount["mountPath"]} && exec "$0" "$@"'
    environment = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(cluster.port),
    }
    there = identity(cluster.create("chart.1"))
    program = Program(
        tmp_path,
        *watches,
        environment=environment,
        within=["unshare", "--mount", "--map-root-user", "sh", "-euc", script],
    )
    try:
        Watcher.await_events(program, [there, identity(cluster.create("chart.2"))])
        assert Watcher.source(program)["server"] == cluster.places["server"]
    finally:
        program.stop()
