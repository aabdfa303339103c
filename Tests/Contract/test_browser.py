"""A real browser's EventSource, in headless Chromium, driven over DevTools pipes."""

import json
import os
import subprocess

import postgresql
import pytest
from support import PATIENCE_SECONDS

SEVERITY = {"event_type": "cluster", "severity": "info", "title": "An event"}


class Browser:
    """https://chromedevtools.github.io/devtools-protocol/"""

    def __init__(self, folder):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        script = f"exec chromium-headless-shell --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={folder} 3<&{commands} 4>&{answers}"
        self.process = subprocess.Popen(["bash", "-c", script], pass_fds=[commands, answers], stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.stream = os.fdopen(self.answers, "rb")
        self.pending, self.number, self.session = b"", 0, {}

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **self.session}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.pending:
                read = self.stream.read1()
                assert read, "the browser has ended"
                self.pending += read
            text, _, self.pending = self.pending.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url=url)["targetId"]
        self.session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        while self.evaluate("document.readyState + ' ' + location") != f"complete {url}":
            pass  # There is no event to wait for before the page has replaced the empty one.

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def close(self):
        os.close(self.commands)
        self.stream.close()
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def browser(tmp_path):
    browser = Browser(tmp_path / "browser")
    yield browser
    browser.close()


FOLLOW = """new Promise((done, failed) => {
  setTimeout(failed, %d, 'timeout')
  window.seen = []; window.others = []
  window.source = new EventSource('/events/stream?object_kind=Node')
  source.onopen = done
  source.onmessage = message => others.push(message.data)
  source.addEventListener('reset', reset => others.push(reset.data))
  source.addEventListener('event', event => seen.push([event.lastEventId, JSON.parse(event.data).id]))
})"""
AWAIT = """new Promise((done, failed) => {
  setTimeout(failed, %d, 'timeout')
  setInterval(() => seen.length >= %d && done({seen, others}), 10)
})"""


def test_event_source(start, browser, tmp_path):
    """It follows, and when the service is back it gets what was stored meanwhile, from the position of the last heartbeat."""
    flags = ["--stream-heartbeat", "0.05"]
    program = start(*flags)
    patience = PATIENCE_SECONDS * 1000
    browser.open(f"http://127.0.0.1:{program.port}/healthz")
    browser.evaluate(FOLLOW % patience)

    def store(program, *names, kind="Node"):
        for name in names:
            assert program.request("POST", "/events", SEVERITY | {"id": name, "object_kind": kind}).status == 201

    store(program, "a", "b")
    epoch = "1-" if postgresql.IS_USED else ""
    seen = [[f"{epoch}1", "a"], [f"{epoch}2", "b"]]
    assert browser.evaluate(AWAIT % (patience, 2)) == {"seen": seen, "others": []}
    store(program, "not-of-a-node", kind="Pod")
    port = program.port
    program.stop()
    # The browser does not look for it here.
    meanwhile = start(*flags)
    store(meanwhile, "meanwhile")
    meanwhile.stop()
    store(start(*flags, port=port), "after")
    seen += [[f"{epoch}4", "meanwhile"], [f"{epoch}5", "after"]]
    assert browser.evaluate(AWAIT % (patience, 4)) == {"seen": seen, "others": []}
