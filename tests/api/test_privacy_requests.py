"""Requests about personal data: their clock, their steps, and whose they are. Rules by their names."""

import datetime

import pytest

from support import confidential, steps
from support.expect import bad_parameter, invalid, problem
from support.places import day

PATH = "/v1/privacy-requests"
# With due days that no bank holiday of another test touches.
RECEIVED = "2026-06-01"


def path_of(record):
    return f"{PATH}/{record['id']}"


def rules_of(response):
    return {e["rule"]: e["records"] for e in problem(response, 409, "rules_not_met")["errors"]}


def listed(client, query):
    response = client.get(f"{PATH}?limit=200&{query}")
    assert response.status == 200, response
    return [item["id"] for item in response.json["items"]]


@pytest.fixture
def request_of(make):
    """Makes one of a new person."""
    return lambda kind="access", received_on=RECEIVED, **members: make.privacy_request(
        kind=kind, received_on=received_on, **members)


class TestMaking:
    def test_tells_when_it_is_due(self, request_of):
        record = request_of()
        assert (record["due_on"], record["paused_days"], record["extended"]) == \
            ("2026-07-01", 0, False)
        assert (record["channel"], record["status"]) == ("head_office", "received")
        assert "acknowledge_by" not in record

    @pytest.mark.parametrize("received_on, due_on", [
        ("2024-01-31", "2024-02-29"), ("2026-01-31", "2026-03-02"), ("2025-11-25", "2025-12-29"),
        ("2025-12-01", "2026-01-02"), ("2022-08-19", "2022-09-20")])
    def test_months_weekends_and_bank_holidays(self, request_of, received_on, due_on):
        """More of them: tests/unit/request_clock_test.c."""
        assert request_of(received_on=received_on)["due_on"] == due_on

    def test_is_received_today_unless_head_office_says_otherwise(self, request_of, make):
        record = make.privacy_request()
        assert record["received_on"] == day(0)
        assert datetime.date.fromisoformat(record["due_on"]).weekday() < 5
        assert request_of(received_on=day(0))["due_on"] == record["due_on"]

    def test_received_on_is_not_to_come(self, make):
        body = make.example("privacy_request", received_on=day(1))
        assert "today is" in invalid(make.client.post(PATH, body), "/received_on")["/received_on"]

    def test_complaints_have_a_day_to_acknowledge_them(self, request_of):
        record = request_of("complaint")
        assert record["acknowledge_by"] == "2026-07-01"
        assert "acknowledged_on" not in record

    def test_what_steps_tell_is_left_out(self, make):
        for member in ("question", "extension_reason", "outcome", "explanation"):
            body = make.example("privacy_request", **{member: "Said too early."})
            invalid(make.client.post(PATH, body), f"/{member}")

    def test_what_follows_from_others_is_the_servers(self, make):
        for member, value in (("due_on", day(40)), ("paused_days", 3), ("extended", True),
                              ("channel", "public"), ("acknowledge_by", day(3)),
                              ("acknowledged_on", day(0))):
            body = make.example("privacy_request", **{member: value})
            invalid(make.client.post(PATH, body), f"/{member}")

    def test_of_nobody(self, make):
        unknown = "00000000-0000-4000-8000-000000000000"
        invalid(make.client.post(PATH, make.example("privacy_request", person_id=unknown)),
                "/person_id")

    def test_is_not_sent_again_to_who_has_it(self, request_of, head):
        record = request_of()
        response = head.get(path_of(record), headers={"If-None-Match": '"1"'})
        assert (response.status, response.body) == (304, b"")

    def test_keeps_the_person(self, request_of, head):
        record = request_of()
        found = problem(head.delete(f"/v1/people/{record['person_id']}", "*"), 409, "conflict")
        assert "privacy requests" in found["detail"]


