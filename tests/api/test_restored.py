"""Backups that are restored bring nobody back who was erased since: whoever it was, whatever else fails,
and also where the server is at work meanwhile."""

import uuid
from contextlib import contextmanager

import pytest

from support import confidential, enquiries
from support.backups import dump, restore, restore_in_place
from support.client import Client
from support.expect import problem
from support.people import People, Person
from support.places import wait_for
from support.resources import Maker
from support.scratch import scratch_database

LONG_AGO = "01890000"  # what ids of the summer of 2023 begin with
ROUNDS_SECONDS = 60  # in which a round, of five seconds, must have come


@pytest.fixture
def scratch(stage):
    with scratch_database(stage) as database:
        yield database


def erase(client, person):
    done = client.post(f"/v1/people/{person}/erasure", {})
    assert done.status == 201, done
    return done.json["id"]


def newcomer(client):
    """The id of a new person."""
    mark = uuid.uuid4()
    made = client.post("/v1/people", {"name": confidential.note(f"Returning {mark}"),
                                      "email": confidential.note(f"{mark}@example.org")})
    assert made.status == 201, made
    return made.json["id"]


def erased(scratch):
    return set(scratch.psql("SELECT id FROM person WHERE erased").split())


def backdate(scratch, erasure, table, id_member):
    """An erasure of long ago, in the key database's log or in the ledger. Its new id."""
    old = LONG_AGO + erasure[8:]
    database = scratch.keys if table == "erasure_log" else scratch.name
    scratch.stage.cluster.psql(f"""
        SET session_replication_role = replica; ALTER TABLE {table} DISABLE TRIGGER append_only;
        UPDATE {table} SET {id_member} = '{old}', doc = replace(doc::text, '{erasure}', '{old}')::json
        WHERE {id_member} = '{erasure}';
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only""", database=database)
    return old


class OnlyOne:
    """The only account of head office, of somebody who enquired once, and who puts evidence there."""

    def __init__(self, stage, scratch, client):
        make = Maker(client, stage.number)
        self.people = People(scratch, make, client.port)
        self.enquiry = enquiries.send(make)
        self.id = self.enquiry["person_id"]
        document = client.get(f"/v1/people/{self.id}").json
        account = client.post("/v1/accounts", {"person_id": self.id, "roles": ["head_office"],
                                               "suspended": False})
        assert account.status == 201, account
        self.account = Person(document, account.json, confidential.note("correct horse restored"))
        self.people.activate(self.account)
        own = Client(client.port)
        own.token = self.people.sign_in(self.people.app()).tokens(self.account)["access_token"]
        put = own.post("/v1/evidence", make.example("evidence"))
        assert put.status == 201, put
        self.evidence = put.json["id"]

    def left(self, scratch):
        """Rows of theirs that an erasure takes away."""
        return scratch.psql(f"""
            SELECT 'person' FROM person WHERE id = '{self.id}' AND NOT erased
            UNION ALL SELECT 'account' FROM account WHERE person_id = '{self.id}'
            UNION ALL SELECT 'credential' FROM credential WHERE account_id = '{self.account.id}'
            UNION ALL SELECT 'token' FROM token WHERE account_id = '{self.account.id}'
            UNION ALL SELECT 'evidence' FROM evidence WHERE id = '{self.evidence}'
            UNION ALL SELECT 'enquiry' FROM enquiry WHERE id = '{self.enquiry['id']}'
            UNION ALL SELECT 'history of ' || resource FROM history
                WHERE id IN ('{self.id}', '{self.account.id}', '{self.evidence}',
                    '{self.enquiry['id']}')""", user="postgres").splitlines()


