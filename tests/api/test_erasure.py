"""Erasing people: what goes, what stays and why, the certificate, and that a restore brings nobody
back."""

import base64
import json
import secrets
import signal

import pytest

from support import confidential, consents, downloads
from support.at_once import at_once
from support.backups import dump, restore
from support.client import Client
from support.expect import invalid, problem
from support.scratch import scratch_database


def canaries():
    """A person each of whose members says something that nobody else says."""
    mark = secrets.token_hex(6)
    return {"name": confidential.note(f"Canary {mark}"),
            "email": confidential.note(f"canary.{mark}@example.org"),
            "telephone": confidential.note(f"020 {int(mark, 16)}"),
            "job_title": confidential.note(f"Singer {mark}")}


@pytest.fixture
def scratch(stage):
    with scratch_database(stage) as database:
        yield database


def erase(client, person, **members):
    response = client.post(f"/v1/people/{person['id']}/erasure", members)
    assert response.status == 201, response
    return response.json


def parts_of(certificate):
    """Header, payload and signature of a JWS."""
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
            for part in certificate.split(".")]


def repeated(scratch, count):
    """A server comes up and goes again: so many erasures were done once more."""
    server = scratch.server().start()
    server.stop()
    assert [line["count"] for line in server.find_log(event="erasures_repeated")] == (
        [count] if count else [])


class TestErasing:
    def test_the_person_is_gone(self, head, make):
        person = make.person()
        done = erase(head, person)
        path = f"/v1/people/{person['id']}"
        for response in (head.get(path), head.get(path + "/history"), head.delete(path, "*"),
                         head.patch(path, {"name": "Back"}, "*"),
                         head.post(path + "/erasure", {}), head.get(path + "/erasure-preview")):
            problem(response, 404, "not_found")
        assert head.get(f"/v1/people?email={person['email']}").json["items"] == []
        problem(head.put(path, {"name": "Back"}, headers={"If-None-Match": "*"}), 412,
                "precondition_failed")
        assert head.get(f"/v1/erasures/{done['id']}").json == done
        assert head.get(f"/v1/erasures?person_id={person['id']}").json["items"] == [done]
        assert done["reason"] == "request" and done["person_id"] == person["id"]
        assert {"place": "person", "rows": 1} in done["erased"]

    def test_the_account_is_gone_at_once(self, head, world):
        somebody = world.people.somebody("ambassador")
        client = somebody.client
        assert client.get("/v1/me").status == 200
        done = erase(head, somebody.person)
        problem(client.get("/v1/me"), 401, "unauthorized")
        problem(head.get(f"/v1/accounts/{somebody.account['id']}"), 404, "not_found")
        gone = {place["place"] for place in done["erased"]}
        assert {"account", "credential", "session", "token", "history"} <= gone

    def test_nothing_new_is_written_about_them(self, head, make):
        person = make.person()
        erase(head, person)
        for path, body in (("/v1/ambassadors", {"person_id": person["id"]}),
                           ("/v1/legal-holds", {**make.example("legal_hold"),
                                                "person_id": person["id"]}),
                           ("/v1/privacy-requests", {**make.example("privacy_request"),
                                                     "person_id": person["id"]})):
            invalid(head.post(path, body), "/person_id")

    def test_a_hold_stands_against_it(self, head, make):
        hold = make.legal_hold()
        path = f"/v1/people/{hold['person_id']}"
        preview = head.get(path + "/erasure-preview").json
        assert preview["hold"]["id"] == hold["id"]
        found = problem(head.post(path + "/erasure", {}), 409, "conflict")
        assert hold["id"] in found["detail"]
        assert head.get(path).status == 200

    def test_the_request_is_of_this_person_and_for_this(self, head, make):
        person = make.person()
        other = make.privacy_request(kind="erasure")
        complaint = make.privacy_request(person_id=person["id"])
        for request in (other, complaint):
            response = head.post(f"/v1/people/{person['id']}/erasure", {"request_id": request["id"]})
            invalid(response, "/request_id")
        own = make.privacy_request(person_id=person["id"], kind="erasure")
        done = erase(head, person, request_id=own["id"])
        assert done["request_id"] == own["id"]
        assert any(kept["place"] == "privacy_request" and kept["rows"] == 2 for kept in done["kept"])
        left = head.get(f"/v1/privacy-requests/{complaint['id']}").json
        assert "details" not in left and left.items() <= complaint.items()
        path = f"/v1/privacy-requests/{own['id']}/complete"
        refused = head.post(path, {"outcome": "All is gone."}, headers={"If-Match": "*"})
        problem(refused, 409, "conflict")
        ended = head.post(path, {}, headers={"If-Match": "*"})
        assert ended.status == 200 and ended.json["status"] == "completed", ended

    def test_the_preview_says_what_is_done(self, head, make):
        person = make.person()
        same = make.person(email=person["email"])
        consents.grant(head, person)
        preview = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert preview["same_address"] == [same["id"]]
        done = erase(head, person)
        assert (preview["erased"], preview["kept"]) == (done["erased"], done["kept"])
        assert any(kept["place"] == "consent_record" for kept in done["kept"])

    def test_the_preview_lists_texts_that_name_the_person(self, head, make):
        person = make.person()
        made = [make.cluster(notes=f"Led by {person['name']}.")["id"] for _ in range(3)]
        preview = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert sorted(one["id"] for one in preview["mentions"]) == sorted(made)
        assert preview["more_mentions"] is False
        text = f"{person['name']}: " + make.name("again")
        for _ in range(98):
            make.cluster(notes=text)
        many = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert len(many["mentions"]) == 100 and many["more_mentions"] is True

    def test_what_others_recorded_stays(self, head, make):
        ambassador = make.ambassador()
        erase(head, {"id": ambassador["person_id"]})
        assert head.get(f"/v1/ambassadors/{ambassador['id']}").json == ambassador


