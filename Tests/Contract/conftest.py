"""The program for a test alone: to start and stop it takes some 50 ms."""

import pytest
from support import OPERATIONS, Program, examples

BODIES = examples(OPERATIONS["POST /events"]["requestBody"]["content"]["application/json"])


@pytest.fixture
def start(tmp_path):
    """Starts the program with flags; it has to end with exit code 0."""
    running = []
    yield lambda *flags: running.append(Program(tmp_path, *flags)) or running[-1]
    for program in running:
        program.stop()


@pytest.fixture
def empty(start):
    return start()


@pytest.fixture
def program(empty):
    """With one event stored: the contract's complete example."""
    assert empty.request("POST", "/events", BODIES["complete"]).status == 201
    return empty
