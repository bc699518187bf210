"""Accounts: links and the page behind them, and what a change of an account brings with it."""

import hashlib
import html
import re
import threading
import time

import pytest

from support.client import Client
from support.expect import invalid, page_of, problem
from support.passwords import (PAGE, choose, make_link, new_password, secret_of, send_form,
                               set_password)
from support.places import wait_for
from support.resources import Maker
from support.scratch import scratch_database
from support.serving import serving
from support.world import People

LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/account/password\?link=(iql_[A-Za-z0-9_-]{43})")


@pytest.fixture(scope="session")
def people(world):
    return world.people


@pytest.fixture
def invited(people, make):
    """An account whose person has not chosen a password yet."""
    return people.account(make.person(), "ambassador")


def credential(stage, account, column="password"):
    return stage.cluster.psql(f"SELECT {column} FROM credential WHERE account_id = "
                              f"'{account['id']}'")


def signs_in_with(stage, head, account):
    """The address whose blind index the credential has: of the account's person."""
    index = credential(stage, account, "sign_in_index")
    person = stage.cluster.psql("SELECT id FROM person WHERE email_index = "
                                f"'{index}' AND id = '{account['person_id']}'")
    return head.get(f"/v1/people/{person}").json["email"].lower()


def current(head, account):
    return head.get(f"/v1/accounts/{account['id']}").json


def patch(head, account, members):
    return head.patch(f"/v1/accounts/{account['id']}", members, "*")


def all_at_once(calls):
    """The results of calls that begin together, each in a thread of its own."""
    results, barrier = [None] * len(calls), threading.Barrier(len(calls))

    def run(i, call):
        barrier.wait()
        results[i] = call()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class TestLinks:
    def test_are_made_for_a_week_and_then_for_a_day(self, head, invited, server):
        for purpose, seconds in (("invite", 7 * 86400), ("reset", 86400)):
            link = make_link(head, invited)
            port, secret = LINK.fullmatch(link["url"]).groups()
            assert (int(port), link["purpose"]) == (server.port, purpose)
            ends = time.mktime(time.strptime(link["expires_at"][:19], "%Y-%m-%dT%H:%M:%S"))
            assert abs(ends - time.mktime(time.gmtime()) - seconds) < 120
            set_password(server.port, secret)

    def test_are_kept_as_a_hash(self, head, invited, stage):
        secret = secret_of(make_link(head, invited))
        digest = hashlib.blake2b(secret.encode(), key=bytes.fromhex(stage.key), digest_size=32)
        kept = stage.cluster.psql(f"SELECT l, encode(hash, 'hex') FROM account_link l "
                                  f"WHERE account_id = '{invited['id']}'")
        assert kept.endswith(digest.hexdigest()) and secret[4:] not in kept

    def test_are_in_the_audit_log(self, head, invited, server, stage):
        """Who made it, and who used it; the secret is in neither."""
        secret = secret_of(make_link(head, invited))
        set_password(server.port, secret)
        rows = stage.cluster.psql("SELECT operation, actor, outcome, doc FROM audit_record WHERE "
                                  f"resource_id = '{invited['id']}' ORDER BY id").splitlines()
        assert secret not in str(rows)
        assert [row.split("|")[:3] for row in rows] == [
            ["create_account", head.actor, "done"], ["create_account_link", head.actor, "done"],
            ["post_password_page", invited["id"], "done"]]

    def test_of_nobody(self, head):
        problem(head.post("/v1/accounts/00000000-0000-4000-8000-000000000000/links"), 404,
                "not_found")

    def test_of_a_suspended_account(self, head, invited):
        patch(head, invited, {"suspended": True})
        problem(head.post(f"/v1/accounts/{invited['id']}/links"), 409, "conflict")

    def test_are_for_head_office_to_make(self, people, invited, reader, scoped):
        target = f"/v1/accounts/{invited['id']}/links"
        for client, name in ((people.somebody("ambassador").client, "forbidden"),
                             (reader, "forbidden"),
                             (scoped("accounts:read"), "insufficient_scope")):
            problem(client.post(target), 403, name)

    def test_take_each_others_place(self, head, invited, anyone):
        first, second = (secret_of(make_link(head, invited)) for _ in range(2))
        page_of(anyone.get(f"{PAGE}?link={first}"), 400)
        page_of(choose(anyone, first, new_password()), 400)
        page_of(anyone.get(f"{PAGE}?link={second}"), 200)

    def test_end_with_a_suspension_for_good(self, head, invited, anyone):
        secret = secret_of(make_link(head, invited))
        for suspended in (True, False):
            assert patch(head, invited, {"suspended": suspended}).status == 200
            page_of(anyone.get(f"{PAGE}?link={secret}"), 400)
            page_of(choose(anyone, secret, new_password()), 400)

    def test_end_when_the_address_changes(self, head, invited, anyone, make):
        """It was sent to the old one."""
        secret = secret_of(make_link(head, invited))
        other = make.example("person")["email"]
        head.patch(f"/v1/people/{invited['person_id']}", {"email": other}, "*")
        page_of(choose(anyone, secret, new_password()), 400)


