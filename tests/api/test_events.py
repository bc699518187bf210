"""Streams of events: who listens is told at once what changed, by ids, and nothing else."""

import shutil
import socket
import time
from contextlib import contextmanager

import pytest

from support.client import Client
from support.expect import bad_parameter, problem
from support.listener import PATH, Ended, Listener
from support.metrics import metric
from support.phone import DAY, EPOCH, SIGHT, Phone, read_since, sign_since
from support.places import day, wait_for
from support.resources import Maker
from support.scratch import scratch_database
from support.world import People


@pytest.fixture
def cluster(make):
    return make.cluster()


@pytest.fixture
def leader(world, cluster):
    return world.people.leader(cluster)


@pytest.fixture
def listen():
    """Listeners that are closed at the end."""
    made = []

    def begin(client, **options):
        made.append(Listener(client, **options))
        return made[-1]
    yield begin
    for one in made:
        one.close()


@contextmanager
def running(stage, **settings):
    server = stage.server(IQM_WORKERS=2, **settings).start()
    try:
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(30)
        shutil.rmtree(server.directory)


def at(server, caller):
    return Client(server.port, caller.client.token)


def test_the_head_of_a_stream(leader, listen):
    listener = listen(leader.client).begin()
    answer = listener.answer
    assert answer.status == 200 and answer.header("Content-Type") == "text/event-stream"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("X-Accel-Buffering") == "no"
    assert answer.header("Content-Encoding") is None
    assert listener.retry == 3000
    first = listener.events[0]
    assert first["event"] == "changes" and first["data"] == {"changes": [], "more": False}
    assert first["id"] == listener.last


def test_head_has_no_stream(leader, listen):
    listener = listen(leader.client, method="HEAD")
    assert listener.answer.status == 200
    assert listener.answer.header("Content-Type") == "text/event-stream"
    assert leader.client.get("/v1/sync").status == 200


def test_what_one_may_see_is_told_by_its_id(head, make, world, cluster, leader, listen):
    other = world.people.leader(make.cluster())
    listener, elsewhere = listen(leader.client).begin(), listen(other.client).begin()
    school = make.school(cluster_id=cluster["id"])
    listener.hears("changed", "school", school["id"])
    head.patch(f"/v1/schools/{school['id']}", {"town": "Leeds"}, match='"1"')
    meeting = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    listener.hears("changed", "meeting", meeting["id"])
    head.delete(f"/v1/meetings/{meeting['id']}", match='"1"')
    listener.hears("deleted", "meeting", meeting["id"])
    for event in listener.events:
        assert all(set(one) == {"change", "type", "id"} for one in event["data"]["changes"])
    theirs = make.school(cluster_id=other.assignment["cluster_id"])
    elsewhere.hears("changed", "school", theirs["id"])
    assert not {school["id"], meeting["id"]} & {one[2] for one in elsewhere.changes()}


def test_a_cluster_that_is_handed_over(head, make, world, cluster, leader, listen):
    school = make.school(cluster_id=cluster["id"])
    new = world.people.leader(make.cluster())
    old_phone = Phone(leader.client)
    wait_for(lambda: old_phone.pull() is not None and ("school", school["id"]) in old_phone.held,
             "the school on the phone")
    listener = listen(leader.client, since=old_phone.since).begin()
    newcomer = listen(new.client).begin()
    assert head.patch(f"/v1/assignments/{leader.assignment['id']}", {"ends_on": day(-1)},
                      match='"1"').status == 200
    world.people.assign(new.ambassador, cluster, 0)
    listener.hears("removed", "school", school["id"])
    newcomer.hears("changed", "school", school["id"])


def test_nothing_is_missed_between_a_pull_and_the_stream(make, cluster, leader, listen):
    phone = Phone(leader.client)
    phone.pull()
    school = make.school(cluster_id=cluster["id"])
    listen(leader.client, since=phone.since).hears("changed", "school", school["id"])


def test_who_comes_back_misses_nothing(make, cluster, leader, listen):
    listener = listen(leader.client).begin()
    listener.close()
    school = make.school(cluster_id=cluster["id"])
    again = listen(leader.client, last=listener.last)
    again.hears("changed", "school", school["id"])
    # What was told once is not told again.
    third = listen(leader.client, last=again.last, since=listener.last).begin()
    meeting = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    third.hears("changed", "meeting", meeting["id"])
    assert school["id"] not in {one[2] for one in third.changes()}


def test_a_pull_on_each_event_converges(head, make, cluster, leader, listen):
    phone = Phone(leader.client)
    phone.pull()
    listener = listen(leader.client, since=phone.since).begin()
    seen = 0
    for number in range(8):
        school = make.school(cluster_id=cluster["id"])
        head.patch(f"/v1/schools/{school['id']}", {"town": f"Town {number}"}, match='"1"')

        def holds_it():
            nonlocal seen
            if len(listener.events) > seen:
                phone.pull()
            seen = len(listener.events)
            return ("school", school["id"]) in phone.held
        listener.until(holds_it)


