"""What is a person's though the row that tied it to them is gone: an account that was deleted, records that
were deleted or became somebody else's. Access, preview and erasure find it, and a legal hold keeps it."""

import json
import secrets
import uuid

import pytest

from support import files
from support.contract import DOCUMENT
from support.expect import problem
from support.places import ROOT
from support.resources import Maker
from support.scratch import Scratch, scratch_database
from support.world import People

MIGRATIONS, LANDING = ROOT / "migrations", "_whose_versions.sql"
PLACES, RESOURCES = DOCUMENT["x-privacy"]["places"], DOCUMENT["x-resources"]


class Coordinator:
    """Somebody of a school who uploads; what they write says something that nobody else says."""

    def __init__(self, people, school, person=None):
        self.people, self.school = people, school
        self.head = people.make.client
        self.person = person or people.make.person()
        self.account = people.account(self.person, "school", school=school)
        self.client = people.sign_in(self.account)
        self.path = f"/v1/people/{self.person['id']}"
        self.mark = "canary" + secrets.token_hex(6)

    def add(self, subject):
        made = self.client.post("/v1/evidence", {
            "school_id": self.school["id"], "part": "photographs", "title": f"{self.mark} title",
            "notes": f"{self.mark} notes", "subject": {"type": "contribution", "id": subject["id"]},
            "kind": "file"})
        assert made.status == 201, made
        return self.upload(made.json)

    def upload(self, record):
        sent = files.upload(self.client, record, name=f"{self.mark}.txt")
        assert sent.status in (200, 201), sent
        return sent.json

    def leave(self):
        """The account is deleted; the person stays."""
        gone = self.head.delete(f"/v1/accounts/{self.account['id']}", "*")
        assert gone.status == 204, gone

    def preview(self):
        said = self.head.get(self.path + "/erasure-preview").json
        return {one["place"]: one["rows"] for one in [*said["erased"], *said["kept"]]}

    def access(self):
        said = self.head.get(self.path + "/personal-data").json
        return {one["place"]: one["rows"] for one in said["places"]}

    def versions(self):
        """Of evidence, as access gives them."""
        return [(one["id"], one["version"]) for one in self.access()["history"]
                if one["resource"] == "evidence"]

    def erase(self):
        done = self.head.post(self.path + "/erasure", {})
        assert done.status == 201, done
        return done.json


@pytest.fixture
def school(make):
    return make.school()


@pytest.fixture
def subject(make, school):
    return make.contribution(school_id=school["id"])


@pytest.fixture
def people(world):
    return world.people


@pytest.fixture
def somebody(people, school):
    return Coordinator(people, school)


@pytest.fixture
def other(people, school):
    return Coordinator(people, school)


def left(stage, who):
    """Rows of evidence and history that say what somebody wrote."""
    return stage.cluster.psql(f"""
        SELECT 'evidence', id FROM evidence WHERE doc::text LIKE '%{who.mark}%'
        UNION ALL SELECT 'history', id FROM history WHERE doc::text LIKE '%{who.mark}%'""")


class TestADeletedAccount:
    def test_leaves_what_was_uploaded_with_the_person(self, stage, head, somebody, subject):
        record = somebody.add(subject)
        somebody.leave()
        found = somebody.access()
        assert [one["id"] for one in found["evidence"]] == [record["id"]]
        assert len(found["evidence_chunk"]) == 1
        assert record["id"] in {one["id"] for one in found["history"]}
        counted = somebody.preview()
        assert counted["evidence"] == counted["evidence_chunk"] == 1
        done = somebody.erase()
        assert {"place": "evidence", "rows": 1} in done["erased"]
        assert {"place": "evidence_chunk", "rows": 1} in done["erased"]
        assert left(stage, somebody) == ""
        problem(head.get(f"/v1/evidence/{record['id']}"), 404, "not_found")
        assert stage.cluster.psql("SELECT count(*) FROM evidence_chunk "
                                  f"WHERE evidence_id = '{record['id']}'") == "0"
        assert stage.cluster.psql(f"SELECT count(*) FROM history WHERE id IN ('{record['id']}', "
                                  f"'{somebody.account['id']}', '{somebody.person['id']}')") == "0"

    def test_and_another_one_find_the_same(self, stage, people, somebody, school, subject):
        first = somebody.add(subject)
        somebody.leave()
        returned = Coordinator(people, school, somebody.person)
        second = returned.add(subject)
        assert {one["id"] for one in returned.access()["evidence"]} == {first["id"], second["id"]}
        assert returned.preview()["evidence"] == 2
        returned.erase()
        assert left(stage, somebody) == left(stage, returned) == ""

    def test_is_still_told_of_where_ids_are_kept(self, stage, somebody):
        """Who did what, and answers that wait to be asked for again."""
        made = somebody.client.post("/v1/me/calendar-feeds", {"school_id": somebody.school["id"]},
                                    headers={"Idempotency-Key": f'"{secrets.token_hex(16)}"'})
        assert made.status == 201, made
        before = somebody.preview()
        assert before["idempotency_record"] == 1
        somebody.leave()
        after, found = somebody.preview(), somebody.access()
        assert after["idempotency_record"] == len(found["idempotency_record"]) == 1
        assert after["audit_record"] > before["audit_record"]
        account = somebody.account["id"]
        assert {"create_calendar_feed"} == {one["operation"] for one in found["audit_record"]
                                            if one["actor"] == account}
        assert "delete_account" in {one["operation"] for one in found["audit_record"]
                                    if one["resource_id"] == account}
        somebody.erase()
        assert stage.cluster.psql("SELECT count(*) FROM idempotency_record "
                                  f"WHERE principal = '{account}'") == "0"