class TestDeleted:
    """Who was deleted is known as long as there is history of them, and within the reach of what people
    may ask for."""

    @pytest.fixture
    def deleted(self, head, make):
        person = make.person(**canaries())
        path = f"/v1/people/{person['id']}"
        assert head.patch(path, {"job_title": confidential.note("Singer again")}, "*").status == 200
        assert head.delete(path, "*").status == 204
        return person

    def has_key(self, stage, person):
        return stage.cluster.psql("SELECT count(*) FROM person_key WHERE person_id = "
                                  f"'{person['id']}'", database="iqm_keys") == "1"

    def test_are_erased_for_good(self, head, anyone, deleted, stage):
        path = f"/v1/people/{deleted['id']}"
        assert head.get(path + "/history").json["items"][-1]["document"] == deleted
        preview = head.get(path + "/erasure-preview").json
        done = erase(head, deleted)
        for said in (preview, done):  # who read it is noted a moment later
            said["kept"] = [one for one in said["kept"] if one["place"] != "recipient"]
        assert (preview["erased"], preview["kept"]) == (done["erased"], done["kept"])
        assert {"place": "history", "rows": 3} in done["erased"]
        assert "person" not in {one["place"] for one in done["erased"]}
        certificate = anyone.get(f"/v1/erasures/{done['id']}/certificate").text
        assert json.loads(parts_of(certificate)[1])["erased"] == done["erased"]
        assert not self.has_key(stage, deleted)
        for response in (head.get(path), head.get(path + "/history"), head.get(path + "/personal-data"),
                         head.get(path + "/erasure-preview"), head.post(path + "/erasure", {})):
            problem(response, 404, "not_found")
        problem(head.put(path, {"name": "Back"}, headers={"If-None-Match": "*"}), 412,
                "precondition_failed")
        assert stage.cluster.psql(f"SELECT erased FROM person WHERE id = '{deleted['id']}'",
                                  user="postgres") == "t"

    def test_are_told_what_is_held(self, head, make, deleted):
        cluster = make.cluster(notes=f"Led by {deleted['name']}.")
        data = head.get(f"/v1/people/{deleted['id']}/personal-data").json
        found = {one["place"]: one["rows"] for one in data["places"]}
        assert found["person"] == []
        assert [(row["version"], row["document"] and row["document"]["name"])
                for row in found["history"]] == [
            (1, deleted["name"]), (2, deleted["name"]), (3, None)]
        assert [one["id"] for one in data["mentions"]] == [cluster["id"]]
        preview = head.get(f"/v1/people/{deleted['id']}/erasure-preview").json
        assert [one["id"] for one in preview["mentions"]] == [cluster["id"]]
        seen = head.get(f"/v1/audit-records?resource_id={deleted['id']}").json["items"]
        assert any(one["operation"] == "get_personal_data" for one in seen)

    def test_are_nobody_elses_to_see(self, deleted, world):
        for caller in (world.ambassador, world.coordinators["own"]):
            path = f"/v1/people/{deleted['id']}"
            problem(caller.client.get(path + "/personal-data"), 404, "not_found")
            problem(caller.client.post(path + "/erasure", {}), 403, "forbidden")

    def test_recipients_are_still_told(self, head, make):
        person = make.person()
        path = f"/v1/people/{person['id']}"
        assert head.get(path + "/personal-data").status == 200
        assert head.delete(path, "*").status == 204
        assert "get_personal_data" in {one["what"] for one in erase(head, person)["recipients"]}

    def test_are_named_beside_who_has_the_same_address(self, head, make, deleted):
        same = make.person(email=deleted["email"])
        for one, other in ((same, deleted), (deleted, same)):
            preview = head.get(f"/v1/people/{one['id']}/erasure-preview").json
            assert preview["same_address"] == [other["id"]]

    def test_an_answer_that_was_kept_is_gone(self, head, make):
        headers = {"Idempotency-Key": f'"{secrets.token_hex(8)}"'}
        person = make.example("person")
        made = head.post("/v1/people", person, headers=headers).json
        assert head.delete(f"/v1/people/{made['id']}", "*").status == 204
        erase(head, made)
        problem(head.post("/v1/people", person, headers=headers), 409, "idempotency_answer_gone")

    def test_a_restored_backup_brings_nothing_back(self, scratch):
        """One in which the person was deleted, and one in which they were there."""
        token = scratch.token()
        with scratch.served(token) as head:
            early, late = (head.post("/v1/people", canaries()).json for _ in range(2))
            assert head.delete(f"/v1/people/{early['id']}", "*").status == 204
            backup = dump(scratch)
            assert head.delete(f"/v1/people/{late['id']}", "*").status == 204
            for person in (early, late):
                erase(head, person)
        restore(scratch, backup)
        repeated(scratch, 2)
        assert scratch.psql("SELECT (SELECT count(*) FROM person WHERE erased), (SELECT count(*) FROM "
                            "history WHERE resource = 'person')", user="postgres") == "2|0"
        repeated(scratch, 0)

    def test_are_erased_once(self, head, deleted):
        order = [lambda own: own.post(f"/v1/people/{deleted['id']}/erasure", {})] * 4
        assert sorted(at_once(head, order)) == [201, 404, 404, 404]