def test_a_first_sync_is_told_too(make, cluster, leader, listen):
    """A since of the middle of a first sync: the rest comes, as it would by pulls."""
    school = make.school(cluster_id=cluster["id"])
    phone = Phone(leader.client)
    phone.take(phone.ask(limit=1).json)
    listen(leader.client, since=phone.since).hears("changed", "school", school["id"])


def test_a_server_that_is_started_anew(stage, make, cluster, leader, listen):
    with running(stage) as server:
        listener = listen(at(server, leader)).begin()
        server.process.kill()
        server.process.wait(30)
        with pytest.raises((ConnectionError, Ended)):
            listener.until(lambda: False)
        school = make.school(cluster_id=cluster["id"])
        server.start()
        listen(at(server, leader), last=listener.last).hears("changed", "school", school["id"])


def test_stopping_ends_all_streams(stage, leader, listen):
    with running(stage, IQM_DRAIN_TIMEOUT=60) as server:
        listeners = [listen(at(server, leader)) for _ in range(10)]
        for one in listeners[:5]:
            one.begin()
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 30  # and not when the time to drain is over
        assert all(one.ends() for one in listeners)
        server.start()


def test_a_silent_stream_has_heartbeats(stage, leader, listen):
    with running(stage, IQM_HEARTBEAT=1) as server:
        listener = listen(at(server, leader)).begin()
        listener.until(lambda: listener.beats >= 2)
        assert wait_for(lambda: metric(server, "iqm_listeners") == 1, "one that listens")
        assert metric(server, "iqm_events_total") >= 1
        listener.close()
        wait_for(lambda: metric(server, "iqm_listeners") == 0, "nobody to listen")


def test_a_place_that_moves_comes_with_a_heartbeat(stage, make, leader, listen):
    """So that who comes back need not be told over again what was nothing to it."""
    with running(stage, IQM_HEARTBEAT=1) as server:
        listener = listen(at(server, leader)).begin()
        first = listener.last

        def moves():
            make.school(cluster_id=None)
            return listener.until(lambda: listener.last != first or listener.beats > 3) and \
                listener.last != first
        wait_for(moves, "the place to move")


def test_only_some_changes_may_concern_everybody(stage):
    with scratch_database(stage) as scratch, scratch.served(scratch.token()) as head:
        make = Maker(head, stage.number)
        school, person = make.school(cluster_id=None), make.person()
        meeting = make.meeting(host_school_id=None)

        def end():
            """The feed's, once transactions of other databases no more hold it below what is written."""
            wait_for(lambda: scratch.psql("SELECT pg_snapshot_xmin(pg_current_snapshot()) > max(xid) "
                                          "FROM audit_record") == "t", "the feed to reach its end")
            return scratch.psql(
                "SELECT xid, record FROM sync_end(pg_snapshot_xmin(pg_current_snapshot()))").split("|")

        def everybody(what):
            xid, record = end()
            assert what().status < 300
            end()
            return scratch.psql(f"SELECT everybody FROM sync_concerned('{xid}', '{record}', '{{}}')")
        assert everybody(lambda: head.patch(f"/v1/schools/{school['id']}", {"town": "Leeds"},
                                            match='"1"')) == "f"
        assert everybody(lambda: head.patch(f"/v1/people/{person['id']}", {"job_title": "Head"},
                                            match='"1"')) == "f"
        assert everybody(lambda: head.delete(f"/v1/meetings/{meeting['id']}", match='"1"')) == "f"
        assert everybody(lambda: head.post("/v1/clusters", {"name": make.name("c")})) == "t"
        assert everybody(lambda: head.post(f"/v1/people/{person['id']}/erasure", {})) == "t"


def test_many_are_told_of_an_erasure(stage, listen):
    """Of so many it is first asked whom a change may concern; and of who is erased no version is left that
    would say. On a database of its own, where nothing else happens that concerns everybody."""
    with scratch_database(stage) as scratch, scratch.served(
            scratch.token(), IQM_WORKERS=1, IQM_LISTENERS_CALLER=100) as head:
        make = Maker(head, stage.number)
        cluster = make.cluster()
        school = make.school(cluster_id=cluster["id"])
        leader = People(make, scratch, head.port).leader(cluster)
        person = make.person(school_id=school["id"])
        listeners = [listen(leader.client).begin() for _ in range(40)]
        # All are known by what they see, and stand where the feed is.
        for number in range(3):
            head.patch(f"/v1/schools/{school['id']}", {"town": f"Town {number}"}, match=f'"{number + 1}"')
            for one in listeners:
                one.until(lambda: sum(school["id"] in str(event["data"]) for event in one.events) > number)
        assert head.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
        for one in listeners:
            one.hears("deleted", "person", person["id"])