class TestOwn:
    """Whoever is signed in, for themselves."""

    @pytest.fixture(params=["ambassador", "school"])
    def caller(self, request, world):
        return world.ambassador if request.param == "ambassador" else world.coordinators["own"]

    def body(self, caller, **members):
        return {"person_id": caller.person["id"], "kind": "erasure", **members}

    def test_makes_sees_and_withdraws(self, caller, head):
        response = caller.client.post(PATH, self.body(caller, details=confidential.note(
            "All that you hold, please.")))
        assert response.status == 201, response
        record = response.json
        assert record["channel"] == "own_account"
        assert caller.client.get(path_of(record)).json == record
        assert listed(caller.client, f"person_id={caller.person['id']}&kind=erasure&open=true")
        after = steps.take(caller.client, "withdraw_privacy_request", record)
        assert after["status"] == "withdrawn"
        assert after["transitions"][0]["actor"] == caller.account["id"]
        assert head.get(path_of(record)).json == after

    def test_says_not_when_it_was_received(self, caller):
        response = caller.client.post(PATH, self.body(caller, received_on=day(-3)))
        found = problem(response, 403, "member_forbidden")
        assert [e["pointer"] for e in found["errors"]] == ["/received_on"]

    def test_of_nobody_else(self, caller, make, request_of):
        other = request_of("erasure")
        response = caller.client.post(PATH, {**self.body(caller), "person_id": other["person_id"]})
        problem(response, 403, "record_forbidden")
        problem(caller.client.get(path_of(other)), 404, "not_found")
        problem(steps.attempt(caller.client, "withdraw_privacy_request", other), 404, "not_found")
        assert listed(caller.client, f"person_id={other['person_id']}") == []

    def test_of_oneself_at_head_office(self, world):
        response = world.officer.client.post(PATH, self.body(world.officer))
        assert response.json["channel"] == "own_account"


class TestClock:
    def test_stands_while_an_answer_is_awaited(self, request_of, head):
        record = steps.take(head, "pause_privacy_request", request_of(),
                            happened_on="2026-06-10", reason="clarification",
                            question=confidential.note("Which of the letters of May?"))
        assert record["status"] == "awaiting" and "due_on" not in record
        assert record["question"] == "Which of the letters of May?"
        assert record["transitions"][-1]["reason"] == "clarification"
        assert "question" not in record["transitions"][-1]

    @pytest.mark.parametrize("asked, answered, days, due_on", [
        ("2026-06-10", "2026-06-10", 0, "2026-07-01"),
        ("2026-06-10", "2026-06-11", 1, "2026-07-02"),
        ("2026-06-10", "2026-06-13", 3, "2026-07-06"),
        ("2026-06-29", "2026-08-02", 34, "2026-08-04"),
        ("2026-06-01", "2026-07-15", 44, "2026-08-14")])
    def test_goes_on_by_whole_days(self, request_of, head, asked, answered, days, due_on):
        record = steps.take(head, "pause_privacy_request", request_of(), happened_on=asked)
        record = steps.take(head, "resume_privacy_request", record, happened_on=answered)
        assert (record["status"], record["paused_days"], record["due_on"]) == \
            ("received", days, due_on)

    def test_pauses_add_up(self, request_of, head):
        record = request_of()
        for asked, answered in (("2026-06-10", "2026-06-12"), ("2026-06-12", "2026-06-20")):
            record = steps.take(head, "pause_privacy_request", record, happened_on=asked)
            record = steps.take(head, "resume_privacy_request", record, happened_on=answered)
        assert (record["paused_days"], record["due_on"]) == (10, "2026-07-13")

    def test_three_months_are_counted_from_receipt(self, request_of, head):
        record = steps.take(head, "extend_privacy_request", request_of(), happened_on="2026-07-01",
                            extension_reason="There are many letters.")
        assert (record["extended"], record["due_on"]) == (True, "2026-09-01")
        assert record["extension_reason"] == "There are many letters."

    def test_a_pause_moves_the_extended_day_too(self, request_of, head):
        record = steps.take(head, "pause_privacy_request", request_of(), happened_on="2026-06-10")
        record = steps.take(head, "resume_privacy_request", record, happened_on="2026-06-14")
        record = steps.take(head, "extend_privacy_request", record, happened_on="2026-07-05")
        assert record["due_on"] == "2026-09-07"  # Saturday 5 September

    def test_extended_once(self, request_of, head):
        """extended_once"""
        record = steps.take(head, "extend_privacy_request", request_of(), happened_on="2026-06-02")
        response = steps.attempt(head, "extend_privacy_request", record, happened_on="2026-06-03")
        assert rules_of(response) == {"extended_once": [path_of(record)]}

    def test_extended_in_the_first_month(self, request_of, head):
        """extended_in_the_first_month: to the day it is due."""
        record = request_of()
        response = steps.attempt(head, "extend_privacy_request", record, happened_on="2026-07-02")
        assert rules_of(response) == {"extended_in_the_first_month": [path_of(record)]}
        assert steps.attempt(head, "extend_privacy_request", record,
                             happened_on="2026-07-01").status == 200

    def test_extended_with_a_reason(self, request_of, head):
        record = request_of()
        for reason in ("", None):
            invalid(steps.attempt(head, "extend_privacy_request", record,
                                  happened_on="2026-06-02", extension_reason=reason),
                    "/extension_reason")

    def test_nothing_happens_before_receipt(self, request_of, head):
        record = request_of()
        for name in ("pause", "extend", "complete", "refuse", "withdraw"):
            response = steps.attempt(head, f"{name}_privacy_request", record,
                                     happened_on="2026-05-31")
            assert RECEIVED in invalid(response, "/happened_on")["/happened_on"]

    def test_a_bank_holiday_that_is_told_later_moves_no_day(self, head, make):
        """But days that are told from then on."""
        received, holiday = "2025-02-11", "2025-03-11"
        first = make.privacy_request(kind="access", received_on=received)
        assert first["due_on"] == holiday
        made = make.bank_holiday(day=holiday, name="A coronation")
        try:
            assert head.get(path_of(first)).json == first
            second = make.privacy_request(kind="access", received_on=received)
            assert second["due_on"] == "2025-03-12"
            first = steps.take(head, "pause_privacy_request", first, happened_on="2025-02-20")
            assert steps.take(head, "resume_privacy_request", first,
                              happened_on="2025-02-20")["due_on"] == "2025-03-12"
        finally:
            assert head.delete(f"/v1/bank-holidays/{made['id']}", "*").status == 204

    def test_a_bank_holiday_that_was_removed(self, head, make):
        made = make.bank_holiday(day="2025-05-26", kind="removed", name="Spring")
        try:
            record = make.privacy_request(kind="access", received_on="2025-04-26")
            assert record["due_on"] == "2025-05-26"
        finally:
            assert head.delete(f"/v1/bank-holidays/{made['id']}", "*").status == 204


