"""Access: everything that is held about a person, in one call."""

import csv
import io
import json
import re
import zipfile

import pytest

from support import confidential, consents, enquiries
from support.expect import problem

ZIP = {"Accept": "application/zip"}


def path(person):
    return f"/v1/people/{person['id']}/personal-data"


def access(client, person):
    response = client.get(path(person))
    assert response.status == 200 and response.media_type == "application/json", response
    return response.json


def rows(data, place):
    found, = (one["rows"] for one in data["places"] if one["place"] == place)
    return found


def files(client, person):
    response = client.get(path(person), headers=ZIP)
    assert response.status == 200 and response.media_type == "application/zip", response
    assert re.fullmatch(r'attachment; filename="personal-data-\d{4}-\d\d-\d\d\.zip"',
                        response.header("Content-Disposition"))
    archive = zipfile.ZipFile(io.BytesIO(response.body))
    assert archive.testzip() is None
    return {info.filename: archive.read(info).decode() for info in archive.infolist()}


def records(text):
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


@pytest.fixture
def somebody(head, make, world):
    """Somebody who has done all sorts of things."""
    caller = world.people.somebody("ambassador")
    person = caller.person
    for number in range(3):
        changed = head.patch(f"/v1/people/{person['id']}", {"job_title": f"Singer {number}"}, "*")
        assert changed.status == 200
    consents.grant(head, person)
    make.privacy_request(person_id=person["id"], kind="complaint",
                         details=confidential.note("What she complained about."))
    make.ambassador(person_id=person["id"])
    make.legal_hold(person_id=person["id"])
    return caller


class TestPlaces:
    def test_each_place_has_what_an_erasure_would_find(self, head, somebody):
        preview = head.get(f"/v1/people/{somebody.person['id']}/erasure-preview").json
        data = access(head, somebody.person)
        found = {one["place"]: len(one["rows"]) for one in data["places"] if one["rows"]}
        wanted = {one["place"]: one["rows"] for one in [*preview["erased"], *preview["kept"]]}
        # That it is handed out is recorded first; so it is among what is handed out.
        assert found.pop("audit_record") == wanted.pop("audit_record") + 1
        assert found.pop("recipient") >= wanted.pop("recipient", 0)
        assert found == wanted
        assert {"session", "token", "history", "consent_record", "privacy_request"} <= set(found)

    def test_records_are_as_their_own_operations_give_them(self, head, somebody):
        data = access(head, somebody.person)
        person_path = f"/v1/people/{somebody.person['id']}"
        assert rows(data, "person") == [head.get(person_path).json]
        for place, collection in (("account", "accounts"), ("privacy_request", "privacy-requests"),
                                  ("consent_record", "consent-records"),
                                  ("legal_hold", "legal-holds"), ("ambassador", "ambassadors")):
            found = rows(data, place)
            assert found
            for record in found:
                assert head.get(f"/v1/{collection}/{record['id']}").json == record
        versions = [row for row in rows(data, "history") if row["resource"] == "person"]
        history = head.get(person_path + "/history").json["items"]
        assert [row["document"] for row in versions] == \
            [one["document"] for one in reversed(history[1:])]

    def test_texts_that_are_sealed_elsewhere_are_open(self, head, make, stage):
        person = make.person()
        details = confidential.note(f"I want to know {make.number()}.")
        response = head.post("/v1/request-verifications", {
            "email": person["email"], "kind": "access", "details": details}, token=None)
        assert response.status == 202, response
        data = access(head, person)
        assert [row["details"] for row in rows(data, "request_verification_person")] == [details]
        for mail in rows(data, "outbox"):
            assert json.loads(mail["body"]) if isinstance(mail["body"], str) else mail["body"]

    def test_secrets_are_left_out(self, head, world):
        data = access(head, world.people.somebody("ambassador").person)
        text = json.dumps(data)
        assert rows(data, "token") and rows(data, "credential")
        for word in ("$argon2", '"hash"', '"password":', '"challenge"', "~1."):
            assert word not in text, word

    def test_it_tells_what_it_is_kept_for(self, head, make):
        data = access(head, make.person())
        assert data["processing"] == head.get("/v1/processing-record").json

    def test_it_is_recorded_who_was_given_it(self, head, make):
        person = make.person()
        access(head, person)
        seen = head.get(f"/v1/audit-records?resource_id={person['id']}").json["items"]
        assert any(one["operation"] == "get_personal_data" for one in seen)
        preview = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert "get_personal_data" in {one["what"] for one in preview["recipients"]}

    def test_a_program_that_somebody_asked_with_is_a_recipient(self, head, world, somebody):
        access(somebody.client, somebody.person)
        preview = head.get(f"/v1/people/{somebody.person['id']}/erasure-preview").json
        assert [(one["recipient_id"], one["kind"]) for one in preview["recipients"]
                if one["what"] == "get_personal_data"] == [(world.people.application["id"], "client")]

    def test_head(self, head, make):
        response = head.request("HEAD", path(make.person()))
        assert response.status == 200 and response.body == b""


