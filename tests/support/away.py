"""A server whose database went away after its start, until it is stopped."""

import shutil
from contextlib import contextmanager

from support.places import wait_for
from support.scratch import scratch_database


def take_away(cluster, database):
    """Until allowed again. A session that is told to end may answer once more, and one may have come
    meanwhile: none is left."""
    cluster.psql(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false", database="postgres")
    wait_for(lambda: cluster.psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                  f"WHERE datname = '{database}'", database="postgres") == "0",
             "the sessions to end")


def give_back(cluster, database):
    cluster.psql(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true", database="postgres")


@contextmanager
def without_database(stage, **settings):
    with scratch_database(stage) as scratch:
        server = scratch.server(**settings).start()
        take_away(stage.cluster, scratch.name)
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(server.directory)