class TestComplaints:
    def test_are_acknowledged(self, request_of, head):
        record = steps.take(head, "acknowledge_privacy_request", request_of("complaint"),
                            happened_on="2026-06-03")
        assert (record["status"], record["acknowledged_on"]) == ("received", "2026-06-03")
        assert record["due_on"] == "2026-07-01"

    def test_complaints_are_acknowledged(self, request_of, head):
        """complaints_are_acknowledged, and nothing else is."""
        record = request_of("access")
        response = steps.attempt(head, "acknowledge_privacy_request", record)
        assert rules_of(response) == {"complaints_are_acknowledged": [path_of(record)]}

    def test_acknowledged_once(self, request_of, head):
        """acknowledged_once"""
        record = steps.take(head, "acknowledge_privacy_request", request_of("complaint"))
        response = steps.attempt(head, "acknowledge_privacy_request", record)
        assert rules_of(response) == {"acknowledged_once": [path_of(record)]}

    def test_a_question_acknowledges_too(self, request_of, head):
        record = steps.take(head, "pause_privacy_request", request_of("complaint"),
                            happened_on="2026-06-05")
        assert record["acknowledged_on"] == "2026-06-05"
        record = steps.take(head, "resume_privacy_request", record, happened_on="2026-06-06")
        record = steps.take(head, "pause_privacy_request", record, happened_on="2026-06-07")
        assert record["acknowledged_on"] == "2026-06-05"


class TestEnds:
    def test_is_completed(self, request_of, head):
        record = steps.take(head, "complete_privacy_request", request_of(),
                            happened_on="2026-06-20", outcome="All was sent by post.")
        assert (record["status"], record["outcome"]) == ("completed", "All was sent by post.")
        for name in ("pause", "resume", "extend", "complete", "refuse", "withdraw", "acknowledge"):
            problem(steps.attempt(head, f"{name}_privacy_request", record), 409, "wrong_status")

    def test_is_not_completed_while_an_answer_is_awaited(self, request_of, head):
        record = steps.take(head, "pause_privacy_request", request_of())
        problem(steps.attempt(head, "complete_privacy_request", record), 409, "wrong_status")
        problem(steps.attempt(head, "extend_privacy_request", record), 409, "wrong_status")

    @pytest.mark.parametrize("ground", ["manifestly_unfounded", "excessive", "exemption"])
    def test_is_refused_with_a_ground(self, request_of, head, ground):
        record = steps.take(head, "refuse_privacy_request", request_of(), ground=ground,
                            explanation="Asked for the tenth time.")
        assert (record["status"], record["explanation"]) == \
            ("refused", "Asked for the tenth time.")
        assert record["transitions"][-1]["ground"] == ground

    def test_is_refused_on_no_other_ground(self, request_of, head):
        record = request_of()
        invalid(steps.attempt(head, "refuse_privacy_request", record, ground="too_long"), "/ground")
        response = head.post(steps.path_of("refuse_privacy_request", record), {},
                             headers={"If-Match": "*"})
        invalid(response, "/ground", "/explanation")

    def test_legal_hold_in_force(self, request_of, head, make):
        """legal_hold_in_force: on the day of the refusal."""
        record = request_of("erasure")
        person, on = record["person_id"], "2026-06-20"
        make.legal_hold()
        make.legal_hold(person_id=person, placed_on="2026-06-21")
        make.legal_hold(person_id=person, placed_on="2026-06-01", lifted_on="2026-06-20")
        response = steps.attempt(head, "refuse_privacy_request", record, ground="legal_hold",
                                 happened_on=on)
        assert rules_of(response) == {"legal_hold_in_force": [path_of(record)]}
        make.legal_hold(person_id=person, placed_on="2026-06-20")
        assert steps.take(head, "refuse_privacy_request", record, ground="legal_hold",
                          happened_on=on)["status"] == "refused"

    def test_identity_was_asked(self, request_of, head):
        """identity_was_asked"""
        record = steps.take(head, "pause_privacy_request", request_of(), reason="clarification")
        response = steps.attempt(head, "refuse_privacy_request", record,
                                 ground="identity_not_confirmed")
        assert rules_of(response) == {"identity_was_asked": [path_of(record)]}
        record = steps.take(head, "resume_privacy_request", record)
        record = steps.take(head, "pause_privacy_request", record, reason="identity")
        assert steps.take(head, "refuse_privacy_request", record,
                          ground="identity_not_confirmed")["status"] == "refused"

    def test_is_withdrawn_at_any_time(self, request_of, head):
        paused = steps.take(head, "pause_privacy_request", request_of())
        for record in (request_of(), paused):
            assert steps.take(head, "withdraw_privacy_request", record)["status"] == "withdrawn"


