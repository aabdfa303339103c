"""Real terminals of any width, in tmux."""

import contextlib
import os
import subprocess
import time
import uuid

from support import BINARY, PATIENCE_SECONDS


class Terminal:
    """A shell in a terminal; its variable LOGBOOK is the program."""

    def __init__(self, columns, rows=40, shell=("bash", "--norc", "--noprofile"), environment={}):
        self.socket = f"logbook-{uuid.uuid4().hex}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOGBOOK_", "TMUX"))}
        self.environment = {**kept, "LOGBOOK": str(BINARY), "PS1": "$ ", "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", **environment}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), *shell)

    def tmux(self, *arguments):
        command = ["tmux", "-u", "-L", self.socket, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS).stdout

    def type(self, *keys):
        """Types texts and keys by their names in tmux."""
        self.tmux("send-keys", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p").rstrip("\n") + "\n"

    def wait_for(self, condition):
        """The screen once `condition` holds for it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.02)
        return screen

    def end(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.tmux("kill-server")


@contextlib.contextmanager
def terminal(columns, **others):
    opened = Terminal(columns, **others)
    try:
        yield opened
    finally:
        opened.end()
