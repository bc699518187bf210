"""Requests about personal data without signing in: nothing tells whether an address is known, and only
who reads its mail confirms."""

import hashlib
import json
import statistics
import time
import uuid

import pytest

from support import confidential
from support.at_once import at_once
from support.client import Client
from support.expect import invalid, problem
from support.places import day
from support.serving import serving

PATH = "/v1/request-verifications"
CODE, OTHER = "20761234", "20761235"


def confirm(client, made, code=CODE):
    return client.post(f"{PATH}/{made['id']}/confirmation", {"code": code})


def requests_of(head, person):
    found = head.get(f"/v1/privacy-requests?person_id={person['id']}")
    assert found.status == 200, found
    return found.json["items"]


class Public:
    """Makes requests as anybody, and changes what is kept of them as only the owner could."""

    def __init__(self, stage, client):
        self.stage, self.client = stage, client

    def ask(self, email, **members):
        return self.client.post(PATH, {"email": email, "kind": "access", **members})

    def owner(self, sql):
        return self.stage.cluster.psql(sql, user="iqm_owner")

    def begin(self, email, **members):
        """One whose code is CODE, as if that had been mailed."""
        response = self.ask(email, **members)
        assert response.status == 202, response
        digest = hashlib.blake2b(f"{response.json['id']} {CODE}".encode(), digest_size=32,
                                 key=bytes.fromhex(self.stage.key)).hexdigest()
        self.owner(f"UPDATE request_verification SET hash = '\\x{digest}' "
                   f"WHERE id = '{response.json['id']}'")
        return response.json

    def mails(self, person):
        return self.owner(f"SELECT count(*) FROM outbox WHERE person_id = '{person['id']}' "
                          "AND kind = 'request_code'")


@pytest.fixture
def public(stage, anyone):
    return Public(stage, anyone)


@pytest.fixture
def unknown(make):
    return confidential.note(f"nobody{make.number()}@example.org")


def shape(response):
    """An answer without what is new in each."""
    found = response.json
    uuid.UUID(found.pop("id"))
    assert len(found.pop("expires_at")) == 24
    return response.status, found, [name for name, _ in response.headers]


class TestAsking:
    def test_known_and_unknown_are_answered_alike(self, public, make, unknown):
        known = make.person()["email"]
        answers = [shape(public.ask(email, details=confidential.note("All that there is.")))
                   for email in (known, unknown, known.upper(), unknown)]
        assert answers == answers[:1] * 4
        assert answers[0][0] == 202

    def test_mail_to_nobody_is_void(self, public, make, unknown):
        """But is written down like any other."""
        known, void = make.person(), "SELECT count(*) FROM outbox WHERE state = 'void'"
        for email, mails, people in ((known["email"], 1, 1), (unknown, 0, 0)):
            before = int(public.owner(void))
            made = public.ask(email).json
            assert public.owner("SELECT mailed FROM request_verification "
                                f"WHERE id = '{made['id']}'") == "t"
            assert public.owner("SELECT count(*) FROM request_verification_person "
                                f"WHERE holder_id = '{made['id']}'") == str(people)
            assert mails or int(public.owner(void)) > before
        assert public.mails(known) == "1"

    def test_known_and_unknown_take_as_long(self, public, make, unknown):
        """By their medians, asked in turn; what one of them alone did would show."""
        known, times = make.person()["email"], {}
        for _ in range(60):
            for email in (known, unknown):
                begun = time.perf_counter()
                assert public.ask(email, details="All that there is.").status == 202
                times.setdefault(email, []).append(time.perf_counter() - begun)
        ratio = statistics.median(times[known]) / statistics.median(times[unknown])
        assert 0.6 < ratio < 1.6, ratio

    def test_needs_an_address_and_a_kind(self, anyone):
        invalid(anyone.post(PATH, {}), "/email", "/kind")
        invalid(anyone.post(PATH, {"email": "nobody", "kind": "question"}), "/email", "/kind")
        invalid(anyone.post(PATH, {"email": "a@example.org", "kind": "access", "details": ""}),
                "/details")

    def test_three_codes_an_hour_go_to_an_address(self, public, make):
        """Silently: who asks more often is answered as before."""
        person = make.person()
        answers = [shape(public.ask(person["email"])) for _ in range(5)]
        assert answers == answers[:1] * 5
        assert public.mails(person) == "3"
        public.owner("UPDATE request_verification SET created_at = created_at - interval '1 hour' "
                     "WHERE id IN (SELECT holder_id FROM request_verification_person "
                     f"WHERE held_id = '{person['id']}')")
        assert public.ask(person["email"]).status == 202
        assert public.mails(person) == "4"

    def test_three_codes_an_hour_also_at_once(self, public, make, head):
        person = make.person()
        body = {"email": person["email"], "kind": "access"}
        assert at_once(head, [lambda own: own.post(PATH, body)] * 8) == [202] * 8
        assert public.mails(person) == "3"

    def test_is_limited_by_address(self, stage):
        with serving(stage, IQM_LIMIT_SIGN_IN=2) as server:
            client = Client(server.port)
            statuses = [client.post(PATH, {"email": "a@example.org", "kind": "access"}).status
                        for _ in range(5)]
            response = confirm(client, {"id": str(uuid.uuid4())})
            client.close()
        assert 429 in statuses
        problem(response, 429, "rate_limited")

    def test_what_is_said_is_stored_sealed(self, public, make):
        said = confidential.note(f"I worked at the school on the hill {make.number()}.")
        made = public.begin(make.person()["email"], details=said)
        stored = public.owner("SELECT details FROM request_verification_person "
                              f"WHERE holder_id = '{made['id']}'")
        assert stored.startswith("~1.") and said not in stored


