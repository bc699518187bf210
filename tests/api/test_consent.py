"""Consents: wordings, the ledger and who may add to it, what is live, the link in an e-mail, and that
nothing can be changed unnoticed."""

import itertools
import uuid

import pytest

from support import confidential, consents
from support.at_once import at_once
from support.expect import bad_parameter, invalid, page_of, problem
from support.scratch import scratch_database

WORDINGS, RECORDS, FORM = "/v1/consent-wordings", "/v1/consent-records", "/v1/enquiry-form"
LEDGERS = ("consent_wording", "consent_record")
TEXTS = {"contact": "I consent to the data submitted being stored and used to contact me based on "
                    "the information provided on this form.",
         "marketing": "I consent to receive relevant information that may be of interest to me."}
FORM_TYPE, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"


@pytest.fixture
def person(make):
    return make.person()


def live(client, person):
    return {purpose for purpose, c in consents.state(client, person).items() if c["live"]}


class TestWordings:
    @pytest.mark.parametrize("purpose", TEXTS)
    def test_the_forms_own_are_there(self, head, purpose):
        found = consents.shipped(head, purpose)
        assert (found["purpose"], found["wording_version"], found["text"]) == \
            (purpose, 1, TEXTS[purpose])
        listed = head.get(f"{WORDINGS}?purpose={purpose}&limit=1").json["items"]
        assert listed == [found]

    def test_each_is_the_next_of_its_purpose(self, head, make):
        made = head.post(WORDINGS, {"purpose": "contact", "text": make.name("You may \"ask\" me")})
        assert made.status == 201, made
        assert made.header("Location") == f"{WORDINGS}/{made.json['id']}"
        again = head.post(WORDINGS, {"purpose": "contact", "text": "You may answer me."})
        assert again.json["wording_version"] > made.json["wording_version"] > 1
        read = head.get(made.header("Location"))
        assert read.json == made.json and read.etag == made.etag
        assert read.json["text"].endswith('"ask" me ' + read.json["text"].split()[-1])
        unchanged = head.get(made.header("Location"), headers={"If-None-Match": made.etag})
        assert unchanged.status == 304
        others = head.get(f"{WORDINGS}?purpose=marketing&limit=200").json["items"]
        assert {w["purpose"] for w in others} == {"marketing"}

    def test_at_the_same_moment_none_is_lost(self, head, make):
        before = consents.in_force(head)["marketing"]["wording_version"]
        assert set(at_once(head, [lambda own, n=n: own.post(
            WORDINGS, {"purpose": "marketing", "text": f"Moment {n}."}) for n in range(4)])) == {201}
        numbers = [w["wording_version"] for w in
                   head.get(f"{WORDINGS}?purpose=marketing&limit=200").json["items"]]
        assert sorted(numbers) == numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= before + 4

    @pytest.mark.parametrize("change, pointer", [
        ({"purpose": "profiling"}, "/purpose"), ({"text": ""}, "/text"),
        ({"text": "x" * 2001}, "/text"), ({"wording_version": 7}, "/wording_version"),
        ({"purpose": ["contact", "marketing"]}, "/purpose")])
    def test_of_one_purpose_with_a_text(self, head, change, pointer):
        invalid(head.post(WORDINGS, {"purpose": "contact", "text": "Yes.", **change}), pointer)

    def test_none_that_is_not_there(self, head):
        problem(head.get(f"{WORDINGS}/{uuid.uuid4()}"), 404, "not_found")
        bad_parameter(head.get(f"{WORDINGS}?purpose=both"), "purpose")

    def test_nothing_changes_or_removes_one(self, head):
        path = f"{WORDINGS}/{consents.SHIPPED['contact']}"
        for method in ("PUT", "PATCH", "DELETE"):
            problem(head.request(method, path, json={}, headers={"If-Match": "*"}), 405,
                    "method_not_allowed")