class TestLedger:
    def test_is_read_like_other_records(self, head, make):
        done = erase(head, make.person())
        path = f"/v1/erasures/{done['id']}"
        etag = head.get(path).etag
        assert head.get(path, headers={"If-None-Match": etag}).status == 304
        problem(head.get("/v1/erasures/00000000-0000-7000-8000-000000000000"), 404, "not_found")
        problem(head.get("/v1/erasures?limit=0"), 400, "invalid_parameters")

    def test_the_keys_may_be_kept_for_a_while(self, anyone):
        first = anyone.get("/.well-known/jwks.json")
        again = anyone.get("/.well-known/jwks.json", headers={"If-None-Match": first.etag})
        assert first.header("Cache-Control") and again.status == 304

    def test_nobody_can_change_it(self, head, make, stage):
        done = erase(head, make.person())
        for change in ("UPDATE erasure SET certificate = 'x'", "DELETE FROM erasure"):
            refused = stage.cluster.psql(f"{change} WHERE id = '{done['id']}'", user="iqm_owner",
                                         check=False)
            assert "can only be added to" in refused.stderr


class TestCertificate:
    def test_anybody_can_verify_it(self, head, make, anyone, stage):
        person = make.person()
        done = erase(head, person)
        response = anyone.get(f"/v1/erasures/{done['id']}/certificate")
        assert response.status == 200 and response.media_type == "application/jose"
        header, payload, _ = parts_of(response.text)
        key, = anyone.get("/.well-known/jwks.json").json["keys"]
        assert json.loads(payload)["iss"].startswith("http://127.0.0.1:")
        assert json.loads(header) == {"alg": "EdDSA", "kid": key["kid"]}
        said = json.loads(payload)
        assert said["jti"] == done["id"] and said["erased"] == done["erased"]
        assert person["id"] not in payload.decode() and "recipients" not in said
        public = stage.iqmd("audit", "public-key").stdout.split()[-1]
        assert base64.urlsafe_b64decode(key["x"] + "=").hex() == public

    def test_the_command_verifies_it(self, head, make, stage):
        done = erase(head, make.person())
        text = head.get(f"/v1/erasures/{done['id']}/certificate").text
        said = stage.iqmd("erasure", "verify", stdin=(text + "\n").encode())
        assert json.loads(said.stdout)["jti"] == done["id"]
        public = stage.iqmd("audit", "public-key").stdout.split()[-1]
        assert stage.iqmd("erasure", "verify", "--public-key", public, stdin=text.encode(),
                          settings={"IQM_SIGNING_KEY": ""}).stdout == said.stdout
        head_part, payload, signature = text.split(".")
        for bad in (f"{head_part}.{payload[:-2]}AA.{signature}", f"{head_part}.{payload}",
                    f"{head_part}.{payload}.{signature}.x", "", "no certificate"):
            refused = stage.iqmd("erasure", "verify", stdin=bad.encode(), check=False)
            assert refused.returncode == 1 and refused.stdout == "" and refused.stderr, bad
        other = stage.iqmd("erasure", "verify", "--public-key", "ab" * 32, stdin=text.encode(),
                           check=False)
        assert other.returncode == 1

    def test_it_outlives_the_key(self, scratch, stage):
        """Former keys are published and trusted, as long as they are named."""
        with scratch.served(scratch.token()) as head:
            done = erase(head, head.post("/v1/people", canaries()).json)
            text = head.get(f"/v1/erasures/{done['id']}/certificate").text
        public = stage.iqmd("audit", "public-key").stdout.split()[-1]
        later = {"IQM_SIGNING_KEY": confidential.note(secrets.token_hex(32)),
                 "IQM_FORMER_SIGNING_KEYS": f"{'ab' * 32},{public}"}
        with scratch.served(scratch.token(), **later) as head:
            keys = head.get("/.well-known/jwks.json").json["keys"]
            other = erase(head, head.post("/v1/people", canaries()).json)
            newer = head.get(f"/v1/erasures/{other['id']}/certificate").text
        kid, new = (json.loads(parts_of(one)[0])["kid"] for one in (text, newer))
        assert len(keys) == 3 and (keys[0]["kid"], keys[2]["kid"]) == (new, kid)
        assert base64.urlsafe_b64decode(keys[2]["x"] + "=").hex() == public
        for one in (text, newer):
            said = scratch.iqmd("erasure", "verify", stdin=one.encode(), settings=later)
            assert json.loads(said.stdout)["jti"] in (done["id"], other["id"])
        assert scratch.iqmd("erasure", "ledger", settings=later).returncode == 0
        assert scratch.iqmd("audit", "verify", settings=later).returncode == 0
        forgotten = {**later, "IQM_FORMER_SIGNING_KEYS": ""}
        for command in (("erasure", "verify"), ("erasure", "ledger")):
            assert scratch.iqmd(*command, stdin=text.encode(), settings=forgotten,
                                check=False).returncode == 1

    @pytest.mark.parametrize("keys", ["ab", "ab" * 32 + ",", "xy" * 32, ",".join(["ab" * 32] * 16)],
                             ids=["short", "comma", "letters", "many"])
    def test_former_keys_that_are_none(self, stage, keys):
        refused = stage.iqmd("erasure", "verify", stdin=b"x", check=False,
                             settings={"IQM_FORMER_SIGNING_KEYS": keys})
        assert refused.returncode == 2 and "IQM_FORMER_SIGNING_KEYS" in refused.stderr

    def test_there_is_none_of_what_was_not_erased(self, anyone):
        problem(anyone.get("/v1/erasures/00000000-0000-7000-8000-000000000000/certificate"), 404,
                "not_found")


