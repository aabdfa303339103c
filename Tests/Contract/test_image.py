"""Tests of the images without Docker: the Dockerfile, and the program in the file systems that it builds."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import postgresql
import pytest
from support import BINARY, PATIENCE_SECONDS, ROOT
from test_documentation import FLAGS

DOCKERFILE = (ROOT / "Dockerfile").read_text()
# The package that is added for PostgreSQL.
(LOADED,) = re.findall(r"--build-arg LOADED=(\S+) \.$", (ROOT / "Makefile").read_text(), re.MULTILINE)
# The instructions of the last stage, with continued lines joined.
FINAL = re.findall(r"^([A-Z]+) +(.*)$", DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :].replace("\\\n", " "), re.MULTILINE)


def instruction(name):
    (arguments,) = [arguments for found, arguments in FINAL if found == name]
    return arguments


ENVIRONMENT = {"PATH": os.environ["PATH"]} | dict(word.split("=", 1) for word in shlex.split(instruction("ENV")))


def test_settings_are_those_of_serve():
    variables = {"LOGBOOK_" + flag[2:].upper().replace("-", "_") for flag in FLAGS.keys() | {"--listen", "--database"}}
    settings = dict(word.split("=", 1) for word in shlex.split(instruction("ENV")))
    assert settings.keys() <= variables
    assert settings["LOGBOOK_LISTEN"].endswith(":" + instruction("EXPOSE"))
    assert settings["LOGBOOK_DATABASE"].startswith(instruction("VOLUME") + "/")


def test_nothing_is_run_by_a_shell():
    assert not [arguments for name, arguments in FINAL if name in ("RUN", "SHELL")]
    for name in ("ENTRYPOINT", "CMD"):
        assert instruction(name).startswith("[")
    assert re.search(r'CMD \["/usr/local/bin/logbook", "healthcheck"\]$', instruction("HEALTHCHECK"))
    assert instruction("USER") == "10001:10001"


def test_labels():
    labels = dict(word.split("=", 1) for word in shlex.split(instruction("LABEL")))
    prefix = "org.opencontainers.image."
    assert labels.keys() == {prefix + name for name in ("title", "description", "licenses", "version", "revision")}


def lay_out(folder, *packages):
    subprocess.run([ROOT / "scripts/image-root", BINARY, folder, *packages], check=True)
    return folder


def files(root):
    return {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}


def size(root):
    return sum(file.stat().st_size for file in files(root).values())


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The image's file system."""
    return lay_out(tmp_path_factory.mktemp("image") / "root")


@pytest.fixture(scope="module")
def postgresql_root(tmp_path_factory):
    """The file system of the image for PostgreSQL."""
    return lay_out(tmp_path_factory.mktemp("image") / "postgresql", LOADED)


def test_holds_the_program_and_what_it_links(root):
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    libraries = {path.lstrip("/") for path in re.findall(r"/\S+", linked)}
    found = files(root).keys()
    others = found - libraries - {"usr/local/bin/logbook"}
    packages = {Path(file).name for file in others if file.startswith("var/lib/dpkg/status.d/")}
    assert libraries <= found and {"libsqlite3-0", "libc6"} <= packages
    assert others == {f"var/lib/dpkg/status.d/{package}" for package in packages} | {
        f"usr/share/doc/{package}/copyright" for package in packages | {"logbook"}
    }
    assert size(root) < 60_000_000


def test_the_one_for_postgresql_has_more_libraries_and_is_else_the_same(root, postgresql_root):
    more = files(postgresql_root).keys() - files(root).keys()
    assert not subprocess.run(["diff", "-r", root, postgresql_root], capture_output=True, text=True).stdout.count("differ")
    assert files(root).keys() < files(postgresql_root).keys()
    assert any(file.endswith("/libpq.so.5") for file in more) and f"var/lib/dpkg/status.d/{LOADED}" in more
    assert all(re.search(r"\.so\.|^var/lib/dpkg/status\.d/|^usr/share/doc/[^/]+/copyright$", file) for file in more)
    assert size(postgresql_root) - size(root) < 15_000_000


def test_layer_is_the_same_each_time(root, tmp_path):
    layers = [
        subprocess.run(["tar", "--sort=name", "-C", folder, "-c", "."], capture_output=True, check=True).stdout
        for folder in (root, lay_out(tmp_path / "again"))
    ]
    assert layers[0] == layers[1]