class TestLists:
    @pytest.fixture
    def three(self, make):
        """Of one person, due on three days; the second complains."""
        person = make.person()["id"]
        return person, [make.privacy_request(person_id=person, kind=kind, received_on=received)
                        for kind, received in (("access", "2026-06-01"), ("complaint", "2026-06-02"),
                                               ("erasure", "2026-06-03"))]

    def test_of_what_is_due_and_overdue(self, three, head):
        person, records = three
        ids = [record["id"] for record in records]
        own = f"person_id={person}"
        assert listed(head, f"{own}&due_to=2026-07-02") == ids[:2]
        assert listed(head, f"{own}&due_before=2026-07-02") == ids[:1]
        assert listed(head, f"{own}&due_before=2026-07-01") == []
        assert listed(head, f"{own}&due_before={day(0)}&open=true&sort=-due_on") == ids[::-1]

    def test_what_waits_or_is_over_is_not_overdue(self, three, head):
        person, records = three
        ids = [record["id"] for record in records]
        steps.take(head, "pause_privacy_request", records[0])
        steps.take(head, "complete_privacy_request", records[2])
        overdue = f"person_id={person}&due_before={day(0)}"
        assert listed(head, overdue) == ids[1:2]
        assert listed(head, f"person_id={person}&open=true") == ids[:2]
        assert listed(head, f"person_id={person}&open=false") == ids[2:]
        assert listed(head, f"person_id={person}&status=awaiting") == ids[:1]
        assert listed(head, f"person_id={person}&sort=due_on")[0] == ids[1]
        paged = head.get(f"{PATH}?person_id={person}&sort=due_on&limit=2").json
        rest = head.get(f"{PATH}?person_id={person}&sort=due_on&limit=2&cursor={paged['next']}")
        assert len(rest.json["items"]) == 1

    def test_of_what_has_to_be_acknowledged(self, three, head):
        person, records = three
        own, complaint = f"person_id={person}", records[1]
        assert complaint["acknowledge_by"] == "2026-07-02"
        assert listed(head, f"{own}&acknowledge_to=2026-07-02") == [complaint["id"]]
        assert listed(head, f"{own}&acknowledge_before=2026-07-02") == []
        assert listed(head, f"{own}&acknowledge_before={day(0)}") == [complaint["id"]]
        assert listed(head, f"{own}&sort=acknowledge_by")[0] == complaint["id"]
        steps.take(head, "acknowledge_privacy_request", complaint)
        assert listed(head, f"{own}&acknowledge_to={day(400)}") == []

    def test_by_kind_and_day_of_receipt(self, three, head):
        person, records = three
        for record in records:
            assert listed(head, f"person_id={person}&kind={record['kind']}") == [record["id"]]
        assert listed(head, f"person_id={person}&sort=-received_on") == \
            [record["id"] for record in records[::-1]]

    def test_of_what_is_none(self, head):
        bad_parameter(head.get(f"{PATH}?open=maybe&kind=question&due_to=soon"), "open", "kind",
                      "due_to")