class TestCanary:
    def test_nothing_is_left(self, scratch, stage):
        """Of every member, in every table, before in clear and afterwards at all."""
        person, later = canaries(), canaries()
        token = scratch.token()
        once = {"Idempotency-Key": f'"{person["email"]}"'}
        with scratch.served(token) as head:
            made = head.post("/v1/people", person, headers=once).json
            assert head.post("/v1/people", person, headers=once).json == made
            path = f"/v1/people/{made['id']}"
            for change in (later, person):
                assert head.patch(path, change, "*").status == 200
            account = head.post("/v1/accounts", {"person_id": made["id"], "roles": ["ambassador"],
                                                 "suspended": False})
            assert account.status == 201
            consents.grant(head, made)
            head.post("/v1/privacy-requests", {"person_id": made["id"], "kind": "complaint",
                                               "details": confidential.note("Canary details")})
            taken = downloads.ready(head)
            sheet = head.get(f"{path}/personal-data", headers={"Accept": "application/zip"})
            assert sheet.status == 200
            before = dump(scratch, "--inserts").lower()
            erase(head, made)
            problem(downloads.fetch(head, taken), 410, "download_gone")
            problem(head.post("/v1/people", person, headers=once), 409, "idempotency_answer_gone")
            people = downloads.fetch(head, downloads.ready(head))
            after = dump(scratch, "--inserts").lower() + repr(downloads.read_csv(people.body)).lower()
        for value in [*person.values(), *later.values(), "canary details"]:
            assert value.lower() not in before and value.lower() not in after, value
        index = stage.cluster.psql(f"SELECT count(*) FROM person_key WHERE person_id = '{made['id']}'",
                                   database=scratch.keys)
        assert index == "0"

    def test_a_restored_backup_brings_nobody_back(self, scratch, stage):
        """Its ledger has one erasure already, and lacks the two that came after it."""
        token = scratch.token()
        with scratch.served(token) as head:
            early, one, two, kept = (head.post("/v1/people", canaries()).json for _ in range(4))
            first = erase(head, early)
            backup = dump(scratch)
            later = {person["id"]: erase(head, person) for person in (one, two)}
        restore(scratch, backup)
        erased = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM person WHERE erased"
        assert scratch.psql(erased, user="postgres") == early["id"]
        server = scratch.server().start()
        try:
            assert server.find_log(event="erasures_repeated", count=2)
            assert scratch.psql(erased, user="postgres") == " ".join(
                sorted([early["id"], *later]))
        finally:
            server.stop()
        with scratch.served(token) as head:
            for person, done in {early["id"]: first, **later}.items():
                problem(head.get(f"/v1/people/{person}"), 404, "not_found")
                assert head.get(f"/v1/erasures/{done['id']}").json == done
            assert head.get(f"/v1/people/{kept['id']}").json == kept

    def test_a_restored_hold_does_not_stand_against_it(self, scratch):
        """It was lifted before; the key is gone."""
        token = scratch.token()
        with scratch.served(token) as head:
            person = head.post("/v1/people", canaries()).json
            account = head.post("/v1/accounts", {"person_id": person["id"], "roles": ["ambassador"],
                                                 "suspended": False}).json
            hold = head.post("/v1/legal-holds", {"person_id": person["id"], "kind": "legal_claim",
                                                 "ground": confidential.note("Claim 7")}).json
            problem(head.delete(f"/v1/accounts/{account['id']}", "*"), 409, "conflict")
            backup = dump(scratch)
            head.patch(f"/v1/legal-holds/{hold['id']}", {"lifted_on": hold["placed_on"]}, "*")
            erase(head, person)
        restore(scratch, backup)
        repeated(scratch, 1)
        assert scratch.psql("SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM legal_hold)",
                            user="postgres") == "0|0"

    def test_thousands_are_agreed_about(self, scratch, stage):
        """Both ways: an old main database beside a long log, and then a log that was lost."""
        many = 2600
        stage.cluster.psql(f"""
            INSERT INTO erasure_log (person_id, erasure_id, doc, certificate)
            SELECT person, erasure, json_build_object('id', erasure, 'person_id', person,
                'erased_at', '2026-01-02T03:04:05.678Z'), 'a.b.c'
            FROM (SELECT gen_random_uuid() AS person, gen_random_uuid() AS erasure
                FROM generate_series(1, {many})) AS made""", database=scratch.keys)
        ledger = ("SELECT count(*), md5(string_agg({id} || certificate || doc, ',' ORDER BY {id})) "
                  "FROM {table}")
        logged = stage.cluster.psql(ledger.format(id="erasure_id", table="erasure_log"),
                                    database=scratch.keys)
        repeated(scratch, many)
        assert scratch.psql(ledger.format(id="id", table="erasure"), user="postgres") == logged
        repeated(scratch, 0)
        stage.cluster.psql("ALTER TABLE erasure_log DISABLE TRIGGER append_only; "
                           "DELETE FROM erasure_log", database=scratch.keys)
        repeated(scratch, 0)
        assert stage.cluster.psql(ledger.format(id="erasure_id", table="erasure_log"),
                                  database=scratch.keys) == logged

    def test_a_key_that_outlived_its_person_is_destroyed_at_the_start(self, scratch, stage):
        """Killed between the two databases: as the ledger is, so the log becomes."""
        token = scratch.token()
        with scratch.served(token) as head:
            made = head.post("/v1/people", canaries()).json
            done = erase(head, made)
        stage.cluster.psql(f"""ALTER TABLE erasure_log DISABLE TRIGGER append_only;
            DELETE FROM erasure_log;
            INSERT INTO person_key (person_id, wrapped, master_id)
            VALUES ('{made['id']}', decode(repeat('00', 72), 'hex'), decode(repeat('00', 8), 'hex'))""",
            database=scratch.keys)
        with scratch.served(token) as head:
            assert head.get(f"/v1/erasures/{done['id']}").status == 200
        rows = stage.cluster.psql("SELECT (SELECT count(*) FROM person_key WHERE person_id = "
                                  f"'{made['id']}'), (SELECT count(*) FROM erasure_log)",
                                  database=scratch.keys)
        assert rows == "0|1"


