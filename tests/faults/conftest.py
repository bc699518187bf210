"""Fixtures of the fault tests. Each test that breaks something gets a PostgreSQL and a server of
its own; the others share one of each per worker."""
import contextlib
import fcntl
import json
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import cluster as clusters  # noqa: E402
import places  # noqa: E402
from server import Server  # noqa: E402


@pytest.fixture(scope="session")
def shared_lock(tmp_path_factory):
    """Locks by name, each with a file of what the workers of one run share."""
    base = tmp_path_factory.getbasetemp()
    if base.name.startswith("popen-"):
        base = base.parent

    @contextlib.contextmanager
    def lock(name):
        with open(base / f"faults-{name}.json", "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            state = json.loads(file.read() or "{}")
            yield state
            file.seek(0)
            file.truncate()
            file.write(json.dumps(state))
    return lock


@pytest.fixture(scope="session")
def template(shared_lock):
    """Made by the first worker that needs it, removed by the last that is done with it."""
    with shared_lock("template") as state:
        if not state.get("users"):
            state["template"] = str(clusters.make_template())
        state["users"] = state.get("users", 0) + 1
        path = state["template"]
    yield path
    with shared_lock("template") as state:
        state["users"] -= 1
        if state["users"] == 0:
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def new_cluster(template):
    """Makes clusters that are gone after the test."""
    with contextlib.ExitStack() as stack:
        def make(*settings):
            cluster = clusters.clone(template, settings or ("fsync=off",))
            stack.callback(cluster.remove)
            return cluster.start()
        yield make


@pytest.fixture
def new_server():
    """Makes servers; those whose end the test did not judge are stopped in order, and judged."""
    with contextlib.ExitStack() as stack:
        def make(cluster, build=None, **settings):
            server = Server(cluster, settings, build)
            stack.callback(server.remove)
            stack.callback(lambda: server.process is None or server.judged or server.stop())
            return server
        yield make


@pytest.fixture(scope="session")
def calm_cluster(template):
    cluster = clusters.clone(template)
    try:
        yield cluster.start()
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def calm_server(calm_cluster):
    """Shared by all tests that only send bad requests."""
    server = Server(calm_cluster, {"IQM_REQUEST_TIMEOUT": "6", "IQM_IDLE_TIMEOUT": "6"})
    try:
        yield server.ready()
        server.stop()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def release_build(shared_lock):
    with shared_lock("build"):
        return places.unsanitized_build()
