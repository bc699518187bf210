"""Requests that are sent again with their Idempotency-Key: done once, answered alike."""

import shutil
import threading
import uuid

import pytest

from support import steps
from support.at_once import at_once
from support.client import Client
from support.contract import OPERATIONS
from support.expect import bad_parameter, problem
from support.holding import holding
from support.places import wait_for
from support.repeats import (HEADER, SECRETS, TAKING, caller_of, changes_of, lock_of, new_key, records,
                             requests_of, same_answer)
from support.scratch import scratch_database

COLLECTION = "/v1/clusters"


def clusters_named(stage, name):
    return int(stage.cluster.psql(f"SELECT count(*) FROM cluster WHERE doc->>'name' = '{name}'"))


class TestContract:
    def test_every_post_of_a_caller_takes_a_key_and_no_other_operation(self):
        """But for a batch, each change of which has an id of its own."""
        assert {*TAKING, "push_changes"} == {o.id for o in OPERATIONS.values()
                                             if o.method == "post" and o.node["security"]}

    @pytest.mark.parametrize("operation", TAKING.values(), ids=TAKING)
    def test_says_what_may_come_of_it(self, operation):
        assert {409, 422} <= set(operation.statuses)
        assert "Retry-After" in operation.response(409)["headers"]
        for status in operation.statuses:
            if status < 300:
                told = "Idempotency-Replayed" in operation.response(status)["headers"]
                assert told == (operation.id not in SECRETS)


@pytest.mark.parametrize("operation", TAKING.values(), ids=TAKING)
def test_is_done_once(operation, stage, head, make, people):
    """In flight, then for the first time, again, and with the key for something else."""
    asked, other = requests_of(operation, make, people)
    caller = caller_of(operation, head, people)
    key = new_key()
    with holding(stage.cluster, "SELECT pg_advisory_xact_lock("
                 f"{lock_of(stage, caller.actor, operation.id, key)})"):
        busy = asked.send(caller, key)
        problem(busy, 409, "idempotency_key_in_use")
        assert busy.header("Retry-After") == "1"
    first = asked.send(caller, key)
    assert first.status in (200, 201, 202), first
    assert first.header("Idempotency-Replayed") is None
    again = asked.send(caller, key)
    if operation.id in SECRETS:
        problem(again, 409, "idempotency_answer_gone")
    else:
        assert same_answer(first, again), (first, again)
        assert again.header("Idempotency-Replayed") == "true"
    problem(other.send(caller, key), 422, "idempotency_key_reused")
    if operation.id != "create_register_import":  # what is imported is not in the audit log
        assert changes_of(stage, first) > 0
    assert changes_of(stage, again) == changes_of(stage, busy) == 0