class TestPage:
    def test_shows_whom_it_is_for(self, head, invited, anyone):
        text = page_of(anyone.get(f"{PAGE}?link={secret_of(make_link(head, invited))}"), 200)
        person = head.get(f"/v1/people/{invited['person_id']}").json
        assert html.escape(person["email"]) in text
        assert text.count('autocomplete="new-password"') == 2
        for name in ("username", "password", "repeat"):
            assert f'<label for="{name}">' in text and f'id="{name}"' in text

    def test_knows_only_links_that_work(self, anyone, head, invited, stage):
        expired = secret_of(make_link(head, invited))
        stage.cluster.psql("UPDATE account_link SET expires_at = now() - interval '1 s' "
                           f"WHERE account_id = '{invited['id']}'", user="iqm_owner")
        answers = set()
        for link in (expired, "iql_" + "A" * 43, "iqm_" + "A" * 43, "x", "", "iql_", "%3Cb%3E"):
            answers.add(page_of(anyone.get(f"{PAGE}?link={link}"), 400))
        answers.add(page_of(anyone.get(PAGE), 400))
        answers.add(page_of(choose(anyone, expired, new_password()), 400))
        assert len(answers) == 1
        page_of(anyone.get(f"{PAGE}?link={'x' * 201}"), 400)
        page_of(anyone.get(f"{PAGE}?link=a&link=b"), 400)

    def test_sets_the_password_once(self, head, invited, anyone, stage):
        secret, password = secret_of(make_link(head, invited)), new_password()
        assert "activated_at" not in current(head, invited)
        page_of(choose(anyone, secret, password), 200)
        now = current(head, invited)
        assert now["version"] == 2 and now["activated_at"] == now["updated_at"]
        kept = credential(stage, invited)
        assert kept.startswith("$argon2id$") and password not in kept
        page_of(choose(anyone, secret, new_password()), 400)
        page_of(anyone.get(f"{PAGE}?link={secret}"), 400)
        assert credential(stage, invited) == kept and current(head, invited) == now

    def test_is_in_the_history_as_the_persons_own_doing(self, head, invited, server):
        set_password(server.port, secret_of(make_link(head, invited)))
        items = head.get(f"/v1/accounts/{invited['id']}/history").json["items"]
        assert [(i["version"], i["actor"]) for i in items] == [(2, invited["id"]), (1, head.actor)]

    def test_keeps_when_the_account_was_activated(self, head, invited, server):
        set_password(server.port, secret_of(make_link(head, invited)))
        first = current(head, invited)
        set_password(server.port, secret_of(make_link(head, invited)))
        second = current(head, invited)
        assert second["activated_at"] == first["activated_at"] and second["version"] == 3
        assert list(second) == list(first)

    def test_ends_every_sign_in(self, head, people, make, server):
        somebody = people.somebody("ambassador")
        again = people.sign_in(somebody.account)
        assert somebody.client.get("/v1/me").status == again.get("/v1/me").status == 200
        set_password(server.port, secret_of(make_link(head, somebody.account)))
        for client in (somebody.client, again):
            problem(client.get("/v1/me"), 401, "unauthorized")

    @pytest.mark.parametrize("password, repeat", [
        ("short", None), ("password", None), ("aaaaaaaaaaaa", None), ("12345678", None),
        ("A good one, this", "A good one, that"), ("", ""), pytest.param("ä" * 257, None, id="long")])
    def test_refuses_bad_passwords(self, head, invited, anyone, stage, password, repeat):
        secret = secret_of(make_link(head, invited))
        text = page_of(choose(anyone, secret, password, repeat), 422)
        assert 'role="alert"' in text and f'value="{secret}"' in text
        assert credential(stage, invited) == ""
        page_of(anyone.get(f"{PAGE}?link={secret}"), 200)

    def test_refuses_the_own_address(self, head, invited, anyone):
        person = head.get(f"/v1/people/{invited['person_id']}").json
        secret = secret_of(make_link(head, invited))
        page_of(choose(anyone, secret, person["email"].upper()), 422)

    @pytest.mark.parametrize("body, status", [
        (b"", 400), (b"link=x", 422), (b"link=x&password=y&repeat=y&more=z", 422),
        (b"link=x&link=y&password=y&repeat=y", 400), (b"link=%00&password=y&repeat=y", 400),
        (b"link=%ff&password=y&repeat=y", 400), (b"link=%zz&password=y&repeat=y", 400),
        (b"link=x&repeat=y&password=" + b"y" * 1025, 422), (b"link=x&password=y&repeat=y", 400)])
    def test_refuses_malformed_forms(self, anyone, body, status):
        page_of(send_form(anyone, body), status)

    @pytest.mark.parametrize("origin, headers", [
        (False, ()), ("https://evil.example", ()), ("null", ()),
        (False, [("Referer", "https://evil.example/account/password")]),
        (False, [("Sec-Fetch-Site", "cross-site")]), (False, [("Sec-Fetch-Site", "none")]),
        (True, [("Sec-Fetch-Site", "cross-site")]), (False, [("Sec-Fetch-Site", "same-site")]),
        ("https://evil.example", [("Sec-Fetch-Site", "same-origin")])])
    def test_takes_no_form_from_elsewhere(self, head, invited, anyone, stage, origin, headers):
        secret = secret_of(make_link(head, invited))
        page_of(choose(anyone, secret, new_password(), origin=origin, headers=headers), 403)
        assert credential(stage, invited) == ""

    @pytest.mark.parametrize("headers", [
        [("Sec-Fetch-Site", "same-origin")],
        [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], [("Referer", True)]])
    def test_takes_it_from_its_own_page(self, head, invited, anyone, headers):
        page = f"http://{anyone.host}:{anyone.port}{PAGE}"
        sent = [(name, page if value is True else value) for name, value in headers]
        secret = secret_of(make_link(head, invited))
        page_of(choose(anyone, secret, new_password(), origin=False, headers=sent), 200)

    def test_is_not_fooled_by_a_referer_that_begins_alike(self, anyone):
        for tail in (".evil.example/", "@evil.example/", "1/", ""):
            headers = [("Referer", f"http://{anyone.host}:{anyone.port}{tail}")]
            page_of(choose(anyone, "x", "y", origin=False, headers=headers), 403)

    def test_wants_a_form(self, anyone):
        response = anyone.post(PAGE, {"link": "x", "password": "y", "repeat": "y"})
        page_of(response, 415)

    def test_is_limited_by_address(self, stage):
        with serving(stage, IQM_LIMIT_SIGN_IN=5) as server:
            client = Client(server.port)
            met = [choose(client, "iql_" + "A" * 43, "y") for _ in range(7)]
            assert met[0].status == 400
            page_of(met[-1], 429)
            assert int(met[-1].header("Retry-After")) > 0
            client.close()

    def test_of_one_link_for_two_people(self, head, invited, server, stage):
        """Exactly one of them gets in, and the password is theirs."""
        secret = secret_of(make_link(head, invited))
        clients = [Client(server.port) for _ in range(4)]
        chosen = [new_password() for _ in clients]
        statuses = [r.status for r in all_at_once(
            [lambda c=c, p=p: choose(c, secret, p) for c, p in zip(clients, chosen)])]
        assert sorted(statuses) == [200, 400, 400, 400]
        assert current(head, invited)["version"] == 2
        winner = people_token(stage, head, invited, server)
        body = {"current_password": chosen[statuses.index(200)], "new_password": new_password()}
        assert winner.put("/v1/me/password", body).status == 204
        for client in clients:
            client.close()

    def test_leaves_no_secret_in_the_log(self, head, invited, stage):
        with serving(stage) as server:
            client, password = Client(server.port), new_password()
            secret = secret_of(make_link(head, invited))
            page_of(client.get(f"{PAGE}?link={secret}"), 200)
            page_of(choose(client, secret, password), 200)
            client.close()
            server.wait_for_log(operation="post_password_page")
            text = server.log_path.read_text()
            assert secret not in text and password not in text


