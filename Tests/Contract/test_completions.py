"""Completions in bash, zsh and fish: of flags, of their values, and of what only the server knows."""

import re
import subprocess

import pytest
from support import BINARY, PATIENCE_SECONDS
from terminal import terminal

# What is typed, and what is offered.
CASES = [
    ("logbook events list --severity ", {"info", "warning", "error", "critical"}),
    ("logbook events stats --by ", {"severity", "object", "object_namespace"}),
    ("logbook events list --format ", {"table", "wide", "json", "yaml", "csv", "name"}),
    ("logbook serve --log-level ", {"debug", "warning"}),
    ("logbook events list --server URL --namespace ", {"kube-demo", "shop-demo"}),
    ("logbook events list --server URL --kind ", {"CronJob", "Deployment"}),
]
# Nothing answers there.
NOBODY = ("logbook events list --server http://127.0.0.1:1 --namespace ", set())


@pytest.fixture
def url(empty):
    for namespace, kind in (("kube-demo", "CronJob"), ("shop-demo", "Deployment")):
        event = {"event_type": "x", "severity": "info", "title": "t", "object_namespace": namespace, "object_kind": kind}
        assert empty.request("POST", "/events", event).status == 201
    return f"http://127.0.0.1:{empty.port}"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "logbook").symlink_to(BINARY)
    return {"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "xterm"}


BASH = """
source <(logbook completions bash)
read -ra COMP_WORDS <<<"$1"
COMP_WORDS+=("") COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
_logbook logbook "" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
SHELLS = {
    "zsh": (("zsh", "-f"), "PS1='$ '; autoload -U compinit; compinit -u; source <(logbook completions zsh); echo READY"),
    "fish": (("fish", "--no-config"), "logbook completions fish | source; echo READY"),
}


@pytest.mark.parametrize("typed, offered", [*CASES, NOBODY])
def test_values_complete_in_bash(url, path, typed, offered):
    shown = subprocess.run(["bash", "-c", BASH, "bash", typed.replace("URL", url)], env=path, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    words = {line.strip() for line in shown.stdout.splitlines() if line.strip()}
    assert not shown.stderr and (offered <= words if offered else not words), shown


@pytest.mark.parametrize("name", SHELLS)
def test_values_complete_in(url, path, name):
    shell, preparation = SHELLS[name]
    with terminal(160, shell=shell, environment=path) as screen:
        screen.type(preparation, "Enter")
        screen.wait_for(lambda text: "\nREADY\n" in text)
        for typed, offered in CASES:
            screen.type("C-u", f"clear; : ; {typed.replace('URL', url)}", "Tab", "Tab")
            shown = screen.wait_for(lambda text: all(re.search(rf"\b{word}\b", text.partition("\n")[2]) for word in offered))
            assert "rror:" not in shown
            screen.type("C-c")
