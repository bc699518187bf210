"""One database for the whole run: made by the first process that needs it, shared by all.

IQM_TEST_CLUSTER names a cluster to keep: it is made and started where missing, and left running.
"""

import json
import os
import pathlib
import secrets

from support import confidential
from support.cluster import Cluster
from support.places import locked, run_dir
from support.server import Server, run_iqmd


# So high that no test meets them unless it sets its own, and yet counted.
HIGH_LIMITS = {f"IQM_LIMIT_{kind}": 1000000 for kind in ("ADDRESS", "TOKEN", "CLIENT", "SIGN_IN")}
# So that signing in takes a few milliseconds.
CHEAP_PASSWORDS = {"IQM_PASSWORD_MEMORY": 8, "IQM_PASSWORD_PASSES": 1}


class Stage:
    def __init__(self, cluster):
        self.cluster = cluster
        self.key = self.signing_key = self.master_key = None

    @property
    def settings(self):
        """What every command and server of this stage is started with."""
        return {"IQM_DATABASE_URL": self.cluster.url("iqm_server"),
                "IQM_OWNER_DATABASE_URL": self.cluster.url("iqm_owner"),
                "IQM_KEY_DATABASE_URL": self.cluster.url("iqm_server", "iqm_keys"),
                "IQM_OWNER_KEY_DATABASE_URL": self.cluster.url("iqm_owner", "iqm_keys"),
                "IQM_TOKEN_KEY": self.key, "IQM_SIGNING_KEY": self.signing_key,
                "IQM_MASTER_KEY": self.master_key}

    def prepare(self):
        with locked(lock_path(self.cluster.directory)):
            self.cluster.make()
            if self.cluster.pid() is None:
                self.cluster.start()
            self.key = confidential.note(_kept_key(self.cluster.directory / "token.key"))
            self.signing_key = confidential.note(
                _kept_key(self.cluster.directory / "signing.key"))
            self.master_key = confidential.note(_kept_key(self.cluster.directory / "master.key"))
            make_database(self.cluster)
            run_iqmd("migrate", settings=self.settings)
        return self

    def iqmd(self, *arguments, **options):
        settings = {**self.settings, **options.pop("settings", {})}
        return run_iqmd(*arguments, settings=settings, **options)

    def issue_token(self, name, role="head_office", scopes=(), days=None):
        """A new token's text."""
        options = [part for scope in scopes for part in ("--scope", scope)]
        if days is not None:
            options += ["--expires-in-days", str(days)]
        done = self.iqmd("token", "issue", "--name", name, "--role", role, *options)
        return confidential.note(done.stdout.strip())

    def token_id(self, name):
        rows = [row for row in self.iqmd("token", "list").stdout.splitlines() if row.endswith(name)]
        assert len(rows) == 1, rows
        return rows[0].split()[0]

    def server(self, **settings):
        """A server on this stage; not started."""
        return Server(**{**HIGH_LIMITS, **CHEAP_PASSWORDS, **self.settings, **settings})

    def number(self):
        """A number nobody else gets, in any run on this database."""
        path = self.cluster.directory / "numbers"
        with locked(path):
            value = int(path.read_text() or "0") + 1
            path.write_text(str(value))
        return value


def _kept_key(path):
    if not path.exists():
        path.write_text(secrets.token_hex(32))
        path.chmod(0o600)
    return path.read_text()


def lock_path(directory):
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "lock"


def make_database(cluster):
    """The owner may make the server's role (the first migration does) but is no superuser."""
    cluster.psql(r"""
        SELECT 'CREATE ROLE iqm_owner LOGIN CREATEROLE'
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'iqm_owner') \gexec
        SELECT format('CREATE DATABASE %I OWNER iqm_owner', wanted)
        FROM unnest('{iqm,iqm_keys}'::text[]) AS wanted
        WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = wanted) \gexec
        """, database="postgres")


def shared_cluster():
    kept = os.environ.get("IQM_TEST_CLUSTER")
    return Cluster(pathlib.Path(kept).resolve() if kept else run_dir() / "cluster")


def stop_shared_cluster():
    """By the controlling process, when all others are done."""
    if not os.environ.get("IQM_TEST_CLUSTER"):
        shared_cluster().stop("immediate")


def note_finished(nodeid):
    """Tells the other processes of the run that a test is over."""
    with open(run_dir() / f"finished.{os.getpid()}", "a", encoding="utf-8") as file:
        file.write(json.dumps(nodeid) + "\n")


def finished():
    return {json.loads(line) for path in run_dir().glob("finished.*")
            for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")}