class TestForm:
    def test_shows_what_is_in_force(self, head, anyone, make):
        made = head.post(WORDINGS, {"purpose": "contact", "text": make.name("Anew")}).json
        response = anyone.get(FORM)
        assert response.status == 200
        contact, marketing = response.json["wordings"]
        assert contact["purpose"] == "contact" and contact["required"] is True
        assert marketing["purpose"] == "marketing" and marketing["required"] is False
        assert contact["wording_version"] >= made["wording_version"]
        stored = head.get(f"{WORDINGS}/{contact['wording_id']}").json
        assert (stored["text"], stored["wording_version"]) == \
            (contact["text"], contact["wording_version"])

    def test_may_be_kept_for_a_minute_by_pages_of_any_origin(self, anyone):
        response = anyone.get(FORM, headers={"Origin": "https://elsewhere.example"})
        assert response.header("Cache-Control") == "public, max-age=60"
        assert response.header("Access-Control-Allow-Origin") == "*"
        again = anyone.get(FORM, headers={"If-None-Match": response.etag})
        assert again.status in (200, 304) and (again.status == 304 or again.etag != response.etag)


class TestLedger:
    def test_a_record_says_all(self, head, person):
        response = head.post(RECORDS, consents.body(head, person, note="Said so by telephone."))
        assert response.status == 201, response
        made = response.json
        wording = consents.in_force(head)["marketing"]
        assert made == {
            "id": made["id"], "number": made["number"], "person_id": person["id"],
            "purpose": "marketing", "granted": True, "wording_id": made["wording_id"],
            "wording_version": made["wording_version"], "channel": "head_office",
            "actor": head.actor, "given_at": made["given_at"], "note": "Said so by telephone."}
        assert wording["wording_version"] >= made["wording_version"] >= 1
        assert list(made)[:3] == ["id", "number", "person_id"]
        read = head.get(response.header("Location"))
        assert read.json == made and read.etag == response.etag
        assert head.get(f"{RECORDS}/{made['id']}",
                        headers={"If-None-Match": read.etag}).status == 304
        assert consents.records(head, person_id=person["id"]) == [made]
        problem(head.get(f"{RECORDS}/{uuid.uuid4()}"), 404, "not_found")

    def test_two_purposes_are_never_one(self, head, person):
        consents.grant(head, person, "contact")
        assert live(head, person) == {"contact"}
        consents.grant(head, person, "marketing")
        assert live(head, person) == {"contact", "marketing"}
        consents.withdraw(head, person, "contact")
        assert live(head, person) == {"marketing"}
        consents.withdraw(head, person, "marketing")
        assert live(head, person) == set()
        kinds = [(r["purpose"], r["granted"]) for r in consents.records(head, person_id=person["id"])]
        assert kinds == [("contact", True), ("marketing", True), ("contact", False),
                         ("marketing", False)]
        assert [r["granted"] for r in consents.records(
            head, person_id=person["id"], purpose="contact")] == [True, False]

    @pytest.mark.parametrize("change, pointer", [
        ({"purpose": "both"}, "/purpose"), ({"purpose": ["contact", "marketing"]}, "/purpose"),
        ({"granted": None}, "/granted"), ({"granted": "true"}, "/granted"),
        ({"wording_id": None}, "/wording_id"), ({"wording_id": str(uuid.uuid4())}, "/wording_id"),
        ({"wording_id": consents.SHIPPED["contact"]}, "/wording_id"),
        ({"person_id": str(uuid.uuid4())}, "/person_id"), ({"note": ""}, "/note"),
        ({"given_at": "2026-01-01T00:00:00Z"}, "/given_at"), ({"channel": "enquiry_form"}, "/channel"),
        ({"wording_version": 1}, "/wording_version")])
    def test_refused(self, head, person, change, pointer):
        invalid(head.post(RECORDS, {**consents.body(head, person), **change}), pointer)
        assert consents.records(head, person_id=person["id"]) == []

    @pytest.mark.parametrize("missing", ["person_id", "purpose", "granted", "wording_id"])
    def test_nothing_is_taken_for_granted(self, head, person, missing):
        body = consents.body(head, person)
        del body[missing]
        invalid(head.post(RECORDS, body), f"/{missing}")

    def test_a_withdrawal_may_name_the_words(self, head, person):
        consents.grant(head, person)
        body = consents.body(head, person, granted=False, wording_id=consents.SHIPPED["contact"])
        invalid(head.post(RECORDS, body), "/wording_id")
        body["wording_id"] = consents.SHIPPED["marketing"]
        assert head.post(RECORDS, body).json["wording_version"] == 1
        assert live(head, person) == set()

    def test_who_has_records_is_erased_not_deleted(self, head, person):
        consents.grant(head, person)
        found = problem(head.delete(f"/v1/people/{person['id']}", "*"), 409, "conflict")
        assert "consent records" in found["detail"]

    def test_nothing_changes_or_removes_one(self, head, person):
        path = f"{RECORDS}/{consents.grant(head, person)['id']}"
        for method in ("PUT", "PATCH", "DELETE"):
            problem(head.request(method, path, json={}, headers={"If-Match": "*"}), 405,
                    "method_not_allowed")

    def test_the_audit_log_says_who(self, head, person):
        made = consents.grant(head, person)
        record, = head.get(f"/v1/audit-records?resource_id={made['id']}").json["items"]
        assert record["operation"] == "create_consent_record" and record["actor"] == head.actor
        assert len(record["digest"]) == 64

    def test_filters(self, head):
        bad_parameter(head.get(f"{RECORDS}?purpose=both"), "purpose")
        bad_parameter(head.get(f"{RECORDS}?person_id=me"), "person_id")


    def test_a_note_is_stored_sealed(self, stage, head, person):
        made = consents.grant(head, person, note="Canary bird.")
        stored = stage.cluster.psql(f"SELECT doc FROM consent_record WHERE id = '{made['id']}'")
        assert made["id"] in stored and '"note":"~1.' in stored and "Canary" not in stored

    def test_a_note_on_nobody(self, head):
        body = consents.body(head, {"id": str(uuid.uuid4())}, note="Who is that?")
        invalid(head.post(RECORDS, body), "/person_id")