class TestKey:
    @pytest.mark.parametrize("key", [
        '"a"', '"8e03978e-40d5-43e8-bc93-6894a57f9324"', f'"{"k" * 128}"', '" "', r'"\"\\"',
        '"!#$%&\'()*+,-./:;<=>?@[]^_`{|}~"'])
    def test_is_a_string(self, head, make, key):
        body = make.example("cluster")
        first = head.post(COLLECTION, body, headers={HEADER: key})
        assert first.status == 201, first
        assert same_answer(first, head.post(COLLECTION, body, headers={HEADER: key}))

    @pytest.mark.parametrize("key", [
        "8e03978e-40d5-43e8-bc93-6894a57f9324", '""', "", '"', "a", '"a" "b"', '"a"; b=1', '"a', 'a"',
        f'"{"k" * 129}"', '"a\\b"', '"a"b"', '"\\"', '"\xe9"', '"\x7f"', '"a", "b"', '1', ':YQ==:'])
    def test_of_another_form_is_refused(self, stage, head, make, key):
        name = make.name("Cluster")
        bad_parameter(head.post(COLLECTION, {"name": name}, headers={HEADER: key}), HEADER)
        assert clusters_named(stage, name) == 0

    def test_may_not_be_sent_twice(self, head, make):
        problem(head.post(COLLECTION, make.example("cluster"),
                          headers=[(HEADER, '"a"'), (HEADER, '"a"')]), 400, "malformed_request")

    def test_is_the_callers_own(self, stage, server, head, make):
        other, key, body = Client(server.port, stage.issue_token(make.name("Other"))), new_key(), None
        body = make.example("cluster")
        assert head.post(COLLECTION, body, headers={HEADER: key}).status == 201
        mine = other.post(COLLECTION, make.example("cluster"), headers={HEADER: key})
        assert mine.status == 201 and mine.header("Idempotency-Replayed") is None
        other.close()

    def test_an_empty_object_is_no_body(self, head, make):
        """Where none is taken: whether a program sends it may depend on which of its parts tries again."""
        target = f"/v1/webhook-endpoints/{make.webhook_endpoint()['id']}/secret"
        key, replayed = new_key(), []
        for sent in ({}, {"json": {}}, {"body": b" {} "}, {"json": {}, "chunked": True}):
            response = head.post(target, headers={HEADER: key}, **sent)
            assert response.status == 200, response
            replayed.append(response.header("Idempotency-Replayed"))
        assert replayed == [None, "true", "true", "true"]
        problem(head.post(target, {"a": 1}, headers={HEADER: key}), 422, "idempotency_key_reused")

    def test_is_of_one_operation(self, head, make):
        key = new_key()
        for name in ("cluster", "school"):
            response = head.post(f"/v1/{name}s", make.example(name), headers={HEADER: key})
            assert response.status == 201 and response.header("Idempotency-Replayed") is None

    def test_is_of_one_target(self, head):
        key, csv = new_key(), {"Content-Type": "text/csv"}
        for query, status in (("?dry_run=true", 202), ("", 422), ("?dry_run=true", 202)):
            response = head.post(f"/v1/imports/register{query}", body=b"URN,EstablishmentName\r\n",
                                 headers={HEADER: key, **csv})
            assert response.status == status, response

    def test_is_passed_over_where_it_means_nothing(self, head, anyone):
        assert head.get(COLLECTION, headers={HEADER: '"a"'}).status == 200
        assert anyone.get("/v1/enquiry-form", headers={HEADER: "a"}).status in (200, 404)

    def test_is_kept_nowhere(self, stage, head, make):
        key, name = f'"{make.name("secret")}"', make.name("Cluster")
        head.post(COLLECTION, {"name": name}, headers={HEADER: key})
        for row in stage.cluster.psql("SELECT r::text FROM idempotency_record AS r").splitlines():
            assert key.strip('"') not in row and name not in row


