"""What every test run has: one directory, one database, a server for each process.

The controlling process makes the directory and, when all is over, stops the database and clears up.
"""

import os
import shutil
import tempfile

import pytest

pytest.register_assert_rewrite("support")

from support import stage as staging
from support.client import Client
from support.people import People
from support.resources import Maker
from support.world import World

MADE_HERE = []


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        return
    for name, prefix in (("IQM_TEST_RUN", "iqm-test-"), ("IQM_TRAFFIC_DIR", "iqm-traffic-")):
        if name in os.environ:
            os.makedirs(os.environ[name], exist_ok=True)
            continue
        os.environ[name] = tempfile.mkdtemp(prefix=prefix)
        os.chmod(os.environ[name], 0o711)
        MADE_HERE.append(name)


def pytest_unconfigure(config):
    if hasattr(config, "workerinput") or "IQM_TEST_RUN" not in os.environ:
        return
    staging.stop_shared_cluster()
    for name in MADE_HERE:
        shutil.rmtree(os.environ.pop(name), ignore_errors=True)
    MADE_HERE.clear()


def pytest_collection_modifyitems(items):
    """What looks at the traffic of all others comes last."""
    items.sort(key=lambda item: item.path.parent.name == "traffic")


def pytest_runtest_logfinish(nodeid):
    if "IQM_TEST_RUN" in os.environ:
        staging.note_finished(nodeid)


@pytest.fixture(scope="session")
def stage():
    return staging.Stage(staging.shared_cluster()).prepare()


@pytest.fixture(scope="session")
def server(stage):
    """Stopping it at the end holds it to a clean exit and a discreet log."""
    running = stage.server(IQM_CORS_ORIGINS="https://app.example,https://other.example",
                           IQM_WEBHOOK_PRIVATE_ADDRESSES="yes").start()
    yield running
    running.stop()
    shutil.rmtree(running.directory)


def _client(stage, server, role, **options):
    name = f"{role} {os.getpid()} {stage.number()}"
    client = Client(server.port, stage.issue_token(name, role, **options))
    client.actor = stage.token_id(name)
    return client


@pytest.fixture(scope="session")
def head(stage, server):
    """Head office: may do everything."""
    return _client(stage, server, "head_office")


@pytest.fixture(scope="session")
def reader(stage, server):
    """A third party's program: may read what is no personal data."""
    return _client(stage, server, "client")


@pytest.fixture
def anyone(server):
    client = Client(server.port)
    yield client
    client.close()


@pytest.fixture
def scoped(stage, server):
    """Makes clients whose tokens have these scopes only."""
    made = []

    def make(*scopes, role="head_office", **options):
        made.append(_client(stage, server, role, scopes=scopes, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def make(stage, head):
    return Maker(head, stage.number)


@pytest.fixture(scope="session")
def world(make, stage, server):
    """Two clusters at work, and callers who belong to them."""
    return World(make, stage, server.port)


@pytest.fixture(scope="session")
def people(stage, make, server):
    """Who signs in, and the programs they sign in with."""
    return People(stage, make, server.port)
