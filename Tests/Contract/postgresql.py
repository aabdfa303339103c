"""A PostgreSQL server for the tests: with LOGBOOK_TEST_STORE=postgresql, databases there stand for files."""

import functools
import os
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

# What only a file has, by a part of the tests' names: docs/postgresql.md has a table of the reasons.
FILE_ONLY = {
    "test_damaged_database": "content",
    "test_every_error_has_the_shape_of_all": "content",
    "test_a_failure_in_the_middle_never_looks_whole": "content",
    "test_failed_migration": "migration",
    "test_version_1_is_migrated_in_place": "version",
    "test_examples_print_what_is_shown": "commands",
    "test_answers[GET /backup": "backup",
    "test_head_and_options_come_with_every_path[/backup]": "backup",
    "test_operations[GET /backup]": "backup",
    "test_schemathesis_finds_nothing": "figures",
    "test_figures_of_files_agree_with_stat": "figures",
    "test_list_and_documentation_are_equal": "figures",
    "test_prometheus_scrapes_it": "figures",
    "test_retention_and_sizes": "figures",
    "test_start_tells_what_runs": "figures",
    "test_failures_are_warnings_and_probes_are_not": "migration",
    "test_a_flood_of_failures_is_counted": "migration",
    "test_a_store_that_cannot_be_used": "lock",
}
IS_USED = os.environ.get("LOGBOOK_TEST_STORE") == "postgresql"


class Server:
    """In a folder of its own, on a Unix socket; it ends with this process, even if that is killed."""

    def __init__(self):
        self.databases = {}
        self.holder = tempfile.TemporaryDirectory(prefix="logbook-postgresql-")
        self.folder = Path(self.holder.name)
        binaries = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip()
        if not Path(binaries, "initdb").exists():
            binaries = max(map(str, Path("/usr/lib/postgresql").glob("*/bin")), key=lambda path: int(path.split("/")[-2]))
        self.binaries = Path(binaries)
        start = f"""
            cd {self.folder} && {binaries}/initdb -D data -U logbook -A trust -E UTF8 --locale=C --no-sync >log 2>&1 &&
            printf '%s\\n' "listen_addresses = ''" "unix_socket_directories = '{self.folder}'" 'max_connections = 200' \
              'shared_buffers = 16MB' >>data/postgresql.conf &&
            {binaries}/pg_ctl -D data -l log -w start >>log 2>&1 && echo ready
            read -r _
            {binaries}/pg_ctl -D data -m immediate stop >>log 2>&1"""
        # PostgreSQL refuses to run as root.
        user = ["setpriv", "--reuid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if user:
            subprocess.run(["chown", "postgres", self.folder], check=True)
        # The pipe closes when this process ends, in whatever way.
        self.process = subprocess.Popen([*user, "sh", "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)
        assert self.process.stdout.readline() == "ready\n", (self.folder / "log").read_text()

    def query(self, sql):
        subprocess.run([self.binaries / "psql", "-qh", self.folder, "-U", "logbook", "-c", sql, "postgres"], check=True)

    def url(self, path):
        """The database that stands for the file at `path`."""
        if path not in self.databases:
            name = f"test_{len(self.databases)}"
            self.query(f"CREATE DATABASE {name}")
            self.databases[path] = f"postgresql://logbook@/{name}?host={urllib.parse.quote(str(self.folder), safe='')}"
        return self.databases[path]


server = functools.cache(Server)


def flags(path, is_used=IS_USED):
    """The flags of the database that `path` names."""
    return ["--store", server().url(path)] if is_used else ["--database", path]
