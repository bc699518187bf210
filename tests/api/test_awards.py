"""Awards: what is applied for, by whom, and what contracts come of it."""

import datetime
import uuid

import pytest

from support import steps
from support.expect import invalid, problem
from support.resources import FRAMEWORKS, given
from support.world import day

PATH = "/v1/awards"


def path_of(award):
    return f"{PATH}/{award['id']}"


class TestApplication:
    def test_is_judged_by_the_framework_in_force(self, head, make):
        school = make.school()
        for level in ("inclusive_school_award", "centre_of_excellence"):
            body = {"school_id": school["id"], "level": level, "applied_on": "2019-10-01"}
            made = head.post(PATH, body)
            assert made.status == 201, made
            framework = head.get(f"/v1/frameworks/{made.json['framework_id']}").json
            assert framework["level"] == level and framework["starts_on"] <= "2019-10-01"

    def test_is_judged_by_one_of_its_level(self, head, make):
        body = make.example("award", framework_id=FRAMEWORKS["flagship"])
        assert "flagship" in invalid(head.post(PATH, body), "/framework_id")["/framework_id"]

    def test_of_a_day_without_a_framework(self, head, make):
        body = make.example("award", applied_on="2003-01-01", framework_id=None)
        invalid(head.post(PATH, body), "/applied_on")

    def test_is_of_today_unless_it_says_so(self, head, make):
        body = make.example("award", applied_on=None)
        assert head.post(PATH, body).json["applied_on"] == day(0)
        invalid(head.post(PATH, {**body, "applied_on": day(1)}), "/applied_on")

    def test_a_school_says_no_more_than_the_level(self, world):
        school = world.coordinators["own"].client
        body = {"school_id": world.schools["own"]["id"], "level": "flagship"}
        found = problem(school.post(PATH, {**body, "applied_on": "2020-01-01", "notes": "Hi.",
                                           "framework_id": FRAMEWORKS["flagship"]}),
                        403, "member_forbidden")
        assert {e["pointer"] for e in found["errors"]} == {"/applied_on", "/notes", "/framework_id"}

    def test_one_of_a_level_at_a_time(self, head, make):
        award = make.award()
        again = make.example("award", school_id=award["school_id"])
        problem(head.post(PATH, again), 409, "conflict")
        steps.take(head, "withdraw_award", award)
        assert head.post(PATH, again).status == 201


    def test_is_judged_once(self, head, make):
        """What is noted later of an award asks nothing of the ladder."""
        award = given(make, "flagship")
        [below] = [a for a in head.get(f"{PATH}?school_id={award['school_id']}").json["items"]
                   if a["level"] == "centre_of_excellence"]
        steps.take(head, "withdraw_award", below)
        noted = head.patch(path_of(award), {"notes": "Wrote to us."}, "*")
        assert noted.status == 200, noted


class TestMoving:
    def test_to_what_the_school_became(self, head, make):
        award, academy = make.award(), make.school()
        change = {"school_id": academy["id"]}
        invalid(head.patch(path_of(award), change, "*"), "/school_id")
        make.succession(predecessor_id=award["school_id"], successor_id=academy["id"])
        moved = head.patch(path_of(award), change, "*")
        assert (moved.status, moved.json["school_id"]) == (200, academy["id"]), moved
        invalid(head.patch(path_of(award), {"school_id": award["school_id"]}, "*"), "/school_id")

    def test_not_beside_another(self, head, make):
        award, other = make.award(), make.award()
        make.succession(predecessor_id=award["school_id"], successor_id=other["school_id"])
        change = {"school_id": other["school_id"]}
        problem(head.patch(path_of(award), change, "*"), 409, "conflict")
        whole = {**make.example("award"), **change}
        problem(head.put(path_of(award), whole, headers={"If-Match": "*"}), 409, "conflict")

    def test_the_level_stays(self, head, make):
        change = {"level": "flagship", "framework_id": None}
        invalid(head.patch(path_of(make.award()), change, "*"), "/level")


class TestFirstStep:
    def test_is_not_before_the_application(self, head, make):
        award = make.award(applied_on=day(-5))
        invalid(steps.attempt(head, "assess_award", award, happened_on=day(-6)), "/happened_on")
        assert steps.attempt(head, "assess_award", award, happened_on=day(-5)).status == 200


