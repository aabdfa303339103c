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


def test_every_command_shows_examples():
    for name, command in COMMANDS.items():
        assert re.search(rf"Examples?:\s+logbook {name}\b", command.get("discussion", "")), name