class TestConfirming:
    def test_makes_a_request_of_the_person(self, public, make, head):
        person, said = make.person(), confidential.note("Please send all of it to me.")
        made = public.begin(person["email"], kind="complaint", details=said)
        response = confirm(public.client, made)
        assert (response.status, response.json) == (200, {"status": "received"})
        record, = requests_of(head, person)
        same = make.privacy_request(details=said)
        assert {name: record[name] for name in record if name not in (
            "id", "person_id", "created_at", "updated_at", "channel")} == {
                name: same[name] for name in same if name not in (
                    "id", "person_id", "created_at", "updated_at", "channel")}
        assert list(record) == list(same)
        assert (record["channel"], record["received_on"]) == ("public", day(0))

    def test_makes_one_of_each_person_with_the_address(self, public, make, head):
        first = make.person()
        people = [first, *(make.person(email=first["email"]) for _ in range(2)), make.person()]
        made = public.begin(first["email"], kind="erasure")
        assert public.mails(first) == "1"
        assert confirm(public.client, made).status == 200
        assert [[r["kind"] for r in requests_of(head, p)] for p in people] == \
            [["erasure"]] * 3 + [[]]
        assert "details" not in requests_of(head, first)[0]

    def test_is_in_the_audit_log(self, public, make, head):
        person = make.person()
        assert confirm(public.client, public.begin(person["email"])).status == 200
        record, = requests_of(head, person)
        found = head.get(f"/v1/audit-records?resource_id={record['id']}").json["items"]
        assert [(f["operation"], f["actor"], f["roles"]) for f in found] == \
            [("confirm_request_verification", None, [])]

    def test_counts_bank_holidays_that_were_added(self, public, make, head):
        """As head office's own requests do."""
        person, other = make.person(), make.person()
        due = make.privacy_request(person_id=other["id"])["due_on"]
        made = make.bank_holiday(day=due)
        try:
            assert confirm(public.client, public.begin(person["email"])).status == 200
            moved = make.privacy_request(person_id=other["id"])["due_on"]
            assert requests_of(head, person)[0]["due_on"] == moved != due
        finally:
            assert head.delete(f"/v1/bank-holidays/{made['id']}", "*").status == 204

    def wrong(self, response):
        found = problem(response, 422, "wrong_code")
        found.pop("instance")
        return json.dumps(found), [name for name, _ in response.headers]

    def test_every_failure_is_the_same(self, public, make, unknown):
        """wrong_code: wrong, unknown, nobody's, expired, spent, and tried too often."""
        email = make.person()["email"]
        answers = [self.wrong(confirm(public.client, {"id": str(uuid.uuid4())}))]
        answers.append(self.wrong(confirm(public.client, public.begin(email), OTHER)))
        answers.append(self.wrong(confirm(public.client, public.begin(unknown), OTHER)))
        expired = public.begin(email)
        public.owner("UPDATE request_verification SET expires_at = now() - interval '1 second' "
                     f"WHERE id = '{expired['id']}'")
        answers.append(self.wrong(confirm(public.client, expired)))
        spent = public.begin(email)
        assert confirm(public.client, spent).status == 200
        answers.append(self.wrong(confirm(public.client, spent)))
        assert len(set(map(str, answers))) == 1, answers

    def test_five_tries(self, public, make, head):
        person = make.person()
        made = public.begin(person["email"])
        for _ in range(5):
            self.wrong(confirm(public.client, made, OTHER))
        self.wrong(confirm(public.client, made))
        assert requests_of(head, person) == []

    def test_the_fifth_try_may_be_right(self, public, make, head):
        person = make.person()
        made = public.begin(person["email"])
        for _ in range(4):
            self.wrong(confirm(public.client, made, OTHER))
        assert confirm(public.client, made).status == 200
        assert len(requests_of(head, person)) == 1

    def test_a_code_is_of_one_verification(self, public, make):
        first, second = (public.begin(make.person()["email"]) for _ in range(2))
        public.owner("UPDATE request_verification SET hash = (SELECT hash FROM "
                     f"request_verification WHERE id = '{first['id']}') "
                     f"WHERE id = '{second['id']}'")
        self.wrong(confirm(public.client, second))

    def test_at_once_makes_one_set(self, public, make, head):
        person = make.person()
        made = public.begin(person["email"])
        statuses = at_once(head, [lambda own: confirm(own, made)] * 6)
        assert sorted(statuses) == [200] + [422] * 5
        assert len(requests_of(head, person)) == 1

    def test_a_code_is_eight_digits(self, public, make):
        made = public.begin(make.person()["email"])
        for code in ("", "1234567", "123456789", "1234567a"):
            invalid(confirm(public.client, made, code), "/code")

    def test_is_good_for_half_an_hour(self, public, make):
        made = public.begin(make.person()["email"])
        left = public.owner("SELECT extract(epoch FROM expires_at - now()) BETWEEN 1700 AND 1800, "
                            f"time_text(expires_at) FROM request_verification "
                            f"WHERE id = '{made['id']}'")
        assert left == f"t|{made['expires_at']}"

    def test_is_forgotten_after_an_hour(self, public, make):
        made = public.begin(make.person()["email"])
        public.owner("UPDATE request_verification SET created_at = now() - interval '61 minutes' "
                     f"WHERE id = '{made['id']}'; SELECT forget_request_verifications()")
        for table, column in (("request_verification", "id"),
                              ("request_verification_person", "holder_id")):
            assert public.owner(f"SELECT count(*) FROM {table} "
                                f"WHERE {column} = '{made['id']}'") == "0"