def test_what_was_acknowledged_outlives_a_kill(scratch, stage):
    token = scratch.token()
    with scratch.served(token) as head:
        people = [head.post("/v1/people", canaries()).json for _ in range(12)]
    server = scratch.server().start()
    client = Client(server.port, token)
    for person in people[:4]:
        erase(client, person)
    erase(client, people[4])
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(30)
    with scratch.served(token) as head:
        erased = scratch.psql("SELECT count(*) FROM person WHERE erased", user="postgres")
        logged = stage.cluster.psql("SELECT count(*) FROM erasure_log", database=scratch.keys)
        ledger = scratch.psql("SELECT count(*) FROM erasure", user="postgres")
        assert erased == logged == ledger == "5"
        for person in people[5:]:
            assert head.get(f"/v1/people/{person['id']}").json == person


class TestTampering:
    """As somebody who can take away whatever guards the tables."""

    @pytest.fixture(scope="class")
    def original(self, stage):
        with scratch_database(stage) as scratch:
            with scratch.served(scratch.token()) as head:
                for _ in range(3):
                    erase(head, head.post("/v1/people", canaries()).json)
            yield scratch

    @pytest.fixture
    def tampered(self, stage, original):
        with scratch_database(stage, original) as scratch:
            assert "3 erasures" in scratch.iqmd("erasure", "ledger").stdout
            yield scratch

    def change(self, scratch, sql):
        scratch.psql(f"""ALTER TABLE erasure DISABLE TRIGGER append_only;
            ALTER TABLE erasure DISABLE TRIGGER record_change;
            ALTER TABLE erasure NO FORCE ROW LEVEL SECURITY; {sql};
            ALTER TABLE erasure FORCE ROW LEVEL SECURITY;
            ALTER TABLE erasure ENABLE TRIGGER record_change;
            ALTER TABLE erasure ENABLE ALWAYS TRIGGER append_only""")

    def faults(self, scratch, *command):
        done = scratch.iqmd(*command, check=False)
        assert done.returncode == 1 and done.stdout == "", done
        return done.stderr.splitlines()

    FIRST = "id = (SELECT id FROM erasure ORDER BY id LIMIT 1)"

    def test_a_changed_entry(self, tampered):
        self.change(tampered, "UPDATE erasure SET doc = replace(doc::text, 'request', "
                              f"'retention')::json WHERE {self.FIRST}")
        assert "it was changed" in self.faults(tampered, "audit", "verify")[0]
        first, second = self.faults(tampered, "erasure", "ledger")
        assert "not what its certificate says" in first and "log says" in second

    def test_a_removed_entry(self, tampered):
        self.change(tampered, f"DELETE FROM erasure WHERE {self.FIRST}")
        assert "was removed" in self.faults(tampered, "audit", "verify")[0]
        line, = self.faults(tampered, "erasure", "ledger")
        assert "is not in the ledger" in line

    def test_an_entry_slipped_in(self, tampered):
        self.change(tampered, "INSERT INTO erasure (id, version, doc, certificate) "
                              "SELECT gen.id, 1, json_build_object('id', gen.id, 'person_id', "
                              "gen_random_uuid(), 'erased_at', 'x'), 'a.b.c' "
                              "FROM (SELECT gen_random_uuid() AS id) AS gen")
        assert "slipped in" in self.faults(tampered, "audit", "verify")[0]
        line, = self.faults(tampered, "erasure", "ledger")
        assert "is not in the key database's log" in line

    @pytest.mark.parametrize("certificate", [
        "'e30.e30.e30'", "(SELECT certificate FROM erasure ORDER BY id DESC LIMIT 1)"])
    def test_another_certificate(self, tampered, certificate):
        """Also where it is a good one, of another erasure."""
        self.change(tampered,
                    f"UPDATE erasure SET certificate = {certificate} WHERE {self.FIRST}")
        first, second = self.faults(tampered, "erasure", "ledger")
        assert "not what its certificate says" in first and "log says" in second

    def test_a_log_that_was_changed(self, tampered, stage):
        for sql, word in (("UPDATE erasure_log SET certificate = 'x' WHERE erasure_id = (SELECT "
                           "min(erasure_id::text)::uuid FROM erasure_log)", "log says"),
                          ("DELETE FROM erasure_log WHERE certificate = 'x'",
                           "is not in the key database's log")):
            stage.cluster.psql(f"ALTER TABLE erasure_log DISABLE TRIGGER append_only; {sql}",
                               database=tampered.keys)
            line, = self.faults(tampered, "erasure", "ledger")
            assert word in line

    def test_of_a_key_that_is_not_trusted(self, tampered):
        found = self.faults(tampered, "erasure", "ledger", "--public-key", "ab" * 32)
        assert len(found) == 3 and all("certificate" in line for line in found)
        public = tampered.iqmd("audit", "public-key").stdout.split()[-1]
        done = tampered.iqmd("erasure", "ledger", "--public-key", "ab" * 32, "--public-key", public)
        assert done.returncode == 0

    def test_what_cannot_be_asked(self, tampered):
        refused = tampered.iqmd("erasure", "ledger", "more", check=False)
        assert refused.returncode == 2
        away = tampered.iqmd("erasure", "ledger", check=False, settings={
            "IQM_OWNER_KEY_DATABASE_URL": "host=/nowhere"})
        assert away.returncode == 1 and "key database cannot be reached" in away.stderr
