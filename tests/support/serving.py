"""One more server for as long as a test needs it."""

import shutil
from contextlib import contextmanager


@contextmanager
def serving(stage, **settings):
    """Of a stage or of a scratch database; stopped and held to a clean exit afterwards."""
    server = stage.server(**settings).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.directory)
