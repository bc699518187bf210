"""A server whose database went away after its start, until it is stopped."""

import shutil
from contextlib import contextmanager

from support.places import wait_for
from support.scratch import scratch_database


def take_away(cluster, database):
    """Until allowed again. A session that is told to end may answer once more: none is left."""
    sessions = f"FROM pg_stat_activity WHERE datname = '{database}'"
    cluster.psql(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false;"
                 f"SELECT pg_terminate_backend(pid) {sessions}", database="postgres")
    wait_for(lambda: cluster.psql(f"SELECT count(*) {sessions}", database="postgres") == "0",
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