class TestContracts:
    def test_of_three_years_one_after_the_other(self, head, make):
        award = steps.bring(head, "award", make.award(), "awarded")
        granted = award["transitions"][-1]["happened_on"]
        [contract] = award["contracts"]
        assert (contract["starts_on"], award["first_awarded_on"]) == (granted, granted)
        assert contract["ends_on"] == award["ends_on"]
        renewed = steps.take(head, "renew_award", award)
        first, second = renewed["contracts"]
        assert first == contract and renewed["ends_on"] == second["ends_on"]
        assert renewed["first_awarded_on"] == granted
        days = [datetime.date.fromisoformat(d) for d in (first["ends_on"], second["starts_on"],
                                                         second["ends_on"])]
        assert (days[1] - days[0]).days == 1
        assert (days[2] + datetime.timedelta(1)).isoformat() == \
            second["starts_on"].replace(second["starts_on"][:4], str(int(second["starts_on"][:4]) + 3))

    def test_lapse_only_after_their_end(self, head, make):
        """contract_over"""
        award = steps.take(head, "assess_award", make.award())
        award = steps.take(head, "grant_award", award)
        found = problem(steps.attempt(head, "lapse_award", award), 409, "rules_not_met")
        [error] = found["errors"]
        assert (error["rule"], error["records"]) == ("contract_over", [path_of(award)])
        assert award["ends_on"] in error["detail"]
        over = steps.bring(head, "award", make.award(), "awarded")
        assert steps.take(head, "lapse_award", over)["status"] == "lapsed"


class TestBelow:
    """nothing_above_in_force: an award stays while one that rests on it is in force."""

    @pytest.fixture
    def awards(self, head, make):
        found = {}
        school = make.school()
        for level in ("inclusive_school_award", "centre_of_excellence"):
            award = make.award(school_id=school["id"], level=level, framework_id=FRAMEWORKS[level],
                               applied_on=day(-30))
            for step in ("assess_award", "grant_award"):
                award = steps.take(head, step, award, happened_on=day(-20))
            found[level] = award
        return found

    def test_is_not_withdrawn(self, head, awards):
        below, above = awards.values()
        found = problem(steps.attempt(head, "withdraw_award", below), 409, "rules_not_met")
        assert [(e["rule"], e["records"]) for e in found["errors"]] == [
            ("nothing_above_in_force", [path_of(above)])]
        steps.take(head, "withdraw_award", above)
        assert steps.take(head, "withdraw_award", below)["status"] == "withdrawn"


class TestClosed:
    def test_schools_apply_as_what_they_became(self, head, make):
        school = make.school(status="closed", close_date="2024-08-31")
        body = {"school_id": school["id"], "level": "inclusive_school_award"}
        invalid(head.post(PATH, {**body, "applied_on": "2024-09-01"}), "/school_id")
        assert head.post(PATH, {**body, "applied_on": "2024-08-31"}).status == 201


class TestDeleting:
    def test_of_an_application(self, head, make):
        assert head.delete(path_of(make.award()), "*").status == 204

    def test_not_of_what_went_on(self, head, make):
        award = steps.take(head, "withdraw_award", make.award())
        assert "withdrawn" in problem(head.delete(path_of(award), "*"), 409, "conflict")["detail"]
        assert head.get(path_of(award)).json == award


class TestSight:
    """A school and who leads its cluster also see what it held before it became what it is."""

    @pytest.fixture
    def old(self, world, make):
        award = make.award()
        make.succession(predecessor_id=award["school_id"], successor_id=world.schools["own"]["id"])
        return award

    @pytest.mark.parametrize("role, status", [("school", 200), ("ambassador", 200), ("client", 200)])
    def test_of_what_the_school_was(self, old, world, role, status):
        assert world.callers[role].get(path_of(old)).status == status

    def test_of_nobody_elses(self, old, world):
        for caller in (world.coordinators["same"].client, world.coordinators["foreign"].client):
            problem(caller.get(path_of(old)), 404, "not_found")

    def test_withdrawing_is_for_the_school_it_is_now(self, old, world):
        problem(steps.attempt(world.callers["school"], "withdraw_award", old),
                403, "record_forbidden")


def test_nothing_of_nowhere(head, make):
    body = make.example("award", school_id=str(uuid.uuid4()))
    invalid(head.post(PATH, body), "/school_id")
