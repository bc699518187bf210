"""The operator's commands for accounts and for third-party programs."""

import re

import pytest

from support import confidential
from support.client import Client
from support.expect import page_of
from support.passwords import PAGE, choose, new_password, secret_of, set_password
from support.scratch import scratch_database
from support.serving import serving

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def example(make):
    return make.example("person")


def invite(stage, person, *options, role="ambassador", **more):
    return stage.iqmd("user", "invite", "--name", person["name"], "--email", person["email"],
                      "--role", role, *options, **more)


def account_of(head, stage, person):
    people = head.get(f"/v1/people?email={person['email'].upper()}").json["items"]
    found = stage.cluster.psql("SELECT account.id FROM account JOIN credential "
                               "ON account_id = account.id WHERE sign_in_index IS NOT NULL "
                               f"AND person_id IN ('{people[0]['id']}')")
    return head.get(f"/v1/accounts/{found}").json


def line_of(stage, person):
    return next(line for line in stage.iqmd("user", "list").stdout.splitlines()
                if person["email"] in line)


def audited(stage, record, operation):
    return stage.cluster.psql(
        "SELECT DISTINCT outcome, actor FROM audit_record WHERE resource_id = "
        f"'{record['id']}' AND operation = '{operation}'")


class TestUsage:
    @pytest.mark.parametrize("arguments", [
        ("user",), ("user", "invite"), ("user", "invite", "--name", "x"), ("user", "list", "x"),
        ("user", "remove", "x"), ("user", "suspend"), ("user", "reset", "a", "b"),
        ("user", "invite", "--name", "x", "--email", "x@y.example"),
        ("user", "invite", "--name", "x", "--email", "x@y.example", "--role", "school", "more"),
        ("user", "invite", "--password", "x"), ("client",), ("client", "create"),
        ("client", "create", "--name", "x"), ("client", "secret"), ("client", "secret", "x"),
        ("client", "delete", "x"), ("client", "list", "x")])
    def test_wrong(self, stage, arguments):
        done = stage.iqmd(*arguments, check=False)
        assert done.returncode == 2 and done.stderr and done.stdout == ""

    def test_help(self, stage):
        for command in ("user", "client"):
            assert f"iqmd {command} " in stage.iqmd(command, "--help").stdout

    @pytest.mark.parametrize("command", [("user", "reset", UNKNOWN), ("client", "secret", UNKNOWN)])
    def test_secrets_need_the_key(self, stage, command):
        done = stage.iqmd(*command, check=False, settings={"IQM_TOKEN_KEY": ""})
        assert done.returncode == 1 and "IQM_TOKEN_KEY" in done.stderr