def start_in(root, data, settings, mounts=(), arguments=()):
    """Started like in a container: process 1, an unknown user, no shell, a read-only root; `data` is what it may write."""
    data.mkdir(exist_ok=True)
    os.chown(data, 10001, 10001)
    mounts = [("--bind", root, root), ("--bind", data, root / "data"), ("-t", "proc", "proc", root / "proc"), *mounts]
    # A runtime creates these if they are missing, before it makes the root read-only.
    for mount in mounts:
        mount[-1].mkdir(exist_ok=True)
    mounting = " && ".join(shlex.join(["mount", *map(str, mount)]) for mount in mounts) + f" && mount -o remount,bind,ro {root}"
    enter = f"exec chroot --userspec=10001:10001 {root} /usr/local/bin/logbook serve {shlex.join(arguments)}"
    return subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", f"{mounting} && {enter}"],
        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT | {"LOGBOOK_LISTEN": "127.0.0.1:0"} | settings,
    )  # fmt: skip


def read_log(process):
    """The log until the database is in service, which is after the listener has opened."""
    log = ""
    while "Database initialized successfully" not in log or "is in service" not in log:
        line = process.stderr.readline()
        assert line, log
        log += line
    return log


def check(process, log):
    """Asks the program as it is asked in a container, and ends it."""
    server = re.search(r"Listening on (http://127\.0\.0\.1:\d+)$", log, re.MULTILINE)[1]
    (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    status = Path(f"/proc/{first}/status").read_text()
    assert re.search(r"^NSpid:\t\d+\t1$", status, re.MULTILINE) and re.search(r"^Uid:\t10001\t10001", status, re.MULTILINE)
    inside = ["nsenter", "--target", first, "--mount", "--pid", "--root", "--setuid", "10001", "--setgid", "10001"]
    subprocess.run([*inside, "/usr/local/bin/logbook", "healthcheck", "--server", server], check=True)
    with urllib.request.urlopen(f"{server}/readyz", timeout=PATIENCE_SECONDS) as answer:
        assert json.load(answer) == {"status": "ready", "writable": True}
    os.kill(int(first), signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and become another user")


@needs_root
def test_runs_as_first_process_of_a_read_only_root(root, tmp_path):
    data = tmp_path / "data"
    process = start_in(root, data, {})
    try:
        check(process, read_log(process))
    finally:
        process.kill()
        process.wait()
    left = {file.name for file in data.iterdir()}
    assert "logbook.db" in left and "logbook.db-wal" not in left


@needs_root
@pytest.mark.parametrize("flags", [["--listen={}"], ["--listen", "127.0.0.1:0", "--probe-listen", "{}"], []])
def test_healthcheck_asks_what_it_listens_on(root, tmp_path, flags):
    """As Docker runs it: with the image's and the container's environment, which process 1 has too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {} if flags else {"LOGBOOK_LISTEN": address}
    process = start_in(root, tmp_path / "data", settings, arguments=[flag.format(address) for flag in flags])
    try:
        read_log(process)
        (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        inside = ["nsenter", "--target", first, "--mount", "--pid", "--root", "--setuid", "10001", "--setgid", "10001"]
        asked = subprocess.run([*inside, "/usr/local/bin/logbook", "healthcheck"], env=ENVIRONMENT | settings)
        assert asked.returncode == 0
    finally:
        process.kill()
        process.wait()


@needs_root
def test_runs_before_postgresql(postgresql_root, tmp_path):
    server = postgresql.server()
    server.folder.chmod(0o711)  # The program's user may reach the socket.
    address = server.url(tmp_path).partition("?")[0] + "?host=/socket"
    mount = ("--bind", server.folder, postgresql_root / "socket")
    process = start_in(postgresql_root, tmp_path / "data", {"LOGBOOK_STORE": address}, [mount])
    try:
        check(process, read_log(process))
    finally:
        process.kill()
        process.wait()
    assert not [*(tmp_path / "data").iterdir()]


@needs_root
def test_the_other_image_names_the_missing_library(root, tmp_path):
    process = start_in(root, tmp_path / "data", {"LOGBOOK_STORE": "postgresql://logbook@db.example/logbook"})
    _, log = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode not in (0, -signal.SIGKILL) and f"apt-get install {LOADED}" in log
