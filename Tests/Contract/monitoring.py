"""The metrics in docs/metrics.md and their use in deploy."""

import json
import re

import yaml
from support import ROOT

WITH_FILE, WITH_POSTGRESQL = (ROOT / "docs/metrics.md").read_text().split("\n## Only with PostgreSQL\n")


def rows(text):
    """Name, type, labels and meaning."""
    return re.findall(r"^\| `(\w+)` \| (\w+) \|(.*?)\| (.+) \|$", text, re.MULTILINE)


DOCUMENTED = rows(WITH_FILE)
METRICS = {
    name + suffix
    for name, kind, _, _ in DOCUMENTED
    for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
}
# None of these is a histogram.
ONLY_WITH_POSTGRESQL = {name for name, _, _, _ in rows(WITH_POSTGRESQL)}
RULES = ROOT / "deploy/prometheus/alerts.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/logbook.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def without_variables(query):
    """A query as Grafana would send it."""
    return query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*")