class TestInvite:
    def test_the_first_of_head_office(self, stage):
        """On an empty database: from the command to the password and back into the list."""
        with scratch_database(stage) as own, serving(own) as server:
            person = {"name": confidential.note("Ada Testoffice"),
                      "email": confidential.note("Ada.Testoffice@example.org")}
            done = invite(own, person, role="head_office",
                          settings={"IQM_PUBLIC_URL": f"http://127.0.0.1:{server.port}"})
            assert done.stdout.startswith(f"http://127.0.0.1:{server.port}{PAGE}?link=iql_")
            assert " invited " in own.iqmd("user", "list").stdout
            set_password(server.port, secret_of(done.stdout.strip()))
            listed = own.iqmd("user", "list").stdout
            assert " active " in listed and person["email"] in listed
            kept = own.iqmd("user", "suspend", person["email"], check=False)
            assert kept.returncode == 1
            assert kept.stderr.startswith("This is the last account of head office")
            assert " active " in own.iqmd("user", "list").stdout

    def test_makes_documents_as_the_api_does(self, stage, head, make, example):
        school = make.school()
        done = invite(stage, example, "--school", school["urn"], role="school")
        assert done.stdout.startswith(f"{PAGE}?link=iql_") and "IQM_PUBLIC_URL" in done.stderr
        account = account_of(head, stage, example)
        assert account["roles"] == ["school"] and account["school_id"] == school["id"]
        assert account["suspended"] is False and account["version"] == 1
        person = head.get(f"/v1/people/{account['person_id']}").json
        assert (person["name"], person["email"]) == (example["name"], example["email"])
        for record, kind in ((account, "accounts"), (person, "people")):
            again = head.put(f"/v1/{kind}/{record['id']}", record, headers={"If-Match": '"1"'})
            assert (again.status, again.json) == (200, record)
            items = head.get(f"/v1/{kind}/{record['id']}/history").json["items"]
            assert [(i["version"], i["actor"]) for i in items] == [(1, None)]
            assert audited(stage, record, "iqmd user invite") == "done|"

    def test_takes_the_person_who_is_there(self, stage, head, make):
        person = make.person()
        done = invite(stage, {**person, "email": person["email"].upper()})
        assert "already" in done.stderr and person["id"] in done.stderr
        assert account_of(head, stage, person)["person_id"] == person["id"]

    def test_says_that_there_is_an_account(self, stage, head, example):
        invite(stage, example)
        account = account_of(head, stage, example)
        again = invite(stage, example, check=False)
        assert again.returncode == 1 and again.stdout == "" and account["id"] in again.stderr

    def test_wants_text(self, stage, example):
        done = stage.iqmd("user", "invite", "--name", b"Caf\xe9", "--email", example["email"],
                          "--role", "ambassador", check=False)
        assert done.returncode == 1 and "UTF-8" in done.stderr

    def test_a_name_cannot_break_the_list(self, stage, head, example):
        """Nor speak to the operator's terminal."""
        invite(stage, {**example, "name": "Eve\x1b[2J\nEvil"})
        assert line_of(stage, example).endswith("  Eve?[2J?Evil")

    def test_asks_which_of_several_people(self, stage, make):
        person = make.person()
        make.person(email=person["email"])
        done = invite(stage, person, check=False)
        assert done.returncode == 1 and "Several" in done.stderr

    @pytest.mark.parametrize("change, options, word", [
        ({"email": "nobody"}, (), "email"), ({"name": ""}, (), "name"),
        ({}, ("--role", "king"), "roles"), ({}, ("--role", "school"), "school_id"),
        ({}, ("--role", "ambassador"), "roles"), ({}, ("--school", "1"), "URN")])
    def test_refuses_what_the_contract_refuses(self, stage, head, example, change, options, word):
        person = {**example, **change}
        done = invite(stage, person, *options, check=False)
        assert done.returncode == 1 and done.stdout == "" and word in done.stderr, done
        assert head.get(f"/v1/people?email={example['email']}").json["items"] == []


class TestChanges:
    def test_suspend_and_restore(self, stage, head, example):
        invite(stage, example)
        account = account_of(head, stage, example)
        for command, word, version in (("suspend", "suspended", 2), ("restore", "invited", 3)):
            assert stage.iqmd("user", command, example["email"].upper()).stderr == ""
            assert f" {word} " in line_of(stage, example)
            assert "already" in stage.iqmd("user", command, account["id"]).stderr
            now = account_of(head, stage, example)
            assert (now["suspended"], now["version"]) == (command == "suspend", version)
            assert list(now) == list(account) and now["updated_at"] > account["updated_at"]
            assert audited(stage, account, f"iqmd user {command}") == "done|"

    def test_suspending_ends_sign_ins(self, stage, world):
        somebody = world.people.somebody("ambassador")
        stage.iqmd("user", "suspend", somebody.account["id"])
        assert somebody.client.get("/v1/me").status == 401

    def test_reset_makes_another_link(self, stage, server, example):
        first = secret_of(invite(stage, example).stdout.strip())
        second = secret_of(stage.iqmd("user", "reset", example["email"]).stdout.strip())
        client = Client(server.port)
        page_of(choose(client, first, new_password()), 400)
        page_of(choose(client, second, new_password()), 200)
        client.close()
        assert " active " in line_of(stage, example)

    def test_no_link_for_a_suspended_one(self, stage, example):
        invite(stage, example)
        stage.iqmd("user", "suspend", example["email"])
        done = stage.iqmd("user", "reset", example["email"], check=False)
        assert done.returncode == 1 and "suspended" in done.stderr and done.stdout == ""

    @pytest.mark.parametrize("command", ["suspend", "restore", "reset"])
    @pytest.mark.parametrize("who", [UNKNOWN, "nobody@nowhere.example", "x", "' OR true --"])
    def test_of_nobody(self, stage, command, who):
        done = stage.iqmd("user", command, who, check=False)
        assert done.returncode == 1 and "no account" in done.stderr


