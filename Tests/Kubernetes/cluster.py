"""A real API server and its etcd on loopback, by scripts/kube, and what tests do with them."""

import base64
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
from pathlib import Path

import yaml
from helm_python import Chart
from support import KUBECTL, PATIENCE_SECONDS, ROOT, Program

KUBE = ROOT / "scripts/kube"
# The API server takes some seconds to start, on a busy machine many.
START_SECONDS = 120
MERGE = "application/merge-patch+json"


def wait_until(condition, seconds=START_SECONDS):
    """Waits for what only asking tells; returns what it was told."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still waiting for {condition.__name__}"
        time.sleep(0.05)
    return found


class Cluster:
    def __init__(self, folder, **environment):
        self.folder = folder
        self.environment = os.environ | environment
        self.start()

    def start(self):
        """Starts what does not run."""
        started = subprocess.run(
            [KUBE, "start", self.folder], capture_output=True, text=True, env=self.environment
        )
        assert started.returncode == 0, started.stderr
        self.places = dict(line.split("=", 1) for line in started.stdout.splitlines())
        self.port = int(self.places["server"].rpartition(":")[2])
        self.trust = ssl.create_default_context(cafile=self.places["ca"])
        self.token = Path(self.places["token_file"]).read_text().strip()

    def stop(self):
        subprocess.run([KUBE, "stop", self.folder], check=True)

    def kill(self, name):
        """Ends etcd or kube-apiserver as a power cut would."""
        identifier = int((self.folder / f"{name}.pid").read_text())
        os.kill(identifier, signal.SIGKILL)
        wait_until(lambda: not running(identifier), PATIENCE_SECONDS)

    def connect(self):
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE_SECONDS, context=self.trust
        )

    def request(self, method, path, body=None, content_type="application/json", connection=None):
        """The status, and the JSON that is answered."""
        mine = connection or self.connect()
        try:
            mine.request(
                method,
                path,
                body and json.dumps(body),
                {"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
            )
            answer = mine.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            if not connection:
                mine.close()

    def ask(self, *request):
        status, answer = self.request(*request)
        assert status < 300, answer
        return answer

    def kubectl(self, *arguments, **options):
        return subprocess.run(
            [KUBECTL, "--kubeconfig", self.places["kubeconfig"], *arguments],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            **options,
        )

    def apply(self, documents, *flags):
        applied = self.kubectl("apply", *flags, "-f", "-", input=yaml.safe_dump_all(documents))
        assert applied.returncode == 0, applied.stderr

    def make_namespace(self, name):
        self.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])

    def make_token(self, namespace="logbook", account="logbook"):
        """A token that the API server signs for a service account, as a kubelet gets it."""
        return self.ask(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": 3600},
            },
        )["status"]["token"]

    def create(self, name, namespace="default", count=1, **fields):
        return self.ask(
            "POST",
            f"/api/v1/namespaces/{namespace}/events",
            event(name, namespace, count, **fields),
        )

    def events(self, namespace):
        """All that there are, by uid."""
        return {
            item["metadata"]["uid"]: item
            for item in self.ask("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
        }

    def compact(self):
        """Removes the history: a watch from an older version is no longer possible."""
        client = http.client.HTTPConnection(
            self.places["etcd"].removeprefix("http://"), timeout=PATIENCE_SECONDS
        )
        try:

            def ask(path, body):
                client.request("POST", path, json.dumps(body))
                return json.loads(client.getresponse().read())

            revision = ask(
                "/v3/kv/range", {"key": base64.b64encode(b"/").decode(), "count_only": True}
            )["header"]["revision"]
            return "header" in ask("/v3/kv/compaction", {"revision": revision, "physical": True})
        finally:
            client.close()


def running(identifier):
    try:
        return Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def event(name, namespace, count=1, **fields):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": namespace,
            "name": name.partition(".")[0],
        },
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "type": "Warning",
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": count,
        **fields,
    }


def identity(item):
    return f"k8s:core:{item['metadata']['uid']}:{item['metadata']['resourceVersion']}"


def chart(values=None):
    """The chart's objects, as `helm install logbook --namespace logbook` makes them."""
    with Chart.load(ROOT / "deploy/helm/logbook") as loaded:
        rendered = loaded.render(values, name="logbook", namespace="logbook")
    texts = (text for path, text in rendered.items() if path.endswith(".yaml"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def access(values=None):
    """Those of the chart's objects that let Logbook read events."""
    return [
        document for document in chart(values) if re.search("Role|ServiceAccount", document["kind"])
    ]


def placed(document, namespace="logbook"):
    """An object where Helm puts it."""
    if not document["kind"].startswith("Cluster"):
        document["metadata"].setdefault("namespace", namespace)
    return document


class Watcher(Program):
    """`logbook serve --kubernetes`, outside of the cluster."""

    def __init__(self, folder, cluster, *flags, token_file=None):
        folder.mkdir(exist_ok=True)
        super().__init__(
            folder,
            "--kubernetes",
            "--kubernetes-server",
            cluster.places["server"],
            "--kubernetes-ca",
            cluster.places["ca"],
            "--kubernetes-token-file",
            token_file or cluster.places["token_file"],
            *flags,
        )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def source(self):
        """What GET /sources says of the API server."""
        (source,) = self.request("GET", "/sources").json["sources"]
        return source

    def await_events(self, ids):
        """Waits until each of the ids is stored."""
        missing = list(ids)

        def all_are_stored():
            while missing and self.request("GET", f"/events/{missing[-1]}").status == 200:
                missing.pop()
            return not missing

        wait_until(all_are_stored)
