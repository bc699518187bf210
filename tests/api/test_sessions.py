"""One's own account: who one is, the password, and where one is signed in."""

import json
import re

import pytest

from support import confidential
from support.client import Client
from support.expect import invalid, problem
from support.passwords import make_link, new_password, secret_of, set_password
from support.sealing import person_key, seal
from support.serving import serving

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="session")
def people(world):
    return world.people


@pytest.fixture
def person(people, make, head, server):
    """Somebody with a password, and a sign-in; (client, account, password)."""
    account = people.account(make.person(), "ambassador")
    password = set_password(server.port, secret_of(make_link(head, account)))
    return people.sign_in(account), account, password


def change(client, current, new):
    return client.put("/v1/me/password", {"current_password": current, "new_password": new})


class TestMe:
    def test_of_a_person(self, people, make):
        school = make.school()
        caller = people.coordinator(school)
        me = caller.client.get("/v1/me").json
        session = caller.client.get("/v1/me/sessions").json["items"][0]["id"]
        assert me == {"account_id": caller.account["id"], "person_id": caller.person["id"],
                      "roles": ["school"], "school_id": school["id"],
                      "client_id": people.application["id"], "session_id": session,
                      "scopes": ["*"]}

    def test_of_an_operators_token(self, head, scoped):
        assert head.get("/v1/me").json == {
            "account_id": None, "person_id": None, "roles": ["head_office"], "school_id": None,
            "client_id": None, "session_id": None, "scopes": ["*"]}
        client = scoped("profile:read", "schools:read")
        assert client.get("/v1/me").json["scopes"] == ["profile:read", "schools:read"]

    def test_is_for_people(self, reader, people, scoped):
        for client, name in ((reader, "forbidden"), (people.application_itself(), "forbidden"),
                             (scoped("schools:read"), "insufficient_scope")):
            problem(client.get("/v1/me"), 403, name)
            problem(client.get("/v1/me/sessions"), 403, name)
            problem(client.delete("/v1/me/sessions"), 403, name)
            problem(client.delete(f"/v1/me/sessions/{UNKNOWN}"), 403, name)


class TestPassword:
    def test_changes_and_ends_the_other_sign_ins(self, person, people):
        client, account, password = person
        others, new = [people.sign_in(account) for _ in range(2)], new_password()
        assert change(client, password, new).status == 204
        assert client.get("/v1/me").status == 200
        for other in others:
            problem(other.get("/v1/me"), 401, "unauthorized")
        problem(change(client, password, new_password()), 403, "wrong_password")
        assert change(client, new, new_password()).status == 204

    def test_voids_a_link_that_was_sent(self, person, head, anyone):
        client, account, password = person
        link = make_link(head, account)
        assert change(client, password, new_password()).status == 204
        assert anyone.get("/account/password?link=" + secret_of(link)).status == 400

    def test_of_the_right_form(self, person, stage):
        client, account, password = person
        for new in ("short", "password", "aaaaaaaaaaaa", "ä" * 257):
            assert len(invalid(change(client, password, new), "/new_password")) == 1
        invalid(change(client, password, 7), "/new_password")
        invalid(client.put("/v1/me/password", {"new_password": "x", "sign_out": True}),
                "/current_password", "/sign_out")
        invalid(change(client, password, "y" * 1025), "/new_password")
        kept = stage.cluster.psql(f"SELECT changed_at FROM credential WHERE account_id = "
                                  f"'{account['id']}'")
        assert kept and change(client, password, new_password()).status == 204

    def test_taken_as_it_is(self, person):
        """Neither trimmed nor normalised: what was typed is what is compared."""
        client, _, password = person
        new = "  Pâté & cheese \t" + new_password()[6:] + " "
        assert change(client, password, new).status == 204
        problem(change(client, new.strip(), new_password()), 403, "wrong_password")
        assert change(client, new, new_password()).status == 204

    def test_guesses_are_limited(self, person, people, server):
        client, account, password = person
        other = people.sign_in(account)
        problem(change(client, "y" * 1024, new_password()), 403, "wrong_password")
        met = [change(c, f"guess {i}", new_password()) for i in range(4) for c in (client, other)]
        assert {r.status for r in met} == {403, 429}
        refused = met[-1]
        problem(refused, 429, "rate_limited")
        assert 0 < int(refused.header("Retry-After")) <= 60
        problem(change(client, password, new_password()), 429, "rate_limited")

    def test_that_is_right_costs_no_guess(self, person):
        client, _, password = person
        for _ in range(7):
            new = new_password()
            assert change(client, password, new).status == 204
            password = new

    def test_is_for_people(self, head, reader, people):
        problem(change(head, "x", new_password()), 403, "forbidden")
        problem(change(reader, "x", new_password()), 403, "forbidden")
        problem(change(people.somebody("ambassador").client, "x", new_password()), 403, "forbidden")

    def test_guesses_are_in_the_audit_log(self, person, stage):
        client, account, password = person
        problem(change(client, "not this one", new_password()), 403, "wrong_password")
        assert change(client, password, new_password()).status == 204
        found = stage.cluster.psql(
            "SELECT outcome FROM audit_record WHERE operation = 'change_password' "
            f"AND resource = 'account' AND resource_id = '{account['id']}' ORDER BY id")
        assert found.split() == ["failed", "done"]


