"""Whatever happens, who follows the events alone knows which records its person may see.

There are so many listeners that the server asks first whom a change concerns, and passes over the others:
what that leaves out wrongly is never told, and so fails here. IQM_SYNC_SEED and IQM_EVENT_HISTORIES as in
test_sync_model.py.
"""

import os
import shutil
import time

import pytest

from support.client import Client
from support.cluster import Cluster
from support.histories import Histories, Programme
from support.listener import Listener
from support.places import run_dir
from support.resources import Maker
from support.server import free_port
from support.stage import Stage
from support.world import People

HISTORIES = int(os.environ.get("IQM_EVENT_HISTORIES", "12"))
SEED = int(os.environ.get("IQM_SYNC_SEED", "0")) or time.time_ns() % 10 ** 9
EACH = 5  # listeners of a person; all together more than are asked for without further ado
PATIENCE = 60  # seconds, of which the server may take half to come to a listener


@pytest.fixture
def cluster():
    """A whole PostgreSQL of its own: transactions elsewhere hold up the feed."""
    made = Cluster(run_dir() / f"events{os.getpid()}")
    yield made
    made.stop("immediate")
    shutil.rmtree(made.directory)


class Follower:
    """Begins where a phone has come to, and then knows of ids what events tell."""

    def __init__(self, phone):
        phone.pull()
        self.phone, self.known, self.taken = phone, set(phone.held), 0
        self.listener = Listener(phone.client, since=phone.since)

    def _take(self):
        for event in self.listener.events[self.taken:]:
            assert event["event"] == "changes", event
            for one in event["data"]["changes"]:
                record = one["type"], one["id"]
                (self.known.add if one["change"] == "changed" else self.known.discard)(record)
        self.taken = len(self.listener.events)
        return self.known == set(self.phone.held)

    def catch_up(self):
        self.listener.until(self._take, PATIENCE)

    def come_back(self):
        self.listener.close()
        self.listener = Listener(self.phone.client, last=self.listener.last)
        self.taken = 0


def test_all_followers_converge(cluster, capsys):
    stage = Stage(cluster).prepare()
    server = stage.server(IQM_PORT=free_port(), IQM_WORKERS=1, IQM_LISTENERS_CALLER=100,
                          IQM_HEARTBEAT=1).start()
    head = Client(server.port, stage.issue_token("model"))
    make = Maker(head, stage.number)
    histories = Histories(cluster, Programme(make, People(make, stage, server.port)))
    followers = []
    with capsys.disabled():
        print(f"\nIQM_SYNC_SEED={SEED} IQM_EVENT_HISTORIES={HISTORIES}")
    try:
        followers += [Follower(phone) for phone, *_ in histories.phones for _ in range(EACH)]
        for number in range(HISTORIES):
            for rest in histories.run(SEED + number):
                assert rest == (set(), set()), f"seed {SEED + number} of a run from {SEED}"
            for phone, *_ in histories.phones:
                phone.pull()
            for place, one in enumerate(followers):
                one.catch_up()
                if place % 7 == number % 7:
                    one.come_back()
    finally:
        for one in followers:
            one.listener.close()
        histories.end()
        server.stop()
        shutil.rmtree(server.directory)