class TestAtTheStart:
    def test_whoever_it_was_is_gone_before_the_first_request(self, stage, scratch):
        """Also who was head office's last, then: somebody else has been let in since."""
        token = scratch.token()
        with scratch.served(token) as head:
            first, one = newcomer(head), OnlyOne(stage, scratch, head)
            assert {"person", "account", "credential", "token", "evidence", "enquiry",
                    "history of account"} <= set(one.left(scratch))
            backup = dump(scratch)
            one.people.person("head_office")
            gone = {first: erase(head, first), one.id: erase(head, one.id)}
            assert one.left(scratch) == []
        restore(scratch, backup)
        assert "evidence" in one.left(scratch) and erased(scratch) == set()
        server = scratch.server().start()
        try:
            assert one.left(scratch) == [] and erased(scratch) == set(gone)
            said = [line["event"] for line in server.log()]
            assert said.index("erasures_repeated") < said.index("listening")
            head = Client(server.port, token)
            for path in (f"people/{one.id}", f"accounts/{one.account.id}",
                         f"evidence/{one.evidence}", f"enquiries/{one.enquiry['id']}"):
                problem(head.get(f"/v1/{path}"), 404, "not_found")
            for done in gone.values():
                assert head.get(f"/v1/erasures/{done}").status == 200
        finally:
            server.stop()

    def test_somebody_must_still_be_left_otherwise(self, stage, scratch):
        """An account is spared by no setting, and by nothing but an erasure that is repeated."""
        with scratch.served(scratch.token()) as head:
            one = OnlyOne(stage, scratch, head)
            for response in (head.post(f"/v1/people/{one.id}/erasure", {}),
                             head.delete(f"/v1/accounts/{one.account.id}", "*")):
                problem(response, 409, "conflict")
        tried = scratch.psql("SET iqm.operation = 'repeat_erasure'; SET iqm.roles = '{head_office}'; "
                             f"DELETE FROM account WHERE id = '{one.account.id}'",
                             user="iqm_server", check=False)
        assert "last account of head office" in tried.stderr

    def test_one_that_fails_stops_no_other(self, scratch):
        token = scratch.token()
        with scratch.served(token) as head:
            people = [newcomer(head) for _ in range(5)]
            backup = dump(scratch)
            gone = {person: erase(head, person) for person in people}
        restore(scratch, backup)
        bad = people[2]
        scratch.psql(f"""CREATE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'Not this one.'; END$$;
            CREATE TRIGGER stand BEFORE UPDATE ON person FOR EACH ROW
            WHEN (OLD.id = '{bad}') EXECUTE FUNCTION stand()""")
        refused = scratch.iqmd("serve", check=False)
        assert refused.returncode == 1 and refused.stderr.startswith("1 erasures could not")
        assert f'"erasure_id":"{gone[bad]}"' in refused.stdout.replace(" ", "")
        assert "listening" not in refused.stdout
        assert erased(scratch) == {*people} - {bad}
        scratch.psql("UPDATE retention_round SET ended_at = '-infinity'", user="postgres")
        assert scratch.iqmd("retention", check=False).returncode == 1
        assert scratch.psql("SELECT isfinite(ended_at) FROM retention_round", user="postgres") == "t"
        scratch.psql("DROP TRIGGER stand ON person")
        with scratch.served(token) as head:
            problem(head.get(f"/v1/people/{bad}"), 404, "not_found")
        assert erased(scratch) == {*people}

    def test_somebody_whom_the_ledger_has_and_who_is_there_again(self, scratch):
        """As where the rows of people alone were restored."""
        with scratch.served(scratch.token()) as head:
            person = newcomer(head)
            row = dump(scratch, "--inserts", "--data-only", "--table=person")
            erase(head, person)
        scratch.psql(f"SET session_replication_role = replica; DELETE FROM person; {row}",
                     user="postgres")
        assert erased(scratch) == set()
        scratch.server().start().stop()
        assert erased(scratch) == {person}


class TestAtWork:
    """An erasure of long ago, which a round does not look at, is repeated without a new start."""

    @pytest.mark.parametrize("how", ["beside", "in_place"])
    def test_the_main_database_is_restored(self, scratch, how):
        options, put_back = {"beside": ((), restore),
                             "in_place": (("--clean", "--if-exists"), restore_in_place)}[how]
        with erasing_since(scratch, *options) as (server, head, person, backup):
            backdate(scratch, erase(head, person), "erasure_log", "erasure_id")
            put_back(scratch, backup)
            wait_for(lambda: person in erased(scratch), "the erasure to be repeated", ROUNDS_SECONDS)
            server.wait_for_log(event="erasures_repeated", count=1)
            wait_for(lambda: head.get(f"/v1/people/{person}").status == 404, "the server to answer",
                     ROUNDS_SECONDS)

    def test_the_key_database_is_restored(self, scratch):
        def keys():
            return scratch.stage.cluster.psql(
                f"SELECT count(*) FROM person_key WHERE person_id = '{person}'",
                database=scratch.keys)

        with erasing_since(scratch, database=scratch.keys) as (_, head, person, backup):
            backdate(scratch, erase(head, person), "erasure", "id")
            restore(scratch, backup, scratch.keys)
            wait_for(lambda: keys() == "0", "the key to be destroyed again", ROUNDS_SECONDS)

    def test_a_restore_that_is_under_way_is_left_alone(self, scratch):
        """What is repeated meanwhile would stand beside the rows that are still to come."""
        with erasing_since(scratch) as (server, head, person, backup):
            erase(head, person)
            restore(scratch, without_grant(backup))
            refused = {"event": "statement_failed", "thread": "iqmd erasures", "sqlstate": "42501"}
            wait_for(lambda: len(server.find_log(**refused)) > 1, "two rounds", ROUNDS_SECONDS)
            assert person not in erased(scratch)
            scratch.psql("GRANT SELECT ON migration TO iqm_server")
            wait_for(lambda: person in erased(scratch), "the erasure to be repeated", ROUNDS_SECONDS)


def without_grant(backup):
    """A restore as it is when all but rights of tables is there: they come last."""
    lines = backup.split("\n")
    rights = "GRANT SELECT ON TABLE public.migration TO iqm_server;"
    assert lines.count(rights) == 1
    return "\n".join(line for line in lines if line != rights)


def wait_for_a_round(scratch, server, head):
    """The server finishes an erasure that was cut off, so it has gone a round since its start."""
    erase(head, newcomer(head))
    scratch.stage.cluster.psql("ALTER TABLE erasure_log DISABLE TRIGGER append_only; DELETE FROM "
                               "erasure_log; ALTER TABLE erasure_log ENABLE ALWAYS TRIGGER append_only",
                               database=scratch.keys)
    wait_for(lambda: server.find_log(event="erasures_finished"), "a round", ROUNDS_SECONDS)


@contextmanager
def erasing_since(scratch, *options, database=None):
    """A server that has been at work for a while, a client, a person, and a backup from before the
    person's erasure."""
    server = scratch.server().start()
    try:
        head = Client(server.port, scratch.token())
        wait_for_a_round(scratch, server, head)
        person = newcomer(head)
        yield server, head, person, dump(scratch, *options, database=database)
    finally:
        server.stop()
