"""A PostgreSQL of one's own, to be stopped, frozen and killed. Cloned from a template, so that each
costs a copy and a start. Knows no HTTP."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import places
from support.cluster import programs
from support.places import wait_for
from support.server import run_iqmd

SETTINGS = ["listen_addresses=", "shared_buffers=16MB", "max_connections=100",
            "log_min_messages=fatal", "random_page_cost=1.1"]


class Session:
    """An open psql: holds a transaction, and with it locks, until it is closed."""

    def __init__(self, cluster, database="iqm"):
        self.process = subprocess.Popen(
            [programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1",
             cluster.url("postgres", database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def run(self, sql):
        """Runs statements and returns when they are done."""
        self.process.stdin.write(f"{sql};\n\\echo done\n")
        lines = []
        for line in self.process.stdout:
            if line == "done\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"psql gave up on: {sql}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def _parent(stat):
    """From a process's stat file; the name before it stands in parentheses and may hold any."""
    try:
        return int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


class Cluster:
    def __init__(self, directory, settings=()):
        self.directory = pathlib.Path(directory)
        self.data = self.directory / "data"
        self.settings = [*SETTINGS, f"unix_socket_directories={directory}", *settings]
        self.process = None

    def url(self, user, database="iqm"):
        return f"host={self.directory} user={user} dbname={database}"

    def begin(self):
        """Starts the postmaster; answers may take a moment."""
        options = [word for setting in self.settings for word in ("-c", setting)]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", str(self.data), *options],
                cwd=self.directory, stdout=log, stderr=log, start_new_session=True,
                **places.as_postgres())

    def answers(self):
        done = subprocess.run([programs() / "pg_isready", "-q", "-h", str(self.directory)])
        return done.returncode == 0

    def _up(self):
        if self.process.poll() is not None:  # what a kill left behind is still going away
            self.begin()
        return self.answers()

    def start(self):
        """One that does not come up is not left running."""
        self.begin()
        try:
            wait_for(self._up, "PostgreSQL answers", 30)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT is stopping at once, SIGINT is stopping in order."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.thaw()
            self.process.send_signal(how)
        self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def backends(self):
        """Pids of the postmaster's children."""
        return [int(stat.parent.name) for stat in pathlib.Path("/proc").glob("[0-9]*/stat")
                if _parent(stat) == self.process.pid]

    def _signal_backends(self, number):
        for pid in self.backends():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def _is_stopped(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def freeze(self):
        """First who makes new backends: one made meanwhile would go on."""
        os.kill(self.process.pid, signal.SIGSTOP)
        wait_for(self._is_stopped, "a postmaster that has stopped")
        self._signal_backends(signal.SIGSTOP)

    def thaw(self):
        self._signal_backends(signal.SIGCONT)
        os.kill(self.process.pid, signal.SIGCONT)

    def sql(self, text, database="iqm"):
        """Rows as lists of text, done as superuser."""
        done = subprocess.run([programs() / "psql", "-XqAt", "-F", "\t", "-v",
                               "ON_ERROR_STOP=1", "-c", text, self.url("postgres", database)],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def begin_sql(self, text):
        """The process of a psql that is at it."""
        return subprocess.Popen([programs() / "psql", "-XqAt", "-c", text, self.url("postgres")],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def settings_of_iqmd(self):
        return {"IQM_DATABASE_URL": self.url("iqm_server"), "IQM_TOKEN_KEY": places.TOKEN_KEY,
                "IQM_SIGNING_KEY": places.SIGNING_KEY, "IQM_MASTER_KEY": places.MASTER_KEY,
                "IQM_KEY_DATABASE_URL": self.url("iqm_server", "iqm_keys"),
                "IQM_OWNER_KEY_DATABASE_URL": self.url("iqm_owner", "iqm_keys"),
                "IQM_OWNER_DATABASE_URL": self.url("iqm_owner")}

    def iqmd(self, *arguments, check=True, **settings):
        """A command of iqmd, run to its end."""
        return run_iqmd(*arguments, check=check, settings={**self.settings_of_iqmd(), **settings})

    def remove(self):
        """Whatever goes wrong with stopping it, nothing is left running."""
        try:
            self.stop()
        finally:
            if self.process is not None:
                self.kill()
            shutil.rmtree(self.directory, ignore_errors=True)


def new_directory():
    """Not below a directory of this user's only: PostgreSQL's user must get there."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="iqmf"))
    path.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(path, "postgres", "postgres")
    return path


def _fill_template(cluster):
    subprocess.run([programs() / "initdb", "-D", str(cluster.data), "-A", "trust", "-U",
                    "postgres", "--no-sync", "--locale-provider=icu", "--icu-locale=en-GB",
                    "--encoding=UTF8", "--locale=C.UTF-8"], cwd=cluster.directory, check=True,
                   stdout=subprocess.DEVNULL, **places.as_postgres())
    cluster.start()
    psql = [programs() / "psql", "-Xq", "-h", str(cluster.directory), "-U", "postgres"]
    subprocess.run([*psql, "-c", "CREATE ROLE iqm_owner LOGIN CREATEROLE",
                    "-c", "CREATE DATABASE iqm OWNER iqm_owner",
                    "-c", "CREATE DATABASE iqm_keys OWNER iqm_owner"], check=True)
    cluster.iqmd("migrate")
    issued = cluster.iqmd("token", "issue", "--name", "faults", "--role", "head_office")
    (cluster.directory / "token.json").write_text(json.dumps(issued.stdout.strip()))
    cluster.stop(signal.SIGINT)


def make_template():
    """A migrated database with a token, stopped: the directory to clone."""
    cluster = Cluster(new_directory(), ["fsync=off"])
    try:
        _fill_template(cluster)
    except BaseException:
        cluster.remove()
        raise
    return cluster.directory


def clone(template, settings=("fsync=off",)):
    cluster = Cluster(new_directory(), settings)
    try:
        _copy_template(template, cluster)
    except BaseException:
        cluster.remove()
        raise
    return cluster


def _copy_template(template, cluster):
    subprocess.run(["cp", "-a", str(pathlib.Path(template) / "data"), str(cluster.directory)],
                   check=True)
    cluster.token = json.loads((pathlib.Path(template) / "token.json").read_text())
