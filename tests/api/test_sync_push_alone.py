"""What is wrong with one pushed change is nothing to the others, whatever it is; and there is always an answer."""

import json
import signal
import subprocess
import uuid

import pytest

from support.away import give_back, take_away
from support.client import Client, Stream, read_response, send_raw
from support.cluster import plain_environment, programs
from support.expect import invalid, problem
from support.places import wait_for
from support.pushes import Written, change, meeting_of, push, refused
from support.resources import Maker
from support.scratch import scratch_database
from support.serving import serving
from support.world import People

LONG = "\U0001f33b" * 20000  # four bytes each


@pytest.fixture
def cluster(make):
    return make.cluster()


@pytest.fixture
def leader(world, cluster):
    return world.people.leader(cluster)


def send(caller, *texts):
    """Changes as they are written, between two brackets."""
    body = ('{"changes": [' + ", ".join(texts) + "]}").encode("utf-8", "surrogatepass")
    return caller.client.post("/v1/sync", body=body, headers={"Content-Type": "application/json"})


def written(made, **members):
    """A change whose members are texts of JSON, beside or in place of its own."""
    return "{" + ", ".join(f'"{name}": {value}' for name, value in
                           {**{n: json.dumps(v) for n, v in made.items()}, **members}.items()) + "}"


def among_others(make, cluster, leader, poisoned):
    """The problem of the one change in the middle; those beside it are made."""
    good = [json.dumps(change("create", "meeting", document=meeting_of(make, cluster)))
            for _ in range(2)]
    answer = send(leader, good[0], poisoned, good[1])
    assert answer.status == 200, answer
    results = answer.json["results"]
    assert [one["outcome"] for one in results] == ["applied", "refused", "applied"], results
    assert send(leader, good[0], poisoned, good[1]).json == answer.json
    return results[1]["problem"]


@pytest.mark.parametrize("members", [
    {"document": r'{"notes": "a\u0000b"}'}, {"document": r'{"notes": "\ud83c"}'},
    {"document": r'{"notes": "\udf3b and more"}'}, {"document": '{"minutes": 123456789012345678901234567890}'},
    {"base_version": "9223372036854775808"}, {"document": '{"notes": "a", "notes": "b"}'},
    {"document": "[" * 200 + "]" * 200}])
def test_text_that_is_not_read(make, cluster, leader, members):
    made = change("update", "meeting", base_version=1, document={"notes": "Mine."})
    found = among_others(make, cluster, leader, written(made, **members))
    assert (found["type"], found["status"]) == ("/problems/malformed_body", 400)
    assert "line" in found["detail"] or "levels" in found["detail"]


@pytest.mark.parametrize("name", [r"ch\u0061nges", r"change\u0073"])
def test_changes_under_a_name_that_is_written_otherwise(make, cluster, leader, name):
    """They are not cut out of the text; rather than doing none of them in silence, it is said."""
    made = json.dumps(change("create", "meeting", document=meeting_of(make, cluster)))
    answer = leader.client.post("/v1/sync", body=f'{{"{name}": [{made}]}}'.encode(),
                                headers={"Content-Type": "application/json"})
    problem(answer, 400, "malformed_body")