def people_token(stage, head, account, server):
    return People(Maker(head, stage.number), stage, server.port).sign_in(account)


class TestChanges:
    def test_the_address_signs_in(self, head, people, make, stage):
        somebody = people.somebody("ambassador")
        assert signs_in_with(stage, head, somebody.account) == somebody.person["email"]
        other = make.example("person")["email"]
        path = f"/v1/people/{somebody.person['id']}"
        assert head.patch(path, {"email": other.upper()}, "*").status == 200
        assert signs_in_with(stage, head, somebody.account) == other
        invalid(head.patch(path, {"email": None}, "*"), "/email")
        assert signs_in_with(stage, head, somebody.account) == other

    def test_two_accounts_cannot_share_an_address(self, head, people, make):
        one, two = people.somebody("ambassador"), people.somebody("ambassador")
        clash = head.patch(f"/v1/people/{two.person['id']}",
                           {"email": one.person["email"].upper()}, "*")
        assert [e["pointer"] for e in problem(clash, 409, "conflict")["errors"]] == ["/email"]
        whole = head.put(f"/v1/people/{two.person['id']}",
                         {**two.person, "email": one.person["email"]}, headers={"If-Match": '"1"'})
        problem(whole, 409, "conflict")
        double = make.person(email=one.person["email"])
        body = {"person_id": double["id"], "roles": ["ambassador"], "suspended": False}
        found = problem(head.post("/v1/accounts", body), 409, "conflict")
        assert [e["pointer"] for e in found["errors"]] == ["/person_id"]

    def test_a_person_without_an_address_gets_no_account(self, head, make):
        person = make.person(email=None)
        body = {"person_id": person["id"], "roles": ["ambassador"], "suspended": False}
        invalid(head.post("/v1/accounts", body), "/person_id")

    @pytest.mark.parametrize("members, pointer", [
        ({"roles": ["school"]}, "/school_id"), ({"roles": []}, "/roles"),
        ({"roles": ["client"]}, "/roles/0"), ({"roles": ["ambassador", "ambassador"]}, "/roles/1"),
        ({"roles": "head_office"}, "/roles"), ({"suspended": "no"}, "/suspended"),
        ({"activated_at": "2026-01-01T00:00:00Z"}, "/activated_at"), ({"version": 9}, "/version"),
        ({"password": "x"}, "/password"), ({"school_id": "SCHOOL"}, "/school_id")])
    def test_that_make_no_sense(self, head, invited, make, members, pointer):
        if members.get("school_id"):
            members = {"school_id": make.school()["id"]}
        invalid(patch(head, invited, members), pointer)
        assert current(head, invited) == invited

    def test_are_for_head_office(self, people):
        """Nobody gives themselves a role."""
        for role in ("ambassador", "head_office"):
            somebody = people.somebody(role)
            path = f"/v1/accounts/{somebody.account['id']}"
            for response in (somebody.client.patch(path, {"roles": ["head_office"]}, "*"),
                             somebody.client.get(path)):
                assert (response.status == 200) == (role == "head_office"), response

    def test_reach_live_tokens_at_once(self, head, people, stage):
        somebody = people.somebody("ambassador")
        with serving(stage) as second:
            other = Client(second.port, somebody.client.token)
            for client in (somebody.client, other):
                problem(client.get("/v1/accounts?limit=1"), 403, "forbidden")
            assert patch(head, somebody.account, {"roles": ["head_office"]}).status == 200
            for client in (somebody.client, other):
                assert client.get("/v1/accounts?limit=1").status == 200
                assert client.get("/v1/me").json["roles"] == ["head_office"]
            assert patch(head, somebody.account, {"suspended": True}).status == 200
            for client in (other, somebody.client):
                problem(client.get("/v1/me"), 401, "unauthorized")
            assert patch(head, somebody.account, {"suspended": False}).status == 200
            problem(other.get("/v1/me"), 401, "unauthorized")
            other.close()

    def test_a_removed_account_is_out(self, head, people, stage):
        somebody = people.somebody("ambassador")
        assert head.delete(f"/v1/accounts/{somebody.account['id']}", "*").status == 204
        problem(somebody.client.get("/v1/me"), 401, "unauthorized")
        assert credential(stage, somebody.account, "count(*)") == "0"

    def test_do_not_hand_it_to_another_person(self, head, people, make, stage):
        """Who knows the password stays who it is."""
        somebody, other = people.somebody("ambassador"), make.person()
        kept = current(head, somebody.account)
        found = patch(head, somebody.account, {"person_id": other["id"]})
        assert "another account" in problem(found, 422, "validation_failed")["detail"]
        invalid(found, "/person_id")
        whole = {"person_id": other["id"], "roles": ["ambassador"], "suspended": False}
        invalid(head.put(f"/v1/accounts/{kept['id']}", whole,
                         headers={"If-Match": f'"{kept["version"]}"'}), "/person_id")
        assert current(head, somebody.account) == kept
        assert somebody.client.get("/v1/me").status == 200
        assert signs_in_with(stage, head, somebody.account) == somebody.person["email"]


