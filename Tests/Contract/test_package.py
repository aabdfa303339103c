"""The Debian package: Debian's own check, its manual pages, and its installation on top of this system."""

import os
import re
import subprocess

import pytest
from support import BINARY, ROOT
from test_documentation import help_text


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    subprocess.run([ROOT / "scripts/deb", BINARY, folder], check=True)
    (file,) = folder.iterdir()
    return file


def test_lintian_finds_nothing(package):
    checked = subprocess.run(
        ["lintian", "--allow-root", "--tag-display-limit", "0", "--pedantic", package], capture_output=True, text=True)  # fmt: skip
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout + checked.stderr


def test_the_same_program_makes_the_same_package(package, tmp_path):
    subprocess.run([ROOT / "scripts/deb", BINARY, tmp_path], check=True)
    assert (tmp_path / package.name).read_bytes() == package.read_bytes()


def test_each_command_has_a_manual_page(package, tmp_path):
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    pages = {file.name.removesuffix(".1.gz"): file for file in (tmp_path / "usr/share/man/man1").iterdir()}

    def commands(*words):
        yield words
        below = re.search(r"^SUBCOMMANDS:\n(.*?)\n\n  See", help_text(" ".join(words)), re.MULTILINE | re.DOTALL)
        for name in re.findall(r"^  ([a-z-]+) ", below[1], re.MULTILINE) if below else []:
            yield from commands(*words, name)

    found = list(commands())
    assert {"-".join(("logbook", *words)) for words in found} == pages.keys()
    for words in found:
        page = pages["-".join(("logbook", *words))]
        shown = subprocess.run(
            ["man", "--warnings", "--local-file", page], capture_output=True, text=True, check=True,
            env=os.environ | {"MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"})  # fmt: skip
        assert shown.stderr == ""
        options = help_text(" ".join(words)).partition("\nOPTIONS:")[2].partition("\nSUBCOMMANDS:")[0]
        flags = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", options, re.MULTILINE)
        assert flags and all(re.search(rf"^ +(-\w, )?{flag}\b", shown.stdout, re.MULTILINE) for flag in flags), words


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount and install")
def test_installs_and_is_removed(package, tmp_path):
    """By dpkg, in a layer on top of this system's files, which keeps the changes to itself."""
    script = f"""
    set -e
    mount -t tmpfs tmpfs {tmp_path}
    mkdir {tmp_path}/upper {tmp_path}/work {tmp_path}/root
    mount -t overlay overlay -o lowerdir=/,upperdir={tmp_path}/upper,workdir={tmp_path}/work {tmp_path}/root
    cp "$1" {tmp_path}/root/package.deb
    inside() {{ chroot {tmp_path}/root "$@"; }}
    inside dpkg --force-confnew --install /package.deb
    inside logbook --version
    inside getent passwd logbook
    inside ls /etc/systemd/system/multi-user.target.wants/logbook.service
    inside install -d -o logbook /var/lib/logbook
    inside touch /var/lib/logbook/logbook.db
    inside dpkg --install /package.deb # an upgrade
    inside dpkg --purge logbook
    inside ls /var/lib/logbook
    ! inside ls /usr/bin/logbook /etc/systemd/system/multi-user.target.wants/logbook.service
    """
    file = tmp_path.parent / "package.deb"
    file.write_bytes(package.read_bytes())
    run = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "logbook:x:" in run.stdout and "logbook.db" in run.stdout