class TestFiles:
    def test_have_the_same_rows(self, head, somebody):
        data = access(head, somebody.person)
        found = files(head, somebody.person)
        assert json.loads(found["processing.json"]) == data["processing"]
        assert somebody.person["id"] in found["about.txt"]
        for one in data["places"]:
            if one["place"] in ("audit_record", "recipient", "token", "session"):
                continue  # of their own moment
            lines = records(found[one["place"] + ".csv"]) if one["rows"] else []
            assert len(lines) == len(one["rows"]), one["place"]
            for line, row in zip(lines, one["rows"]):
                assert line.get("id", "") == (row.get("id") or ""), one["place"]
        line, = records(found["person.csv"])
        assert line["telephone"] == somebody.person["telephone"]
        versions = [line for line in records(found["history.csv"]) if line["resource"] == "person"]
        assert json.loads(versions[0]["document"])["version"] == 1
        assert records(found["mentions.csv"]) == data["mentions"]

    def test_a_place_without_rows_has_none(self, head, make):
        found = set(files(head, make.person()))
        assert {"about.txt", "processing.json", "person.csv", "mentions.csv"} <= found
        assert "session.csv" not in found

    @pytest.mark.parametrize("accept, media_type", [
        ("application/zip", "application/zip"), ("*/*", "application/json"),
        ("application/json, application/zip;q=0.9", "application/json"),
        ("application/zip, application/json;q=0.1", "application/zip")])
    def test_as_asked(self, head, make, accept, media_type):
        response = head.get(path(make.person()), headers={"Accept": accept})
        assert response.media_type == media_type


