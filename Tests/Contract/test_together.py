"""Every kind of client at once. bench/together.py describes and checks the requirements."""

import subprocess
import sys

from support import BINARY, ROOT


def test_all_at_once(tmp_path):
    run = subprocess.run(
        [sys.executable, ROOT / "bench" / "together.py", BINARY, "--seconds", "20", "--folder", tmp_path,
         "--wal-bytes", str(8 << 20), "--database-bytes", str(64 << 20)],
        capture_output=True, text=True,
    )  # fmt: skip
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
