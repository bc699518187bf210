"""How long things are kept: what each rule of the contract takes and what it leaves, people who are
erased by rule, and the rounds of command and server."""

import json
import signal
import subprocess
import threading
import uuid
from contextlib import contextmanager

import pytest

from support import confidential, consents
from support.client import Client
from support.contract import DOCUMENT
from support.expect import problem
from support.holding import holding
from support.metrics import metric
from support.places import ROOT, command, wait_for
from support.scratch import scratch_database
from support.server import environment

CLASSES = DOCUMENT["x-privacy"]["retention"]
PEOPLE = "due_people('person', '00000000-0000-0000-0000-000000000000', 1000)"


def past(name, days):
    """SQL for a moment so many days before the cut-off of a class."""
    return f"(now() - interval '{CLASSES[name]['keep']}' - interval '{days} days')"


class Archive:
    """A database whose rows may be made old."""

    def __init__(self, scratch):
        self.scratch = scratch

    def sql(self, sql):
        """Past triggers, foreign keys and policies."""
        return self.scratch.psql(f"SET session_replication_role = replica; {sql}", user="postgres")

    def count(self, table, where="true"):
        return int(self.sql(f"SELECT count(*) FROM {table} WHERE {where}"))

    def add(self, table, **members):
        """A document, as old as can be unless it says otherwise."""
        doc = {"id": str(uuid.uuid4()), "version": 1, "created_at": "2001-01-01T00:00:00.000Z",
               "updated_at": "2001-01-01T00:00:00.000Z", **members}
        self.sql(f"INSERT INTO {table} (id, version, doc) VALUES ('{doc['id']}', 1, "
                 f"'{json.dumps(doc)}')")
        return doc["id"]

    def person(self, **members):
        """Of whom nothing is known but when that was written."""
        return self.add("person", **members)

    def account(self, person, roles=("ambassador",), **members):
        return self.add("account", person_id=person, roles=roles, suspended=False, **members)

    def consent(self, person, purpose, **members):
        number = int(self.sql("SELECT nextval('consent_number')"))
        self.add("consent_record", person_id=person, purpose=purpose, number=number,
                 wording_id=consents.SHIPPED[purpose], **members)

    def act(self, who, at, column="actor", outcome="done"):
        """A record of the audit log, as if it had been made then."""
        self.sql(f"INSERT INTO audit_record (id, doc, at, {column}, operation, outcome) VALUES "
                 f"(gen_random_uuid(), '{{}}', time_text({at}), '{who}', 'x', '{outcome}')")

    def hold(self, person):
        return self.add("legal_hold", person_id=person, kind="legal_claim", placed_on="2001-01-01")

    def drop(self, table, record):
        self.sql(f"DELETE FROM {table} WHERE id = '{record}'")

    def due_people(self):
        return self.sql(f"SELECT due FROM {PEOPLE}").split(",")

    def is_due(self, person):
        return person in self.due_people()

    def somebody(self):
        """With a key, an account and a link to choose a password; their ids."""
        mark = uuid.uuid4().hex
        self.scratch.iqmd("user", "invite", "--name", confidential.note(f"Old {mark}"), "--email",
                          confidential.note(f"old.{mark}@example.org"), "--role", "ambassador")
        return self.sql("SELECT person_id, id FROM account JOIN credential ON account_id = id "
                        "ORDER BY id DESC LIMIT 1").split("|")

    def make_quiet(self, person, at):
        """Nothing was done by or about somebody since."""
        self.sql(f"""
            UPDATE person SET doc = document_with(doc, json_build_object('updated_at',
                time_text({at}))) WHERE id = '{person}';
            ALTER TABLE audit_record DISABLE TRIGGER append_only;
            UPDATE audit_record SET at = time_text({at}) WHERE resource_id = '{person}'
                OR resource_id IN (SELECT id FROM account WHERE person_id = '{person}')
                OR actor IN (SELECT id FROM account WHERE person_id = '{person}');
            ALTER TABLE audit_record ENABLE ALWAYS TRIGGER append_only""")

    def quiet_somebody(self, days=1):
        person, account = self.somebody()
        self.make_quiet(person, past("person", days))
        return person, account

    def has_key(self, person):
        return self.scratch.stage.cluster.psql(
            f"SELECT count(*) FROM person_key WHERE person_id = '{person}'",
            database=self.scratch.keys) == "1"

    def holding(self, sql):
        return holding(self.scratch.stage.cluster, sql, self.scratch.name)

    def sweep(self, *arguments, **options):
        return self.scratch.iqmd("retention", *arguments, **options)


