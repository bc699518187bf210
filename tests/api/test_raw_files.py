"""The canary test: what identifies a person stands nowhere in clear, before they are erased, and
nowhere at all afterwards: not in a table of either database, a dump, an export, a log, nor in the
files and the write-ahead log of PostgreSQL. The same holds of the files that they upload and of what they
call their own things. What else they write is the school's record, whose texts are kept in clear: of the
evidence that is theirs, and goes with them, it is asked that afterwards no table, dump, export or log has it.

PostgreSQL keeps long values compressed, where a search of its files would be blind. So none is here:
every column is stored as it is (EXTERNAL; an index compresses only values of more than 500
bytes, and no canary is that long), and the write-ahead log is neither compressed nor
used again. A text that may stand in clear shows that the search finds what is there.
"""

import io
import secrets
import subprocess
import uuid
import zipfile

import pytest

from support import confidential, consents, downloads, enquiries, files, people as signing
from support.calendars import new_feed
from support.client import Client
from support.cluster import Cluster, plain_environment, programs
from support.contract import DOCUMENT
from support.expect import problem
from support.hooks import receiver
from support.listener import Listener
from support.phone import Phone
from support.places import run_dir, wait_for
from support.resources import Maker
from support.serving import serving
from support.stage import Stage
from support.world import People

STORE_AS_IT_IS = """DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT c.oid::regclass AS name, a.attname FROM pg_attribute AS a
            JOIN pg_class AS c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
                AND NOT a.attisdropped AND a.attstorage IN ('x', 'm') LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I SET STORAGE EXTERNAL', one.name, one.attname);
    END LOOP;
END $$"""
STILL_COMPRESSED = """SELECT count(*) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        AND NOT a.attisdropped AND a.attstorage IN ('x', 'm')"""
DATABASES = ("iqm", "iqm_keys")


class KeepingCluster(Cluster):
    """Its files keep all that was ever written, and its log every statement. Without parameters, as
    deploy/postgresql.sh has it: who looks for texts that mention a person sends the name along."""

    def _settings(self):
        return (super()._settings() + " -c full_page_writes=on -c wal_compression=off "
                "-c wal_keep_size=8GB -c max_wal_size=8GB -c autovacuum=off -c log_statement=all "
                "-c log_parameter_max_length=0 -c log_parameter_max_length_on_error=0 "
                "-c log_error_verbosity=terse")


def declared():
    """Where the contract says that something identifies a person: (schema or path, member)."""
    found = set()
    for path, item in DOCUMENT["paths"].items():
        for holder in (item, *(item[m] for m in ("get", "put", "post", "patch", "delete")
                               if m in item)):
            for one in holder.get("parameters", []):
                if _identifies(one.get("schema", {})):
                    found.add((path, one["name"]))
    for name, schema in DOCUMENT["components"]["schemas"].items():
        found |= {(name, member) for member, one in schema.get("properties", {}).items()
                  if _identifies(one) or _identifies(one.get("items", {}))}
        if _identifies(schema):
            found.add((name, None))
    return found


def _identifies(schema):
    kind = schema.get("x-personal")
    return isinstance(kind, dict) and kind["is"] == "identifies"


class Canaries:
    """Texts that nobody else says, by what says them."""

    def __init__(self):
        self.marks = {}

    def new(self, *names, form="{}"):
        return self._noted(names, secrets.token_hex(10), form)

    def number(self, *names):
        return self._noted(names, str(secrets.randbelow(10**17) + 10**17), "020 {}")

    def _noted(self, names, mark, form):
        self.marks.update({name: mark[-14:].encode() for name in names})
        return confidential.note(form.format(mark))

    def found_in(self, data):
        """What says a text that stands there, in whatever letters, or as bytes are dumped; the end is as good
        as the whole."""
        data = data.lower()
        return {name for name, mark in self.marks.items() if mark in data or mark.hex().encode() in data}


@pytest.fixture(scope="module")
def own_stage(stage):
    cluster = KeepingCluster(run_dir() / f"keeping-{stage.number()}")
    try:
        own = Stage(cluster).prepare()
        for database in DATABASES:
            cluster.psql(STORE_AS_IT_IS, database=database)
            assert cluster.psql(STILL_COMPRESSED, database=database) == "0"
        yield own
    finally:
        cluster.stop("immediate")


def files_of(stage):
    """Everything PostgreSQL keeps, with what was only in memory; its log among them."""
    for database in DATABASES:
        stage.cluster.psql("ANALYZE", database=database)
    stage.cluster.psql("CHECKPOINT; SELECT pg_switch_wal(); CHECKPOINT;")
    for path in stage.cluster.directory.rglob("*"):
        if path.is_file() and not path.name.endswith(".key"):
            yield path