class TestAnswer:
    def test_is_the_original_after_the_record_has_moved_on(self, head, make):
        key, body = new_key(), make.example("cluster")
        first = head.post(COLLECTION, body, headers={HEADER: key})
        path = first.header("Location")
        assert head.patch(path, {"notes": "Changed."}, "*").status == 200
        assert same_answer(first, head.post(COLLECTION, body, headers={HEADER: key}))
        assert head.delete(path, "*").status == 204
        assert same_answer(first, head.post(COLLECTION, body, headers={HEADER: key}))
        assert head.get(path).status == 404

    def test_of_a_step_is_the_original_whatever_if_match_says(self, head, make):
        award = make.award()
        target, key = steps.path_of("assess_award", award), new_key()
        first = head.post(target, {}, headers={HEADER: key, "If-Match": '"1"'})
        assert first.status == 200, first
        steps.take(head, "grant_award", first.json)
        for match in ('"1"', '"2"', '"999"', "*"):
            again = head.post(target, {}, headers={HEADER: key, "If-Match": match})
            assert same_answer(first, again), (first, again)

    def test_comes_without_if_match_too(self, head, make):
        """What is asked for was done: that it would be refused now is no answer."""
        award, key = make.award(), new_key()
        target = steps.path_of("assess_award", award)
        first = head.post(target, {}, headers={HEADER: key, "If-Match": "*"})
        assert same_answer(first, head.post(target, {}, headers={HEADER: key}))

    def test_of_what_may_be_there_once(self, head, make):
        """The second time would be a conflict with the first."""
        key, body = new_key(), make.example("cluster")
        first = head.post(COLLECTION, body, headers={HEADER: key})
        problem(head.post(COLLECTION, body), 409, "conflict")
        assert same_answer(first, head.post(COLLECTION, body, headers={HEADER: key}))

    def test_about_a_person_is_sealed_where_it_is(self, stage, head, make):
        key, body = new_key(), make.example("person")
        first = head.post("/v1/people", body, headers={HEADER: key})
        person = first.json["id"]
        again = head.post("/v1/people", body, headers={HEADER: key})
        assert same_answer(first, again) and body["name"] in again.text
        row = stage.cluster.psql("SELECT r::text FROM idempotency_record AS r WHERE person_id = "
                                 f"'{person}'")
        assert person in row and body["name"] not in row and body["email"] not in row

    def test_about_who_was_erased_is_gone(self, stage, head, make):
        key, body = new_key(), make.example("person")
        person = head.post("/v1/people", body, headers={HEADER: key}).json["id"]
        assert records(stage, f"person_id = '{person}'") == 1
        assert head.post(f"/v1/people/{person}/erasure", {}).status == 201
        # Not done again: that would bring back who was erased.
        problem(head.post("/v1/people", body, headers={HEADER: key}), 409,
                "idempotency_answer_gone")
        assert head.get(f"/v1/people?email={body['email']}").json["items"] == []
        assert records(stage, f"person_id = '{person}' AND body IS NULL") == 1

    def test_goes_with_who_asked(self, stage, head, people):
        person, _ = people.person("head_office"), people.person("head_office")
        client = Client(people.port)
        client.token = people.sign_in(people.app(), client).tokens(person)["access_token"]
        key = new_key()
        made = client.post(COLLECTION, people.make.example("cluster"), headers={HEADER: key})
        assert made.status == 201, made
        where = f"principal = '{person.account['id']}'"
        assert records(stage, where) == 1
        assert head.post(f"/v1/people/{person.document['id']}/erasure", {}).status == 201
        assert records(stage, where) == 0
        client.close()

    def test_whose_record_was_erased_is_gone(self, stage, head, make):
        key, body = new_key(), make.example("evidence")
        made = head.post("/v1/evidence", body, headers={HEADER: key}).json["id"]
        stage.cluster.psql(f"""SET session_replication_role = replica;
            DELETE FROM evidence WHERE id = '{made}'""")
        found = problem(head.post("/v1/evidence", body, headers={HEADER: key}), 409,
                        "idempotency_answer_gone")
        assert "not kept" in found["detail"]

    def test_is_kept_for_a_day(self, stage, head, make):
        key, name = new_key(), make.name("Cluster")
        first = head.post(COLLECTION, {"name": name}, headers={HEADER: key})
        where = f"record_id = '{first.json['id']}'"
        assert records(stage, f"{where} AND kept_until BETWEEN now() + interval '23 hours 50 minutes' "
                              "AND now() + interval '24 hours'") == 1
        stage.cluster.psql(f"UPDATE idempotency_record SET kept_until = now() WHERE {where}")
        problem(head.post(COLLECTION, {"name": name}, headers={HEADER: key}), 409, "conflict")
        other = head.post(COLLECTION, make.example("cluster"), headers={HEADER: key})
        assert other.status == 201 and other.header("Idempotency-Replayed") is None
        assert records(stage, where) == 0

    def test_is_not_told_to_who_may_not_do_it_any_more(self, stage, server, make):
        name = make.name("Leaver")
        client = Client(server.port, stage.issue_token(name))
        key, body = new_key(), make.example("cluster")
        assert client.post(COLLECTION, body, headers={HEADER: key}).status == 201
        token = stage.token_id(name)
        stage.cluster.psql(f"UPDATE token SET scopes = '{{schools:write}}' WHERE id = '{token}'")
        problem(client.post(COLLECTION, body, headers={HEADER: key}), 403, "insufficient_scope")
        stage.iqmd("token", "revoke", token)
        problem(client.post(COLLECTION, body, headers={HEADER: key}), 401, "unauthorized")
        client.close()


class TestRefusal:
    """What was refused has done nothing, and is not kept."""

    def test_may_be_put_right_with_the_same_key(self, stage, head, make):
        key, name = new_key(), make.name("Cluster")
        before = records(stage, f"principal = '{head.actor}'")
        problem(head.post(COLLECTION, {"name": ""}, headers={HEADER: key}), 422, "validation_failed")
        problem(head.post(COLLECTION, body=b"{", headers={
            HEADER: key, "Content-Type": "application/json"}), 400, "malformed_body")
        assert records(stage, f"principal = '{head.actor}'") >= before
        made = head.post(COLLECTION, {"name": name}, headers={HEADER: key})
        assert made.status == 201 and made.header("Idempotency-Replayed") is None

    def test_of_a_conflict(self, head, make):
        taken, key = make.cluster()["name"], new_key()
        body = {"name": taken}
        for _ in "12":
            problem(head.post(COLLECTION, body, headers={HEADER: key}), 409, "conflict")

    def test_of_a_step(self, head, make):
        award, key = make.award(), new_key()
        target = steps.path_of("grant_award", award)
        problem(head.post(target, {}, headers={HEADER: key, "If-Match": "*"}), 409, "wrong_status")
        award = steps.take(head, "assess_award", award)
        done = head.post(target, {}, headers={HEADER: key, "If-Match": '"2"'})
        assert done.status == 200 and done.header("Idempotency-Replayed") is None

    def test_of_an_operation_that_tells_its_outcome(self, head, make, people):
        key = new_key()
        problem(head.post(f"/v1/accounts/{uuid.uuid4()}/links", headers={HEADER: key}), 404,
                "not_found")
        account = people.person("ambassador", active=False).id
        assert head.post(f"/v1/accounts/{account}/links", headers={HEADER: key}).status == 201