class TestSessions:
    def test_are_listed_latest_use_first(self, people, stage):
        somebody = people.somebody("ambassador")
        again = people.sign_in(somebody.account)
        items = again.get("/v1/me/sessions").json["items"]
        assert [i["current"] for i in items] in ([True, False], [False, True])
        mine = next(i for i in items if i["current"])
        other = next(i for i in items if not i["current"])
        agent = confidential.note("Testbrowser 17.5 on a shared machine")
        whose = somebody.person["id"]
        sealed = {member: seal(person_key(stage, "iqm_keys", whose), whose, "session", member,
                               json.dumps(value))
                  for member, value in (("agent", agent), ("address", "192.0.2.7"))}
        stage.cluster.psql(
            f"UPDATE session SET last_used_at = now() - interval '1 day', agent = '{sealed['agent']}'"
            f", address = '{sealed['address']}.index' WHERE id = '{other['id']}'", user="iqm_owner")
        response = again.get("/v1/me/sessions").json
        assert response["next"] is None
        assert [i["id"] for i in response["items"]] == [mine["id"], other["id"]]
        assert response["items"][1]["agent"] == agent
        assert response["items"][1]["address"] == "192.0.2.7"
        assert mine["client_name"] == people.application["name"]
        assert mine["address"] is None and mine["agent"] is None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[0-9:.]{12}Z", mine["created_at"])
        seen = somebody.client.get("/v1/me/sessions").json["items"]
        assert [i["id"] for i in seen if i["current"]] == [other["id"]]

    def test_that_have_run_out_are_not(self, people, stage):
        """Neither a token nor a refresh token of it works any more."""
        somebody = people.somebody("ambassador")
        again = people.sign_in(somebody.account)
        items = again.get("/v1/me/sessions").json["items"]
        other = next(i["id"] for i in items if not i["current"])
        stage.cluster.psql("UPDATE token SET expires_at = now() - interval '1 s' "
                           f"WHERE session_id = '{other}'", user="iqm_owner")
        assert [i["current"] for i in again.get("/v1/me/sessions").json["items"]] == [True]
        stage.cluster.psql(
            "INSERT INTO refresh_token (hash, session_id, expires_at) VALUES "
            f"(sha256('{other}'), '{other}', now() + interval '1 day')", user="iqm_owner")
        assert len(again.get("/v1/me/sessions").json["items"]) == 2

    def test_are_ones_own(self, people, head):
        one, two = people.somebody("ambassador"), people.somebody("head_office")
        theirs = {i["id"] for i in one.client.get("/v1/me/sessions").json["items"]}
        mine = {i["id"] for i in two.client.get("/v1/me/sessions").json["items"]}
        assert len(theirs) == len(mine) == 1 and theirs != mine
        assert head.get("/v1/me/sessions").json == {"items": [], "next": None}
        for client in (two.client, head):
            problem(client.delete(f"/v1/me/sessions/{theirs.copy().pop()}"), 404, "not_found")
        assert one.client.get("/v1/me").status == 200

    def test_end_one_by_one_on_every_instance(self, people, stage):
        somebody = people.somebody("ambassador")
        again = people.sign_in(somebody.account)
        with serving(stage) as second:
            elsewhere = Client(second.port, again.token)
            assert elsewhere.get("/v1/me").status == 200
            items = somebody.client.get("/v1/me/sessions").json["items"]
            target = next(f"/v1/me/sessions/{i['id']}" for i in items if not i["current"])
            assert somebody.client.delete(target).status == 204
            for client in (elsewhere, again):
                problem(client.get("/v1/me"), 401, "unauthorized")
            problem(somebody.client.delete(target), 404, "not_found")
            assert len(somebody.client.get("/v1/me/sessions").json["items"]) == 1
            elsewhere.close()

    def test_end_the_own_one(self, people):
        client = people.somebody("ambassador").client
        item = client.get("/v1/me/sessions").json["items"][0]
        assert client.delete(f"/v1/me/sessions/{item['id']}").status == 204
        problem(client.get("/v1/me"), 401, "unauthorized")

    def test_end_all_at_once(self, people):
        somebody, bystander = people.somebody("ambassador"), people.somebody("ambassador")
        again = people.sign_in(somebody.account)
        assert again.delete("/v1/me/sessions").status == 204
        for client in (again, somebody.client):
            problem(client.get("/v1/me"), 401, "unauthorized")
        assert bystander.client.get("/v1/me").status == 200

    def test_of_no_person(self, head):
        assert head.delete("/v1/me/sessions").status == 204
        assert head.get("/v1/me").status == 200
        problem(head.delete(f"/v1/me/sessions/{UNKNOWN}"), 404, "not_found")

    def test_need_the_scope(self, scoped):
        client = scoped("profile:read")
        problem(client.delete("/v1/me/sessions"), 403, "insufficient_scope")
        problem(change(client, "x", new_password()), 403, "insufficient_scope")