def dumped(stage):
    """Both databases, all schemas, and the samples that the planner has taken."""
    for database in DATABASES:
        done = subprocess.run([programs() / "pg_dump", "-h", stage.cluster.directory, "-U",
                               "postgres", "--inserts", "-d", database], check=True,
                              capture_output=True, env=plain_environment())
        yield done.stdout
        yield stage.cluster.psql("SELECT * FROM pg_stats", database=database).encode()


def unpacked(data):
    """The same without compression, where it is an archive."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n".join(name.encode() + archive.read(name) for name in archive.namelist())


class Touched:
    """A person whom every feature has dealt with. `texts`: what they write in clear."""

    def __init__(self, stage, server, canaries, make):
        self.stage, self.server, self.canaries, self.make = stage, server, canaries, make
        self.texts, self.head = Canaries(), make.client
        self.erased, self.gone = [], []
        self.documents = ["/v1/mailing-list", "/v1/people?limit=200", "/v1/privacy-requests",
                          "/v1/enquiries", "/v1/audit-records?limit=200", "/v1/erasures",
                          "/v1/people?format=xlsx", "/v1/evidence", "/v1/evidence?format=csv"]

    def person(self):
        new, number = self.canaries.new, self.canaries.number
        body = {"name": new(("Person", "name"), ("PersonName", "name"), ("MailingListItem", "name"),
                            form="Canary {}"),
                "email": new(("Person", "email"), ("MailingListItem", "email"),
                             ("SignInForm", "email"), ("RequestVerification", "email"),
                             ("/v1/people", "email"), form="canary.{}@example.org"),
                "telephone": number(("Person", "telephone")),
                "job_title": new(("Person", "job_title"), ("PersonName", "job_title"),
                                 form="Singer {}")}
        school = self.make.school()
        made = self.create(self.make.example("person", **body, school_id=school["id"]))
        path = f"/v1/people/{made['id']}"
        for change in ({"name": self.canaries.new("a former name")}, {"name": body["name"]},
                       {"telephone": None}, {"telephone": body["telephone"]}):
            assert self.head.patch(path, change, "*").status == 200
        assert self.head.get(f"/v1/people?email={body['email']}").json["items"]
        assert self.head.get(path + "/history").status == 200
        self.erased.append(made)
        return made, school

    def create(self, body):
        """Asked twice; the key says who it is."""
        self.repeat = {"json": body, "headers": {"Idempotency-Key": f'"{body["email"]}"'}}
        made, again = (self.head.post("/v1/people", **self.repeat) for _ in "12")
        assert made.status == 201 and again.body == made.body, again
        return made.json

    def sign_in(self, person, school):
        """As coordinator of the school, with an agent of their own; then work in their name."""
        parties = signing.People(self.stage, self.make, self.server.port)
        account = self.head.post("/v1/accounts", {
            "person_id": person["id"], "roles": ["school"], "suspended": False,
            "school_id": school["id"]})
        assert account.status == 201, account
        somebody = signing.Person(person, account.json, confidential.note(secrets.token_hex(12)))
        parties.activate(somebody)
        way = parties.sign_in(parties.app())
        headers = {"Origin": way.origin,
                   "User-Agent": self.canaries.new(("Session", "agent"), form="Browser/{}")}
        assert way.send(person["email"], "a wrong password", headers=headers).status == 403
        answer = way.send(person["email"], somebody.password, headers=headers)
        code = signing.query_of(answer.header("Location"))[1]["code"]
        client = Client(self.server.port)
        client.token = confidential.note(way.redeem(code).json["access_token"])
        sessions = client.get("/v1/me/sessions").json["items"]
        assert [one["agent"] for one in sessions] == [headers["User-Agent"]]
        return client

    def work(self, client, school):
        """A calendar, and evidence: made online and offline, with files of their own."""
        label = self.canaries.new("label of a feed")
        _, calendar = new_feed(client, school_id=school["id"], label=label)
        assert f"NAME:{label}" in client.get(calendar).text
        shared = self.make.contribution(school_id=school["id"])
        body = {"school_id": school["id"], "subject": {"type": "contribution", "id": shared["id"]},
                "part": "photographs", "kind": "file"}
        made = client.post("/v1/evidence", {**body, **self.said("evidence")})
        assert made.status == 201, made
        pushed = str(uuid.uuid4())
        answer = client.post("/v1/sync", {"changes": [{
            "client_id": str(uuid.uuid4()), "method": "create", "type": "evidence", "id": pushed,
            "document": {**body, **self.said("pushed evidence")}}]})
        assert [one["outcome"] for one in answer.json["results"]] == ["applied"], answer
        for record in (made.json["id"], pushed):
            self.upload(client, {"id": record})
        colleague = People(self.make, self.stage, self.server.port).coordinator(school)
        self.phone = Phone(colleague.client)
        for phone in (Phone(client), self.phone):
            phone.pull()
            assert {made.json["id"], pushed} <= phone.ids("evidence")
        self.gone += [calendar, *(f"/v1/evidence/{one}{file}" for one in (made.json["id"], pushed)
                                  for file in ("", "/file"))]
        return made.json["id"]

    def said(self, what):
        return {member: self.texts.new(f"{member} of {what}") for member in ("title", "notes")}

    def upload(self, client, record):
        """Again, when the file is there already; a little one and one of two chunks."""
        for size in (1, 9000):
            content = (self.canaries.new(f"a file of {size}") + ", one says.\n") * size
            name = self.texts.new(f"name of a file of {size}", form="{}.txt")
            sent = files.upload(client, record, content.encode(), name=name)
            assert sent.status in (200, 201), sent
            assert client.get(f"/v1/evidence/{record['id']}/file").text == content

    def take_along(self, person):
        """Everything as a file; what is made of the files of before, `erase` looks at."""
        own = self.head.get(f"/v1/people/{person['id']}/personal-data",
                            headers={"Accept": "application/zip"})
        sheet = self.head.get("/v1/people?format=xlsx")
        self.whole = downloads.ready(self.head)
        whole = downloads.fetch(self.head, self.whole)
        for answer in (own, sheet, whole):
            assert answer.status == 200, answer
            assert ("Person", "name") in self.canaries.found_in(unpacked(answer.body))
        assert "label of a feed" in self.canaries.found_in(unpacked(own.body))
        assert "title of evidence" in self.texts.found_in(unpacked(own.body))
        assert "title of evidence" in self.texts.found_in(unpacked(whole.body))

    def review(self, person):
        """The document of the year names who assesses."""
        school = self.make.school()
        award = self.make.award(school_id=school["id"])
        self.make.review(award_id=award["id"], assessor_person_id=person["id"])
        path = f"/v1/schools/{school['id']}/review-document?academic_year=2024/25"
        assert [one["name"] for one in self.head.get(path).json["people"]] == [person["name"]]
        self.documents.append(path)

    def consent(self, person):
        consents.grant(self.head, person, note=self.canaries.new("note of a consent"))
        export = self.head.get("/v1/mailing-list", headers={"Accept": "text/csv"}).text
        assert person["email"] in export
        other = self.make.person(email=person["email"])
        self.erased.append(other)
        assert self.head.get(f"/v1/people/{person['id']}/erasure-preview").json["same_address"]
        everything = self.head.get(f"/v1/people/{person['id']}/personal-data")
        assert {("Person", "name"), ("Session", "agent")} <= self.canaries.found_in(everything.body)

    def ask(self, person):
        """Requests with all that is ever said in them, signed in and in public; a hold, lifted."""
        new = self.canaries.new
        request = self.make.privacy_request(person_id=person["id"], kind="access",
                                            details=new("details"))
        for step, body in (("pause", {"reason": "clarification", "question": new("question")}),
                           ("resume", {}), ("extend", {"extension_reason": new("extension")}),
                           ("refuse", {"ground": "excessive", "explanation": new("explanation")})):
            done = self.head.post(f"/v1/privacy-requests/{request['id']}/{step}", body,
                                  headers={"If-Match": "*"})
            assert done.status == 200, done
        anyone = Client(self.server.port)
        asked = anyone.post("/v1/request-verifications", {
            "email": person["email"], "kind": "access", "details": new("details in public")})
        assert asked.status == 202, asked
        hold = self.make.legal_hold(person_id=person["id"], ground=new("ground of a hold"))
        assert self.head.patch(f"/v1/legal-holds/{hold['id']}", {"lifted_on": hold["placed_on"]},
                               "*").status == 200

    def enquire(self):
        new = self.canaries.new
        sent = enquiries.send(
            self.make, marketing=True,
            name=new(("EnquiryRequest", "name")),
            email=new(("EnquiryRequest", "email"), form="{}@example.org"),
            telephone=self.canaries.number(("EnquiryRequest", "telephone")),
            school_name=new("school of an enquiry"), message=new("message"))
        self.erased.append({"id": sent["person_id"]})

    def fail(self, person):
        """What PostgreSQL refuses it tells its log."""
        body = self.make.example("legal_hold", person_id=person["id"])
        path = f"/v1/legal-holds/{self.make.legal_hold()['id']}"
        assert self.head.put(path, body, headers={"If-None-Match": "*"}).status == 412
        assert self.head.delete(f"/v1/people/{person['id']}", "*").status == 409

    def erase(self):
        for person in self.erased:
            done = self.head.post(f"/v1/people/{person['id']}/erasure", {})
            assert done.status == 201, done

    def look_again(self):
        """What a program is told afterwards, and what files are made of."""
        problem(downloads.fetch(self.head, self.whole), 410, "download_gone")
        problem(self.head.post("/v1/people", **self.repeat), 409, "idempotency_answer_gone")
        for path in self.gone:
            problem(self.head.get(path), 404, "not_found")
        answers = [self.head.get(path) for path in self.documents]
        answers += [self.head.get("/v1/mailing-list", headers={"Accept": "text/csv"}),
                    *(downloads.fetch(self.head, downloads.ready(self.head, name)) for name in downloads.TYPES)]
        for answer in answers:
            assert answer.status == 200, answer
            assert self.found_in(unpacked(answer.body)) == set(), answer
        for phone in (self.phone, Phone(self.phone.client)):
            phone.pull()
            assert phone.held and self.found_in(repr(phone.held).encode()) == set()

    def found_in(self, data):
        return self.canaries.found_in(data) | self.texts.found_in(data)


def test_nothing_is_found(own_stage, stage):
    canaries = Canaries()
    clear = Canaries()
    with serving(own_stage, IQM_WEBHOOK_PRIVATE_ADDRESSES="yes") as server, receiver() as hooks:
        token = own_stage.issue_token("canaries")
        make = Maker(Client(server.port, token), stage.number)
        marked = make.cluster(notes=clear.new("may stand there"))
        own_stage.cluster.psql(f"SELECT '{marked['notes']}'")
        make.webhook_endpoint(url=hooks.url("/"), status="active", event_types=["person.*", "evidence.*"])
        touched = Touched(own_stage, server, canaries, make)
        person, school = touched.person()
        signed_in = touched.sign_in(person, school)
        with Listener(signed_in) as listener:
            listener.begin()
            evidence = touched.work(signed_in, school)
            listener.hears_of(evidence)
            touched.review(person)
            touched.consent(person)
            touched.ask(person)
            touched.enquire()
            touched.fail(person)
            touched.take_along(person)
            # The address is kept as a number, so no text of it is anywhere.
            missing = declared() - canaries.marks.keys() - {("Session", "address")}
            assert missing == set(), f"the canary test does not cover {missing}"
            search(own_stage, canaries, clear)
            touched.erase()
            assert listener.ends()
            assert touched.found_in(listener.answer.body) == set()
        assert signed_in.get("/v1/me").status == 401
        touched.look_again()
        wait_for(lambda: {("person.deleted", person["id"]), ("evidence.deleted", evidence)} <= {
            (call.type, call.about) for call in hooks.at("/")}, "the webhook to be told")
        assert all(touched.found_in(call.body) == set() for call in hooks.at("/"))
        search(own_stage, canaries, clear)
        assert all(touched.texts.found_in(text) == set() for text in dumped(own_stage))
        for path in [*server.directory.rglob("*"), *(own_stage.cluster.data / "log").rglob("*")]:
            assert not path.is_file() or touched.found_in(path.read_bytes()) == set(), path
    assert own_stage.cluster.psql("SELECT count(*) FROM person_key AS k WHERE EXISTS (SELECT FROM "
                                  "erasure_log AS l WHERE l.person_id = k.person_id)",
                                  database="iqm_keys") == "0"


def search(stage, canaries, clear):
    """Of PostgreSQL's files, and of what its own programs say of them."""
    places = {}
    for path in files_of(stage):
        data = path.read_bytes()
        found = canaries.found_in(data)
        assert found == set(), (path, found)
        if clear.found_in(data):
            places.setdefault(path.relative_to(stage.cluster.data).parts[0]
                              if path.is_relative_to(stage.cluster.data) else path.name, path)
    assert {"base", "pg_wal", "log"} <= places.keys(), places
    found = [clear.found_in(text) for text in dumped(stage) if canaries.found_in(text) == set()]
    assert len(found) == 2 * len(DATABASES) and any(found)