class TestOneself:
    @pytest.fixture(params=["ambassador", "school"])
    def caller(self, world, request):
        place = world.ambassador if request.param == "ambassador" else world.coordinators["own"]
        return place

    def test_gives_and_withdraws(self, caller, head):
        me, mine = caller.person, caller.client
        made = consents.grant(mine, me)
        assert made["channel"] == "own_account" and made["actor"] == caller.account["id"]
        assert live(mine, me) == live(head, me) >= {"marketing"}
        assert consents.withdraw(mine, me)["channel"] == "own_account"
        assert "marketing" not in live(mine, me)
        assert [r["person_id"] for r in mine.get(f"{RECORDS}?limit=200").json["items"]] == \
            [me["id"]] * len(consents.records(head, person_id=me["id"]))

    def test_adds_no_note(self, caller, head):
        response = caller.client.post(RECORDS, consents.body(head, caller.person, note="Mine."))
        found = problem(response, 403, "member_forbidden")
        assert [e["pointer"] for e in found["errors"]] == ["/note"]

    def test_speaks_for_nobody_else(self, caller, head, world):
        for other in (world.coordinators["same"].person, {"id": str(uuid.uuid4())}):
            response = caller.client.post(RECORDS, consents.body(head, other))
            found = problem(response, 403, "record_forbidden")
            assert [e["pointer"] for e in found["errors"]] == ["/person_id"]
            problem(caller.client.get(f"/v1/people/{other['id']}/consents"), 404, "not_found")

    def test_head_office_speaks_for_itself_too(self, world, head):
        officer = world.officer
        made = consents.grant(officer.client, officer.person, note="At my own wish.")
        assert made["channel"] == "own_account"
        assert consents.grant(officer.client, world.coordinators["same"].person)["channel"] == \
            "head_office"

    def test_scopes(self, scoped, head, person):
        made = consents.grant(head, person)
        writes, reads = scoped("consent_records:write"), scoped("consent_records:read")
        problem(reads.post(RECORDS, consents.body(head, person)), 403, "insufficient_scope")
        problem(writes.get(f"{RECORDS}/{made['id']}"), 403, "insufficient_scope")
        problem(writes.get(f"/v1/people/{person['id']}/consents"), 403, "insufficient_scope")
        problem(reads.get(f"{WORDINGS}/{made['wording_id']}"), 403, "insufficient_scope")
        assert len(consents.records(head, person_id=person["id"])) == 1