@pytest.fixture(scope="module")
def archive(stage):
    with scratch_database(stage) as scratch:
        yield Archive(scratch)


@pytest.fixture
def own_archive(stage):
    with scratch_database(stage) as scratch:
        yield Archive(scratch)


@contextmanager
def reading(archive):
    """A client of a server that goes no rounds."""
    with archive.scratch.served(archive.scratch.token(), IQM_RETENTION_EVERY=0) as client:
        yield client


# Of each rule that deletes: a row of a person with an account; how old it is made; how it is found.
ROWS = {
    ("mail", "outbox"): (
        "INSERT INTO outbox (id, person_id, kind, body, state) VALUES "
        "('{id}', '{person}', 'request_code', '~1.x', 'failed')",
        "not_before = {at}", "id = '{id}'"),
    ("enquiry", "enquiry"): (
        """INSERT INTO enquiry (id, version, doc) VALUES ('{id}', 1,
        '{{"person_id":"{person}","created_at":"2001-01-01T00:00:00.000Z",
        "updated_at":"2001-01-01T00:00:00.000Z","handled_on":null}}')""",
        "doc = document_with(doc, json_build_object('handled_on', day_of({at})))", "id = '{id}'"),
    ("history", "history"): (
        "INSERT INTO history (resource, id, version, at, doc, person_id) VALUES "
        "('person', '{person}', 99, now(), '{{}}', '{person}')",
        "replaced_at = {at}", "id = '{person}' AND version = 99"),
    ("repetition", "idempotency_record"): (
        "INSERT INTO idempotency_record (principal, operation, key_hash, fingerprint, status)"
        " VALUES ('{account}', 'create_person', sha256('{id}'), sha256(''), 201)",
        "kept_until = {at} + interval '24 hours'", "key_hash = sha256('{id}')"),
    ("sign_in", "authorization_code"): (
        "INSERT INTO authorization_code (hash, client_id, account_id, challenge, scopes) "
        "VALUES (sha256('{id}'), '{id}', '{account}', repeat('x', 43), '{{}}')",
        "expires_at = {at}", "hash = sha256('{id}')"),
    ("sign_in", "token"): (
        "INSERT INTO token (id, hash, name, roles, scopes, account_id, client_id, session_id) VALUES "
        "('{id}', sha256('{id}'), 'x', '{{ambassador}}', '{{}}', '{account}', '{id}', '{id}')",
        "revoked_at = {at}", "id = '{id}'"),
    ("calendar_feed", "calendar_feed"): (
        "INSERT INTO calendar_feed (id, account_id, hash, cluster_id) VALUES "
        "('{id}', '{account}', sha256('{id}'), '{id}')",
        "last_read_on = day_of({at})", "id = '{id}'"),
    ("sign_in", "session"): (
        "INSERT INTO session (id, account_id, client_id, scopes) VALUES "
        "('{id}', '{account}', '{id}', '{{}}')",
        "revoked_at = {at}", "id = '{id}'"),
    ("privacy_request", "privacy_request"): (
        """INSERT INTO privacy_request (id, version, doc) VALUES ('{id}', 1,
        '{{"person_id":"{person}","kind":"access","status":"completed","received_on":"2001-01-01",
        "updated_at":"2001-01-01T00:00:00.000Z"}}')""",
        "doc = document_with(doc, json_build_object('transitions', json_build_array("
        "json_build_object('happened_on', '2001-01-01'), "
        "json_build_object('happened_on', day_of({at})))))", "id = '{id}'"),
    ("legal_hold", "legal_hold"): (
        """INSERT INTO legal_hold (id, version, doc) VALUES ('{id}', 1, '{{"person_id":"{person}",
        "kind":"legal_claim","placed_on":"2001-01-01","updated_at":"2001-01-01T00:00:00.000Z"}}')""",
        "doc = document_with(doc, json_build_object('lifted_on', day_of({at})))", "id = '{id}'"),
    ("verification", "request_verification"): (
        "INSERT INTO request_verification (id, email_index, kind, hash, mailed, expires_at) VALUES "
        "('{id}', 'x', 'access', sha256('{id}'), true, now()); INSERT INTO "
        "request_verification_person (holder_id, held_id) VALUES ('{id}', '{person}')",
        "created_at = {at}", "id = '{id}'"),
}


