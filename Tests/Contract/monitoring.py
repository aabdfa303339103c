"""The metrics in docs/metrics.md and their use in deploy."""

import json
import re

import yaml
from support import ROOT

# Name, type, labels and meaning.
DOCUMENTED = re.findall(r"^\| `(\w+)` \| (\w+) \|(.*?)\| (.+) \|$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
METRICS = {
    name + suffix
    for name, kind, _, _ in DOCUMENTED
    for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
}
RULES = ROOT / "deploy/prometheus/alerts.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/logbook.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def without_variables(query):
    """A query as Grafana would send it."""
    return query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*")