class TestMentions:
    def mentions(self, client, person):
        return access(client, person)["mentions"]

    def test_each_way_to_name_somebody(self, head, make):
        number = make.number()
        person = make.person(name=confidential.note(f"Zoë Ångström{number}"),
                             telephone=confidential.note(f"+44 20 794 {number:08d}"))
        digits = person["telephone"][-8:]
        texts = {"name": f"Thanks to ZOË ÅNGSTRÖM{number}!", "surname": f"Mrs Ångström{number}'s idea",
                 "email": f"(write to {person['email'].upper()})",
                 "telephone": f"ring 020-794-{digits[:4]} {digits[4:]}.",
                 "nothing": f"Zoë and Ångström{number}s", "none": f"call {digits}9"}
        made = {kind: make.cluster(notes=text) for kind, text in texts.items()}
        found = {one["id"]: one for one in self.mentions(head, person)}
        assert set(found) == {made[kind]["id"] for kind in ("name", "surname", "email", "telephone")}
        for kind in ("name", "surname", "email", "telephone"):
            one = found[made[kind]["id"]]
            assert (one["found"], one["resource"], one["pointer"], one["text"]) == \
                (kind, "cluster", "/notes", texts[kind])
            assert "version" not in one

    def test_however_it_is_written(self, head, make):
        number = make.number()
        person = make.person(name=confidential.note(f"Seán O'Conneiß{number}"), telephone=None)
        made = [make.cluster(notes=text)["id"] for text in (
            f"To Sea\u0301n\u00a0O\u2019Conneiss{number}!", f"to SEAN\n O'CONNEISS{number}",
            f"Sean O`CONNEIẞ{number}")]
        assert {one["id"] for one in self.mentions(head, person)} == set(made)

    def test_in_parts_of_documents_and_in_what_is_sealed_for_others(self, head, make):
        person = make.person()
        plan = make.plan()
        text = f"Ask {person['name']} about it."
        changed = head.patch(f"/v1/plans/{plan['id']}", {"targets": [
            {**plan["targets"][0], "next_steps": text}, *plan["targets"][1:]]}, "*")
        assert changed.status == 200, changed
        other = make.privacy_request(details=confidential.note(f"{person['name']} said no."))
        found = {one["id"]: one for one in self.mentions(head, person)}
        assert found[plan["id"]]["pointer"] == "/targets/0/next_steps"
        assert found[other["id"]]["pointer"] == "/details"
        assert person["id"] not in found

    def test_in_earlier_versions(self, head, make):
        person = make.person()
        cluster = make.cluster(notes=f"Led by {person['name']} for a while.")
        assert head.patch(f"/v1/clusters/{cluster['id']}", {"notes": "Led by nobody."},
                          "*").status == 200
        one, = self.mentions(head, person)
        assert (one["id"], one["version"], one["found"]) == (cluster["id"], "1", "name")

    def test_what_stands_around_is_short_and_whole(self, head, make):
        person = make.person()
        cluster = make.cluster(notes="é" * 300 + f" {person['name']} " + "ü" * 300)
        one, = (m for m in self.mentions(head, person) if m["id"] == cluster["id"])
        assert person["name"] in one["text"] and len(one["text"].encode()) <= 160
        assert set(one["text"].replace(person["name"], "")) <= set("éü ")

    def test_a_name_is_no_pattern(self, head, make):
        number = make.number()
        person = make.person(name=confidential.note(f'{number}%_of "all" \\x'), telephone=None)
        make.cluster(notes=f'{number} x_of "all" \\x')
        named = make.cluster(notes=f'{number}%_of "ALL" \\x')
        assert [one["id"] for one in self.mentions(head, person)] == [named["id"]]

    def test_only_in_what_the_caller_sees(self, head, make, somebody):
        cluster = make.cluster(notes=f"Led by {somebody.person['name']}.")
        assert cluster["id"] in {one["id"] for one in self.mentions(head, somebody.person)}
        assert self.mentions(somebody.client, somebody.person) == []


class TestWho:
    def test_the_person(self, head, somebody):
        own = access(somebody.client, somebody.person)
        assert rows(own, "person") == [head.get(f"/v1/people/{somebody.person['id']}").json]
        seen = head.get(f"/v1/audit-records?resource_id={somebody.person['id']}").json["items"]
        assert any(one["operation"] == "get_personal_data" for one in seen)

    def test_nobody_else(self, make, somebody, anyone):
        problem(somebody.client.get(path(make.person())), 404, "not_found")
        problem(anyone.get(path(somebody.person)), 401, "unauthorized")

    def test_not_of_who_is_not_there(self, head, make):
        person = make.person()
        assert head.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
        problem(head.get(path(person)), 404, "not_found")
        problem(head.get(path({"id": "00000000-0000-7000-8000-000000000000"}), headers=ZIP), 404,
                "not_found")
        problem(head.get(path({"id": "me"})), 400, "invalid_parameters")

    def test_an_enquirer(self, head, make):
        body = enquiries.body(make)
        assert head.post("/v1/enquiries", body, token=None).status == 202
        found, = head.get(f"/v1/people?email={body['email']}").json["items"]
        assert rows(access(head, found), "enquiry")[0]["message"] == body["message"]
