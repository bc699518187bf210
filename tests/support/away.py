"""A server whose database went away after its start, until it is stopped."""

import shutil
from contextlib import contextmanager

from support.scratch import scratch_database


@contextmanager
def without_database(stage, **settings):
    with scratch_database(stage) as scratch:
        server = scratch.server(**settings).start()
        stage.cluster.psql(f"""ALTER DATABASE {scratch.name} ALLOW_CONNECTIONS false;
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = '{scratch.name}'""", database="postgres")
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(server.directory)