class Row:
    """One row by a rule, of somebody."""

    def __init__(self, archive, rule):
        self.archive, (self.name, self.place) = archive, rule
        self.person = archive.person()
        self.ids = {"id": str(uuid.uuid4()), "person": self.person,
                    "account": archive.account(self.person)}
        archive.act(self.person, "now()", "resource_id")  # not due itself
        insert, self.age, self.where = ROWS[rule]
        archive.sql(insert.format(**self.ids))

    def make(self, days):
        self.archive.sql(f"UPDATE {self.place} SET {self.age.format(at=past(self.name, days))} "
                         f"WHERE {self.where.format(**self.ids)}")

    def is_there(self):
        return self.archive.count(self.place, self.where.format(**self.ids)) == 1


def told(done):
    """What a dry run says: (class, place) → (how many, what is done)."""
    lines = [line.split(None, 3) for line in done.stdout.splitlines()
             if line[:1] not in (" ", "N")]
    return {(name, place): (int(count), what) for name, place, count, what in lines}


class TestRows:
    def test_every_rule_that_deletes_is_tried(self, archive):
        rules = archive.sql("SELECT class, place FROM retention_rule WHERE action = 'delete'")
        assert {tuple(line.split("|")) for line in rules.splitlines()} == set(ROWS)

    @pytest.mark.parametrize("rule", ROWS, ids=lambda rule: rule[1])
    def test_end_when_they_are_due(self, archive, rule):
        row = Row(archive, rule)
        row.make(days=-1)
        archive.sweep()
        assert row.is_there(), "it has a day yet"
        row.make(days=1)
        hold = archive.hold(row.person)
        archive.sweep()
        assert row.is_there(), "it is held"
        archive.drop("legal_hold", hold)
        assert told(archive.sweep("--dry-run"))[rule] == (1, "to delete")
        assert row.is_there(), "a dry run changes nothing"
        entries = archive.count("retention_sweep", f"place = '{rule[1]}'")
        assert "1 rows were deleted" in archive.sweep().stdout
        assert not row.is_there()
        assert archive.count("retention_sweep", f"place = '{rule[1]}'") == entries + 1
        assert "0 rows were deleted, 0 people" in archive.sweep().stdout
        assert archive.count("retention_sweep", f"place = '{rule[1]}'") == entries + 1

    def test_of_an_enquiry_nobody_handled_count_from_its_receipt(self, archive):
        row = Row(archive, ("enquiry", "enquiry"))
        archive.act(row.person, "now()", "resource_id")
        archive.sweep()
        assert not row.is_there()

    def test_that_are_documents_leave_no_versions_behind(self, archive):
        row = Row(archive, ("enquiry", "enquiry"))
        archive.sweep()
        assert archive.count("history", f"resource = 'enquiry' AND id = '{row.ids['id']}'") == 0
        assert archive.count("audit_record", f"resource_id = '{row.ids['id']}' AND actor IS NULL "
                             "AND operation = 'retention_enquiry' AND outcome = 'done'") == 1

    def test_that_somebody_has_in_hand_wait(self, archive):
        row = Row(archive, ("mail", "outbox"))
        row.make(days=1)
        with archive.holding(f"SELECT FROM outbox WHERE {row.where.format(**row.ids)} FOR UPDATE"):
            archive.sweep()
            assert row.is_there()
        archive.sweep()
        assert not row.is_there()

    def test_of_many_go_some_at_a_time(self, own_archive):
        own_archive.sql("INSERT INTO outbox (kind, body, state, not_before) "
                        "SELECT 'x', '~1.x', 'void', '2001-01-01' FROM generate_series(1, 2300)")
        assert "2300 rows were deleted" in own_archive.sweep().stdout
        assert own_archive.count("outbox") == 0
        assert own_archive.sql("SELECT string_agg(doc->>'rows', ',' ORDER BY id) "
                               "FROM retention_sweep") == "1000,1000,300"


