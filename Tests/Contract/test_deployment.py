"""Checks deploy/kubernetes and deploy/helm against Kubernetes' schemas, deploy/systemd against systemd, and all against the program."""

import difflib
import json
import os
import re
import subprocess

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, lint
from helm_python.errors import HelmError
from support import BINARY, KUBECTL, OPERATIONS, ROOT
from test_documentation import FLAGS, help_text

CHART = ROOT / "deploy/helm/logbook"
VERSION = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout.strip()
# The chart sets the program's addresses and paths.
PLACES = {"--listen", "--probe-listen", "--database", "--tls-certificate", "--tls-key", "--tls-client-ca", "--tls-client-auth", "--access-file"}
# It has values of its own for PostgreSQL.
STORING = {"--store", "--store-password-file", "--require-replication"}
# It has values of its own for the watcher; the others are for a machine outside of a cluster.
WATCHING = {"--kubernetes", "--kubernetes-namespace", "--kubernetes-field-selector", "--cluster-name"}
OUTSIDE = {"--page"} | {
    f"--kubernetes-{name}" for name in ("server", "ca", "token-file", "certificate", "key")
}
TLS = {"enabled": True, "clientAuth": "optional", "certManager": {"enabled": True, "issuerRef": {"name": "authority"}}}
# As in deploy/kubernetes-with-postgresql.
POSTGRESQL = {"store": "postgresql", "postgresql": {
    "url": "postgresql://logbook@postgresql.example/logbook", "existingSecret": "logbook-postgresql", "caSecret": "logbook-postgresql"}}  # fmt: skip
# Each value that a template checks, set to other than its default.
OTHER_VALUES = {
    "image": {"digest": "sha256:" + 64 * "0", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "nameOverride": "events",
    "extraArgs": ["--redact-keys=card"],
    "extraEnv": [{"name": "TZ", "value": "Europe/Berlin"}],
    "extraVolumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
    "extraVolumeMounts": [{"name": "authorities", "mountPath": "/etc/ssl/certs", "readOnly": True}],
    "ingress": {"enabled": True, "className": "nginx", "annotations": {"a": "b"}, "hosts": [
        {"host": host, "paths": [{"path": "/", "pathType": "Prefix"}]} for host in ("a.example", "*.b.example")],
        "tls": [{"secretName": "a", "hosts": ["a.example"]}]},
    "httpRoute": {"enabled": True, "annotations": {"a": "b"}, "hostnames": ["a.example", "c.example"], "rules": [
        {"matches": [{"path": {"type": "PathPrefix", "value": "/logbook"}}],
         "filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}]}]},
    "backup": {"enabled": True, "schedule": "@daily", "file": "a.db", "existingClaim": "copies", "tokenSecret": "admin", "tokenKey": "a",
               "container": {"name": "send", "image": "rclone/rclone", "volumeMounts": [{"name": "backup", "mountPath": "/backup"}]}},
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}, "runbookPrefix": "https://git.example/logbook/"},
    "grafanaDashboard": {"enabled": True, "annotations": {"folder": "Kubernetes"}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                                   "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "events"}}}],
    "kubernetes": {"namespaces": ["shop", "kube-system"], "fieldSelector": "type!=Normal", "clusterName": "east"},
    "networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32", "fd00::/8"]}},
    "flags": {"header-timeout": 0.5, "backup-before-migrate": False, "retain-info": "36h", "max-events": 10_000_000},
    "persistence": {"size": "100Gi", "storageClass": "local", "accessModes": ["ReadWriteOncePod"]},
    "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    "tls": TLS,
    "access": {"secretName": "tokens", "key": "file.txt"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "serviceAccount": {"annotations": {"a": "b"}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
OTHER_POSTGRESQL = OTHER_VALUES | {
    "image": {"pullPolicy": "Always"},
    "store": "postgresql",
    "backup": {"enabled": False},
    "postgresql": {"url": "postgres://a:5433,b:5433/c?pooled=true", "existingSecret": "a", "passwordKey": "b", "requireReplication": True},
    "autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 9, "averageCPU": "1.5"},
    "networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32", "fd00::/8"]},
                      "postgresql": {"ports": [5433], "to": [{"podSelector": {"matchLabels": {"cnpg.io/cluster": "a"}}}]}},
}  # fmt: skip