class TestState:
    def test_of_somebody_who_said_nothing(self, head, person):
        nothing = {"live": False, "since": None, "consent_record_id": None, "channel": None,
                   "wording_id": None, "wording_version": None, "text": None}
        assert consents.state(head, person) == {
            purpose: {"purpose": purpose, **nothing} for purpose in TEXTS}

    def test_is_that_of_the_last_record(self, head, person):
        given = consents.grant(head, person)
        found = consents.state(head, person)["marketing"]
        assert (found["live"], found["since"], found["consent_record_id"]) == \
            (True, given["given_at"], given["id"])
        assert (found["wording_id"], found["wording_version"], found["channel"]) == \
            (given["wording_id"], given["wording_version"], "head_office")
        assert found["text"] == head.get(f"{WORDINGS}/{given['wording_id']}").json["text"]
        taken = consents.withdraw(head, person)
        found = consents.state(head, person)["marketing"]
        assert (found["live"], found["since"], found["consent_record_id"]) == \
            (False, taken["given_at"], taken["id"])
        assert found["wording_id"] == given["wording_id"]

    def test_of_nobody(self, head):
        problem(head.get(f"/v1/people/{uuid.uuid4()}/consents"), 404, "not_found")

    def test_at_the_same_moment_one_record_is_the_last(self, head, person):
        given, taken = consents.body(head, person), consents.body(head, person, granted=False)
        for _ in range(5):
            work = [lambda own, b=b: own.post(RECORDS, b) for b in (given, taken) * 3]
            assert set(at_once(head, work)) == {201}
        made = consents.records(head, person_id=person["id"])
        numbers = [r["number"] for r in made]
        assert len(set(numbers)) == 30
        last = max(made, key=lambda r: r["number"])
        assert consents.state(head, person)["marketing"]["consent_record_id"] == last["id"]
        assert ("marketing" in live(head, person)) == last["granted"]
        assert made == sorted(made, key=lambda r: r["number"])


class TestSameAddress:
    @pytest.fixture
    def twins(self, make):
        """People with the same address, however it is spelt."""
        one = make.person()
        return [one, make.person(email=one["email"].upper()), make.person(email=one["email"])]

    def test_withdrawing_reaches_all_of_them(self, head, twins):
        for one in twins[:2]:
            consents.grant(head, one, "contact")
            consents.grant(head, one)
        consents.withdraw(head, twins[0])
        for one in twins[:2]:
            assert live(head, one) == {"contact"}
        assert [r["granted"] for r in consents.records(head, person_id=twins[1]["id"],
                                                       purpose="marketing")] == [True, False]
        assert consents.records(head, person_id=twins[2]["id"]) == []

    def test_other_purposes_and_grants_do_not(self, head, twins):
        for one in twins[:2]:
            consents.grant(head, one, "contact")
        consents.withdraw(head, twins[0], "contact")
        assert live(head, twins[1]) == {"contact"}
        consents.grant(head, twins[0])
        assert "marketing" not in live(head, twins[1])

    def test_nobody_is_at_the_same_no_address(self, head, make):
        one, other = make.person(email=None), make.person(email=None)
        consents.grant(head, one)
        consents.grant(head, other)
        consents.withdraw(head, one)
        assert live(head, other) == {"marketing"}

    def test_all_at_once(self, head, twins):
        """Nobody waits for each other in a circle, and a withdrawal after all grants holds."""
        for _ in range(4):
            at_once(head, [lambda own, b=consents.body(head, one, granted=g): own.post(RECORDS, b)
                           for one, g in itertools.product(twins, (True, False))])
        consents.withdraw(head, twins[1])
        assert [live(head, one) for one in twins] == [set()] * 3