class TestTexts:
    """Of records: counted, for people to redact."""

    @pytest.mark.parametrize("days, due", [(0, True), (1, False)])
    def test_are_due_after_the_academic_year(self, archive, days, due):
        before = told(archive.sweep("--dry-run"))["record", "cluster"]
        cluster = archive.add("cluster", name=uuid.uuid4().hex)
        # The last 31 August of which all of the time is over, and the day after it.
        archive.sql(f"""UPDATE cluster SET doc = document_with(doc, json_build_object('updated_at',
            time_text(academic_year_start(academic_year_of(day_of({past("record", 0)})))
            - 1 + {days} + interval '12 hours'))) WHERE id = '{cluster}'""")
        found = told(archive.sweep("--dry-run"))["record", "cluster"]
        assert found == (before[0] + due, "for people to redact")
        archive.sweep()
        assert archive.count("cluster", f"id = '{cluster}'") == 1
        archive.drop("cluster", cluster)

    def test_of_consents_count_from_the_withdrawal(self, archive):
        rule, person = ("consent_note", "consent_record"), archive.person()
        archive.act(person, "now()", "resource_id")
        add = lambda **members: archive.consent(person, "marketing", **members)
        add(granted=True, note="~1.x", given_at="2001-01-01T00:00:00.000Z")
        assert told(archive.sweep("--dry-run"))[rule][0] == 0
        days = {}
        for day in (-1, 1):
            at = archive.sql(f"SELECT time_text({past('consent_note', day)})")
            add(granted=False, given_at=at)
            days[day] = told(archive.sweep("--dry-run"))[rule][0]
        assert days == {-1: 0, 1: 1}


# What keeps somebody, as SQL or as a method of the archive; everything else of them is old.
def live(table, **members):
    return lambda archive, person: archive.add(table, person_id=person, **members)


def project_of(table, beside, status):
    def make(archive, person):
        members = {"status": status, "award_id": str(uuid.uuid4()), "academic_year": "2001/02",
                   "school_id": str(uuid.uuid4()), "title": "x"}
        record = archive.add(table, **members)
        archive.sql(f"INSERT INTO {beside} (holder_id, held_id) VALUES ('{record}', '{person}')")
    return make


def review_of(status):
    return lambda archive, person: archive.add(
        "review", assessor_person_id=person, status=status, scheduled_on="2001-01-01",
        award_id=str(uuid.uuid4()), school_id=str(uuid.uuid4()))


def assignment_to(ends_on):
    def make(archive, person):
        ambassador = archive.add("ambassador", person_id=person)
        archive.add("assignment", ambassador_id=ambassador, cluster_id=str(uuid.uuid4()),
                    starts_on="2001-01-01", **({"ends_on": ends_on} if ends_on else {}))
    return make


def coordinator_of(status):
    def make(archive, person):
        school = archive.add("school", name="x", status=status)
        archive.account(person, ("school",), school_id=school)
    return make


def suspended(archive, person):
    archive.add("account", person_id=person, roles=["head_office"], suspended=True)


