"""A program for each test: starting and stopping it takes about 50 ms."""

import signal
import subprocess
from types import SimpleNamespace

import postgresql
import pytest
from support import OPERATIONS, PATIENCE_SECONDS, ROOT, Program, examples

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


@pytest.fixture(scope="session")
def faults(tmp_path_factory):
    """The library of Tests/Faults."""
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    subprocess.run(["clang", "-shared", "-fPIC", "-O1", "-o", library, ROOT / "Tests/Faults/faults.c"], check=True)
    return library


@pytest.fixture
def disk(faults, tmp_path):
    """The disk of the test's folder, for the environment of a program: full after fill(), until free()."""
    cure = tmp_path / "cure"
    cure.touch()
    environment = {"LD_PRELOAD": str(faults), "FAULTS_FILE": str(tmp_path / "logbook.db"), "FAULTS_KIND": "write", "FAULTS_AT": "1",
                   "FAULTS_COUNT": str(10**9), "FAULTS_ACTION": "ENOSPC", "FAULTS_CURE": str(cure)}  # fmt: skip
    return SimpleNamespace(environment=environment, fill=cure.unlink, free=cure.touch)


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