@pytest.mark.parametrize("how", ["signed out", "suspended", "expired"])
def test_who_may_no_more_hears_no_more(stage, head, leader, listen, how):
    with running(stage, IQM_HEARTBEAT=1) as server:
        listener = listen(at(server, leader)).begin()
        if how == "signed out":
            assert leader.client.delete("/v1/me/sessions").status == 204
        elif how == "suspended":
            account = head.get(f"/v1/accounts/{leader.account['id']}")
            assert head.patch(f"/v1/accounts/{leader.account['id']}", {"suspended": True},
                              match=account.etag).status == 200
        else:
            stage.cluster.psql("UPDATE token SET expires_at = now() WHERE account_id = "
                               f"'{leader.account['id']}'", user="iqm_owner")
        assert listener.ends()
        assert listen(at(server, leader)).answer.status == 401


def test_a_stream_ends_after_its_life(stage, leader, listen):
    with running(stage, IQM_LISTENER_LIFE=2) as server:
        listener = listen(at(server, leader)).begin()
        assert listener.ends()
        assert listen(at(server, leader), last=listener.last).begin().changes() == set()


def test_one_caller_has_few_streams(stage, world, leader, listen):
    with running(stage, IQM_LISTENERS_CALLER=3) as server:
        held = [listen(at(server, leader)).begin() for _ in range(3)]
        refused = listen(at(server, leader)).answer
        problem(refused, 429, "rate_limited")
        assert refused.header("Retry-After") == "20"
        listen(at(server, world.ambassador)).begin()
        held[0].close()

        def another():
            return listen(at(server, leader)).answer.status == 200
        wait_for(another, "a stream in place of the one that is over")


def test_no_more_streams_than_the_server_will_have(stage, world, leader, listen):
    with running(stage, IQM_LISTENERS=1) as server:
        listen(at(server, leader)).begin()
        problem(listen(at(server, world.ambassador)).answer, 503, "service_unavailable")
        assert at(server, leader).get("/v1/sync").status == 200


def test_who_does_not_read_is_cut_off(stage, make, cluster, leader):
    """The window of the socket is small, and what there is to tell is much."""
    for _ in range(40):
        make.school(cluster_id=cluster["id"])
    with running(stage, IQM_REQUEST_TIMEOUT=2, IQM_HEARTBEAT=1) as server:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            slow.connect(("127.0.0.1", server.port))
            phone = Phone(leader.client)
            phone.take(phone.ask(limit=1).json)
            since = phone.since
            head = (f"GET {PATH}?since={since} HTTP/1.1\r\nHost: x\r\n"
                    f"Authorization: Bearer {leader.client.token}\r\n\r\n")
            slow.sendall(head.encode())
            wait_for(lambda: metric(server, "iqm_listeners") == 1, "the stream")
            number = 0

            def is_cut():
                nonlocal number
                number += 1
                make.school(cluster_id=cluster["id"])
                return metric(server, "iqm_listeners") == 0
            wait_for(is_cut, "the end of the stream", 60)


# ---- refusals ----

def test_somebody_elses_place(world, leader, listen):
    theirs = listen(world.ambassador.client).begin().last
    for options in ({"last": theirs}, {"since": theirs}):
        problem(listen(leader.client, **options).answer, 410, "sync_expired")


def test_a_place_beyond_the_horizon(stage, leader, listen):
    words = read_since(listen(leader.client).begin().last)
    words[DAY] = day(-91)
    problem(listen(leader.client, since=sign_since(words, stage.key)).answer, 410, "sync_expired")


def test_a_place_in_another_database(stage, leader, listen):
    words = read_since(listen(leader.client).begin().last)
    words[EPOCH] = "0123456789abcdef"
    problem(listen(leader.client, last=sign_since(words, stage.key)).answer, 410, "sync_expired")


def test_a_place_whose_sight_is_kept_no_more(stage, leader, listen):
    """Only found when it is needed: the stream says so, and ends."""
    words = read_since(listen(leader.client).begin().last)
    words[SIGHT], words[DAY] = "00" * 32, day(-1)
    listener = listen(leader.client, last=sign_since(words, stage.key))
    assert listener.ends()
    assert listener.events == [{"event": "start_again",
                                "data": {"type": "/problems/sync_expired"}}]


def test_a_place_that_the_server_did_not_make(leader, listen):
    bad_parameter(listen(leader.client, since="abc").answer, "since")
    bad_parameter(listen(leader.client, last="abc").answer, "Last-Event-ID")
    # The header wins, as browsers keep the address they began with.
    good = listen(leader.client).begin().last
    assert listen(leader.client, last=good, since="abc").answer.status == 200
    # A program that always sends the header has none at first.
    assert listen(leader.client, last="", since=good).answer.status == 200
    bad_parameter(listen(leader.client, last="", since="abc").answer, "since")


def test_only_people_of_the_programme_listen(head, reader, listen):
    for caller in (head, reader):
        problem(listen(caller).answer, 403, "forbidden")
