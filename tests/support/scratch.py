"""A database of a test's own beside the shared one, in the same cluster: to be tampered with, or to
be counted in. Gone afterwards."""

from contextlib import contextmanager

from support import confidential
from support.client import Client


class Scratch:
    def __init__(self, stage, name):
        self.stage, self.name = stage, name
        self.key, self.cluster = stage.key, self  # as of a stage, for people who sign in

    @property
    def settings(self):
        url = self.stage.cluster.url
        return {"IQM_DATABASE_URL": url("iqm_server", self.name),
                "IQM_OWNER_DATABASE_URL": url("iqm_owner", self.name),
                "IQM_KEY_DATABASE_URL": url("iqm_server", self.keys),
                "IQM_OWNER_KEY_DATABASE_URL": url("iqm_owner", self.keys)}

    @property
    def keys(self):
        """Its own key database."""
        return f"{self.name}_keys"

    def psql(self, sql, user="iqm_owner", check=True):
        return self.stage.cluster.psql(sql, user=user, database=self.name, check=check)

    def iqmd(self, *arguments, settings=None, **options):
        return self.stage.iqmd(*arguments, settings={**self.settings, **(settings or {})}, **options)

    def token(self):
        """Of head office."""
        return confidential.note(self.iqmd("token", "issue", "--name", "scratch", "--role",
                                           "head_office").stdout.strip())

    def server(self, **settings):
        """A server on it; not started."""
        return self.stage.server(**{**self.settings, **settings})

    @contextmanager
    def served(self, token, **settings):
        """A client of a server that runs meanwhile."""
        server = self.server(**settings).start()
        client = Client(server.port, token)
        try:
            yield client
        finally:
            client.close()
            server.stop()


@contextmanager
def scratch_database(stage, template=None):
    """A migrated database, or a copy of another scratch database that nobody uses now."""
    name = f"scratch_{stage.number()}"
    scratch = Scratch(stage, name)
    for new, old in ((name, template and template.name), (scratch.keys, template and template.keys)):
        source = f"TEMPLATE {old}" if template else ""
        stage.cluster.psql(f"CREATE DATABASE {new} OWNER iqm_owner {source}", database="postgres")
    try:
        if template is None:
            scratch.iqmd("migrate")
        yield scratch
    finally:
        for made in (name, scratch.keys):
            stage.cluster.psql(f"DROP DATABASE {made} WITH (FORCE)", database="postgres")
