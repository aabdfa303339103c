"""A program for each test: starting and stopping it takes about 50 ms."""

import signal

import postgresql
import pytest
from support import OPERATIONS, PATIENCE_SECONDS, Program, examples

BODIES = examples(OPERATIONS["POST /events"]["requestBody"]["content"]["application/json"])


def pytest_collection_modifyitems(items):
    for item in items if postgresql.IS_USED else []:
        for part, reason in postgresql.FILE_ONLY.items():
            if part in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=f"{reason}: only a file has it"))


@pytest.fixture(autouse=True)
def patience():
    """A live stream with only heartbeats never times out by itself."""

    def give_up(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(4 * PATIENCE_SECONDS)
    yield
    signal.alarm(0)


@pytest.fixture
def start(tmp_path):
    """Starts the program with flags; it must end with exit code 0."""
    running = []
    yield lambda *flags, **options: running.append(Program(tmp_path, *flags, **options)) or running[-1]
    for program in running:
        if program.process.poll() is None:
            program.stop()


@pytest.fixture
def empty(start):
    return start()


@pytest.fixture
def program(empty):
    """With one event stored: the contract's complete example."""
    assert empty.request("POST", "/events", BODIES["complete"]).status == 201
    return empty