class TestLink:
    @pytest.fixture
    def link(self, stage, person):
        return consents.link(stage, person)

    @pytest.fixture(autouse=True)
    def secret(self, link):
        confidential.note(link.rsplit("/", 1)[1])

    def test_looking_at_the_page_changes_nothing(self, head, anyone, person, link):
        consents.grant(head, person)
        for _ in range(2):
            page = page_of(anyone.get(link), 200)
            assert '<form method="post">' in page and "<button" in page
            assert person["name"] not in page and person["email"] not in page
        assert anyone.request("HEAD", link).status == 200
        assert live(head, person) == {"marketing"}

    @pytest.mark.parametrize("media_type, body", [
        (FORM_TYPE, b"List-Unsubscribe=One-Click"),
        (MULTIPART, b"--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n"
                    b"One-Click\r\n--b--\r\n")])
    def test_one_click(self, head, anyone, person, link, media_type, body):
        """As programs for e-mail send it: from anywhere, without cookies, in either coding."""
        consents.grant(head, person, "contact")
        consents.grant(head, person)
        page = page_of(anyone.post(link, body=body, headers={
            "Content-Type": media_type, "Origin": "https://mail.example",
            "Sec-Fetch-Site": "cross-site"}), 200)
        assert "<form" not in page and person["email"] not in page
        assert live(head, person) == {"contact"}
        last = consents.records(head, person_id=person["id"])[-1]
        assert last["channel"] == "one_click_link" and not last["granted"] and "actor" not in last

    def test_twice_has_happened_once(self, head, anyone, person, link):
        consents.grant(head, person)
        assert set(at_once(head, [lambda own: own.post(link, token=None)] * 4)) == {200}
        assert anyone.post(link).status == 200
        assert [r["granted"] for r in consents.records(head, person_id=person["id"])] == \
            [True, False]
        assert "<form" not in page_of(anyone.get(link), 200)

    def test_who_never_consented(self, head, anyone, person, link):
        assert "<form" not in page_of(anyone.get(link), 200)
        assert anyone.post(link).status == 200
        assert consents.records(head, person_id=person["id"]) == []

    def test_works_again_after_consenting_again(self, head, anyone, person, link):
        for _ in range(2):
            consents.grant(head, person)
            assert "<form" in page_of(anyone.get(link), 200)
            assert anyone.post(link).status == 200
            assert live(head, person) == set()

    def test_reaches_the_same_address(self, head, anyone, make, person, link):
        twin = make.person(email=person["email"])
        consents.grant(head, twin)
        assert "<form" in page_of(anyone.get(link), 200)
        assert anyone.post(link).status == 200
        assert live(head, twin) == set()

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_only_ours(self, stage, head, anyone, person, method):
        consents.grant(head, person)
        good = consents.token(stage.key, person)
        other = consents.token("ab" * 32, person)
        bad = ["x", good[:-1], good + "A", good[:-1] + ("A" if good[-1] != "A" else "B"),
               ("A" if good[0] != "A" else "B") + good[1:], other, good[::-1], "%C3%A9",
               consents.token(stage.key, person, b"c"), "A" * 66, good + "=", "A" * 500,
               consents.token(stage.key, {"id": str(uuid.uuid4())})]
        for token in bad:
            response = anyone.request(method, f"/v1/consent-withdrawals/{token}")
            assert "does not work" in page_of(response, 404), token
        assert live(head, person) == {"marketing"}

    def test_of_somebody_who_was_erased(self, stage, head, anyone, person, link):
        consents.grant(head, person)
        stage.cluster.psql("UPDATE person SET doc = json_build_object('id', id, 'erased_at', "
                           f"time_text(now())) WHERE id = '{person['id']}'")
        for response in (anyone.get(link), anyone.post(link)):
            assert "does not work" in page_of(response, 404)
        problem(head.get(f"/v1/people/{person['id']}/consents"), 404, "not_found")
        for note in ({}, {"note": "Called again."}):
            invalid(head.post(RECORDS, consents.body(head, person, **note)), "/person_id")
        assert stage.cluster.psql("SELECT count(*) FROM consent_record WHERE person_id = "
                                  f"'{person['id']}'") == "1"

    def test_a_body_that_is_too_long_or_of_another_kind(self, anyone, link):
        page_of(anyone.post(link, body=b"a=" + b"x" * 20000, headers={"Content-Type": FORM_TYPE}), 413)
        page_of(anyone.post(link, json={}), 415)

    def test_the_audit_log_says_how(self, stage, head, anyone, person, link):
        consents.grant(head, person)
        answer = anyone.post(link)
        last = consents.records(head, person_id=person["id"])[-1]
        record, = head.get(f"/v1/audit-records?resource_id={last['id']}").json["items"]
        assert (record["operation"], record["actor"], record["roles"]) == \
            ("withdraw_consent", None, [])
        assert record["request_id"] == answer.header("X-Request-Id")