class TestVersions:
    def test_of_what_was_deleted(self, stage, head, somebody, subject):
        record = somebody.add(subject)
        assert head.delete(f"/v1/evidence/{record['id']}", "*").status == 204
        assert somebody.versions() == [(record["id"], version) for version in (1, 2, 3)]
        counted = somebody.preview()["history"]
        assert counted >= 3
        assert {"place": "history", "rows": counted} in somebody.erase()["erased"]
        assert left(stage, somebody) == ""
        assert stage.cluster.psql(f"SELECT count(*) FROM history WHERE id = '{record['id']}'") == "0"

    def test_of_what_became_somebody_elses(self, stage, head, somebody, other, subject):
        record = somebody.add(subject)
        other.upload(record)
        path = f"/v1/evidence/{record['id']}"
        assert head.patch(path, {"title": f"{other.mark} title", "notes": None}, "*").status == 200
        assert somebody.versions() == [(record["id"], 1), (record["id"], 2)]
        assert other.versions() == [(record["id"], 3)]
        somebody.erase()
        kept = head.get(path)
        assert kept.status == 200 and kept.json["file"]["name"] == f"{other.mark}.txt"
        assert [one["version"] for one in head.get(path + "/history").json["items"]] == [4, 3]
        other.erase()
        assert left(stage, other) == ""

    def test_of_others_outlive_the_record(self, stage, somebody, other, subject):
        """Who replaced a file takes the record along, but not what is said of the first one's."""
        record = somebody.add(subject)
        other.upload(record)
        other.erase()
        assert left(stage, other) == ""
        assert somebody.versions() == [(record["id"], 1), (record["id"], 2)]
        somebody.erase()
        assert left(stage, somebody) == ""
        assert stage.cluster.psql(f"SELECT count(*) FROM history WHERE id = '{record['id']}'") == "0"

    def test_that_a_program_wrote_are_nobodys(self, stage, head, make):
        record = make.evidence()
        assert head.patch(f"/v1/evidence/{record['id']}", {"title": "Another"}, "*").status == 200
        assert stage.cluster.psql("SELECT version, person_id FROM history WHERE resource = 'evidence' "
                                  f"AND id = '{record['id']}'") == "1|"


def test_each_kind_of_a_person_says_whose_its_versions_are(stage):
    """By the column that the contract says leads to the person; ledgers have no versions."""
    wanted = {}
    for name in RESOURCES:
        place = PLACES[name]
        if "subject" in RESOURCES[name] or place.get("on_erasure") in ("delete", "anonymise"):
            wanted[name] = place["of"].get("person")
    ledgers = stage.cluster.psql("SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'append_only'")
    found = stage.cluster.psql("""
        SELECT tgrelid::regclass, encode(tgargs, 'escape') FROM pg_trigger
        WHERE tgfoid = 'record_change'::regproc AND tgargs LIKE 'whose%'""")
    told = {line.split("|")[0]: line.split("\\000")[1] for line in found.splitlines()}
    assert told == {name: column for name, column in wanted.items()
                    if name not in ledgers.splitlines()}


def test_a_hold_keeps_versions_of_what_is_gone(stage):
    with scratch_database(stage) as scratch:
        token = scratch.token()
        with scratch.served(token, IQM_RETENTION_EVERY=0) as head:
            make = Maker(head, stage.number)
            people, school = People(make, scratch, head.port), make.school()
            held, other = (Coordinator(people, school) for _ in range(2))
            for one in (held, other):
                record = one.add(make.contribution(school_id=school["id"]))
                assert head.delete(f"/v1/evidence/{record['id']}", "*").status == 204
                one.leave()
            hold = make.legal_hold(person_id=held.person["id"])
            scratch.psql("UPDATE history SET replaced_at = '2001-01-01'")
            scratch.iqmd("retention")
            assert left(scratch, held) and left(scratch, other) == ""
            assert head.patch(f"/v1/legal-holds/{hold['id']}", {"lifted_on": hold["placed_on"]},
                              "*").status == 200
            scratch.iqmd("retention")
            assert left(scratch, held) == ""