class TestAtOnce:
    def test_only_one_is_done(self, stage, head, make):
        name, key = make.name("Cluster"), new_key()
        statuses = at_once(head, [lambda client: client.post(
            COLLECTION, {"name": name}, headers={HEADER: key})] * 24)
        assert 201 in statuses and set(statuses) <= {201, 409}
        assert clusters_named(stage, name) == 1
        done = head.post(COLLECTION, {"name": name}, headers={HEADER: key})
        assert done.header("Idempotency-Replayed") == "true"

    def test_many_keys_are_no_hindrance_to_each_other(self, head, make):
        bodies = [make.example("cluster") for _ in range(24)]
        keys = [new_key() for _ in bodies]

        def send(body, key):
            return lambda client: client.post(COLLECTION, body, headers={HEADER: key})

        assert at_once(head, [send(*pair) for pair in zip(bodies, keys)]) == [201] * 24
        for body, key in zip(bodies, keys):
            again = head.post(COLLECTION, body, headers={HEADER: key})
            assert again.header("Idempotency-Replayed") == "true"
            assert again.json["name"] == body["name"]

    def test_two_instances_know_of_each_other(self, stage, head, make):
        other = stage.server().start()
        try:
            clients = [head, Client(other.port, head.token)]
            for _ in range(8):
                name, key = make.name("Cluster"), new_key()
                answers = [None] * 8
                start = threading.Barrier(8)

                def send(place):
                    client = Client(clients[place % 2].port, head.token)
                    start.wait()
                    answers[place] = client.post(COLLECTION, {"name": name}, headers={HEADER: key})
                    client.close()

                threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert clusters_named(stage, name) == 1
                for answer in answers:
                    if answer.status == 409:
                        problem(answer, 409, "idempotency_key_in_use")
                    else:
                        assert answer.json["name"] == name
                assert [a.header("Idempotency-Replayed") for a in answers
                        if a.status == 201].count(None) == 1
            clients[1].close()
        finally:
            other.stop()
            shutil.rmtree(other.directory)

    def test_steps_are_taken_once(self, head, make):
        award, key = make.award(), new_key()
        target = steps.path_of("assess_award", award)
        statuses = at_once(head, [lambda client: client.post(
            target, {}, headers={HEADER: key, "If-Match": '"1"'})] * 12)
        assert 200 in statuses and set(statuses) <= {200, 409}
        assert head.get(f"/v1/awards/{award['id']}").json["version"] == 2


def test_what_is_over_is_cleared_away(stage):
    """By a server that starts, in batches."""
    with scratch_database(stage) as scratch:
        scratch.psql("""INSERT INTO idempotency_record (principal, operation, key_hash, fingerprint,
                status, kept_until) SELECT gen_random_uuid(), 'create_school', sha256(n::text::bytea),
                sha256(''), 201, now() + n * interval '1 hour' FROM generate_series(-12000, 1) AS n""",
                     user="postgres")
        with scratch.served(scratch.token()):
            wait_for(lambda: records(stage, "true", scratch.name) == 1, "the others to go", 30)


class TestBrowsers:
    ORIGIN = {"Origin": "https://app.example"}

    def test_may_send_it_and_read_what_came_of_it(self, anyone):
        asked = anyone.request("OPTIONS", COLLECTION, headers={
            **self.ORIGIN, "Access-Control-Request-Method": "POST"})
        allowed = asked.header("Access-Control-Allow-Headers").split(", ")
        assert {HEADER, "Prefer"} <= set(allowed)
        exposed = asked.header("Access-Control-Expose-Headers").split(", ")
        assert {"Idempotency-Replayed", "Preference-Applied", "Retry-After"} <= set(exposed)

    def test_a_head_that_leaves_room_is_answered(self, head, make):
        """What is done is never answered by a closed connection for want of room."""
        def send(padding):
            body = make.example("cluster")
            return head.post(COLLECTION, body, headers={
                **self.ORIGIN, HEADER: new_key(), "Prefer": "return=minimal", "X-Padding": "x" * padding})

        fits, too_long = 0, 6000
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if send(middle).status == 431:
                too_long = middle
            else:
                fits = middle
        for padding in range(fits - 8, fits + 1):
            assert send(padding).status == 201