# ---- nothing is changed unnoticed ----

class TestOnlyAddedTo:
    @pytest.mark.parametrize("table", LEDGERS)
    @pytest.mark.parametrize("user, mode", [("iqm_owner", ""), ("postgres", ""),
                                            ("postgres", "SET session_replication_role = replica;")])
    @pytest.mark.parametrize("sql", ["DELETE FROM {0}", "TRUNCATE {0} CASCADE",
                                     "UPDATE {0} SET doc = doc"])
    def test_even_by_the_owner(self, stage, table, user, mode, sql):
        done = stage.cluster.psql(mode + sql.format(table), user=user, check=False)
        assert done.returncode != 0 and "can only be added to" in done.stderr, done.stderr

    @pytest.mark.parametrize("table", LEDGERS)
    @pytest.mark.parametrize("sql", ["DELETE FROM {0}", "TRUNCATE {0}", "UPDATE {0} SET doc = doc",
                                     "INSERT INTO {0} (id, version, doc) SELECT id, 1, doc "
                                     "FROM {0}", "BEGIN; LOCK TABLE {0}"])
    def test_by_the_server_by_functions_only(self, stage, table, sql):
        done = stage.cluster.psql("SET iqm.roles = '{head_office}'; " + sql.format(table),
                                  user="iqm_server", check=False)
        assert done.returncode != 0 and "permission denied" in done.stderr, done.stderr

    def test_the_function_looks_at_who_calls(self, stage, head, person):
        call = "SELECT outcome FROM create_consent_record('{0}', 'contact', true, '{1}', NULL, NULL)".format(
            person["id"], consents.in_force(head)["contact"]["wording_id"])
        for roles in ("", "{}", "{client}", "{school}"):
            assert stage.cluster.psql(f"SET iqm.roles = '{roles}'; {call}", user="iqm_server") == \
                "foreign"
        for roles in ("", "{ambassador}"):
            assert stage.cluster.psql(f"SET iqm.roles = '{roles}'; SELECT create_consent_wording("
                                      "'contact', 'Mine.') IS NULL", user="iqm_server") == "t"


@pytest.fixture(scope="module")
def original(stage):
    """Two people with records."""
    with scratch_database(stage) as scratch:
        with scratch.served(scratch.token()) as client:
            for person in (client.post("/v1/people", {"name": f"Somebody {n}"}).json
                           for n in range(2)):
                consents.grant(client, person)
                consents.withdraw(client, person)
            assert client.post(WORDINGS, {"purpose": "contact", "text": "Anew."}).status == 201
        yield scratch


@pytest.fixture
def tampered(stage, original):
    with scratch_database(stage, original) as scratch:
        yield scratch


def tamper(scratch, table, sql):
    """As somebody who can take away whatever guards the table."""
    scratch.psql(f"""ALTER TABLE {table} DISABLE TRIGGER append_only;
        ALTER TABLE {table} DISABLE TRIGGER record_change;
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; {sql};
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} ENABLE TRIGGER record_change;
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only""")


LAST = "number = (SELECT max(number) FROM consent_record)"
FORGED = "replace(doc::text, '\"granted\":false', '\"granted\":true')::json"
TAMPERINGS = {
    "a withdrawal made a consent": ("consent_record", """
        ALTER TABLE consent_record DROP CONSTRAINT consent_record_check;
        UPDATE consent_record SET doc = """ + FORGED + " WHERE " + LAST, ["it was changed"]),
    "a withdrawal removed": ("consent_record", "DELETE FROM consent_record WHERE " + LAST,
                             ["was removed"]),
    "all removed": ("consent_record", "DELETE FROM consent_record", ["was removed"] * 4),
    "a consent slipped in": ("consent_record", """
        INSERT INTO consent_record (id, version, doc) SELECT gen_random_uuid(), 1,
            document_with(doc, '{"number":99}') FROM consent_record WHERE granted LIMIT 1""",
        ["was slipped in"]),
    "the order changed": ("consent_record", """
        UPDATE consent_record SET doc = document_with(doc, json_build_object('number',
            number + 1000)) WHERE granted""", ["it was changed"] * 2),
    "a wording changed": ("consent_wording", """
        UPDATE consent_wording SET doc = replace(doc::text, 'relevant', 'any')::json""",
        ["it was changed"]),
    "a wording slipped in": ("consent_wording", """
        INSERT INTO consent_wording (id, version, doc) SELECT gen_random_uuid(), 1,
            document_with(doc, '{"wording_version":9}') FROM consent_wording LIMIT 1""",
        ["was slipped in"]),
}


