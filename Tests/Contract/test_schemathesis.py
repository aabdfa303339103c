"""Lets schemathesis search for requests whose answers violate the contract that the program serves."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import run

HERE = Path(__file__).parent
# About 25 s alone on two cores. The same seed and contract give the same requests.
EXAMPLES = 30
PATIENCE_SECONDS = 300


def test_schemathesis_finds_nothing(start, tmp_path):
    pytest.importorskip("schemathesis", reason="`scripts/setup test` installs it, and `make test` runs that")
    signal.alarm(PATIENCE_SECONDS)
    # With access control, so that requests without the token, or with another, must be refused.
    token = run("token", "create", "--name", "st", "--scope", "admin", "--file", tmp_path / "access").stdout.strip()
    program = start("--access-file", tmp_path / "access")
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml", "run",
               f"http://127.0.0.1:{program.port}/openapi.yaml", "--checks", "all", "--seed", "20261123", "--max-examples", str(EXAMPLES),
               "--generation-database", "none", "--header", f"Authorization: Bearer {token}", "--warnings", "off", "--no-color"]
    environment = os.environ | {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    selected, total = map(int, re.search(r"(\d+) selected / (\d+) total", ended.stdout).groups())
    # All except the live stream.
    assert selected == total - 1 > 10
    assert int(re.search(r"(\d+) generated", ended.stdout)[1]) > 500