class TestLastHeadOffice:
    @pytest.fixture
    def office(self, stage):
        """Two accounts of head office on a database of their own, where nobody else is."""
        with scratch_database(stage) as scratch, scratch.served(scratch.token()) as head:
            people = People(Maker(head, stage.number), scratch, head.port)
            yield head, [people.somebody("head_office") for _ in range(2)]

    def test_cannot_be_removed(self, office):
        head, (one, two) = office
        assert head.delete(f"/v1/accounts/{one.account['id']}", "*").status == 204
        for response in (head.delete(f"/v1/accounts/{two.account['id']}", "*"),
                         patch(head, two.account, {"suspended": True}),
                         patch(head, two.account, {"roles": ["ambassador"]})):
            assert "last account" in problem(response, 409, "conflict")["detail"]
        assert two.client.get("/v1/me").status == 200

    def test_is_left_when_two_remove_each_other(self, office):
        head, (one, two) = office
        statuses = [r.status for r in all_at_once([
            lambda: one.client.delete(f"/v1/accounts/{two.account['id']}", "*"),
            lambda: two.client.delete(f"/v1/accounts/{one.account['id']}", "*")])]
        assert statuses.count(204) == 1 and set(statuses) <= {204, 401, 409, 503}, statuses
        wait_for(lambda: len(head.get("/v1/accounts").json["items"]) == 1, "one to be left")
