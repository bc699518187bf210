"""Whatever happens, a phone comes to hold exactly what its person may see, each document as it is.

IQM_SYNC_HISTORIES says how many histories are tried (thousands take minutes), IQM_SYNC_SEED from which
seed on. A history that fails tells its seed; histories build upon each other, so the first seed of a
run is told with it.
"""

import os
import shutil
import time

import pytest

from support.client import Client
from support.cluster import Cluster
from support.histories import Histories, Programme
from support.places import run_dir
from support.resources import Maker
from support.server import free_port
from support.stage import Stage
from support.world import People

HISTORIES = int(os.environ.get("IQM_SYNC_HISTORIES", "150"))
SEED = int(os.environ.get("IQM_SYNC_SEED", "0")) or time.time_ns() % 10 ** 9
PHONES_EACH = 4  # of seven people
RESTART_SERVER, RESTART_DATABASE = 40, 70  # after so many histories


@pytest.fixture
def cluster():
    """A whole PostgreSQL of its own: transactions elsewhere hold up the feed."""
    made = Cluster(run_dir() / f"model{os.getpid()}", durable=True)
    yield made
    made.stop("immediate")
    shutil.rmtree(made.directory)


def test_all_phones_converge(cluster, capsys):
    stage = Stage(cluster).prepare()
    server = stage.server(IQM_PORT=free_port()).start()
    head = Client(server.port, stage.issue_token("model"))
    make = Maker(head, stage.number)
    histories = Histories(cluster, Programme(make, People(make, stage, server.port)), PHONES_EACH)
    with capsys.disabled():
        print(f"\nIQM_SYNC_SEED={SEED} IQM_SYNC_HISTORIES={HISTORIES}")
    try:
        assert len(histories.phones) >= 24
        for number in range(HISTORIES):
            if number % RESTART_SERVER == RESTART_SERVER - 1:
                server.process.kill()
                server.process.wait(30)
                server.start()
            if number % RESTART_DATABASE == RESTART_DATABASE - 1:
                histories.end()
                cluster.stop("immediate")
                cluster.start()
                histories.begin()
            for rest in histories.run(SEED + number):
                assert rest == (set(), set()), f"seed {SEED + number} of a run from {SEED}"
        assert histories.rest() == [(set(), set())] * len(histories.phones), f"after a run from {SEED}"
    finally:
        histories.end()
        server.stop()
        shutil.rmtree(server.directory)
    assert {one.__name__ for one in Programme.HAPPENINGS} | {
        "pushed_applied", "pushed_refused", "pushed_conflict"} == set(histories.made), histories.made
    assert sum(phone.pages for phone, *_ in histories.phones) > HISTORIES
    with capsys.disabled():
        print(f"{sum(histories.made.values())} changes: {dict(histories.made)}")
