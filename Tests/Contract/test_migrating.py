"""Migrates databases of kube9-operator, versions 1 to 6, as docs/migrating.md shows."""

import contextlib
import hashlib
import json
import sqlite3

import kubernetes_validate
import pytest
import yaml
from support import ROOT, run

JOB = yaml.safe_load((ROOT / "deploy/from-kube9/job.yaml").read_text())
DOCUMENT = (ROOT / "docs/migrating.md").read_text()
COLUMNS = ("id", "event_type", "severity", "title", "description", "object_kind", "object_namespace", "object_name", "metadata", "created_at")
# The other tables of each version.
OTHER_TABLES = {
    2: ["assessments", "assessment_history"], 3: ["image_scans", "image_vulnerabilities"], 4: ["collections"], 5: ["argocd_apps"],
    6: ["ai_conformance_runs", "ai_conformance_requirement_results"],
}  # fmt: skip
CUT_OFF = '{"reason":"BackOff","_truncated": tru'


def make(path, version):
    """A database as a killed operator leaves it: the last events are only in the WAL."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, description TEXT)")
        fields = ", ".join(f"{name} TEXT{' PRIMARY KEY' if name == 'id' else ''}"
                           f"{' NOT NULL' if name in ('event_type', 'severity', 'title', 'created_at') else ''}" for name in COLUMNS)  # fmt: skip
        database.execute(f"CREATE TABLE events ({fields})")
        names = ("type", "severity", "created", "object") if version == 1 else ("event_type", "severity", "created_at", "object_kind")
        for name, indexed in zip(names, ("event_type", "severity", "created_at DESC", "object_kind, object_namespace, object_name")):
            database.execute(f"CREATE INDEX idx_events_{name} ON events({indexed})")
        for number in range(1, version + 1):
            database.execute("INSERT INTO schema_version VALUES (?, '2026-01-02T03:04:05.678Z', ?)",
                             (number, "Initial schema with events table" if number == 1 else f"Migration {number}"))  # fmt: skip
            for table in OTHER_TABLES.get(number, []):
                database.execute(f"CREATE TABLE {table} (id TEXT PRIMARY KEY, state TEXT CHECK (state IN ('queued', 'failed')), "
                                 f"parent TEXT REFERENCES {table}(id) ON DELETE CASCADE)")  # fmt: skip
                database.execute(f"CREATE INDEX idx_{table}_state ON {table}(state)")
        for number in range(1500):
            reason = json.dumps({"reason": "BackOff", "count": number, "first_timestamp": "2026-01-02T03:04:05.000Z"})
            database.execute(f"INSERT INTO events VALUES ({', '.join('?' * len(COLUMNS))})", (
                f"evt_20260102_030405_{number:06x}", ("cluster", "operator")[number % 2], ("info", "warning", "error", "critical")[number % 4],
                f"Pod BackOff: web-{number} é", "Back-off\nrestarting" if number % 3 else None, "Pod" if number % 5 else None,
                "shop", f"web-{number}", CUT_OFF if number == 7 else reason if number % 2 else None, f"2026-01-02T03:04:05.{number % 1000:03}Z",
            ))  # fmt: skip
        rows = database.execute("SELECT * FROM events").fetchall()
        # Closing it in order would empty the WAL.
        for suffix in ("", "-wal"):
            copy = path.with_name(f"kube9.db{suffix}")
            copy.write_bytes(path.with_name(path.name + suffix).read_bytes())
    assert path.with_name("kube9.db").stat().st_size < path.with_name("kube9.db-wal").stat().st_size
    return {row[0]: dict(zip(COLUMNS, row)) for row in rows}


def compare(program, rows):
    exported = [json.loads(line) for line in program.request("GET", "/events/export").body.splitlines()]
    assert len(exported) == len(rows) == 1500
    for event in exported:
        row = rows[event["id"]]
        text = row["metadata"]
        expected = {"unparsed": CUT_OFF} if text == CUT_OFF else text and json.loads(text)
        assert {name: event[name] for name in COLUMNS} == row | {"metadata": expected}
        assert event["reason"] == (expected or {}).get("reason")


@pytest.mark.parametrize("version", range(1, 7))
def test_all_comes_over_by_the_job_and_nothing_twice(version, empty, tmp_path):
    folder = tmp_path / "operator"
    folder.mkdir()
    rows = make(folder / "made.db", version)
    before = hashlib.sha256((folder / "kube9.db").read_bytes() + (folder / "kube9.db-wal").read_bytes()).digest()
    (container,) = JOB["spec"]["template"]["spec"]["containers"]
    places = {"/operator/kube9.db": str(folder / "kube9.db"), "--server=http://logbook.logbook:8080": f"--server=http://127.0.0.1:{empty.port}"}
    arguments = [places.get(argument, argument) for argument in container["args"]]
    assert not set(places) & set(arguments)
    for expected in ("accepted 1500, duplicates 0, rejected 0\n", "accepted 0, duplicates 1500, rejected 0\n"):
        imported = run(*arguments)
        assert (imported.returncode, imported.stdout) == (0, expected), imported.stderr
    compare(empty, rows)
    assert hashlib.sha256((folder / "kube9.db").read_bytes() + (folder / "kube9.db-wal").read_bytes()).digest() == before


def test_version_1_is_migrated_in_place(start, tmp_path):
    rows = make(tmp_path / "made.db", 1)
    for suffix in ("", "-wal"):
        (tmp_path / f"kube9.db{suffix}").rename(tmp_path / f"logbook.db{suffix}")
    compare(start(), rows)
    assert (tmp_path / "logbook.db.v1.bak").exists()


@pytest.mark.parametrize("version", range(2, 7))
def test_a_later_version_is_refused_with_the_way_over(version, tmp_path):
    make(tmp_path / "made.db", version)
    refused = run("serve", "--listen", "127.0.0.1:0", "--database", tmp_path / "kube9.db")
    assert refused.returncode == 3 and "logbook events import" in refused.stderr


def test_kubernetes_would_take_the_job():
    for version in ("1.25", "1.31", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(JOB, version, strict=True)
    (container,) = JOB["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"logbook:{run('--version').stdout.strip()}"
    assert f"job/{JOB['metadata']['name']}" in DOCUMENT
