"""The commands print what other programs can read; docs/cli.md names every command and flag, and no others."""

import json
import re

import yaml
from support import ROOT, run

TEXT = (ROOT / "docs/cli.md").read_text()


HARD = """
{"id":"y","event_type":"system","severity":"info","title":"yes","description":"- a: b\\u0085\\u2028\\uffff#\\n",
"object_name":"","metadata":{"on":[],"n":1.10,"list":[[1,{}],{"a b":null,"x":["\\ud83d\\ude00",true]}],"12":"12",
"~":"null","t":"2026-11-23","time":"12:30","q":"it's","plain words":"a-b.c/d e","\\u0001":"\\u007f \\\\ \\"","e":"","N":"No"}}
"""


def test_yaml_is_read_back_as_the_same_values(program):
    assert program.request("POST", "/events", json.loads(HARD)).status == 201
    server = ("--server", f"http://127.0.0.1:{program.port}")
    listed = run("events", "list", *server, "--format", "yaml")
    events = json.loads(run("events", "list", *server, "--format", "json").stdout)
    assert yaml.safe_load(listed.stdout) == events and len(events) == 2
    one = run("events", "get", "y", *server, "--format", "yaml")
    assert yaml.safe_load(one.stdout) == events[0]
    none = run("events", "list", *server, "--type", "none", "--format", "yaml")
    assert yaml.safe_load(none.stdout) == []


def commands(command, path=()):
    """All commands by name."""
    subcommands = [sub for sub in command.get("subcommands", []) if sub["commandName"] != "help"]
    if not subcommands:
        yield " ".join(path), command
    for sub in subcommands:
        yield from commands(sub, (*path, sub["commandName"]))


COMMANDS = dict(commands(json.loads(run("--experimental-dump-help").stdout)["command"]))
SECTIONS = dict(re.findall(r"^#+ (.+?)\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def rows(section):
    """The flags in a section's table and in the groups that it refers to."""
    flags = set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE))
    for group in re.findall(r"\[[^\]]*\]\(#([a-z-]+)\)", section):
        flags |= set(re.findall(r"^\| `(--[a-z-]+)", SECTIONS[group.replace("-", " ").capitalize()], re.MULTILINE))
    return flags


def test_commands_and_flags_are_documented():
    assert len(COMMANDS) >= 8
    documented = {name.removeprefix("logbook ") for name in SECTIONS if name.startswith("logbook ")}
    assert documented == COMMANDS.keys()
    for name, command in COMMANDS.items():
        # The flags of serve are in limits.md and README.md and have their own test.
        if name == "serve":
            continue
        flags = {f"--{argument['preferredName']['name']}" for argument in command["arguments"] if argument["kind"] != "positional"}
        assert rows(SECTIONS[f"logbook {name}"]) == flags - {"--help", "--version"}, name


def test_restore_advises_only_what_it_has(program, tmp_path):
    assert run("backup", "--database", program.database, "--output", tmp_path / "copy").returncode == 0
    refused = run("restore", "--from", tmp_path / "copy", "--database", program.database)
    assert refused.returncode == 3 and "in use" in refused.stderr
    known = {f"--{argument['preferredName']['name']}" for argument in COMMANDS["restore"]["arguments"]}
    assert set(re.findall("--[a-z-]+", refused.stderr)) <= known


def test_units_are_taken_everywhere(tmp_path):
    """A wrong address ends the commands after their flags have been read."""
    units = {"timeout": "2m", "patience": "0s", "header-timeout": "30s", "idle-timeout": "1h", "lock-timeout": "1.5", "shutdown-delay": "0s",
             "stream-heartbeat": "1m", "max-database-bytes": "4Gi", "max-wal-bytes": "512Mi", "max-events": "10M", "max-body-bytes": "100k",
             "max-buffered-bytes": "1Gi", "disk-reserve-bytes": "0", "retain-error": "1y", "retain-info": "1w", "log-level": "warn", "limit": "1k"}
    taken = set()
    for name, command in COMMANDS.items():
        flags = [argument["preferredName"]["name"] for argument in command["arguments"] if argument["kind"] == "option"]
        if not units.keys() & set(flags) or name in ("schema migrate", "backup", "events import", "events add", "events delete"):
            continue
        given = [f"--{flag}={units[flag]}" for flag in flags if flag in units]
        taken |= {flag for flag in flags if flag in units}
        where = ["--listen", "256.0.0.1:1"] if name == "serve" else ["--server", "nowhere"]
        ended = run(*name.split(), *given, *where, *(["x"] if name == "events get" else []))
        assert re.search("--(listen|server) must be|256.0.0.1", ended.stderr), (name, ended)
        for flag in given:
            wrong = flag.split("=")[0] + "=1x"
            ended = run(*name.split(), wrong, *(["x"] if name == "events get" else []))
            assert ended.returncode == 64 and flag.split("=")[0] in ended.stderr, (name, wrong, ended)
    assert taken == units.keys()


def test_every_command_shows_examples():
    for name, command in COMMANDS.items():
        discussion = command.get("discussion", "")
        assert re.search(rf"Examples?:\s+logbook {name}\b", discussion), name
        # As they are written, on 80 columns.
        shown = run(*name.split(), "--help").stdout.splitlines()
        for line in discussion.partition("Examples:\n")[2].splitlines():
            assert line in shown, line