def land(scratch, file):
    scratch.psql(f"BEGIN; {file.read_text()} COMMIT")


@pytest.fixture
def before(stage):
    """A database as it was before rows said whose they are."""
    name = f"scratch_{stage.number()}"
    scratch = Scratch(stage, name)
    stage.cluster.psql(f"CREATE DATABASE {name} OWNER iqm_owner", database="postgres")
    try:
        for file in sorted(MIGRATIONS.glob("*.sql")):
            if file.name.endswith(LANDING):
                break
            land(scratch, file)
        yield scratch
    finally:
        stage.cluster.psql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


class Past:
    """Rows as they were written then, past triggers and foreign keys."""

    def __init__(self, scratch):
        self.scratch = scratch

    def sql(self, sql):
        self.scratch.psql(f"SET session_replication_role = replica; {sql}", user="postgres")

    def row(self, table, record, version=1, writer=None, **members):
        columns, values = "id, version, doc", f"'{record}', {version}, '{json.dumps(members)}'"
        if writer:
            columns, values = f"{columns}, written_by", f"{values}, '{writer}'"
        self.sql(f"INSERT INTO {table} ({columns}) VALUES ({values})")

    def version(self, resource, record, version, actor=None, **members):
        self.sql("INSERT INTO history (resource, id, version, at, actor, doc) VALUES "
                 f"('{resource}', '{record}', {version}, now(), {repr(actor) if actor else 'NULL'}, "
                 f"{repr(json.dumps(members)) if members else 'NULL'})")


def evidence(file=None):
    nobody = str(uuid.UUID(int=0))
    return {"school_id": nobody, "subject": {"type": "contribution", "id": nobody}, "kind": "file",
            **({"file": {"name": "notes.txt", "sha256": file}} if file else {})}


def test_what_was_there_before_says_whose_it_is(before):
    """Also where the account that uploaded is gone, as far as history tells whose that was."""
    left_with, stays, gone, there, program = (str(uuid.uuid4()) for _ in range(5))
    replaced, removed, unnoted, foreign, enquiry = (str(uuid.uuid4()) for _ in range(5))
    forgotten, theirs, left = (str(uuid.uuid4()) for _ in range(3))
    past = Past(before)
    past.row("account", there, person_id=stays, roles=["head_office"], suspended=False)
    past.version("account", gone, 1, person_id=left_with)
    past.version("account", gone, 2)
    past.version("evidence", replaced, 1, gone, **evidence())
    past.version("evidence", replaced, 2, gone, **evidence("a"))
    past.version("evidence", replaced, 3, there, **evidence("a"))  # changed a text
    past.row("evidence", replaced, 4, there, **evidence("b"))
    past.sql(f"UPDATE evidence SET uploaded_by = '{there}' WHERE id = '{replaced}'")
    past.version("evidence", removed, 1, there, **evidence("c"))
    past.version("evidence", removed, 2)
    past.row("evidence", unnoted, 1, gone, **evidence("d"))
    past.row("evidence", foreign, 1, program, **evidence("e"))
    past.version("enquiry", enquiry, 1, person_id=stays)
    past.version("enquiry", enquiry, 2)
    past.version("person", stays, 1, id=stays)
    # Erased when nothing told that these were theirs.
    past.row("person", forgotten, 3, None, id=forgotten, erased_at="2026-09-01T08:00:00.000Z")
    past.version("account", theirs, 1, person_id=forgotten)
    past.version("account", theirs, 2)
    past.row("evidence", left, 2, theirs, updated_at="2026-09-01T08:00:00.000Z", **evidence("f"))
    past.version("evidence", left, 1, program, **evidence())
    land(before, next(MIGRATIONS.glob(f"*{LANDING}")))
    found = before.psql("SELECT id, version, person_id FROM history UNION ALL "
                        "SELECT id, 0, uploader_person_id FROM evidence", user="postgres")
    assert set(found.splitlines()) == {f"{record}|{version}|{whose}" for record, version, whose in [
        (gone, 1, left_with), (gone, 2, left_with), (replaced, 1, left_with), (replaced, 2, left_with),
        (replaced, 3, left_with), (replaced, 0, stays), (removed, 1, stays), (removed, 2, stays),
        (unnoted, 0, left_with), (foreign, 0, ""), (enquiry, 1, stays), (enquiry, 2, stays),
        (stays, 1, stays)]}
