"""Runs the commands of docs/api.md, and checks that the documentation names everything in the contract and `--help`."""

import json
import re
import subprocess

import postgresql
from support import BINARY, OPERATIONS, PATIENCE_SECONDS, ROOT, parameters

TEXT = (ROOT / "docs/api.md").read_text()
# A block of sh, and the block right below it, which shows its output.
EXAMPLES = re.findall(r"^```sh\n(.*?)^```\n(?:```(json|http|text)\n(.*?)^```\n)?", TEXT, re.MULTILINE | re.DOTALL)


def agrees(found, shown):
    """True if a JSON value is the one shown. `…` stands for any value but null, or any part of a text."""
    if shown == "…":
        return found is not None
    if type(found) is not type(shown):
        return False
    if isinstance(shown, dict):
        return found.keys() == shown.keys() and all(agrees(found[key], shown[key]) for key in shown)
    if isinstance(shown, list):
        return len(found) == len(shown) and all(map(agrees, found, shown))
    return re.fullmatch(re.escape(shown).replace("…", ".*"), found) if isinstance(shown, str) else found == shown


def json_texts(text):
    """Consecutive JSON texts, with fractions as written."""
    values = []
    while text := text.lstrip():
        value, end = json.JSONDecoder(parse_float=str).raw_decode(text)
        values, text = [*values, value], text[end:]
    return values


def test_examples_print_what_is_shown(empty, tmp_path):
    assert len(EXAMPLES) == TEXT.count("```sh\n") > 8
    for command, kind, shown in EXAMPLES:
        script = command.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{empty.port}")
        assert script != command
        run = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_SECONDS)
        assert run.returncode == 0, (command, run.stderr)
        if kind == "json":
            assert agrees(json_texts(run.stdout), json_texts(shown)), (command, run.stdout)
        elif kind == "text":
            assert agrees(run.stdout, shown), (command, run.stdout)
        else:
            # Some lines of the answer are shown, in order.
            lines = iter(run.stdout.splitlines())
            for line in filter(None, shown.splitlines()):
                assert any(agrees(found, line) for found in lines), (command, line, run.stdout)


def test_examples_hold_next_year_as_well():
    """A date in an example would some day be older than retention, and the event gone before the next command."""
    for command, _, shown in EXAMPLES:
        assert not re.search(r"\b\d{4}-\d{2}-\d{2}", command + shown), command


def test_all_that_the_contract_has_is_named():
    errors = TEXT[TEXT.index("| status | when") :].split("\n\n")[0]
    senders = (ROOT / "docs/senders.md").read_text()
    for operation, described in OPERATIONS.items():
        if described["tags"] == ["senders"]:
            assert operation.startswith("GET") or f"`{operation}`" in senders
            continue
        assert f"`{operation}`" in TEXT
        for name in parameters(operation):
            assert re.search(rf"`{name}[`=]", TEXT), name
        for status in described["responses"].keys() - {"200", "201", "204", "304", "default"}:
            assert re.search(rf"^\|[^|]*\b{status}\b", errors, re.MULTILINE), status


def help_text(command):
    return subprocess.run([BINARY, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout


def default_values(text):
    """The flags of a help text that have a value, with their defaults."""
    blocks = (" ".join(block.split()) for block in re.split(r"\n  (?=-)", text))
    return dict(match.groups() for block in blocks if (match := re.match(r"(--[a-z-]+) \[?<.*\(default: (.*?)\)", block)))


FLAGS = default_values(help_text("serve"))
COMMANDS = ("serve", "backup", "restore", "check", "healthcheck")
LIMITS = (ROOT / "docs/limits.md").read_text()
UNITS = {"KiB": 2**10, "MiB": 2**20}


def test_flags_are_documented():
    """docs/configuration.md has each with its default and text; no document names an unknown one."""
    assert len(FLAGS) > 30
    made = subprocess.run([ROOT / "scripts/document-flags", BINARY], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/configuration.md").read_text() == made, "run `make document`"
    documents = ["README.md", "SECURITY.md", "openapi.yaml"] + [f"docs/{name}.md" for name in (
        "api", "limits", "configuration", "operations", "durability", "metrics", "migrating", "postgresql", "senders")]  # fmt: skip
    guide = "".join((ROOT / document).read_text() for document in documents)
    known = set().union(*(re.findall("--[a-z][a-z-]+", help_text(command)) for command in COMMANDS))
    known |= set(re.findall(r"`(--[a-z-]+)", (ROOT / "docs/cli.md").read_text()))
    # Flags after another program's name belong to that program.
    others = re.sub("(curl|docker|helm|initdb|kubectl|systemctl) .*", "", guide.replace("\\\n", ""))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", others)) <= known


def test_bounds_are_documented_with_their_defaults():
    bounds = {flag for flag in FLAGS if re.match("--(max|min|retain)-|.*-timeout$|--disk-reserve-bytes|--stream-heartbeat", flag)}
    rows = re.findall(r"^\| .* \| (.*) \| .* \| (.*`--.*) \|$", LIMITS, re.MULTILINE)
    listed = {}
    for default, flags in rows:
        numbers = re.findall(r"(\d[\d,]*)(?: (KiB|MiB))?", default)
        values = {int(number.replace(",", "")) * UNITS.get(unit, 1) for number, unit in numbers} | ({0} if default.startswith("none") else set())
        listed |= {flag: values for flag in re.findall(r"`(--[a-z-]+)`", flags)}
    assert listed.keys() == bounds
    for flag in bounds:
        # Ages are in days.
        assert float(FLAGS[flag].removesuffix("d")) in listed[flag], flag


def test_what_only_a_file_has_is_documented():
    """The tests that are left out with PostgreSQL name rows of a table."""
    rows = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", (ROOT / "docs/postgresql.md").read_text(), re.MULTILINE)
    harness = (ROOT / "Tests/EndToEndTests/Harness/TestStore.swift").read_text()
    known = re.search(r"enum FileOnly.*?\bcase (.*?)\n", harness, re.DOTALL)[1].split(", ")
    assert rows == known == sorted(set(known))
    assert set(postgresql.FILE_ONLY.values()) <= set(known)