def test_text_that_is_no_json(make, cluster, leader):
    """And none that this client's own JSON would read."""
    made = change("update", "meeting", base_version=1, document={})
    good = json.dumps(change("create", "meeting", document=meeting_of(make, cluster)))
    for text in ("tru", "{]", '"a" "b"', '{"notes": "\xff"}'):
        body = ('{"changes": [' + written(made, document=text) + "," + good + "]}").encode("latin-1")
        answer = send_raw(leader.client.port, (
            f"POST /v1/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {leader.client.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            ).encode() + body, "POST", "/v1/sync")
        assert answer.status == 200, (text, answer)
        assert [one["outcome"] for one in answer.json["results"]] == ["refused", "applied"]
        made["client_id"] = str(uuid.uuid4())


@pytest.mark.parametrize("members, pointers", [
    ({"type": '"account"'}, ["/type"]), ({"type": "null", "method": '"upsert"'}, ["/type", "/method"]),
    ({"extra": "1"}, ["/extra"]), ({"id": '"MEETING"'}, ["/id"]), ({"document": "[]"}, ["/document"]),
    ({"base_version": '"1"'}, ["/base_version"]), ({"base_version": "0"}, ["/base_version"]),
    ({"base_version": "2147483648"}, ["/base_version"])])
def test_form_that_is_not_kept(make, cluster, leader, members, pointers):
    made = change("update", "meeting", base_version=1, document={"notes": "Mine."})
    found = among_others(make, cluster, leader, written(made, **members))
    assert (found["type"], found["status"]) == ("/problems/validation_failed", 422)
    assert sorted(error["pointer"] for error in found["errors"]) == sorted(pointers)


def test_members_that_are_missing(make, cluster, leader):
    found = among_others(make, cluster, leader, '{"client_id": "%s"}' % uuid.uuid4())
    assert {error["pointer"] for error in found["errors"]} == {"/method", "/type", "/id"}


def test_one_large_change(make, cluster, leader):
    """Of nearly all that a batch may have."""
    made = change("create", "meeting", document=meeting_of(make, cluster, notes="x" * 1000000))
    found = among_others(make, cluster, leader, json.dumps(made))
    assert [error["pointer"] for error in found["errors"]] == ["/notes"]


@pytest.mark.parametrize("text", [
    "1", "null", "[]", '"text"', "{}", '{"client_id": 1}', '{"client_id": "me", "method": "delete"}',
    '{"CLIENT_ID": "0190f6a4-7c3e-7b1a-8f00-0123456789ab"}', '{"document": {"client_id": '
    '"0190f6a4-7c3e-7b1a-8f00-0123456789ab"}}', '["0190f6a4-7c3e-7b1a-8f00-0123456789ab"]'])
def test_a_change_without_a_name(head, make, cluster, leader, text):
    """No result could say what became of it: nothing is done."""
    good = change("create", "meeting", document=meeting_of(make, cluster))
    invalid(send(leader, json.dumps(good), text), "/changes/1/client_id")
    problem(head.get(f"/v1/meetings/{good['id']}"), 404, "not_found")


@pytest.mark.parametrize("body, status, name", [
    ("", 400, "malformed_body"), ('{"changes": [', 400, "malformed_body"),
    ('{"changes": [1', 400, "malformed_body"), ('{"changes": [,1]}', 400, "malformed_body"),
    ('{"changes": [1,]}', 400, "malformed_body"), ('{"changes": [1]', 400, "malformed_body"),
    ('{"changes": [], "changes": [1]}', 400, "malformed_body"), ('{"', 400, "malformed_body"),
    ("{}", 422, "validation_failed"), ('{"changes": {}}', 422, "validation_failed"),
    ('{"changes": "[1]"}', 422, "validation_failed"), ("[]", 422, "validation_failed"),
    ('[{"changes": [1]}]', 422, "validation_failed"), ('{"changes": [{}], "more": 1}', 422, "validation_failed")])
def test_an_envelope_that_is_none(leader, body, status, name):
    answer = leader.client.post("/v1/sync", body=body.encode(), headers={"Content-Type": "application/json"})
    problem(answer, status, name)


def test_only_who_is_known_hears_what_is_wrong(leader):
    body, kind = b'{"changes": [1]}', {"Content-Type": "application/json"}
    problem(leader.client.post("/v1/sync", body=body, headers=kind, token=None), 401, "unauthorized")


@pytest.fixture
def long_one(head, make, cluster):
    """A long meeting at its second version, with what it was before."""
    base = make.meeting(cluster_id=cluster["id"], host_school_id=None, notes=LONG)
    return base, head.patch(f"/v1/meetings/{base['id']}", {"notes": LONG[1:]}, match='"1"').json


def conflicts(base, count):
    return [change("update", "meeting", base["id"], 1, {"location": f"Hall {n}"}) for n in range(count)]


def test_an_answer_beyond_the_memory_of_a_request(stage, leader, long_one):
    with serving(stage, IQM_REQUEST_MEMORY=1 << 20) as server:
        client = Client(server.port, leader.client.token)
        results = push(Written(client), *conflicts(long_one[0], 20))
        client.close()
    assert [(one["outcome"], one["base"], one["current"]) for one in results] == [
        ("conflict", *long_one)] * 20


def test_an_answer_that_would_be_very_long(make, cluster, leader, long_one):
    """From some change on without documents, which a pull gives; never without an outcome."""
    made = change("create", "meeting", document=meeting_of(make, cluster, notes=LONG))
    batch = [*conflicts(long_one[0], 99), made]
    results = push(leader, *batch)
    assert [one["outcome"] for one in results] == ["conflict"] * 99 + ["applied"]
    assert 6 << 20 < len(json.dumps(results, ensure_ascii=False).encode()) < 9 << 20
    assert results[0]["current"] == long_one[1] and "document" not in results[-1]
    assert all(one["problem"]["type"] == "/problems/precondition_failed" for one in results[:99])
    assert push(leader, made)[0]["document"]["notes"] == LONG


def test_changes_that_wait_when_the_server_ends(stage):
    """For a database that is away: one fails, and so do those that it would have been after."""
    with scratch_database(stage) as scratch:
        server = scratch.server(IQM_DRAIN_TIMEOUT=1).start()
        head = Client(server.port, scratch.token())
        make = Maker(head, stage.number)
        cluster = make.cluster()
        caller = People(make, scratch, server.port).leader(cluster).client
        body = json.dumps({"changes": [change("create", "meeting", document=meeting_of(make, cluster))
                                       for _ in range(5)]}).encode()
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'meeting'::regclass AND granted = {}"
        with subprocess.Popen([programs() / "psql", "-h", stage.cluster.directory, "-U", "postgres", "-d", scratch.name,
                               "-c", "BEGIN; LOCK TABLE meeting IN EXCLUSIVE MODE; SELECT pg_sleep(60)"],
                              env=plain_environment(), stderr=subprocess.DEVNULL):
            wait_for(lambda: scratch.psql(waiting.format("true")) == "1", "the table to be held")
            stream = Stream("127.0.0.1", server.port)
            stream.send((f"POST /v1/sync HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {caller.token}\r\n"
                         f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
            wait_for(lambda: scratch.psql(waiting.format("false")) == "1", "the first one to wait for it")
            take_away(stage.cluster, scratch.name)
        server.process.send_signal(signal.SIGTERM)
        answer = read_response(stream, "POST")
        stream.close()
        assert answer.status == 200
        assert [one["problem"]["status"] for one in answer.json["results"]] == [503] * 5
        assert server.process.wait(30) == 0
        server.stop()
        give_back(stage.cluster, scratch.name)


POISON = """
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'as a defect of ours would' USING ERRCODE = 'XX000'; END $$;
    CREATE TRIGGER poisoned BEFORE INSERT ON meeting FOR EACH ROW
        WHEN (NEW.doc->>'notes' = 'Poison.') EXECUTE FUNCTION fail();
"""


def test_what_fails_each_time_blocks_no_other(stage):
    """Nor is anything refused for good behind it: it may come through one day, and be what was missing."""
    with scratch_database(stage) as scratch:
        server = scratch.server().start()
        head = Client(server.port, scratch.token())
        make = Maker(head, stage.number)
        cluster = make.cluster()
        leader = People(make, scratch, server.port).leader(cluster)
        scratch.psql(POISON, user="postgres")
        record = str(uuid.uuid4())
        batch = [change("create", "meeting", record, document=meeting_of(make, cluster, notes="Poison.")),
                 change("update", "meeting", record, 1, {"notes": "On that."}),
                 change("create", "meeting", document=meeting_of(make, cluster))]
        first, again = push(leader, *batch), push(leader, *batch)
        for results in first, again:
            refused(results[0], 500, "internal_error")
            refused(results[1], 503, "service_unavailable")
        assert first[2]["outcome"] == "applied" and again[2] == first[2]
        scratch.psql("DROP TRIGGER poisoned ON meeting", user="postgres")
        assert [one["outcome"] for one in push(leader, *batch)] == ["applied"] * 3
        server.stop()
