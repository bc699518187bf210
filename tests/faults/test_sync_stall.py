"""What holds up the feed of changes does not for ever; and a copy of the database is another one."""

import contextlib
import os
import shutil
import subprocess
import urllib.request

import pytest

from support.client import Client
from support.cluster import Cluster, plain_environment, programs
from support.histories import Psql
from support.phone import Phone
from support.places import run_dir, wait_for
from support.resources import Maker
from support.serving import serving
from support.stage import Stage
from support.world import People


@pytest.fixture
def stage():
    """A whole PostgreSQL of its own."""
    made = Cluster(run_dir() / f"stalled{os.getpid()}", durable=True)
    yield Stage(made).prepare()
    made.stop("immediate")
    shutil.rmtree(made.directory)


@pytest.fixture
def served(stage):
    server = stage.server().start()
    yield server
    server.stop()
    shutil.rmtree(server.directory)


@pytest.fixture
def make(stage, served):
    return Maker(Client(served.port, stage.issue_token("stall")), stage.number)


def lag(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("iqm_sync_lag_seconds")))


def stall(stage, user, school):
    """A session that has written in the server's role and leaves its transaction alone."""
    session = Psql(stage.cluster, user)
    session.ask("BEGIN; SET ROLE iqm_server; SELECT set_config('iqm.roles', '{head_office}', true)")
    assert session.ask(f"DELETE FROM school WHERE id = '{school['id']}'") == []
    return session


def test_a_writer_who_stalls(stage, served, make):
    cluster = make.cluster()
    path = f"/v1/meetings/{make.meeting(cluster_id=cluster['id'], host_school_id=None)['id']}"
    phone = Phone(People(make, stage, served.port).leader(cluster).client)
    phone.pull()
    stalled = stall(stage, "iqm_owner", make.school())
    later = make.client.patch(path, {"notes": "Later."}, match='"1"').json
    phone.pull()
    assert phone.held["meeting", later["id"]]["version"] == 1
    wait_for(lambda: lag(served) > 1, "the lag to show")
    assert stage.cluster.psql("SELECT end_stalled_writers('1 hour')", user="iqm_server") == "0"
    wait_for(lambda: stage.cluster.psql("SELECT end_stalled_writers('1 second')",
                                        user="iqm_server") == "1", "the writer to be ended")
    wait_for(lambda: phone.pull() is not None and phone.held["meeting", later["id"]] == later,
             "what came later")
    wait_for(lambda: lag(served) < 1, "the lag to be over")
    stalled.process.kill()


def test_the_server_ends_who_stalls(stage):
    """Whoever may be the server, under whatever login, but no superuser."""
    stage.cluster.psql("CREATE ROLE deputy LOGIN NOINHERIT; GRANT iqm_server TO deputy; "
                       "GRANT CONNECT ON DATABASE iqm TO deputy; GRANT deputy TO iqm_owner")

    def at_work():
        return set(stage.cluster.psql("SELECT usename FROM pg_stat_activity "
                                      "WHERE backend_xid IS NOT NULL AND state = 'idle in transaction'").split())
    with serving(stage, IQM_STALLED_WRITER=2) as server:
        make = Maker(Client(server.port, stage.issue_token("stall")), stage.number)
        schools = {user: make.school() for user in ("iqm_server", "iqm_owner", "deputy", "postgres")}
        sessions = [stall(stage, user, school) for user, school in schools.items()]
        try:
            assert at_work() == set(schools)
            make.cluster()
            wait_for(lambda: at_work() == {"postgres"}, "the writers to be ended", 60)
        finally:
            for session in sessions:
                session.process.kill()


@pytest.mark.parametrize("work", ["SELECT pg_sleep(600)", "SELECT pg_advisory_lock(4711)", None])
def test_the_server_ends_who_writes_for_ever(stage, work):
    """Also who is always at something: then it takes four times as long. Who says nothing for the simple
    time would be ended for that: no step here may take so long."""
    holder = Psql(stage.cluster, "postgres")
    holder.ask("SELECT pg_advisory_lock(4711)")
    with serving(stage, IQM_STALLED_WRITER=4) as server:
        make = Maker(Client(server.port, stage.issue_token("busy")), stage.number)
        cluster = make.cluster()
        meeting = make.meeting(cluster_id=cluster["id"], host_school_id=None)
        phone = Phone(People(make, stage, server.port).leader(cluster).client)
        phone.pull()
        busy = stall(stage, "iqm_owner", make.school())
        try:
            if work:
                busy.say(work)
            later = make.client.patch(f"/v1/meetings/{meeting['id']}", {"notes": "Later."}, match='"1"').json

            def is_told():
                if not work:
                    with contextlib.suppress(OSError):  # it was ended
                        busy.ask("SELECT 1")
                phone.pull()
                return phone.held["meeting", later["id"]] == later
            wait_for(is_told, "the writer to be ended", 120)
        finally:
            busy.process.kill()
            holder.process.kill()


def loses_numbers(cluster, make, phone):
    """Whether a crash has PostgreSQL give numbers again that a phone's answer has seen go by: unless a
    commit of the server's came just then, which keeps what was before it."""
    watch = Psql(cluster, "postgres")
    wait_for(lambda: watch.ask("SHOW wal_writer_delay") == ["10s"], "the setting")
    # Something that no phone hears of.
    wait_for(lambda: make.client.post("/v1/bank-holidays", make.example("bank_holiday")).status == 201,
             "the server")
    before = watch.ask("BEGIN; SELECT pg_current_xact_id(); ROLLBACK;" * 300)[-1]
    phone.pull()
    cluster.stop("immediate")
    watch.process.kill()
    cluster.start()
    return int(cluster.psql("SELECT pg_snapshot_xmax(pg_current_snapshot())")) <= int(before)


def test_what_comes_after_a_crash_is_not_skipped(stage, served, make):
    """Transactions that came to nothing leave no trace: PostgreSQL gives their numbers to others."""
    cluster = make.cluster()
    path = f"/v1/meetings/{make.meeting(cluster_id=cluster['id'], host_school_id=None)['id']}"
    phone = Phone(People(make, stage, served.port).leader(cluster).client)
    phone.pull()
    stage.cluster.psql("ALTER SYSTEM SET wal_writer_delay = '10s'")
    stage.cluster.psql("SELECT pg_reload_conf()")
    wait_for(lambda: loses_numbers(stage.cluster, make, phone), "a crash that gives numbers again", 120)
    wait_for(lambda: make.client.get(path).status == 200, "PostgreSQL")
    changed = make.client.patch(path, {"notes": "After the crash."}, match="*").json
    stage.cluster.psql("SELECT pg_current_xact_id();" * 400)
    wait_for(lambda: phone.pull() is not None and phone.held["meeting", changed["id"]] == changed,
             "the change after the crash")


def test_a_restored_copy_is_another_database(stage):
    directory = stage.cluster.directory
    dump = subprocess.run([programs() / "pg_dump", "-h", directory, "-U", "postgres", "iqm"],
                          check=True, capture_output=True, env=plain_environment()).stdout
    stage.cluster.psql("CREATE DATABASE copy OWNER iqm_owner", database="postgres")
    subprocess.run([programs() / "psql", "-Xq", "-h", directory, "-U", "postgres", "-d", "copy"],
                   input=dump, check=True, capture_output=True, env=plain_environment())
    epochs = {stage.cluster.psql("SELECT sync_epoch()", user="iqm_server", database=name)
              for name in ("iqm", "copy", "iqm")}
    assert len(epochs) == 2
