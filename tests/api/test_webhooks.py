"""Webhooks: what changes is told to endpoints, whatever becomes of them; nothing is lost, nothing is told
to anybody else, and nothing goes where it should not."""

import datetime
import html
import re
import shutil
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from support import confidential
from support.client import Client
from support.expect import invalid, problem
from support.holding import holding
from support.hooks import Flood, receiver, says, says_and_holds
from support.metrics import metric
from support.places import wait_for
from support.psql import Psql
from support.repeats import HEADER, new_key
from support.resources import Maker
from support.scratch import scratch_database
from support.serving import serving
from support.smtp import mail_server, make_certificate

ENDPOINTS, DELIVERIES = "/v1/webhook-endpoints", "/v1/webhook-deliveries"
PRIVATE = {"IQM_WEBHOOK_PRIVATE_ADDRESSES": "yes", "IQM_WORKERS": 1}


class Hooks:
    """A database of this module's own, its server, and a receiver of webhooks."""

    def __init__(self, scratch, client, hooks, stage):
        self.scratch, self.client, self.hooks = scratch, client, hooks
        self.make = Maker(client, stage.number)

    def endpoint(self, *types, path=None, **members):
        """At a path of its own, which it is told with."""
        path = path or f"/{uuid.uuid4()}"
        body = {"url": self.hooks.url(path), "event_types": list(types), **members}
        response = self.client.post(ENDPOINTS, body)
        assert response.status == 201, response
        return {**response.json, "path": path}

    def read(self, endpoint):
        return self.client.get(f"{ENDPOINTS}/{endpoint['id']}").json

    def secret(self, endpoint):
        response = self.client.get(f"{ENDPOINTS}/{endpoint['id']}/secret")
        assert response.status == 200, response
        for name in ("secret", "former_secret"):
            if response.json[name]:
                confidential.note(response.json[name])
        return response.json

    def test(self, endpoint):
        response = self.client.post(f"{ENDPOINTS}/{endpoint['id']}/test")
        assert response.status == 201, response
        return response.json

    def delivery(self, delivery):
        return self.client.get(f"{DELIVERIES}/{delivery['id']}").json

    def deliveries(self, endpoint, **filters):
        query = "".join(f"&{name}={value}" for name, value in filters.items())
        return self.client.get(f"{DELIVERIES}?limit=200&endpoint_id={endpoint['id']}{query}").json["items"]

    def wait_for(self, delivery, status, attempts=1):
        def found():
            now = self.delivery(delivery)
            return now if (now["status"], now["attempt_count"]) == (status, attempts) else None
        return wait_for(found, f"{status} after {attempts}, not {self.delivery(delivery)}")

    def set(self, delivery, what):
        self.scratch.psql(f"UPDATE webhook_delivery SET {what} WHERE id = '{delivery['id']}'")

    def change(self, endpoint, **members):
        response = self.client.patch(f"{ENDPOINTS}/{endpoint['id']}", members, match="*")
        assert response.status == 200, response
        return response.json


@pytest.fixture(scope="module")
def hooks():
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def post():
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def own(stage, hooks, post):
    mail = {"IQM_SMTP_URL": post.url, "IQM_MAIL_FROM": "mail@iqm.example"}
    with scratch_database(stage) as scratch, \
            serving(scratch, IQM_WEBHOOK_TIMEOUT=4, **PRIVATE, **mail) as server:
        client = Client(server.port, scratch.token())
        made = Hooks(scratch, client, hooks, stage)
        made.server = server
        yield made
        client.close()


