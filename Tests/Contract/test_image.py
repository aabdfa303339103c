"""Tests of the image without Docker: the Dockerfile, and the program in the file system that it builds."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from support import BINARY, PATIENCE_SECONDS, ROOT
from test_documentation import FLAGS

DOCKERFILE = (ROOT / "Dockerfile").read_text()
# The instructions of the last stage, with continued lines joined.
FINAL = re.findall(r"^([A-Z]+) +(.*)$", DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :].replace("\\\n", " "), re.MULTILINE)


def instruction(name):
    (arguments,) = [arguments for found, arguments in FINAL if found == name]
    return arguments


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


def lay_out(folder):
    subprocess.run([ROOT / "scripts/image-root", BINARY, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The image's file system."""
    return lay_out(tmp_path_factory.mktemp("image") / "root")


def test_holds_the_program_and_what_it_links(root):
    files = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    libraries = {path.lstrip("/") for path in re.findall(r"/\S+", linked)}
    others = files.keys() - libraries - {"usr/local/bin/logbook"}
    packages = {Path(file).name for file in others if file.startswith("var/lib/dpkg/status.d/")}
    assert libraries <= files.keys() and {"libsqlite3-0", "libc6"} <= packages
    assert others == {f"var/lib/dpkg/status.d/{package}" for package in packages} | {
        f"usr/share/doc/{package}/copyright" for package in packages | {"logbook"}
    }
    assert sum(file.stat().st_size for file in files.values()) < 60_000_000


def test_layer_is_the_same_each_time(root, tmp_path):
    layers = [
        subprocess.run(["tar", "--sort=name", "-C", folder, "-c", "."], capture_output=True, check=True).stdout
        for folder in (root, lay_out(tmp_path / "again"))
    ]
    assert layers[0] == layers[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and become another user")
def test_runs_as_first_process_of_a_read_only_root(root, tmp_path):
    """Started like in a container: process 1, an unknown user, no shell, only /data writable; SIGTERM ends it."""
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 10001, 10001)
    # A runtime creates these two if they are missing, before it makes the root read-only.
    for folder in (root / "proc", root / "data"):
        folder.mkdir()
    mounts = (
        f"mount --bind {root} {root} && mount --bind {data} {root}/data && mount -t proc proc {root}/proc"
        f" && mount -o remount,bind,ro {root}"
    )
    enter = f"exec chroot --userspec=10001:10001 {root} /usr/local/bin/logbook serve"
    settings = dict(word.split("=", 1) for word in shlex.split(instruction("ENV"))) | {"LOGBOOK_LISTEN": "127.0.0.1:0"}
    process = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", f"{mounts} && {enter}"],
        stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]} | settings,
    )  # fmt: skip
    try:
        log = ""
        # The listener opens before the database.
        while "Database initialized successfully" not in log:
            line = process.stderr.readline()
            assert line, log
            log += line
        server = re.search(r"Listening on (http://127\.0\.0\.1:\d+)$", log, re.MULTILINE)[1]
        (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        status = Path(f"/proc/{first}/status").read_text()
        assert re.search(r"^NSpid:\t\d+\t1$", status, re.MULTILINE) and re.search(r"^Uid:\t10001\t10001", status, re.MULTILINE)
        inside = ["nsenter", "--target", first, "--mount", "--pid", "--root", "--setuid", "10001", "--setgid", "10001"]
        subprocess.run([*inside, "/usr/local/bin/logbook", "healthcheck", "--server", server], check=True)
        os.kill(int(first), signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    left = {file.name for file in data.iterdir()}
    assert "logbook.db" in left and "logbook.db-wal" not in left