def signed_in(days, outcome="done"):
    def make(archive, person):
        archive.act(archive.account(person), past("person", days), "resource_id", outcome)
    return make


def session_of(archive, person):
    account = archive.account(person)
    archive.sql("INSERT INTO session (account_id, client_id, scopes) VALUES "
                f"('{account}', gen_random_uuid(), '{{}}')")


def changed(days):
    return lambda archive, person: archive.sql(
        "UPDATE person SET doc = document_with(doc, json_build_object('updated_at', "
        f"time_text({past('person', days)}))) WHERE id = '{person}'")


RECENT = {"updated_at": "2999-01-01T00:00:00.000Z", "given_at": "2999-01-01T00:00:00.000Z"}
REQUEST = {"kind": "access", "received_on": "2001-01-01"}
KEPT = {
    "hold": lambda archive, person: archive.hold(person),
    "changed": changed(-1), "signed in": signed_in(-1), "session": session_of,
    "did something": lambda archive, person: archive.act(archive.account(person), "now()"),
    "assignment": assignment_to(None), "assignment to come": assignment_to("2999-01-01"),
    "head office": lambda archive, person: archive.account(person, ("head_office",)),
    "coordinator": coordinator_of("open"), "plan": project_of("plan", "plan_person", "agreed"),
    "project": project_of("project", "project_person", "draft"), "review": review_of("visited"),
    "request": live("privacy_request", status="received", due_on="2001-02-01", **REQUEST),
    "enquiry": live("enquiry", **RECENT),
    "lifted hold": live("legal_hold", kind="legal_claim", placed_on="2001-01-01",
                        lifted_on="2001-02-01", **RECENT),
}
DUE = {
    "nothing": lambda archive, person: None,
    "changed": changed(1), "signed in": signed_in(1), "failed to": signed_in(-1, "failed"),
    "assignment": assignment_to("2001-02-01"), "head office": suspended,
    "coordinator": coordinator_of("closed"), "plan": project_of("plan", "plan_person", "reviewed"),
    "project": project_of("project", "project_person", "completed"),
    "review": review_of("signed_off"),
    "request": live("privacy_request", status="completed", **REQUEST),
    "enquiry": live("enquiry"),
    "lifted hold": live("legal_hold", kind="legal_claim", placed_on="2001-01-01",
                        lifted_on="2001-02-01"),
}


class TestWhoIsDue:
    @pytest.mark.parametrize("what", KEPT)
    def test_not_who_has_a_part_in_anything(self, archive, what):
        person = archive.person()
        assert archive.is_due(person)
        KEPT[what](archive, person)
        assert not archive.is_due(person)
        archive.drop("person", person)

    @pytest.mark.parametrize("what", DUE)
    def test_who_had_one_once(self, archive, what):
        person = archive.person()
        DUE[what](archive, person)
        assert archive.is_due(person)
        archive.drop("person", person)

    def test_a_consent_of_lately_counts(self, archive):
        person = archive.person()
        for days, due in ((1, True), (-1, False)):
            at = archive.sql(f"SELECT time_text({past('person', days)})")
            archive.consent(person, "contact", granted=False, given_at=at)
            assert archive.is_due(person) == due
        archive.drop("person", person)

    def test_is_asked_again_once_the_person_is_held(self, archive):
        """Who signed in since the list was made stays."""
        person = archive.person()
        assert archive.is_due(person)
        archive.act(archive.account(person), "now()")
        assert archive.scratch.psql(f"SELECT outcome FROM erase_due_person('person', '{person}')",
                                    user="iqm_server") == "kept"
        assert archive.count("person", f"id = '{person}' AND NOT erased") == 1

    def test_whom_somebody_has_in_hand_waits(self, archive):
        """Held by another transaction: the round goes on without an error."""
        person, _ = archive.quiet_somebody()
        with archive.holding(f"SELECT FROM person WHERE id = '{person}' FOR UPDATE"):
            archive.sweep()
            assert archive.is_due(person)
        archive.sweep()
        assert archive.count("person", f"id = '{person}' AND erased") == 1


