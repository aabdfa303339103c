"""deploy/prometheus and deploy/grafana are valid and documented, use existing metrics, and each alert can fire."""

import json
import re
import subprocess

import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from monitoring import ALERTS, DASHBOARD, METRICS, ONLY_WITH_POSTGRESQL, QUERIES, RULES, without_variables
from support import ROOT

# Figures for whoever looks into a problem.
UNSEEN = {"logbook_source_position"}
ALERT_TESTS = ROOT / "Tests/Contract/alerts.yaml"


def promtool(*arguments):
    run = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_rules_are_valid():
    promtool("check", "rules", "--lint-fatal", str(RULES))


def test_rules_do_what_they_should():
    promtool("test", "rules", str(ALERT_TESTS))


def test_the_operators_rule_is_the_same():
    """deploy/prometheus/prometheusrule.yaml is made by `make document`."""
    rule = yaml.safe_load((RULES.parent / "prometheusrule.yaml").read_text())
    assert rule["spec"] == yaml.safe_load(RULES.read_text())


def test_each_alert_is_tested_to_fire_and_not_to():
    tests = [case for test in yaml.safe_load(ALERT_TESTS.read_text())["tests"] for case in test["alert_rule_test"]]
    for alert in ALERTS:
        assert {bool(case["exp_alerts"]) for case in tests if case["alertname"] == alert["alert"]} == {True, False}


def test_each_alert_is_documented():
    guide = (ROOT / "docs/operations.md").read_text()
    assert re.findall(r"^### (Logbook\w+)$", guide, re.MULTILINE) == [alert["alert"] for alert in ALERTS]
    for alert in ALERTS:
        assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{alert['alert'].lower()}"
        text = guide[guide.index(f"### {alert['alert']}\n") :].split("\n", 2)[2]
        assert text.startswith(f"{alert['labels']['severity'].capitalize()}. ")


def test_grafana_knows_all_of_the_dashboard():
    """Read and written by Grafana's own types, nothing of it is lost."""
    def compare(given, read, path):
        if isinstance(given, dict):
            for name, value in given.items():
                assert name in read, f"{path}/{name}"
                compare(value, read[name], f"{path}/{name}")
        elif isinstance(given, list):
            assert len(given) == len(read), path
            for place, (value, found) in enumerate(zip(given, read)):
                compare(value, found, f"{path}/{place}")
        else:
            assert given == read, path

    plugins.register_default_plugins()
    dashboard = Dashboard.from_json(DASHBOARD)
    # Otherwise options would be kept as they are, unread.
    for panel in dashboard.panels:
        assert panel.type_val == "row" or type(panel.options).__module__ == f"grafana_foundation_sdk.models.{panel.type_val}"
    compare(DASHBOARD, json.loads(JSONEncoder().encode(dashboard)), "")


def test_queries_of_the_dashboard_are_valid(tmp_path):
    rules = [{"record": f"query:{number}", "expr": without_variables(query)} for number, query in enumerate(QUERIES)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(tmp_path / "rules.yaml"))


def test_metrics_that_are_asked_for_exist():
    asked = " ".join([*QUERIES, *(alert["expr"] for alert in ALERTS)])
    named = set(re.findall(r"\b(?:logbook|process)_\w+|\bup\b", re.sub(r'"[^"]*"', "", asked)))
    assert named <= METRICS | ONLY_WITH_POSTGRESQL | {"up"}
    # The dashboard covers everything that an alert uses, all sources and all formats.
    for name in METRICS:
        if name.startswith(("logbook_source_", "logbook_ingest_")) and name not in UNSEEN:
            assert any(name in query for query in QUERIES), name
    for alert in ALERTS:
        for name in set(re.findall(r"\blogbook_\w+", re.sub(r'"[^"]*"', "", alert["expr"]))):
            assert any(name in query for query in QUERIES), name


def test_variables_of_the_dashboard_exist():
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert {"job", "instance", "datasource"} == variables
    for query in QUERIES:
        assert query.count('job=~"$job",instance=~"$instance"') == len(re.findall(r"\b(?:logbook|process)_\w+", query)), query


def test_panels_stand_beside_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
