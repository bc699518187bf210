"""The public form: what it asks for, what comes of it, and that it tells nothing."""

import statistics
import time
import uuid

import pytest

from support import confidential, consents, enquiries
from support.at_once import at_once
from support.client import Client
from support.expect import bad_parameter, invalid, problem

PATH = "/v1/enquiries"


@pytest.fixture
def form(make):
    return enquiries.body(make)


def person_of(head, enquiry):
    return head.get(f"/v1/people/{enquiry['person_id']}").json


class TestSending:
    @pytest.mark.parametrize("marketing", [False, True])
    def test_makes_a_person_an_enquiry_and_consents(self, head, anyone, make, marketing):
        form = enquiries.body(make, marketing)
        response = anyone.post(PATH, form)
        assert response.status == 202, response
        assert response.json == {"status": "received"}
        made = enquiries.find(head, response)
        assert {n: made[n] for n in ("message", "school_name")} == \
            {n: form[n] for n in ("message", "school_name")}
        assert "handled_on" not in made and "notes" not in made and made["version"] == 1
        person = person_of(head, made)
        assert {n: person[n] for n in ("name", "email", "telephone")} == \
            {n: form[n] for n in ("name", "email", "telephone")}
        found = consents.records(head, person_id=person["id"])
        assert [(r["purpose"], r["granted"], r["channel"], r["wording_id"]) for r in found] == \
            [(p, True, "enquiry_form", form[f"{p}_wording_id"])
             for p in ("contact", "marketing")[:1 + marketing]]
        assert not any("actor" in r or "note" in r for r in found)

    def test_is_noted_as_nobodys(self, head, anyone, form):
        response = anyone.post(PATH, form)
        made = enquiries.find(head, response)
        for key in (made["id"], made["person_id"]):
            record, = head.get(f"/v1/audit-records?resource_id={key}").json["items"]
            assert (record["operation"], record["actor"], record["roles"]) == \
                ("create_enquiry", None, [])

    def test_a_token_changes_nothing(self, head, form):
        """Head office, too, may fill in the form; it is the person's own."""
        made = enquiries.find(head, head.post(PATH, form))
        found = consents.records(head, person_id=made["person_id"])
        assert [r["channel"] for r in found] == ["enquiry_form"]

    def test_without_a_school(self, head, anyone, form):
        for name in (None, ...):
            body = {n: v for n, v in form.items() if n != "school_name" or name is None}
            if name is None:
                body["school_name"] = None
            assert "school_name" not in enquiries.find(head, anyone.post(PATH, body))

    @pytest.mark.parametrize("missing", ["name", "email", "telephone", "message", "contact_consent",
                                         "contact_wording_id", "marketing_consent"])
    def test_what_it_needs(self, stage, anyone, form, missing):
        for body in ({n: v for n, v in form.items() if n != missing}, {**form, missing: None}):
            invalid(anyone.post(PATH, body), f"/{missing}")

    @pytest.mark.parametrize("change, pointer", [
        ({"contact_consent": False}, "/contact_consent"),
        ({"contact_consent": "true"}, "/contact_consent"),
        ({"contact_consent": 1}, "/contact_consent"),
        ({"marketing_consent": "on"}, "/marketing_consent"),
        ({"marketing_consent": True, "marketing_wording_id": None}, "/marketing_wording_id"),
        ({"contact_wording_id": consents.SHIPPED["marketing"]}, "/contact_wording_id"),
        ({"contact_wording_id": str(uuid.uuid4())}, "/contact_wording_id"),
        ({"marketing_wording_id": consents.SHIPPED["contact"]}, "/marketing_wording_id"),
        ({"email": "nobody"}, "/email"), ({"name": " "}, "/name"), ({"message": ""}, "/message"),
        ({"message": "x" * 5001}, "/message"), ({"telephone": "call me"}, "/telephone"),
        ({"consent": True}, "/consent")])
    def test_refused(self, anyone, form, change, pointer):
        invalid(anyone.post(PATH, {**form, **change}), pointer)

    def test_what_is_refused_leaves_nothing(self, head, anyone, form):
        """Not even half of it."""
        response = anyone.post(PATH, {**form, "marketing_consent": True,
                                      "marketing_wording_id": str(uuid.uuid4())})
        invalid(response, "/marketing_wording_id")
        found = head.get("/v1/audit-records?sort=-at&limit=200&operation=create_enquiry")
        assert response.header("X-Request-Id") not in [r["request_id"] for r in found.json["items"]]

    def test_neither_consent_stands_for_the_other(self, anyone, form):
        invalid(anyone.post(PATH, {**form, "contact_consent": False, "marketing_consent": True}),
                "/contact_consent")

    def test_of_another_media_type(self, anyone, form):
        problem(anyone.request("POST", PATH, form={"name": "Ada"}), 415, "unsupported_media_type")


