"""The master key is changed key by key. Killed at whatever key, all that is sealed can be read with both
master keys, and a second run makes an end of it.

`iqmd keys rotate` stands still at a key because another connection holds it."""

import secrets
import subprocess
import uuid

import pytest

from support import confidential
from support.client import Client
from support.downloads import fetch, ready
from support.holding import holding
from support.places import command, wait_for
from support.scratch import scratch_database
from support.server import environment
from support.serving import serving

PEOPLE = 6
# What is held, and how many keys are under the new master key then: of people, common ones, of files.
STEPS = {
    "halfway through the people": ("person_key WHERE ctid = (SELECT ctid FROM person_key "
                                   f"ORDER BY ctid OFFSET {PEOPLE // 2} LIMIT 1)", (PEOPLE // 2, 0, 0)),
    "at what is nobody's": ("common_key", (PEOPLE, 0, 0)),
    "at files": ("download_key", (PEOPLE, 1, 0)),
}


class Sealed:
    """People and a file of the whole programme, and how they read."""

    def __init__(self, scratch):
        self.scratch, self.token = scratch, scratch.token()
        with serving(scratch) as server:
            head = Client(server.port, self.token)
            self.people = [self.person(head) for _ in range(PEOPLE)]
            self.file = ready(head)
            self.bytes = fetch(head, self.file).body
        assert self.bytes

    def person(self, head):
        mark = uuid.uuid4()
        made = head.post("/v1/people", {"name": confidential.note(f"Sealed {mark}"),
                                        "email": confidential.note(f"{mark}@example.org")})
        assert made.status == 201, made
        return made.json

    def keys(self, sql):
        return self.scratch.stage.cluster.psql(sql, database=self.scratch.keys)

    def under(self, master_id):
        """How many keys of each kind."""
        return tuple(int(self.keys(f"SELECT count(*) FROM {table} WHERE master_id = '{master_id}'"))
                     for table in ("person_key", "common_key", "download_key"))

    def check(self, head):
        """Each by its own key, by the blind index, and the file."""
        for person in self.people:
            assert head.get(f"/v1/people/{person['id']}").json == person
            assert head.get(f"/v1/people?email={person['email']}").json["items"] == [person]
        assert fetch(head, self.file).body == self.bytes


def kill_rotation(sealed, settings, held):
    """With its session, which would otherwise still carry out what it was sent."""
    waiting = (f"FROM pg_stat_activity WHERE datname = '{sealed.scratch.keys}' "
               "AND wait_event_type = 'Lock' AND query LIKE 'UPDATE %'")
    with holding(sealed.scratch.stage.cluster, f"SELECT FROM {held} FOR UPDATE", sealed.scratch.keys):
        rotation = subprocess.Popen(
            command("keys", "rotate"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env=environment(**{**sealed.scratch.stage.settings, **sealed.scratch.settings, **settings}))
        try:
            pid = wait_for(lambda: sealed.keys(f"SELECT pid {waiting}"), "the rotation to stand there")
        finally:
            rotation.kill()
            rotation.wait(30)
        sealed.keys(f"SELECT pg_terminate_backend({pid})")
        wait_for(lambda: sealed.keys(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}") == "",
                 "its session to end")


@pytest.mark.parametrize("step", STEPS)
def test_killed(stage, step):
    held, counts = STEPS[step]
    both = {"IQM_MASTER_KEY": secrets.token_hex(32), "IQM_FORMER_MASTER_KEY": stage.master_key}
    alone = {"IQM_MASTER_KEY": both["IQM_MASTER_KEY"], "IQM_FORMER_MASTER_KEY": ""}
    with scratch_database(stage) as scratch:
        sealed = Sealed(scratch)
        former = sealed.keys("SELECT DISTINCT master_id FROM person_key")
        with serving(scratch, **both) as server:
            head = Client(server.port, sealed.token)
            sealed.check(head)
            kill_rotation(sealed, both, held)
            left = tuple(all - done for all, done in zip((PEOPLE, 1, 1), counts))
            assert sealed.under(former) == left
            sealed.check(head)
        with serving(scratch, **both) as server:  # remembers no key
            head = Client(server.port, sealed.token)
            sealed.check(head)
            done = scratch.iqmd("keys", "rotate", settings=both)
            assert done.stdout == f"{sum(left)} keys were wrapped anew.\n"
            assert sealed.under(former) == (0, 0, 0)
            sealed.check(head)
        with serving(scratch, **alone) as server:
            sealed.check(Client(server.port, sealed.token))