def seconds_until(time_text):
    at = datetime.datetime.fromisoformat(time_text.replace("Z", "+00:00"))
    return (at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


class TestEvents:
    def test_creation_change_and_deletion(self, own, hooks):
        endpoint = own.endpoint("cluster.*")
        cluster = own.make.cluster()
        path = f"/v1/clusters/{cluster['id']}"
        own.client.patch(path, {"region": "North West"}, match='"1"')
        own.client.delete(path, match='"2"')
        own.make.school()
        calls = hooks.wait_for(endpoint["path"], 3)
        told = {call.type: call for call in calls}
        assert sorted(told) == ["cluster.changed", "cluster.created", "cluster.deleted"]
        for version, kind in enumerate(("created", "changed", "deleted"), 1):
            event = told[f"cluster.{kind}"].event
            assert set(event) == {"type", "timestamp", "data"}
            assert event["data"] == {"type": "cluster", "id": cluster["id"], "version": version}
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"])
        assert len({call.id for call in calls}) == 3

    def test_signature_and_headers(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        own.make.cluster()
        call, = hooks.wait_for(endpoint["path"])
        secret = own.secret(endpoint)
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret["secret"])
        assert (secret["rotated_at"], secret["former_secret"], secret["former_until"]) == (None,) * 3
        assert call.is_signed_with(secret["secret"]) and len(call.signatures()) == 1
        assert not call.is_signed_with(own.secret(own.endpoint("cluster.created"))["secret"])
        assert call.headers["content-type"] == "application/json"
        assert abs(time.time() - int(call.headers["webhook-timestamp"])) < 60
        assert "cookie" not in call.headers and "authorization" not in call.headers
        delivery = own.wait_for({"id": call.id}, "delivered")
        assert (delivery["endpoint_id"], delivery["event"]) == (endpoint["id"], call.event)
        attempt, = delivery["attempts"]
        assert (attempt["status"], attempt["failure"]) == (204, None)
        assert delivery["next_attempt_at"] is None

    def test_only_what_is_wanted_and_only_from_now_on(self, own, hooks):
        before = own.make.cluster()
        chosen, everything = own.endpoint("cluster.changed"), own.endpoint("*")
        own.client.patch(f"/v1/clusters/{before['id']}", {"region": "North East"}, match='"1"')
        school = own.make.school()
        call, = hooks.wait_for(chosen["path"])
        assert (call.type, call.about) == ("cluster.changed", before["id"])
        def told_of():
            return {(c.type, c.about) for c in hooks.at(everything["path"])}
        both = {("cluster.changed", before["id"]), ("school.created", school["id"])}
        wait_for(lambda: both <= told_of(), "both, in whatever order")
        told = told_of()
        assert ("cluster.created", before["id"]) not in told
        assert everything["id"] not in {about for _, about in told}

    def test_who_was_erased_is_told_by_id(self, own, hooks):
        endpoint = own.endpoint("person.*")
        person = own.make.person()
        assert own.client.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
        calls = hooks.wait_for(endpoint["path"], 2)
        assert {(c.type, c.about) for c in calls} == {
            ("person.created", person["id"]), ("person.deleted", person["id"])}

    def recipients(self, own, person):
        preview = own.client.get(f"/v1/people/{person['id']}/erasure-preview").json
        return {(r["recipient_id"], r["kind"], r["what"]) for r in preview["recipients"]}

    def test_whom_an_endpoint_was_told_of_it_received(self, own, hooks):
        endpoint = own.endpoint("person.created")
        person = own.make.person()
        call, = hooks.wait_for(endpoint["path"])
        assert call.about == person["id"]
        wanted = (endpoint["id"], "webhook_endpoint", "webhook")
        assert wanted in self.recipients(own, person)
        own.scratch.psql(f"DELETE FROM webhook_delivery WHERE record_id = '{person['id']}'")
        erased = own.client.post(f"/v1/people/{person['id']}/erasure", {}).json
        assert wanted in {(r["recipient_id"], r["kind"], r["what"]) for r in erased["recipients"]}

    def test_what_belongs_to_a_person_tells_of_one(self, own, hooks):
        """Also what is gone since."""
        person, other = own.make.person(), own.make.person()
        account = own.make.account(person_id=person["id"])
        gone, made = own.endpoint("account.deleted"), own.endpoint("ambassador.*")
        own.make.ambassador(person_id=other["id"])
        assert own.client.delete(f"/v1/accounts/{account['id']}", match="*").status == 204
        for endpoint, whom in ((gone, person), (made, other)):
            hooks.wait_for(endpoint["path"])
            assert {r[0] for r in self.recipients(own, whom)} & {gone["id"], made["id"]} == {
                endpoint["id"]}

    def test_a_transaction_that_ends_late_is_told(self, own, hooks):
        """Later ones wait for it, so none is passed over."""
        endpoint = own.endpoint("cluster.deleted")
        slow, quick = own.make.cluster(), own.make.cluster()
        late = Psql(own.scratch.stage.cluster, database=own.scratch.name)
        late.ask("BEGIN; SET ROLE iqm_server; SELECT set_config('iqm.roles', '{head_office}', true)")
        late.ask(f"DELETE FROM cluster WHERE id = '{slow['id']}'")
        assert own.client.delete(f"/v1/clusters/{quick['id']}", match="*").status == 204
        late.ask("COMMIT")
        late.close()
        assert {c.about for c in hooks.wait_for(endpoint["path"], 2)} == {slow["id"], quick["id"]}

    def test_one_that_is_deleted_meanwhile_fails_no_other(self, own, hooks):
        gone, other = own.endpoint("cluster.created"), own.endpoint("cluster.created")
        held = Psql(own.scratch.stage.cluster, database=own.scratch.name)
        held.ask("SELECT pg_advisory_lock(7310584)")  # the dispatcher's: it begins once both are under way
        made = own.make.cluster()
        held.ask("BEGIN; SET ROLE iqm_server; SELECT set_config('iqm.roles', '{head_office}', true)")
        held.ask(f"DELETE FROM webhook_endpoint WHERE id = '{gone['id']}'")
        held.ask("SELECT pg_advisory_unlock(7310584)")
        wait_for(lambda: own.scratch.psql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                          "AND datname = current_database()", user="postgres"),
                 "the dispatcher to meet the deletion")
        held.ask("COMMIT")
        held.close()
        assert hooks.wait_for(other["path"])[0].about == made["id"]
        assert own.server.find_log(event="statement_failed") == []

    def test_a_test(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        response = own.client.post(f"{ENDPOINTS}/{endpoint['id']}/test")
        assert response.status == 201
        assert response.header("Location") == f"{DELIVERIES}/{response.json['id']}"
        call, = hooks.wait_for(endpoint["path"])
        assert (call.type, call.about, call.id) == ("webhook.test", endpoint["id"], response.json["id"])
        own.wait_for(response.json, "delivered")


class TestRetries:
    def test_after_a_refusal(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 500)
        made = own.test(endpoint)
        first = own.wait_for(made, "waiting")
        assert 0 < seconds_until(first["next_attempt_at"]) < 8
        assert [(a["status"], a["failure"]) for a in first["attempts"]] == [(500, "refused")]
        own.set(made, "next_at = now()")
        second = own.wait_for(made, "waiting", 2)
        assert 200 < seconds_until(second["next_attempt_at"]) < 400
        hooks.answer(endpoint["path"], 200)
        own.set(made, "next_at = now()")
        last = own.wait_for(made, "delivered", 3)
        assert [a["status"] for a in last["attempts"]] == [500, 500, 200]
        calls = hooks.wait_for(endpoint["path"], 3)
        assert {c.id for c in calls} == {made["id"]} and len({c.body for c in calls}) == 1
        assert all(c.is_signed_with(own.secret(endpoint)["secret"]) for c in calls)

    @pytest.mark.parametrize("asked, least, most", [("3600", 3500, 3700), ("9999999", 35000, 37000),
                                                    ("0", 0, 8), ("soon", 0, 8)])
    def test_retry_after(self, own, hooks, asked, least, most):
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 503, {"Retry-After": asked})
        waiting = own.wait_for(own.test(endpoint), "waiting")
        assert least <= seconds_until(waiting["next_attempt_at"]) <= most

    def test_for_more_than_a_day_and_then_no_more(self, own, hooks):
        """Each pause as it is, from the database's own reckoning, whatever chance says."""
        for chance in (0, 1):
            pauses = own.scratch.psql(
                f"SELECT sum(date_part('epoch', webhook_pause(n, 0, {chance}))), count(*) "
                "FROM generate_series(1, 7) AS n").split("|")
            assert float(pauses[0]) > 86400 and pauses[1] == "7"
        assert own.scratch.psql("SELECT webhook_pause(8, 100) IS NULL") == "t"
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 404)
        made = own.test(endpoint)
        own.wait_for(made, "waiting")
        own.set(made, "failures = 7, next_at = now()")
        last = own.wait_for(made, "failed", 2)
        assert last["next_attempt_at"] is None
        assert made["id"] in [d["id"] for d in own.deliveries(endpoint, status="failed")]
        assert own.deliveries(endpoint, status="waiting") == []

    def test_attempts_are_bounded(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        made = own.test(endpoint)
        own.wait_for(made, "delivered")
        own.set(made, "doc = (doc::jsonb || jsonb_build_object('attempt_count', 60, 'attempts', "
                "to_jsonb(array_fill((doc->'attempts'->0)::jsonb, ARRAY[50]))))::json")
        assert own.client.post(f"{DELIVERIES}/{made['id']}/replay").status == 200
        assert len(own.wait_for(made, "delivered", 61)["attempts"]) == 50

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirections_are_not_followed(self, own, hooks, status):
        endpoint, other = own.endpoint("cluster.created"), f"/{uuid.uuid4()}"
        hooks.answer(endpoint["path"], status, {"Location": hooks.url(other)})
        attempt, = own.wait_for(own.test(endpoint), "waiting")["attempts"]
        assert (attempt["status"], attempt["failure"]) == (status, "redirected")
        assert hooks.at(other) == []

    def test_much_of_an_answer_is_not_read(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 200, {}, b"x" * 5_000_000)
        own.wait_for(own.test(endpoint), "delivered")

    def test_nobody_there(self, own):
        endpoint = own.endpoint("cluster.created", url="http://127.0.0.1:9/hook")
        attempt, = own.wait_for(own.test(endpoint), "waiting")["attempts"]
        assert (attempt["status"], attempt["failure"]) == (None, "no_connection")

    def test_a_name_that_is_none(self, own):
        endpoint = own.endpoint("cluster.created", url="https://nobody.invalid/hook")
        attempt, = own.wait_for(own.test(endpoint), "waiting")["attempts"]
        assert attempt["failure"] in ("name_unknown", "timed_out")

    def test_one_that_is_slow_holds_up_nobody_else(self, own, hooks):
        slow, quick = own.endpoint("cluster.created"), own.endpoint("cluster.created")
        hooks.held.add(slow["path"])
        made = {own.make.cluster()["id"] for _ in range(12)}
        hooks.wait_for(quick["path"], 12)
        assert {c.about for c in hooks.at(quick["path"])} == made
        assert own.deliveries(slow, status="delivered") == []
        waiting = own.deliveries(slow)
        assert {d["event"]["data"]["id"] for d in waiting} == made
        late = wait_for(lambda: [d for d in own.deliveries(slow) if d["attempts"]], "a timeout", 30)
        assert late[0]["attempts"][0]["failure"] == "timed_out"
        own.change(slow, status="paused")


NO_HTTP = [b"hello", b"\x00\xff\x16\x03" * 300, b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 000 x\r\n\r\n",
           b"HTTP/1.1 -20 x\r\n\r\n", b"", b"HTTP/1.1 100 Continue\r\n\r\nhello"]
HELD_BODIES = [b"Content-Length: 10\r\n\r\n", b"Content-Length: 10\r\n\r\nabc", b"\r\n",
               b"Transfer-Encoding: chunked\r\n\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n5"]
FLOODS = {
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    "line": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "lines": (b"HTTP/1.1 200 OK\r\n", b"X: aaa\r\n"),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a"),
}


class TestStrangeAnswers:
    """Of an answer the head counts, and it must come whole; after it nothing is waited for."""

    @pytest.fixture(scope="class")
    def patient(self, stage, hooks):
        """Waits for far longer than these tests do."""
        with scratch_database(stage) as scratch, \
                serving(scratch, IQM_WEBHOOK_TIMEOUT=120, **PRIVATE) as server:
            made = Hooks(scratch, Client(server.port, scratch.token()), hooks, stage)
            made.server = server
            yield made
            made.client.close()

    def attempt(self, own, speak, status):
        endpoint = own.endpoint("cluster.created")
        own.hooks.spoken[endpoint["path"]] = speak
        attempt, = own.wait_for(own.test(endpoint), status)["attempts"]
        own.change(endpoint, status="paused")
        return attempt["status"], attempt["failure"]

    @pytest.mark.parametrize("answer", NO_HTTP, ids=range(len(NO_HTTP)))
    def test_no_http(self, patient, answer):
        assert self.attempt(patient, says(answer), "waiting") == (None, "broken_off")

    def test_no_http_where_http_was_spoken_before(self, patient):
        """On the same connection."""
        with receiver() as alone:
            path = f"/{uuid.uuid4()}"
            endpoint = patient.endpoint("cluster.created", url=alone.url(path))
            patient.wait_for(patient.test(endpoint), "delivered")
            alone.spoken[path] = says(b"hello")
            attempt, = patient.wait_for(patient.test(endpoint), "waiting")["attempts"]
            assert (attempt["status"], attempt["failure"]) == (None, "broken_off")
            assert len({call.port for call in alone.at(path)}) == 1
            patient.change(endpoint, status="paused")

    @pytest.mark.parametrize("rest", HELD_BODIES)
    def test_a_body_is_not_waited_for(self, patient, rest):
        for line, status, found in (("200 OK", "delivered", (200, None)), ("500 No", "waiting", (500, "refused"))):
            speak = says_and_holds(f"HTTP/1.1 {line}\r\n".encode() + rest)
            assert self.attempt(patient, speak, status) == found

    @pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"])
    def test_a_head_must_come_whole(self, own, answer):
        """Else who holds one back is no better than who says nothing, and is to be paused like that."""
        assert self.attempt(own, says_and_holds(answer), "waiting") == (None, "timed_out")
        assert self.attempt(own, says(answer), "waiting") == (None, "broken_off")

    def test_interim_answers_are_none(self, patient):
        answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + b"HTTP/1.1 201 Created\r\n\r\n"
        assert self.attempt(patient, says_and_holds(answer), "delivered") == (201, None)
        other = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: none\r\n\r\n"
        assert self.attempt(patient, says_and_holds(other), "waiting") == (None, "broken_off")

    @pytest.mark.parametrize("flood", FLOODS)
    def test_what_is_read_is_bounded(self, patient, flood):
        beginning, piece = FLOODS[flood]
        speak = Flood(beginning, piece * (65536 // len(piece)))
        is_whole = flood in ("chunk extension", "body")
        found = self.attempt(patient, speak, "delivered" if is_whole else "waiting")
        assert found == ((200, None) if is_whole else (None, "broken_off"))
        wait_for(lambda: speak.over, "the receiver to be cut off")
        assert speak.sent < speak.ENOUGH / 2  # most of it is in buffers of the system

    @pytest.mark.parametrize("day", ["Mon, 01 Jan 1601 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_retry_after_a_day_of_another_age(self, patient, day):
        answer = f"HTTP/1.1 503 Later\r\nRetry-After: {day}\r\nContent-Length: 0\r\n\r\n".encode()
        assert self.attempt(patient, says(answer), "waiting") == (503, "refused")

    def test_a_connection_is_used_again_where_no_body_comes(self, patient):
        with receiver() as alone:
            path = f"/{uuid.uuid4()}"
            endpoint = patient.endpoint("cluster.created", url=alone.url(path))
            for status in (204, 200, 204):
                alone.answer(path, status)
                patient.wait_for(patient.test(endpoint), "delivered")
            assert len({call.port for call in alone.at(path)}) == 1

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"])
    def test_however_many_are_slow(self, stage, hooks, answer):
        """More than there is room for, each as slow as it may be."""
        with scratch_database(stage) as scratch, \
                serving(scratch, IQM_WEBHOOK_TIMEOUT=120, **PRIVATE) as server:
            own = Hooks(scratch, Client(server.port, scratch.token()), hooks, stage)
            slow = [own.endpoint("cluster.created") for _ in range(34)]
            for endpoint in slow:
                hooks.spoken[endpoint["path"]] = says_and_holds(answer)
            for _ in range(8):
                own.make.cluster()
            for endpoint in slow:
                hooks.wait_for(endpoint["path"])
            well = own.endpoint("school.created")
            own.wait_for(own.test(well), "delivered")
            own.client.close()


# One server at a time turns what is new into deliveries.
DISPATCHING = 7310584


def test_much_that_is_new_holds_up_nothing(stage, hooks):
    """What is to be sent goes out between its parts: the first before the last, which another transaction
    holds up until it ends, is even queued."""
    many = 4000
    with scratch_database(stage) as scratch, serving(scratch, **PRIVATE) as server, \
            holding(stage.cluster, f"SELECT pg_advisory_lock({DISPATCHING})", scratch.name) as holder:
        own = Hooks(scratch, Client(server.port, scratch.token()), hooks, stage)
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 500)
        scratch.psql(f"""BEGIN; SET iqm.roles = '{{head_office}}';
            INSERT INTO cluster (id, version, doc) SELECT id, 1, json_build_object('id', id, 'version', 1,
                'created_at', time_text(now()), 'updated_at', time_text(now()), 'name', 'Many ' || id,
                'region', 'London') FROM (SELECT uuid7() AS id FROM generate_series(1, {many})) AS new;
            COMMIT""")
        last = holder.ask(f"""SELECT queue_webhook('{endpoint['id']}', webhook_event('cluster', 'created',
            resource_id, 1, at), id) FROM (SELECT * FROM audit_record WHERE resource = 'cluster'
            ORDER BY xid DESC, id DESC LIMIT 1) AS last""")
        assert last and holder.ask(f"SELECT pg_advisory_unlock({DISPATCHING})") == ["t"]
        hooks.wait_for(endpoint["path"])
        assert server.find_log(event="webhooks_retry") == []  # it has not given the last up
        holder.ask("ROLLBACK")
        queued = "SELECT count(*) FROM webhook_delivery"
        wait_for(lambda: scratch.psql(queued) == str(many), "all to be queued")
        own.change(endpoint, status="paused")
        own.client.close()


class TestPauses:
    def test_gone(self, own, hooks, post, stage):
        person = own.client.post("/v1/people", {
            "name": confidential.note(f"Brunhilde Hakenperson{stage.number()}"),
            "email": confidential.note(f"brunhilde{stage.number()}@post.example")}).json
        account = own.client.post("/v1/accounts", {
            "person_id": person["id"], "roles": ["head_office"], "suspended": False}).json
        endpoint = own.endpoint("cluster.created")
        own.scratch.psql(f"UPDATE webhook_endpoint SET written_by = '{account['id']}' "
                         f"WHERE id = '{endpoint['id']}'")
        hooks.answer(endpoint["path"], 410)
        made = own.test(endpoint)
        failed = own.wait_for(made, "failed")
        assert failed["attempts"][0]["failure"] == "gone"
        now = wait_for(lambda: own.read(endpoint) if own.read(endpoint)["version"] == 2 else None, "pause")
        assert (now["status"], now["paused_reason"]) == ("paused", "gone")
        assert list(now)[-1] == "paused_reason"
        mail = post.wait_for_mails()[-1]
        assert endpoint["id"].encode() in mail.data and b"410" in mail.data
        own.server.wait_for_log(event="webhook_paused", id=endpoint["id"], reason="gone")
        history = own.client.get(f"{ENDPOINTS}/{endpoint['id']}/history").json["items"]
        assert [entry["actor"] for entry in history][0] is None
        assert own.read(own.change(endpoint, status="active")).get("paused_reason") is None

    def test_nothing_succeeds_for_a_day(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 500)
        made = own.test(endpoint)
        own.wait_for(made, "waiting")
        own.scratch.psql("UPDATE webhook_state SET failing_since = now() - interval '23 hours' "
                         f"WHERE endpoint_id = '{endpoint['id']}'")
        own.set(made, "next_at = now()")
        own.wait_for(made, "waiting", 2)
        assert own.read(endpoint)["status"] == "active"
        own.scratch.psql("UPDATE webhook_state SET failing_since = now() - interval '25 hours' "
                         f"WHERE endpoint_id = '{endpoint['id']}'")
        own.set(made, "next_at = now(), failures = 7")  # the last time it is tried
        own.wait_for(made, "waiting", 3)
        now = wait_for(lambda: own.read(endpoint) if own.read(endpoint)["version"] == 2 else None, "pause")
        assert (now["status"], now["paused_reason"]) == ("paused", "failing")
        wait_for(lambda: metric(own.server, "iqm_webhooks_dead") >= 1, "the metric", 30)
        # Once it works, and is made active, what has waited goes at once.
        hooks.answer(endpoint["path"], 204)
        assert own.change(endpoint, status="active")["status"] == "active"
        own.wait_for(made, "delivered", 4)

    def test_who_is_slow_holds_up_nobody_else(self, own, hooks):
        """More than can be sent at once wait for endpoints that fail: of those, one each is under way."""
        failing = [own.endpoint("webhook_endpoint.deleted") for _ in range(3)]
        for endpoint in failing:
            hooks.held.add(endpoint["path"])
            own.scratch.psql("UPDATE webhook_state SET failing_since = now() "
                             f"WHERE endpoint_id = '{endpoint['id']}'")
            for _ in range(3):
                own.test(endpoint)
            hooks.wait_for(endpoint["path"])
        well = own.endpoint("cluster.created")
        own.wait_for(own.test(well), "delivered")
        assert own.scratch.psql("""SELECT max(n) FROM (SELECT count(*) AS n FROM webhook_delivery AS d
            JOIN webhook_state AS s ON s.endpoint_id = d.endpoint_id AND s.failing_since IS NOT NULL
            WHERE d.taken_until > now() GROUP BY d.endpoint_id) AS each""") in ("", "1")
        for endpoint in failing:
            own.change(endpoint, status="paused")

    def test_events_wait_meanwhile(self, own, hooks):
        endpoint = own.endpoint("cluster.created", status="paused")
        assert endpoint["paused_reason"] == "requested"
        cluster, other = own.make.cluster(), own.endpoint("webhook_endpoint.changed")
        wait_for(lambda: own.deliveries(endpoint), "the delivery")
        assert hooks.at(endpoint["path"]) == []
        own.change(endpoint, status="active")
        call, = hooks.wait_for(endpoint["path"])
        assert call.about == cluster["id"]
        wait_for(lambda: own.deliveries(endpoint)[0]["status"] == "delivered", "the delivery to be over")
        # That is a change like others.
        wait_for(lambda: [c for c in hooks.at(other["path"]) if c.about == endpoint["id"]], "the change")

    def test_nothing_is_sent_by_hand(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        made = own.test(endpoint)
        own.wait_for(made, "delivered")
        own.change(endpoint, status="paused")
        for target in (f"{ENDPOINTS}/{endpoint['id']}/test", f"{DELIVERIES}/{made['id']}/replay"):
            problem(own.client.post(target), 409, "conflict")
        assert len(hooks.at(endpoint["path"])) == 1

    def test_reason_is_the_servers(self, own):
        endpoint = own.endpoint("cluster.created")
        refused = own.client.patch(f"{ENDPOINTS}/{endpoint['id']}", {"paused_reason": "gone"}, match="*")
        invalid(refused, "/paused_reason")


class TestReplay:
    def test_the_same_once_more(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        made = own.test(endpoint)
        own.wait_for(made, "delivered")
        headers = {HEADER: new_key()}
        first = own.client.post(f"{DELIVERIES}/{made['id']}/replay", headers=headers)
        assert (first.status, first.json["status"]) == (200, "waiting")
        own.wait_for(made, "delivered", 2)
        again = own.client.post(f"{DELIVERIES}/{made['id']}/replay", headers=headers)
        assert (again.status, again.body) == (200, first.body)
        assert again.header("Idempotency-Replayed") == "true"
        calls = hooks.at(endpoint["path"])
        assert len(calls) == 2 and {c.id for c in calls} == {made["id"]}

    def test_one_that_had_failed_is_tried_as_often_as_a_new_one(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        hooks.answer(endpoint["path"], 500)
        made = own.test(endpoint)
        own.wait_for(made, "waiting")
        own.set(made, "failures = 7, next_at = now()")
        own.wait_for(made, "failed", 2)
        assert own.client.post(f"{DELIVERIES}/{made['id']}/replay").status == 200
        waiting = own.wait_for(made, "waiting", 3)
        assert seconds_until(waiting["next_attempt_at"]) < 8

    def test_not_while_it_is_on_its_way(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        hooks.held.add(endpoint["path"])
        made = own.test(endpoint)
        hooks.wait_for(endpoint["path"])
        problem(own.client.post(f"{DELIVERIES}/{made['id']}/replay"), 409, "conflict")
        own.change(endpoint, status="paused")

    def test_unknown(self, own):
        for target in (f"{DELIVERIES}/{uuid.uuid4()}/replay", f"{ENDPOINTS}/{uuid.uuid4()}/test",
                       f"{ENDPOINTS}/{uuid.uuid4()}/secret"):
            problem(own.client.post(target), 404, "not_found")
        problem(own.client.get(f"{ENDPOINTS}/{uuid.uuid4()}/secret"), 404, "not_found")
        problem(own.client.get(f"{DELIVERIES}/{uuid.uuid4()}"), 404, "not_found")


class TestRotation:
    def test_both_for_a_day(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        old = own.secret(endpoint)["secret"]
        headers = {HEADER: new_key()}
        first = own.client.post(f"{ENDPOINTS}/{endpoint['id']}/secret", headers=headers)
        again = own.client.post(f"{ENDPOINTS}/{endpoint['id']}/secret", headers=headers)
        assert (first.status, again.status) == (200, 200) and again.body == first.body
        now = own.secret(endpoint)
        assert now["secret"] != old and now["former_secret"] == old
        assert (now["rotated_at"], now["former_until"]) == (
            first.json["rotated_at"], first.json["former_until"])
        assert 86000 < seconds_until(now["former_until"]) <= 86400
        own.test(endpoint)
        problem(own.client.post(f"{ENDPOINTS}/{endpoint['id']}/secret"), 409, "conflict")
        call, = hooks.wait_for(endpoint["path"])
        assert len(call.signatures()) == 2
        assert call.is_signed_with(old) and call.is_signed_with(now["secret"])
        own.scratch.psql("UPDATE webhook_state SET rotated_at = now() - interval '25 hours' "
                         f"WHERE endpoint_id = '{endpoint['id']}'")
        own.test(endpoint)
        call = hooks.wait_for(endpoint["path"], 2)[-1]
        assert len(call.signatures()) == 1 and call.is_signed_with(now["secret"])
        assert own.secret(endpoint)["former_secret"] is None

    def test_nothing_secret_is_stored(self, own):
        endpoint = own.endpoint("cluster.created")
        secret = own.secret(endpoint)["secret"].removeprefix("whsec_")
        stored = own.scratch.psql("SELECT s::text FROM webhook_state s UNION ALL "
                                  "SELECT e::text FROM webhook_endpoint e", user="postgres")
        assert secret not in stored


class TestDocuments:
    @pytest.mark.parametrize("types", [["schools.created"], ["school.made"], ["school"], ["*.created"],
                                       ["audit_record.created"], ["webhook_delivery.created"], [],
                                       ["school.*", "school.*"]])
    def test_types_that_are_none(self, own, types):
        body = {"url": "https://hooks.example/iqm", "event_types": types}
        found = problem(own.client.post(ENDPOINTS, body), 422, "validation_failed")
        assert found["errors"][0]["pointer"].startswith("/event_types")

    def test_deliveries_are_forgotten_after_30_days(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        old, new = own.test(endpoint), own.test(endpoint)
        hooks.wait_for(endpoint["path"], 2)
        own.wait_for(old, "delivered"), own.wait_for(new, "delivered")
        own.set(old, "created_at = now() - interval '31 days'")
        own.set(new, "created_at = now() - interval '29 days'")
        wait_for(lambda: [d["id"] for d in own.deliveries(endpoint)] == [new["id"]], "it to go", 30)

    def test_deliveries_go_with_their_endpoint(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        made = own.test(endpoint)
        own.wait_for(made, "delivered")
        assert own.client.delete(f"{ENDPOINTS}/{endpoint['id']}", match="*").status == 204
        problem(own.client.get(f"{DELIVERIES}/{made['id']}"), 404, "not_found")

    def test_as_files(self, own, hooks):
        endpoint = own.endpoint("cluster.created")
        own.wait_for(own.test(endpoint), "delivered")
        rows = own.client.get(f"{DELIVERIES}?format=csv&endpoint_id={endpoint['id']}").text.splitlines()
        assert len(rows) == 2 and "webhook.test" in rows[1]
        assert own.client.get(f"{DELIVERIES}?event_type=webhook.test&limit=1").json["items"]

    def test_the_latest_first(self, own):
        endpoint = own.endpoint("cluster.created", url="http://127.0.0.1:1/")
        made = [own.test(endpoint)["id"] for _ in "123"]
        for sort, ids in (("created_at", made), ("-created_at", made[::-1])):
            listed = own.deliveries(endpoint, sort=sort)
            assert [one["id"] for one in listed] == ids
            page = own.client.get(f"{DELIVERIES}?limit=2&endpoint_id={endpoint['id']}&sort={sort}").json
            assert [one["id"] for one in page["items"]] == ids[:2]
            rest = own.client.get(f"{DELIVERIES}?limit=2&endpoint_id={endpoint['id']}&sort={sort}"
                                  f"&cursor={page['next']}").json
            assert ([one["id"] for one in rest["items"]], rest["next"]) == (ids[2:], None)

    def test_conditional(self, own):
        endpoint = own.endpoint("cluster.created", status="paused")
        path = f"{ENDPOINTS}/{endpoint['id']}"
        assert own.client.get(path, headers={"If-None-Match": '"1"'}).status == 304
        assert own.client.get(f"{ENDPOINTS}?status=paused&limit=200").status == 200

    def test_a_delivery_that_is_held_already(self, own, hooks):
        made = own.wait_for(own.test(own.endpoint("cluster.created")), "delivered")
        same = own.client.get(f"{DELIVERIES}/{made['id']}", headers={
            "If-None-Match": f'"{made["version"]}"'})
        assert same.status == 304


def read_guide(client):
    """The function that the guide shows."""
    page = client.get("/docs/guides/webhooks").text
    found = re.search(r'<pre class="example-python">(.*?)</pre>', page, re.S)
    names = {}
    exec(html.unescape(found[1]), names)
    return names["is_genuine"]


def test_what_the_guide_shows_verifies(own, hooks):
    is_genuine = read_guide(own.client)
    endpoint = own.endpoint("cluster.created")
    own.test(endpoint)
    call, = hooks.wait_for(endpoint["path"])
    secret = own.secret(endpoint)["secret"]
    assert is_genuine(secret, call.headers, call.body)
    assert not is_genuine(secret, call.headers, call.body + b" ")
    assert not is_genuine(secret, {**call.headers, "webhook-timestamp": "1614265330"}, call.body)


class TestTLS:
    @pytest.fixture(scope="class")
    def trusted(self, tmp_path_factory):
        return make_certificate(tmp_path_factory.mktemp("hooks"))

    def test_trusted_and_not(self, stage, trusted):
        context, certificate = trusted
        with receiver(context) as secure, receiver() as plain, scratch_database(stage) as scratch:
            with serving(scratch, IQM_WEBHOOK_AUTHORITIES=certificate, **PRIVATE) as server:
                made = Hooks(scratch, Client(server.port, scratch.token()), secure, stage)
                good = made.endpoint("cluster.created")
                made.wait_for(made.test(good), "delivered")
                assert len(secure.at(good["path"])) == 1
                bad = made.endpoint("cluster.created",
                                    url=plain.url("/bad").replace("http:", "https:"))
                attempt, = made.wait_for(made.test(bad), "waiting")["attempts"]
                assert attempt["failure"] in ("tls_failed", "timed_out", "broken_off")
                made.change(bad, status="paused")
            with serving(scratch, **PRIVATE) as server:
                made.client = Client(server.port, made.client.token)
                attempt, = made.wait_for(made.test(good), "waiting")["attempts"]
                assert attempt["failure"] == "tls_failed"
            assert len(secure.at(good["path"])) == 1


REFUSED = ["http://hooks.example/", "https://localhost/", "https://hooks.localhost/", "https://intranet/",
           "https://printer.local/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/",
           "https://169.254.169.254/latest", "https://192.168.1.1/", "https://[fd00::1]/",
           "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://2130706433/",
           "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://hooks.example:8443/",
           "https://hooks.example/#part", "https://me:secret@hooks.example/", "ftp://hooks.example/",
           "https://100.64.0.1/", "https://0.0.0.0/", "https://224.0.0.1/", "https://[fe80::1]/"]
# Written past the rules: as if their names had come to stand for something else.
TURNED = ["https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/",
          "https://0x7f.1/", "https://127.1/", "https://0/", "https://[::ffff:127.0.0.1]/",
          "https://169.254.169.254/latest", "https://10.0.0.1/", "https://[fd00::1]/",
          "https://100.64.0.1/", "https://localhost:{port}/"]


class TestWhereTheyMayGo:
    @pytest.fixture(scope="class")
    def strict(self, stage):
        """With a receiver of its own, that nobody else calls."""
        with receiver() as quiet, scratch_database(stage) as scratch, \
                serving(scratch, IQM_WORKERS=1) as server:
            yield Hooks(scratch, Client(server.port, scratch.token()), quiet, stage)

    @pytest.mark.parametrize("url", REFUSED)
    def test_addresses_that_are_refused(self, strict, url):
        invalid(strict.client.post(ENDPOINTS, {"url": url, "event_types": ["*"]}), "/url")

    @pytest.mark.parametrize("url", ["https://hooks.example/iqm?key=1", "https://hooks.example:443/",
                                     "HTTPS://8.8.8.8/", "https://[2606:4700::1111]/hook"])
    def test_addresses_that_are_taken(self, strict, url):
        body = {"url": url, "event_types": ["term_dates.deleted"], "status": "paused"}
        assert strict.client.post(ENDPOINTS, body).status == 201

    @pytest.mark.parametrize("url", TURNED)
    def test_what_is_connected_to_is_looked_at(self, strict, url):
        port = strict.hooks.server.server_address[1]
        body = {"url": "https://hooks.example/", "event_types": ["term_dates.deleted"],
                "status": "paused"}
        endpoint = strict.client.post(ENDPOINTS, body).json
        strict.scratch.psql(f"""UPDATE webhook_endpoint SET doc = (SELECT json_object_agg(key, CASE key
            WHEN 'url' THEN to_json('{url.format(port=port)}'::text) WHEN 'status' THEN '"active"'
            ELSE value END) FROM json_each(doc)) WHERE id = '{endpoint['id']}'""")
        attempt, = strict.wait_for(strict.test(endpoint), "waiting")["attempts"]
        assert (attempt["status"], attempt["failure"]) == (None, "address_refused")
        assert strict.hooks.calls == []
        strict.scratch.psql(f"DELETE FROM webhook_endpoint WHERE id = '{endpoint['id']}'")

    def test_plain_http_is_not_spoken(self, strict):
        endpoint = strict.client.post(ENDPOINTS, {"url": "https://hooks.example/", "status": "paused",
                                                  "event_types": ["term_dates.deleted"]}).json
        url = strict.hooks.url("/plain")
        strict.scratch.psql(f"""UPDATE webhook_endpoint SET doc = (SELECT json_object_agg(key, CASE key
            WHEN 'url' THEN to_json('{url}'::text) WHEN 'status' THEN '"active"'
            ELSE value END) FROM json_each(doc)) WHERE id = '{endpoint['id']}'""")
        attempt, = strict.wait_for(strict.test(endpoint), "waiting")["attempts"]
        assert attempt["status"] is None and strict.hooks.calls == []

    @pytest.mark.parametrize("status, most, said", [
        ("active", 200, "There are 200 active webhook endpoints already"),
        ("paused", 1000, "There are 1000 webhook endpoints already")])
    def test_there_is_a_bound_to_how_many(self, stage, status, most, said):
        """Of events that do not come here: nothing is sent."""
        with scratch_database(stage) as scratch, scratch.served(scratch.token()) as client:
            body = {"url": "https://hooks.example/", "event_types": ["term_dates.deleted"], "status": status}
            paused, made = (client.post(ENDPOINTS, {**body, "status": one}).json
                            for one in ("paused", status))
            scratch.psql(f"""INSERT INTO webhook_endpoint (id, version, doc)
                SELECT new.id, 1, document_with(w.doc, json_build_object('id', new.id))
                FROM webhook_endpoint AS w, (SELECT gen_random_uuid() AS id
                    FROM generate_series({1 if status == 'active' else 2}, {most} - 1)) AS new
                WHERE w.id = '{made['id']}'""")
            assert problem(client.post(ENDPOINTS, body), 409, "conflict")["detail"].startswith(said)
            path = f"{ENDPOINTS}/{paused['id']}"
            for activated in (client.patch(path, {"status": "active"}, match="*"),
                              client.put(path, {**body, "status": "active"}, headers={"If-Match": "*"})):
                if status == "active":
                    assert problem(activated, 409, "conflict")["detail"].startswith(said)
                else:
                    assert activated.status == 200
            assert client.delete(path, match="*").status == 204
            assert client.delete(f"{ENDPOINTS}/{made['id']}", match="*").status == 204
            places = 1 if status == "active" else 2
            with ThreadPoolExecutor(8) as many:
                callers = [Client(client.port, client.token) for _ in range(8)]
                statuses = sorted(many.map(lambda one: one.post(ENDPOINTS, body).status, callers))
            for caller in callers:
                caller.close()
            assert statuses == [201] * places + [409] * (8 - places)

    def test_the_setting_is_yes_or_no(self, stage):
        done = stage.iqmd("serve", settings={"IQM_WEBHOOK_PRIVATE_ADDRESSES": "perhaps"}, check=False)
        assert done.returncode == 2 and "IQM_WEBHOOK_PRIVATE_ADDRESSES" in done.stderr


class TestKill:
    @contextmanager
    def killed(self, scratch):
        """A server that ends by kill -9."""
        server = scratch.server(**PRIVATE).start()
        try:
            yield server
        finally:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(30)
            shutil.rmtree(server.directory)

    def test_between_queueing_and_sending(self, stage, hooks):
        """Whatever it had in hand, or had not even seen, arrives, under the same id."""
        with scratch_database(stage) as scratch:
            token = scratch.token()
            with self.killed(scratch) as server:
                made = Hooks(scratch, Client(server.port, token), hooks, stage)
                endpoint = made.endpoint("cluster.created")
                hooks.held.add(endpoint["path"])
                clusters = {made.make.cluster()["id"] for _ in range(6)}
                held = {c.id for c in hooks.wait_for(endpoint["path"], 4)}
                clusters.add(made.make.cluster()["id"])
            hooks.held.discard(endpoint["path"])
            # What it had in hand is free once its lease is over.
            scratch.psql("UPDATE webhook_delivery SET next_at = now(), taken_until = NULL")
            with serving(scratch, **PRIVATE) as server:
                made.client = Client(server.port, token)
                wait_for(lambda: len(made.deliveries(endpoint, status="delivered")) == 7, "all")
            calls = hooks.at(endpoint["path"])
            assert {c.about for c in calls} == clusters
            assert len({c.id for c in calls}) == 7 and held <= {c.id for c in calls}

    def test_a_stop_leaves_nothing_in_hand(self, stage, hooks):
        with scratch_database(stage) as scratch:
            token = scratch.token()
            with serving(scratch, **PRIVATE) as server:
                made = Hooks(scratch, Client(server.port, token), hooks, stage)
                endpoint = made.endpoint("cluster.created")
                hooks.held.add(endpoint["path"])
                delivery = made.test(endpoint)
                hooks.wait_for(endpoint["path"])
            assert scratch.psql("SELECT status, taken_until IS NULL, next_at <= now(), doc->>'attempt_count' "
                                f"FROM webhook_delivery WHERE id = '{delivery['id']}'") == "waiting|t|t|0"


def test_a_copy_whose_transactions_are_numbered_anew(stage, hooks):
    """As a dump that was restored in another cluster: the position is of numbers still to come."""
    with scratch_database(stage) as scratch, serving(scratch, **PRIVATE) as server:
        made = Hooks(scratch, Client(server.port, scratch.token()), hooks, stage)
        endpoint = made.endpoint("cluster.created")
        before = made.make.cluster()["id"]
        hooks.wait_for(endpoint["path"])
        scratch.psql("UPDATE webhook_feed SET xid = '9000000000000000000'")
        after = made.make.cluster()["id"]
        hooks.wait_for(endpoint["path"], 2)
        wait_for(lambda: len(made.deliveries(endpoint, status="delivered")) == 2, "both")
        assert [c.about for c in hooks.at(endpoint["path"])] == [before, after]


def test_two_servers_share_the_work(stage, hooks):
    with scratch_database(stage) as scratch, serving(scratch, **PRIVATE) as one, \
            serving(scratch, **PRIVATE) as two:
        made = Hooks(scratch, Client(one.port, scratch.token()), hooks, stage)
        endpoint = made.endpoint("cluster.created")
        clusters = [made.make.cluster()["id"] for _ in range(20)]
        wait_for(lambda: len(made.deliveries(endpoint, status="delivered")) == 20, "all")
        assert sorted(c.about for c in hooks.at(endpoint["path"])) == sorted(clusters)
        assert two.process.poll() is None