class TestKnownAddresses:
    """Nothing tells whether an address is known: neither the answer nor the time it takes."""

    def test_get_the_same_answer_and_a_person_of_their_own(self, head, anyone, make):
        known = make.person()
        consents.grant(head, known)
        answers = [anyone.post(PATH, enquiries.body(make, email=email)) for email in (
            known["email"], known["email"].upper(), confidential.note("nobody7@known.example"))]
        assert {a.body for a in answers} == {b'{"status":"received"}'}
        headers = [{n for n, _ in a.headers} for a in answers]
        assert headers[0] == headers[1] == headers[2]
        people = {enquiries.find(head, a)["person_id"] for a in answers}
        assert len(people) == 3 and known["id"] not in people
        assert head.get(f"/v1/people/{known['id']}").json == known

    def test_not_consenting_is_not_withdrawing(self, head, anyone, make):
        known = make.person()
        consents.grant(head, known)
        anyone.post(PATH, enquiries.body(make, email=known["email"]))
        assert consents.state(head, known)["marketing"]["live"]

    def test_take_as_long(self, anyone, make):
        known = make.person()["email"]
        for _ in range(20):
            make.person(email=known)
        times = {True: [], False: []}
        for _ in range(30):
            for is_known in times:
                form = enquiries.body(make, True, **({"email": known} if is_known else {}))
                start = time.perf_counter()
                assert anyone.post(PATH, form).status == 202
                times[is_known].append(time.perf_counter() - start)
        one, other = (statistics.median(t) for t in times.values())
        assert abs(one - other) < max(0.5 * min(one, other), 0.005), (one, other)


class TestLimits:
    def test_by_address_as_public_forms_are(self, stage, make):
        server = stage.server(IQM_LIMIT_SIGN_IN=3).start()
        try:
            client = Client(server.port)
            forms = [enquiries.body(make) for _ in range(4)]
            statuses = [client.post(PATH, form) for form in forms]
            assert [a.status for a in statuses] == [202, 202, 202, 429]
            found = problem(statuses[3], 429, "rate_limited")
            assert found["status"] == 429 and int(statuses[3].header("Retry-After")) > 0
            assert client.get("/v1/enquiry-form").status == 200
            client.close()
        finally:
            server.stop()

    def test_from_pages_of_known_origins(self, anyone, form):
        response = anyone.post(PATH, form, headers={"Origin": "https://app.example"})
        assert response.status == 202
        assert response.header("Access-Control-Allow-Origin") == "https://app.example"
        other = anyone.request("OPTIONS", PATH, headers={
            "Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"})
        assert other.header("Access-Control-Allow-Origin") is None

    def test_many_at_once(self, head, make):
        forms = [enquiries.body(make, True, email="crowd@known.example") for _ in range(8)]
        assert at_once(head, [lambda own, f=f: own.post(PATH, f, token=None) for f in forms]) == \
            [202] * 8


class TestHandling:
    @pytest.fixture
    def enquiry(self, make):
        return enquiries.send(make)

    def path(self, enquiry):
        return f"{PATH}/{enquiry['id']}"

    def test_is_noted_by_head_office(self, head, enquiry):
        response = head.patch(self.path(enquiry), {"handled_on": "2026-11-25", "notes": "Rang back."},
                              "*")
        assert response.status == 200
        assert {**response.json, "version": 1, "updated_at": enquiry["updated_at"]} == \
            {**enquiry, "handled_on": "2026-11-25", "notes": "Rang back."}
        again = head.patch(self.path(enquiry), {"handled_on": None}, "*")
        assert "handled_on" not in again.json and again.json["notes"] == "Rang back."

    @pytest.mark.parametrize("change, pointer", [
        ({"message": "Other."}, "/message"), ({"school_name": None}, "/school_name"),
        ({"person_id": str(uuid.uuid4())}, "/person_id"), ({"handled_on": "soon"}, "/handled_on"),
        ({"notes": ""}, "/notes")])
    def test_what_was_sent_stays(self, head, enquiry, change, pointer):
        invalid(head.patch(self.path(enquiry), change, "*"), pointer)
        assert head.get(self.path(enquiry)).json == enquiry

    def test_preconditions(self, head, enquiry):
        path = self.path(enquiry)
        problem(head.patch(path, {"notes": "Hm."}), 428, "precondition_required")
        problem(head.patch(path, {"notes": "Hm."}, '"9"'), 412, "precondition_failed")
        problem(head.delete(path), 428, "precondition_required")
        problem(head.delete(path, '"9"'), 412, "precondition_failed")
        assert head.get(path, headers={"If-None-Match": '"1"'}).status == 304

    def test_deleting_leaves_the_person(self, head, enquiry):
        assert head.delete(self.path(enquiry), "*").status == 204
        problem(head.get(self.path(enquiry)), 404, "not_found")
        problem(head.patch(self.path(enquiry), {}, "*"), 404, "not_found")
        problem(head.delete(self.path(enquiry), "*"), 404, "not_found")
        assert person_of(head, enquiry)["id"] == enquiry["person_id"]
        assert consents.state(head, {"id": enquiry["person_id"]})["contact"]["live"]

    def test_filters(self, head, make):
        one, other = (enquiries.send(make) for _ in range(2))
        found = head.get(f"{PATH}?person_id={one['person_id']}").json["items"]
        assert found == [one]
        one = head.patch(self.path(one), {"handled_on": "2026-11-25"}, "*").json
        for handled, wanted in ((True, one), (False, other)):
            target = f"{PATH}?person_id={wanted['person_id']}&handled="
            assert head.get(target + str(handled).lower()).json["items"] == [wanted]
            assert head.get(target + str(not handled).lower()).json["items"] == []
        bad_parameter(head.get(f"{PATH}?handled=maybe"), "handled")

    def test_is_stored_sealed(self, stage, head, make):
        made = enquiries.send(make)
        head.patch(self.path(made), {"notes": "Canary bird."}, "*")
        for table in ("enquiry", "history"):
            stored = stage.cluster.psql(f"SELECT doc FROM {table} WHERE id = '{made['id']}'")
            assert made["id"] in stored
            for text in (made["message"], made["school_name"], "Canary"):
                assert text not in stored, table
