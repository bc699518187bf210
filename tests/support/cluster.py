"""A PostgreSQL of the tests' own: unix socket only, one directory, gone afterwards.

Knows no table. PostgreSQL refuses to run as root: then it runs as the user `postgres`.
"""

import os
import pathlib
import shutil
import subprocess
import sys


def programs():
    """The newest PostgreSQL that Debian installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
                   key=lambda path: int(path.parent.name))
    assert found, "PostgreSQL is not installed"
    return found[-1]


def plain_environment():
    """Ours, without what would lead a client to another PostgreSQL."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PG", "IQM_"))}


class Cluster:
    """Its data is worth nothing after a crash of the machine. What was committed outlives a crash of
    PostgreSQL if it is durable."""

    def __init__(self, directory, durable=False):
        self.directory = pathlib.Path(directory)
        self.commit = "on" if durable else "off"
        self.data = self.directory / "data"

    def _as_owner(self, *command, **options):
        drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        if os.geteuid() != 0:
            drop = []
        return subprocess.run([*drop, *map(str, command)], check=False, text=True, cwd="/",
                              env=plain_environment(), **options)

    def _settings(self):
        return (f"-k {self.directory} -c listen_addresses= -c max_connections=300 -c fsync=off "
                f"-c full_page_writes=off -c synchronous_commit={self.commit} -c shared_buffers=64MB "
                "-c random_page_cost=1.1")

    def make(self):
        """Makes the cluster unless it is there already."""
        if (self.data / "PG_VERSION").exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o711)
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        done = self._as_owner(programs() / "initdb", "-D", self.data, "-U", "postgres",
                              "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
                              "--no-instructions", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout

    def start(self):
        done = self._as_owner(programs() / "pg_ctl", "-D", self.data, "-s", "-w", "-t", "60", "-l",
                              self.directory / "log", "-o", self._settings(), "start",
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        assert done.returncode == 0, (self.directory / "log").read_text()[-3000:]

    def stop(self, mode="fast"):
        if self.pid() is not None:
            self._as_owner(programs() / "pg_ctl", "-D", self.data, "-s", "-w", "-m", mode, "stop",
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)

    def pid(self):
        """Of the running postmaster; None when there is none. Its file outlives a crash."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return None
        return pid if name == "postgres" else None

    def url(self, user, database="iqm"):
        return f"host={self.directory} user={user} dbname={database}"

    def psql(self, sql, user="postgres", database="iqm", check=True):
        """Runs SQL; returns its rows as text, columns separated by |."""
        done = subprocess.run(
            [programs() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
             self.directory, "-U", user, "-d", database, "-f", "-"],
            input=sql, text=True, capture_output=True, check=False, env=plain_environment())
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


if __name__ == "__main__":  # stops a cluster that was kept: python3 -m support.cluster DIRECTORY
    Cluster(sys.argv[1]).stop()