# As kustomize's components have them.
COMPONENTS = {
    "kubernetes-components/ingress": {"ingress": {"enabled": True}},
    "kubernetes-components/http-route": {"httpRoute": {"enabled": True}},
    "kubernetes-components/service-monitor": {"serviceMonitor": {"enabled": True}},
    "kubernetes-components/pod-monitor": {"podMonitor": {"enabled": True}},
    "kubernetes-components/backup": {"backup": {"enabled": True}},
    "kubernetes-components/openshift": {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "prometheus": {"prometheusRule": {"enabled": True}},
    "grafana": {"grafanaDashboard": {"enabled": True}},
}
# The options whose rendering is compared with a file, apart from those above.
OPTIONS = {folder.rpartition("/")[2]: values for folder, values in COMPONENTS.items()} | {
    "extra": {name: OTHER_VALUES[name] for name in ("extraArgs", "extraEnv", "extraVolumes", "extraVolumeMounts")},
    "existing-claim": {"persistence": {"existingClaim": "events"}},
    "no-persistence": {"persistence": {"enabled": False}},
    "larger-volume": {"persistence": {"size": "250G", "storageClass": "-"}},
    "image": {name: OTHER_VALUES[name] for name in ("image", "imagePullSecrets")},
    "names": {"nameOverride": "events", "fullnameOverride": "history"},
    "service": {"service": OTHER_VALUES["service"]},
    "scheduling": {name: OTHER_VALUES[name] for name in (
        "topologySpreadConstraints", "nodeSelector", "tolerations", "affinity", "priorityClassName")},
    "tls": {"tls": TLS},
    "access": {"access": {"secretName": "logbook-access"}},
    "backup-sent-on": {"backup": OTHER_VALUES["backup"], "tls": TLS},
    "postgresql": POSTGRESQL,
    "replicas": POSTGRESQL | {"replicaCount": 5},
    "autoscaling": POSTGRESQL | {"autoscaling": {"enabled": True}},
    "some-namespaces": {"kubernetes": {"namespaces": ["shop"]}},
    "no-watcher": {"kubernetes": {"enabled": False}},
    "no-network-policy": {"networkPolicy": {"enabled": False}},
    "no-disruption-budget": {"podDisruptionBudget": {"enabled": False}},
}  # fmt: skip


def documents(values=None, name="logbook"):
    with Chart.load(CHART) as chart:
        rendered = chart.render(values, name=name, namespace="logbook")
    texts = (text for path, text in rendered.items() if path.endswith(".yaml"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def is_test(document):
    return document["metadata"].get("annotations", {}).get("helm.sh/hook") == "test"


def helm(values=None, name="logbook"):
    return by_kind(document for document in documents(values, name) if not is_test(document))


def by_kind(documents):
    """Of several of a kind the last one."""
    return {document["kind"]: document for document in documents}


def kustomize(folder="kubernetes"):
    command = [KUBECTL, "kustomize", ROOT / "deploy" / folder]
    return by_kind(yaml.safe_load_all(subprocess.run(command, capture_output=True, check=True).stdout))


WAYS = {
    "kustomize": kustomize,
    "kustomize with access": lambda: kustomize("kubernetes-with-access"),
    "kustomize with PostgreSQL": lambda: kustomize("kubernetes-with-postgresql"),
    "helm": helm,
    "helm with TLS": lambda: helm({"tls": TLS}),
    "helm with access": lambda: helm({"access": {"secretName": "logbook-access"}}),
    "helm with a monitor": lambda: helm({"serviceMonitor": {"enabled": True}}),
    "helm with a claim": lambda: helm(OPTIONS["existing-claim"]),
    "helm with no volume": lambda: helm(OPTIONS["no-persistence"]),
    "helm without the watcher": lambda: helm({"kubernetes": {"enabled": False}}),
    "helm with other values": lambda: helm(OTHER_VALUES, "other"),
    "helm with PostgreSQL": lambda: helm(POSTGRESQL),
    "helm with PostgreSQL and nothing to mount": lambda: helm(
        {"store": "postgresql", "postgresql": {"url": "postgresql://logbook@a/b"}, "kubernetes": {"enabled": False}}),
    "helm with PostgreSQL and other values": lambda: helm(OTHER_POSTGRESQL, "other"),
}


@pytest.fixture(params=WAYS)
def rendered(request):
    return WAYS[request.param]()


def workload(rendered):
    (only,) = rendered.keys() & {"StatefulSet", "Deployment"}
    return rendered[only]


def pod(rendered):
    return workload(rendered)["spec"]["template"]["spec"]


def container(rendered):
    (only,) = pod(rendered)["containers"]
    return only


def mounted(rendered):
    return {mount["mountPath"] for mount in container(rendered).get("volumeMounts", [])}


def flags(rendered):
    command, *arguments = container(rendered)["args"]
    assert command == "serve"
    # Expanded like a kubelet does; None for a flag without a value.
    given = {}
    for flag, equals, value in (argument.replace("$(NAMESPACE)", "logbook").partition("=") for argument in arguments):
        given[flag] = f"{given[flag]},{value}" if flag in given else value if equals else None
    return given


def test_kubernetes_would_take_it(rendered):
    for kind, document in rendered.items():
        if kind not in ("Certificate", "HTTPRoute", "PodMonitor", "PrometheusRule", "ServiceMonitor"):
            for version in ("1.25", "1.31", kubernetes_validate.latest_version()):
                kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(
    "values, folder", [
        (None, "kubernetes"), ({"access": {"secretName": "logbook-access"}}, "kubernetes-with-access"),
        (POSTGRESQL, "kubernetes-with-postgresql")])  # fmt: skip
def test_base_and_chart_agree(values, folder):
    chart = helm(values)
    for document in chart.values():
        for label in ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"):
            del document["metadata"]["labels"][label]
    assert chart == without_namespace(kustomize(folder))


def without_namespace(rendered):
    """Helm has its objects where the release is."""
    for document in rendered.values():
        assert document["kind"].startswith("Cluster") or document["metadata"].pop("namespace") == "logbook"
    return rendered


@pytest.mark.parametrize("folder", COMPONENTS)
def test_component_and_chart_agree(folder, tmp_path):
    """On top of the base, except for the order of arguments."""
    def path(below):
        return os.path.relpath(ROOT / "deploy" / below, tmp_path.resolve())

    overlay = {"namespace": "logbook", "resources": [path("kubernetes")], "components": [path(folder)]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(overlay))
    base, chart = without_namespace(kustomize(tmp_path)), helm(COMPONENTS[folder])
    for document in chart.values():
        for label in ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"):
            del document["metadata"]["labels"][label]
        if document["metadata"].pop("annotations", None):
            assert document["kind"] == "PersistentVolumeClaim"  # Helm's own; kustomize removes nothing by itself.
    assert pod(chart)["containers"][0]["args"].sort() == pod(base)["containers"][0]["args"].sort()
    if "CronJob" in chart:
        (backup,), (same,) = (of["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"] for of in (chart, base))
        assert backup["args"].pop(1) == "--server=http://logbook.logbook.svc:8080" and same["args"].pop(1) == "--server=http://logbook:8080"
    assert chart == base


@pytest.mark.parametrize("name", OPTIONS)
def test_option_renders_as_reviewed(name):
    """Each option's difference from the default, compared with Tests/Golden/helm; LOGBOOK_UPDATE_GOLDEN=1 writes them anew."""
    def text(values):
        rendered = sorted(documents(values), key=lambda document: (document["kind"], document["metadata"]["name"]))
        for document in rendered:  # Files of their own; kustomize has the same.
            if document["kind"] == "PrometheusRule":
                document["spec"]["groups"] = len(document["spec"]["groups"])
            elif document["kind"] == "ConfigMap":
                document["data"] = list(document["data"])
        return yaml.safe_dump_all(rendered, sort_keys=False, width=100).splitlines()

    found = "\n".join(difflib.unified_diff(text(None), text(OPTIONS[name]), "default", name, lineterm="")) + "\n"
    file = ROOT / f"Tests/Golden/helm/{name}.diff"
    if os.environ.get("LOGBOOK_UPDATE_GOLDEN"):
        file.write_text(found)
    assert found == file.read_text()


def test_each_value_has_a_golden_rendering_or_is_rendered_otherwise():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    rendered = set().union(*OPTIONS.values(), OTHER_VALUES, OTHER_POSTGRESQL, POSTGRESQL)
    # Copied without a condition; the default rendering shows them.
    assert values.keys() - rendered == {"resources", "securityContext", "terminationGracePeriodSeconds"}


def test_the_image_is_this_version():
    assert container(kustomize())["image"] == container(helm())["image"] == f"logbook:{VERSION}"
    assert container(helm(POSTGRESQL | {"image": {"tag": "9"}}))["image"] == "logbook:9-postgresql"
    assert container(helm(POSTGRESQL))["image"] == f"logbook:{VERSION}-postgresql"
    assert container(kustomize("kubernetes-with-postgresql"))["image"] == f"logbook:{VERSION}-postgresql"
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == VERSION


def test_flags_exist(rendered):
    assert flags(rendered).keys() <= FLAGS.keys() | PLACES | STORING | WATCHING
    assert WATCHING | OUTSIDE | STORING <= set(re.findall("--[a-z-]+", help_text("serve")))
    # The limit on database and WAL leaves as much for a backup's copy.
    if "--max-database-bytes" in flags(rendered):
        gibibytes = 10
        for claim in rendered["StatefulSet"]["spec"].get("volumeClaimTemplates", []):
            gibibytes = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
        assert int(flags(rendered)["--max-database-bytes"]) == gibibytes * 2**30 * 2 // 5


def test_a_limit_that_is_set_is_not_derived():
    assert flags(helm({"flags": {"max-database-bytes": 5_000_000_000}}))["--max-database-bytes"] == "5000000000"
    assert flags(helm({"persistence": {"size": "500M"}}))["--max-database-bytes"] == "200000000"


def test_chart_takes_each_flag_and_no_other():
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]["flags"]["propertyNames"]["enum"]) == {
        flag[2:] for flag in FLAGS.keys() - PLACES - STORING - WATCHING - OUTSIDE
    }


@pytest.mark.parametrize("values", [
    {"flags": {"max-evnets": 1}}, {"flags": {"database": "/tmp/x"}}, {"replicas": 2}, {"service": {"port": "http"}},
    {"tls": {"enabled": True, "certManager": {"enabled": True}}}, {"image": {"digest": "latest"}},
    {"kubernetes": {"namespaces": ["kube-*"]}}, {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1"]}}},
    {"ingress": {"enabled": True, "hosts": []}}, {"httpRoute": {"parentRefs": []}}, {"imagePullSecrets": ["registry"]},
    {"persistence": {"size": "10"}}, {"persistence": {"accessModes": ["ReadWriteMany"]}}, {"backup": {"file": "../a"}},
    {"extraEnv": [{"value": "a"}]}, {"nameOverride": "A"},
    {"store": "mysql"}, {"store": "postgresql"}, {"store": "postgresql", "postgresql": {"url": "db.example"}},
    {"store": "postgresql", "postgresql": {"url": "postgresql://logbook:secret@db.example/logbook"}}, {"flags": {"store": "a"}},
])  # fmt: skip
def test_chart_refuses(values):
    with pytest.raises(HelmError, match="schema"):
        helm(values)


@pytest.mark.parametrize("values, said", [
    (POSTGRESQL | {"backup": {"enabled": True}}, "back up PostgreSQL by its own tools"),
    ({"backup": {"enabled": True}, "tls": {"enabled": True, "clientAuth": "required"}}, "no client certificate"),
])  # fmt: skip
def test_chart_refuses_what_would_not_work(values, said):
    with pytest.raises(HelmError, match=said):
        helm(values)


def test_helm_finds_nothing():
    findings = lint(CHART, strict=True)
    assert not findings["errors"]
    assert [message["error"] for message in findings["messages"]] == ["icon is recommended"]


def test_values_and_schema_name_the_same():
    def compare(values, schema):
        assert schema["additionalProperties"] is False
        # Helm itself passes `global` to every chart; an issuer's group defaults to cert-manager's
        # own.
        assert values.keys() == schema["properties"].keys() - {"global", "group"}
        for name, value in values.items():
            if "properties" in schema["properties"][name]:
                compare(value, schema["properties"][name])

    schema = json.loads((CHART / "values.schema.json").read_text())
    compare(yaml.safe_load((CHART / "values.yaml").read_text()), schema)


def test_ports_and_probes(rendered):
    ports = {port["name"]: port["containerPort"] for port in container(rendered)["ports"]}
    listening = {int(flags(rendered)[flag].rsplit(":", 1)[1]) for flag in ("--listen", "--probe-listen") if flag in flags(rendered)}
    assert set(ports.values()) == listening
    for probe, path in (("livenessProbe", "/schema/version"), ("readinessProbe", "/readyz")):
        asked = container(rendered)[probe]["httpGet"]
        assert asked["path"] == path and f"GET {path}" in OPERATIONS
        assert asked["port"] in ports
    served = {port["name"]: port["targetPort"] for port in rendered["Service"]["spec"]["ports"]}
    allowed = [port["port"] for rule in rendered["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
    assert set(served.values()) <= set(allowed) <= ports.keys()
    if "ServiceMonitor" in rendered:
        (scraped,) = rendered["ServiceMonitor"]["spec"]["endpoints"]
        assert f"GET {scraped['path']}" in OPERATIONS and served[scraped["port"]] == "probes"
        labels = rendered["Service"]["metadata"]["labels"]
        assert rendered["ServiceMonitor"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert {"targetLabel": "job", "replacement": "logbook"} in scraped["relabelings"]
        assert 'job="logbook"' in (ROOT / "deploy/prometheus/alerts.yaml").read_text()


def test_selectors_meet_the_pod(rendered):
    labels = workload(rendered)["spec"]["template"]["metadata"]["labels"].items()
    assert workload(rendered)["spec"]["selector"]["matchLabels"].items() <= labels
    assert rendered["Service"]["spec"]["selector"].items() <= labels
    assert rendered["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert rendered["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels
    for constraint in pod(rendered).get("topologySpreadConstraints", []):
        assert constraint["labelSelector"]["matchLabels"].items() <= labels
    if "StatefulSet" in rendered:
        assert rendered["StatefulSet"]["spec"]["serviceName"] == rendered["Service"]["metadata"]["name"]
    if "HorizontalPodAutoscaler" in rendered:
        assert rendered["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"] == {
            name: workload(rendered)[name] for name in ("apiVersion", "kind")} | {"name": workload(rendered)["metadata"]["name"]}  # fmt: skip
    assert pod(rendered)["serviceAccountName"] == rendered["ServiceAccount"]["metadata"]["name"]


def test_pod_is_restricted(rendered):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, Restricted, and a read-only root."""
    assert pod(rendered)["securityContext"].items() >= {
        "runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"},
    }.items()  # fmt: skip
    assert container(rendered)["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert pod(rendered)["automountServiceAccountToken"] is False
    assert rendered["ServiceAccount"]["automountServiceAccountToken"] is False
    names = {"kubernetes", "tls", "access", "postgresql", "data", "authorities"}
    assert {volume["name"] for volume in pod(rendered).get("volumes", [])} <= names


# https://docs.redhat.com/en/documentation/openshift_container_platform/, restricted-v2: the volumes that it allows.
RESTRICTED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


@pytest.mark.parametrize("values", [OPTIONS["openshift"], OTHER_VALUES | OPTIONS["openshift"], OTHER_POSTGRESQL | OPTIONS["openshift"]])
def test_openshift_would_take_its_pods(values):
    """The rules of OpenShift's restricted-v2, where nobody may choose a user: each pod of the chart, those of hooks and jobs, too."""
    rendered = documents(values)
    pods = [document["spec"] for document in rendered if is_test(document)]
    pods += [document["spec"]["template"]["spec"] for document in rendered if document["kind"] in ("StatefulSet", "Deployment")]
    pods += [document["spec"]["jobTemplate"]["spec"]["template"]["spec"] for document in rendered if document["kind"] == "CronJob"]
    assert len(pods) >= 2
    for spec in pods:
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        context = spec["securityContext"]
        assert not context.keys() & {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions", "sysctls"}
        assert context["runAsNonRoot"] and context["seccompProfile"] == {"type": "RuntimeDefault"}
        for volume in spec.get("volumes", []):
            assert volume.keys() - {"name"} <= RESTRICTED_VOLUMES
        for own in (*spec.get("initContainers", []), *spec["containers"]):
            if own["image"].startswith(("logbook", "registry")):
                assert own["securityContext"]["capabilities"] == {"drop": ["ALL"]} and not own["securityContext"]["allowPrivilegeEscalation"]
                assert "privileged" not in own["securityContext"]
                assert not any("hostPort" in port for port in own.get("ports", []))


def test_clients_of_the_chart_run(start, tmp_path):
    """`helm test` and the backup, with their own arguments, against a program that listens; and they may reach it."""
    rendered = documents({"backup": {"enabled": True}})
    (test,) = [document for document in rendered if is_test(document)]
    (job,) = [document["spec"]["jobTemplate"]["spec"]["template"] for document in rendered if document["kind"] == "CronJob"]
    chart = by_kind(rendered)
    service = chart["Service"]
    url = f"http://{service['metadata']['name']}.logbook.svc:{service['spec']['ports'][0]['port']}"
    (own,) = [source for rule in chart["NetworkPolicy"]["spec"]["ingress"] for source in rule["from"] if "namespaceSelector" not in source]
    for labels in (test["metadata"]["labels"], job["metadata"]["labels"]):
        assert own["podSelector"]["matchLabels"].items() <= labels.items()
        assert not service["spec"]["selector"].items() <= labels.items()
    program = start(f"--allowed-host={flags(chart)['--allowed-host']}")
    for template in (test, job):
        (container,) = template["spec"]["containers"]
        arguments = [argument.replace(url, f"http://127.0.0.1:{program.port}").replace("/backup/", f"{tmp_path}/") for argument in container["args"]]
        assert arguments != container["args"]
        subprocess.run([BINARY, *arguments], check=True)
    (copy,) = tmp_path.glob("logbook-*.db")
    assert re.fullmatch("logbook-(Mon|Tue|Wed|Thu|Fri|Sat|Sun).db", copy.name)


READING = [{"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]}]


def test_it_may_read_events_and_nothing_else(rendered):
    watches = "--kubernetes" in flags(rendered)
    kinds = {kind for kind in rendered if "Role" in kind}
    egress = list(rendered["NetworkPolicy"]["spec"]["egress"])
    if "--store" in flags(rendered):
        dns, database = egress.pop(), egress.pop()
        assert dns == {"ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}
        assert database["ports"] == [{"port": 5433 if ":5433" in flags(rendered)["--store"] else 5432}]
    # Where the program looks for it when nothing else is said.
    assert ("/var/run/secrets/kubernetes.io/serviceaccount" in mounted(rendered)) == watches
    if not watches:
        assert (kinds, egress) == (set(), [])
        return
    (egress,) = egress
    role, binding = sorted(kinds)
    assert (role, binding) in [("ClusterRole", "ClusterRoleBinding"), ("Role", "RoleBinding")]
    assert rendered[role]["rules"] == READING
    assert rendered[binding]["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": rendered[role]["metadata"]["name"]}  # fmt: skip
    assert rendered[binding]["subjects"] == [
        {"kind": "ServiceAccount", "name": pod(rendered)["serviceAccountName"], "namespace": "logbook"}]  # fmt: skip
    assert [port["port"] for port in egress["ports"]] == [443, 6443]
    (sources,) = [volume["projected"]["sources"] for volume in pod(rendered)["volumes"] if volume["name"] == "kubernetes"]
    assert sources[0] == {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    assert sources[1]["configMap"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def test_some_namespaces_need_no_right_to_the_others():
    """Whoever may not make a ClusterRole can install it for their own namespaces."""
    rendered = documents(OTHER_VALUES, "other")
    assert not [document for document in rendered if document["kind"].startswith("Cluster")]
    for kind in ("Role", "RoleBinding"):
        assert [document["metadata"]["namespace"] for document in rendered if document["kind"] == kind] == ["shop", "kube-system"]
    arguments = container(by_kind(rendered))["args"]
    assert [a for a in arguments if "namespace=" in a] == ["--kubernetes-namespace=shop", "--kubernetes-namespace=kube-system"]
    to = [{"ipBlock": {"cidr": cidr}} for cidr in ("10.0.0.1/32", "fd00::/8")]
    assert by_kind(rendered)["NetworkPolicy"]["spec"]["egress"][0]["to"] == to


def test_a_database_takes_the_place_of_the_volume():
    """Nothing of a file is left, and there is enough for several pods."""
    for rendered in (helm(POSTGRESQL), helm(OTHER_POSTGRESQL)):
        assert "StatefulSet" not in rendered and "volumeClaimTemplates" not in rendered["Deployment"]["spec"]
        assert not flags(rendered).keys() & {"--database", "--max-database-bytes"} and "/data" not in mounted(rendered)
        assert rendered["Deployment"]["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert rendered["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
        assert "--kubernetes" in flags(rendered)
    assert helm(POSTGRESQL)["Deployment"]["spec"]["replicas"] == 2
    assert helm(POSTGRESQL | {"replicaCount": 5})["Deployment"]["spec"]["replicas"] == 5
    assert "HorizontalPodAutoscaler" not in helm(POSTGRESQL) and "HorizontalPodAutoscaler" not in helm({"autoscaling": {"enabled": True}})
    # Helm would undo the autoscaler's number with each upgrade.
    scaled = helm(OTHER_POSTGRESQL)
    assert "replicas" not in scaled["Deployment"]["spec"]
    assert (scaled["HorizontalPodAutoscaler"]["spec"]["minReplicas"], scaled["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]) == (3, 9)
    assert "--require-replication" in flags(scaled) and "--require-replication" not in flags(helm(POSTGRESQL))


def test_the_password_and_the_authority_are_mounted():
    rendered = helm(POSTGRESQL)
    (volume,) = [volume for volume in pod(rendered)["volumes"] if volume["name"] == "postgresql"]
    assert volume["projected"]["sources"] == [
        {"secret": {"name": "logbook-postgresql", "items": [{"key": key, "path": path}]}}
        for key, path in (("password", "password"), ("ca.crt", "ca.crt"))]  # fmt: skip
    assert {"name": "PGSSLROOTCERT", "value": "/postgresql/ca.crt"} in container(rendered)["env"]
    other = helm(OTHER_POSTGRESQL)
    assert flags(other)["--store-password-file"] == "/postgresql/password"
    assert [variable["name"] for variable in container(other)["env"]] == ["NAMESPACE", "TZ"]


def test_there_is_time_to_end(rendered):
    given = FLAGS | flags(rendered)
    least = float(given["--shutdown-delay"]) + float(given["--shutdown-timeout"])
    assert pod(rendered)["terminationGracePeriodSeconds"] >= least + 10


def test_the_program_starts_with_it(rendered, start, tmp_path):
    """The same arguments, except paths of the volume and the certificate, free ports, and the database's address."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a",
         "-keyout", tmp_path / "tls.key", "-out", tmp_path / "tls.crt"], check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "ca.crt").write_bytes((tmp_path / "tls.crt").read_bytes())
    given = flags(rendered)
    if "--access-file" in given:
        (tmp_path / given["--access-file"].rpartition("/")[2]).write_text("# nobody\n")
    given |= {"--listen": re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", given["--listen"]), "--shutdown-delay": "0"}
    given.pop("--database", None)
    on_postgresql = bool(given.pop("--store", None))
    if on_postgresql:
        (tmp_path / "password").write_text("not asked for\n")
        given.pop("--require-replication", None)  # The test's server has no standby.
    if given["--listen"].startswith("https:"):
        given["--listen"] += ",127.0.0.1:0"  # which the test asks
    if "--probe-listen" in given:
        given["--probe-listen"] = "127.0.0.1:0"
    for flag, value in given.items():
        if value and value.startswith("/"):
            folder, _, file = value.rpartition("/")
            assert folder in mounted(rendered)
            given[flag] = tmp_path / file
    # The cluster that it is in does not answer; nothing but its source says so.
    cluster = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    arguments = [flag if value is None else f"{flag}={value}" for flag, value in given.items()]
    program = start(*arguments, environment=cluster, on_postgresql=on_postgresql)
    for probe in ("livenessProbe", "readinessProbe"):
        assert program.request("GET", container(rendered)[probe]["httpGet"]["path"]).status == 200
    assert program.request("GET", "/events").status == (401 if "--access-file" in given else 200)
    # The names used by the rest of the cluster and by `kubectl port-forward`, and one that must not
    # be used.
    service = rendered["Service"]["metadata"]["name"]
    named = [f"{service}{below}" for below in ("", ".logbook", ".logbook.svc", ".logbook.svc.cluster.local")]
    if "HTTPRoute" in rendered:
        named += ["a.example", "x.b.example", "c.example"]
    for name, status in [(name, 200) for name in (*named, f"{service}-0.{named[-1]}", "10.0.0.1", "localhost")] + [("evil.example", 421)]:
        answer = program.request("GET", "/events", headers={"Host": f"{name}:8080"})
        assert answer.status == (401 if "--access-file" in given else status), name


def test_certificate_names_the_service():
    rendered = helm({"tls": TLS})
    certificate = rendered["Certificate"]["spec"]
    assert f"{rendered['Service']['metadata']['name']}.logbook.svc" in certificate["dnsNames"]
    assert certificate["issuerRef"] == {"name": "authority", "kind": "Issuer"}
    (volume,) = [volume for volume in pod(rendered)["volumes"] if volume["name"] == "tls"]
    assert certificate["secretName"] == volume["secret"]["secretName"]


UNIT = (ROOT / "deploy/systemd/logbook.service").read_text()


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def test_systemd_would_take_the_unit(tmp_path):
    """The same unit, except the program's path."""
    unit = tmp_path / "logbook.service"
    unit.write_text(UNIT.replace("/usr/local/bin/logbook", str(BINARY)))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    # On a scale to 10, which is a service without hardening; systemd calls up to 4.9 OK.
    hardened = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], capture_output=True, text=True)  # fmt: skip
    assert hardened.returncode == 0, hardened.stdout


def test_the_unit_and_the_program_agree():
    (command,) = settings("ExecStart")
    assert command == "/usr/local/bin/logbook serve"
    given = dict(variable.split("=", 1) for variable in settings("Environment"))
    assert given.keys() <= {"LOGBOOK_" + flag[2:].upper().replace("-", "_") for flag in FLAGS.keys() | {"--listen", "--database"}}
    (folder,) = settings("StateDirectory")
    assert given["LOGBOOK_DATABASE"] == f"/var/lib/{folder}/logbook.db"
    assert float(FLAGS["--shutdown-timeout"]) + 10 <= float(settings("TimeoutStopSec")[0].removesuffix("s"))
    assert settings("MemoryMax") == [container(kustomize())["resources"]["limits"]["memory"].removesuffix("i")]
    account = (ROOT / "deploy/systemd/logbook.sysusers").read_text().splitlines()[-1].split()
    assert settings("User") == settings("Group") == [account[1]]