class TestTampering:
    @pytest.mark.parametrize("name", TAMPERINGS)
    def test_is_found(self, tampered, name):
        table, sql, words = TAMPERINGS[name]
        assert tampered.iqmd("audit", "verify").returncode == 0
        tamper(tampered, table, sql)
        done = tampered.iqmd("audit", "verify", check=False)
        assert done.returncode == 1 and done.stdout == ""
        found = done.stderr.splitlines()
        assert len(found) == len(words), found
        for line, part in zip(found, words):
            assert part in line and line.startswith(f"The {table} ")

    def test_is_found_whatever_else_is_taken_away(self, tampered):
        """Not the trigger tells which tables are to be looked at, but what it has written."""
        tampered.psql("DROP TRIGGER append_only ON consent_record; "
                      "DROP TRIGGER record_change ON consent_record; "
                      "ALTER TABLE consent_record NO FORCE ROW LEVEL SECURITY; "
                      "DELETE FROM consent_record WHERE " + LAST)
        done = tampered.iqmd("audit", "verify", check=False)
        assert done.returncode == 1 and "was removed" in done.stderr

    def test_a_table_that_is_gone(self, tampered):
        tampered.psql("ALTER TABLE consent_record RENAME TO elsewhere; "
                      "DROP TRIGGER record_change ON elsewhere")
        done = tampered.iqmd("audit", "verify", check=False)
        assert done.returncode == 1 and "The table consent_record is gone." in done.stderr

    def test_a_row_of_a_table_that_had_none(self, stage):
        with scratch_database(stage) as scratch:
            assert scratch.iqmd("audit", "verify").returncode == 0
            tamper(scratch, "consent_record", f"""
                INSERT INTO person (id, version, doc) VALUES ('{uuid.uuid4()}', 1, '{{}}');
                INSERT INTO consent_record (id, version, doc)
                SELECT gen_random_uuid(), 1, json_build_object('number', 1, 'person_id', id,
                    'purpose', 'contact', 'granted', false) FROM person""")
            done = scratch.iqmd("audit", "verify", check=False)
            assert done.returncode == 1 and "was slipped in" in done.stderr


class TestOldWordings:
    """Where two days can pass."""

    @pytest.fixture(scope="class")
    def later(self, original, stage):
        with scratch_database(stage, original) as scratch:
            tamper(scratch, "consent_wording", """
                UPDATE consent_wording SET doc = document_with(doc, json_build_object('created_at',
                    time_text(now() - interval '1 day' - interval '1 minute')))
                WHERE wording_version = 2""")
            with scratch.served(scratch.token()) as client:
                client.people = client.get("/v1/people").json["items"]
                yield client

    def test_what_was_replaced_yesterday_is_not_taken(self, later):
        person, old = later.people[0], consents.SHIPPED["contact"]
        assert consents.in_force(later)["contact"]["wording_version"] == 2
        response = later.post(RECORDS, consents.body(later, person, "contact", wording_id=old))
        assert "replaced" in invalid(response, "/wording_id")["/wording_id"]
        consents.grant(later, person, "contact")
        assert later.post(RECORDS, consents.body(
            later, person, "contact", granted=False, wording_id=old)).status == 201

    def test_what_was_replaced_today_is(self, later):
        made = later.post(WORDINGS, {"purpose": "contact", "text": "Third."}).json
        assert made["wording_version"] == 3
        second = later.get(f"{WORDINGS}?purpose=contact").json["items"][1]
        consents.grant(later, later.people[1], "contact", wording_id=second["id"])