def create_client(stage, name, *options, kind="confidential", **more):
    return stage.iqmd("client", "create", "--name", name, "--kind", kind, "--scope",
                      "schools:read", "--redirect", "https://front.example/back", *options, **more)


class TestClients:
    def test_a_life(self, stage, head, make):
        name = make.name("Application")
        done = create_client(stage, name, "--origin", "https://front.example", "--scope",
                             "meetings:read")
        number, secret = done.stdout.split()
        confidential.note(secret)
        assert UUID.fullmatch(number) and re.fullmatch(r"iqs_[A-Za-z0-9_-]{43}", secret)
        client = head.get(f"/v1/clients/{number}").json
        assert client["scopes"] == ["schools:read", "meetings:read"]
        assert client["redirect_uris"] == ["https://front.example/back"]
        assert client["origins"] == ["https://front.example"]
        assert audited(stage, client, "iqmd client create") == "done|"
        line = next(l for l in stage.iqmd("client", "list").stdout.splitlines() if name in l)
        assert number in line and "secret of " in line and secret not in line
        again, other = stage.iqmd("client", "secret", number).stdout.split()
        assert again == number and confidential.note(other) != secret
        assert stage.iqmd("client", "delete", number).stdout == ""
        assert head.get(f"/v1/clients/{number}").status == 404
        items = head.get(f"/v1/clients/{number}/history").json["items"]
        assert [i["action"] for i in items] == ["deleted", "created"]

    def test_a_public_one_has_no_secret(self, stage, make):
        done = create_client(stage, make.name("Application"), kind="public")
        assert UUID.fullmatch(done.stdout.strip())
        refused = stage.iqmd("client", "secret", done.stdout.strip(), check=False)
        assert refused.returncode == 1 and "public" in refused.stderr and refused.stdout == ""

    def test_a_name_stands_for_one(self, stage, make):
        name = make.name("Application")
        confidential.note(create_client(stage, name).stdout.split()[1])
        done = create_client(stage, name, check=False)
        assert done.returncode == 1 and "only one" in done.stderr and done.stdout == ""
        assert f'"{name}"' in done.stderr and "client" in done.stderr

    @pytest.mark.parametrize("options, word", [
        (("--scope", "schools:red"), 'scopes/1 "schools:red"'),
        (("--redirect", "http://x.example/"), 'redirect_uris/1 "http://x.example/"'),
        (("--scope", "a\x1b[2J"), 'scopes/1 "a?[2J"'), (("--origin", "x"), 'origins/0 "x"'), (("--kind", "secret"), "kind"), (("--name", ""), "name")])
    def test_refuses_what_the_contract_refuses(self, stage, make, options, word):
        done = create_client(stage, make.name("Application"), *options, check=False)
        assert done.returncode == 1 and done.stdout == "" and word in done.stderr, done

    @pytest.mark.parametrize("command", ["secret", "delete"])
    def test_of_nobody(self, stage, command):
        done = stage.iqmd("client", command, UNKNOWN, check=False)
        assert done.returncode == 1 and "no client" in done.stderr


class TestTokens:
    @pytest.mark.parametrize("role", ["ambassador", "school"])
    def test_of_people_are_not_issued(self, stage, role):
        done = stage.iqmd("token", "issue", "--name", f"x {stage.number()}", "--role", role,
                          check=False)
        assert done.returncode == 2 and done.stdout == ""
