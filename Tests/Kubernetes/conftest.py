"""One API server for all tests; each leaves it running. LOGBOOK_BINARY is the program."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Contract"))

import pytest
from cluster import Cluster, Watcher, access, placed
from support import Program


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    for namespace in ("logbook", "shop"):
        made.make_namespace(namespace)
    made.apply([placed(document) for document in access()])
    yield made
    made.stop()


@pytest.fixture
def start(tmp_path):
    """Starts Logbook without the watcher in a new folder; it has to end with exit code 0."""
    running = []

    def start():
        folder = tmp_path / str(len(running))
        folder.mkdir()
        running.append(Program(folder))
        return running[-1]

    yield start
    for program in running:
        program.stop()


@pytest.fixture
def watch(tmp_path, cluster):
    """Starts `logbook serve --kubernetes` in a new folder; it has to end with exit code 0."""
    running = []

    def start(*flags, **options):
        running.append(Watcher(tmp_path / str(len(running)), cluster, *flags, **options))
        return running[-1]

    yield start
    for program in running:
        if program.process.poll() is None:
            program.stop()