class TestErasing:
    def test_is_as_on_request(self, archive):
        person, account = archive.quiet_somebody()
        young, _ = archive.quiet_somebody(days=-1)
        done = archive.sweep("--dry-run")
        assert told(done)["person", "person"] == (done.stdout.count("\n  "), "to erase")
        assert f"\n  {person}\n" in done.stdout and young not in done.stdout
        assert archive.has_key(person) and archive.count("account", f"id = '{account}'") == 1
        archive.sweep()
        assert not archive.has_key(person) and archive.has_key(young)
        assert archive.count("account", f"id = '{account}'") == 0
        assert archive.count("audit_record", f"resource_id = '{person}' AND actor IS NULL "
                             "AND operation = 'retention_person' AND outcome = 'done'") == 1
        assert "0 people erased" in archive.sweep().stdout
        with reading(archive) as head:
            problem(head.get(f"/v1/people/{person}"), 404, "not_found")
            assert head.get(f"/v1/people/{young}").status == 200
            entry, = head.get(f"/v1/erasures?person_id={person}").json["items"]
            assert (entry["reason"], entry["rule"]) == ("retention", "person")
            assert {"place": "person", "rows": 1} in entry["erased"]
            text = head.get(f"/v1/erasures/{entry['id']}/certificate").text
        said = json.loads(archive.scratch.iqmd("erasure", "verify", stdin=text.encode()).stdout)
        assert (said["jti"], said["rule"], said["reason"]) == (entry["id"], "person", "retention")
        assert archive.scratch.stage.cluster.psql(
            f"SELECT count(*) FROM erasure_log WHERE person_id = '{person}'",
            database=archive.scratch.keys) == "1"

    def test_happens_once_with_two_rounds_at_once(self, own_archive):
        people = {own_archive.person() for _ in range(12)}
        rounds = []
        threads = [threading.Thread(target=lambda: rounds.append(own_archive.sweep()))
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(rounds) == 2 and own_archive.count("erasure") == 12
        assert own_archive.count("person", "erased") == len(people)
        assert sum(" 12 people" in done.stdout for done in rounds) == 1

    def test_gives_way_to_one_on_request(self, own_archive):
        people = [own_archive.quiet_somebody()[0] for _ in range(4)]
        with reading(own_archive) as head:
            rounds, own = [], Client(head.port, head.token)
            thread = threading.Thread(target=lambda: rounds.append(own_archive.sweep()))
            thread.start()
            statuses = [own.post(f"/v1/people/{person}/erasure", {}).status
                        for person in reversed(people)]
            thread.join()
            own.close()
        assert set(statuses) <= {201, 404} and rounds[0].stderr == ""
        assert own_archive.count("erasure") == own_archive.count("person", "erased") == 4
        assert not any(own_archive.has_key(person) for person in people)


class TestDeleted:
    """People who were deleted: they are erased by rule once that was long ago, and their key with them."""

    def deleted(self, archive, days):
        with reading(archive) as head:
            mark = uuid.uuid4().hex
            person = head.post("/v1/people", {"name": confidential.note(f"Gone {mark}")}).json["id"]
            assert head.patch(f"/v1/people/{person}", {"name": confidential.note(f"Went {mark}")},
                              "*").status == 200
            assert head.delete(f"/v1/people/{person}", "*").status == 204
        archive.sql(f"UPDATE history SET replaced_at = {past('person', days)} WHERE id = '{person}'")
        return person

    def versions(self, archive, person):
        return archive.count("history", f"id = '{person}'")

    def test_are_erased_as_on_request(self, archive):
        person, young = self.deleted(archive, 1), self.deleted(archive, -1)
        done = archive.sweep("--dry-run")
        assert f"\n  {person}\n" in done.stdout and young not in done.stdout
        archive.sweep()
        assert self.versions(archive, person) == 0 and not archive.has_key(person)
        assert self.versions(archive, young) == 3 and archive.has_key(young)
        with reading(archive) as head:
            entry, = head.get(f"/v1/erasures?person_id={person}").json["items"]
            assert (entry["reason"], entry["rule"]) == ("retention", "person")
            assert {"place": "history", "rows": 3} in entry["erased"]
            problem(head.get(f"/v1/people/{person}/erasure-preview"), 404, "not_found")
        assert not archive.is_due(person)

    def test_stay_known_until_then(self, archive):
        """The last of their history goes with the key, though others have it in hand."""
        person = self.deleted(archive, 1)
        with archive.holding(f"SELECT FROM history WHERE id = '{person}' AND doc IS NULL FOR UPDATE"):
            archive.sweep()
            assert self.versions(archive, person) == 1 and archive.has_key(person)
            assert archive.is_due(person)
        archive.sweep()
        assert self.versions(archive, person) == 0 and not archive.has_key(person)

    def test_are_asked_about_again_once_they_are_held(self, archive):
        person = self.deleted(archive, -1)
        assert archive.scratch.psql(f"SELECT outcome FROM erase_due_person('person', '{person}')",
                                    user="iqm_server") == "kept"
        assert self.versions(archive, person) == 3


class TestLedger:
    def test_says_what_was_deleted_and_proves_it(self, archive):
        row = Row(archive, ("sign_in", "session"))
        row.make(days=1)
        archive.sweep()
        with reading(archive) as head:
            listed = head.get("/v1/retention-sweeps?place=session").json["items"]
            entry = listed[-1]
            assert {one["place"] for one in listed} == {"session"}
            assert (entry["rule"], entry["rows"]) == ("sign_in", 1)
            assert head.get("/v1/retention-sweeps?place=nothing").json["items"] == []
            problem(head.get("/v1/retention-sweeps?limit=0"), 400, "invalid_parameters")
        text = entry.pop("certificate")
        said = json.loads(archive.scratch.iqmd("erasure", "verify", stdin=text.encode()).stdout)
        assert said.pop("jti") == entry.pop("id") and said.pop("reason") == "retention"
        del said["iss"]
        assert said == entry

    def test_can_only_be_added_to(self, archive):
        Row(archive, ("mail", "outbox")).make(days=1)
        archive.sweep()
        for change in ("UPDATE retention_sweep SET version = 2", "DELETE FROM retention_sweep"):
            refused = archive.scratch.psql(change, check=False)
            assert "can only be added to" in refused.stderr

    def test_takes_no_rule_there_is_not(self, archive):
        refused = archive.scratch.psql(
            """SELECT record_sweep('{"id":"00000000-0000-7000-8000-000000000000","rule":"mail",
            "place":"person"}')""", user="iqm_server", check=False)
        assert "There is no such rule" in refused.stderr


class TestServer:
    def test_goes_its_rounds(self, own_archive):
        person, _ = own_archive.quiet_somebody()
        row = Row(own_archive, ("mail", "outbox"))
        row.make(days=1)
        server = own_archive.scratch.server(IQM_RETENTION_EVERY=1).start()
        try:
            server.wait_for_log(event="retention_swept", rows=1, people=1, failures=0)
            assert not row.is_there() and not own_archive.has_key(person)
            assert metric(server, "iqm_retention_rows_total") == 1
            assert metric(server, "iqm_retention_people_total") == 1
            later = Row(own_archive, ("mail", "outbox"))
            later.make(days=1)
            wait_for(lambda: not later.is_there(), "the next round")
        finally:
            server.stop()

    def test_goes_none_where_it_is_told_so(self, own_archive):
        row = Row(own_archive, ("mail", "outbox"))
        row.make(days=1)
        with reading(own_archive) as head:
            assert head.get("/v1/retention-sweeps").json["items"] == []
        assert row.is_there() and own_archive.sql("SELECT ended_at FROM retention_round") == "-infinity"

    def test_leaves_it_where_a_round_was_of_late(self, own_archive):
        own_archive.sweep()
        left = int(own_archive.scratch.psql("SELECT retention_due_in(86400)", user="iqm_server"))
        assert 86000 < left <= 86400
        own_archive.sql("UPDATE retention_round SET ended_at = now() - interval '1 day'")
        assert own_archive.scratch.psql("SELECT retention_due_in(86400)",
                                        user="iqm_server") == "0"

    def test_destroys_a_key_that_was_left_behind(self, own_archive):
        """By a crash between the two databases, without waiting for a start."""
        person, _ = own_archive.quiet_somebody()
        own_archive.sweep()
        server = own_archive.scratch.server(IQM_RETENTION_EVERY=1).start()
        try:
            own_archive.scratch.stage.cluster.psql(f"""
                ALTER TABLE erasure_log DISABLE TRIGGER append_only; DELETE FROM erasure_log;
                INSERT INTO person_key (person_id, wrapped, master_id) VALUES ('{person}',
                    decode(repeat('00', 72), 'hex'), decode(repeat('00', 8), 'hex'))""",
                database=own_archive.scratch.keys)
            wait_for(lambda: not own_archive.has_key(person), "the key to go")
        finally:
            server.stop()


class TestCommand:
    @pytest.mark.parametrize("arguments", [("now",), ("--dry-run", "x"), ("--dry",  "x")])
    def test_wrong_usage(self, stage, arguments):
        done = stage.iqmd("retention", *arguments, check=False)
        assert done.returncode == 2 and done.stdout == "" and "--help" in done.stderr

    @pytest.mark.parametrize("name", ["IQM_SIGNING_KEY", "IQM_KEY_DATABASE_URL"])
    def test_says_what_it_needs(self, archive, name):
        done = archive.sweep(settings={name: ""}, check=False)
        assert done.returncode == 2 and name in done.stderr
        assert archive.sweep("--dry-run", settings={name: ""}).stdout.endswith(
            "Nothing was changed.\n")

    @pytest.mark.parametrize("name", ["IQM_OWNER_DATABASE_URL", "IQM_KEY_DATABASE_URL"])
    def test_says_what_is_away(self, archive, name):
        person = archive.person()
        done = archive.sweep(settings={name: "host=/nonexistent password=sesame dbname=iqm"},
                             check=False)
        assert done.returncode == 1 and "cannot be reached" in done.stderr
        assert "sesame" not in done.stderr
        assert archive.is_due(person), "nothing is begun where keys cannot be destroyed"
        archive.drop("person", person)

    def test_waits_for_nobody_who_is_at_it(self, archive):
        with archive.holding("SELECT FROM pg_advisory_xact_lock(7310590)"):
            assert "under way already" in archive.sweep().stdout

    def test_leaves_nothing_half_done_when_it_is_killed(self, own_archive):
        own_archive.sql("INSERT INTO outbox (kind, body, state, not_before) "
                        "SELECT 'x', '~1.x', 'void', '2001-01-01' FROM generate_series(1, 20000)")
        for _ in range(8):
            own_archive.quiet_somebody()
        settings = {**own_archive.scratch.stage.settings, **own_archive.scratch.settings}
        begun = subprocess.Popen(command("retention"), env=environment(**settings), cwd=ROOT,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: own_archive.count("retention_sweep") > 1, "the round to be at work")
        begun.send_signal(signal.SIGKILL)
        begun.communicate(timeout=30)
        wait_for(lambda: own_archive.count(
            "pg_stat_activity", "application_name = 'iqmd retention'") == 0, "its end")
        self.holds_together(own_archive, 20000)
        own_archive.sweep()
        self.holds_together(own_archive, 20000)
        assert own_archive.count("outbox") == 0 and own_archive.count("person", "erased") == 8

    @staticmethod
    def holds_together(archive, rows):
        swept = archive.sql("SELECT coalesce(sum((doc->>'rows')::int), 0) FROM retention_sweep "
                            "WHERE place = 'outbox'")
        assert int(swept) + archive.count("outbox") == rows
        assert archive.count("erasure") == archive.count("person", "erased")
