"""Where a school stands on the ladder, on a day."""

import pytest

from support import steps
from support.expect import bad_parameter, problem
from support.places import day
from support.resources import FRAMEWORKS

ISA, COE, FLAGSHIP = FRAMEWORKS


def standing(client, school, ago=0):
    response = client.get(f"/v1/schools/{school['id']}/standing?on={day(-ago)}")
    assert response.status == 200, response
    return response.json


@pytest.fixture
def school(make):
    return make.school(cluster_id=make.cluster()["id"])


def given(head, make, school, level, ago):
    """An award that was applied for, assessed and granted on one day."""
    award = make.award(school_id=school["id"], level=level, framework_id=FRAMEWORKS[level],
                       applied_on=day(-ago))
    for step in ("assess_award", "grant_award"):
        award = steps.take(head, step, award, happened_on=day(-ago))
    return award


def test_of_a_school_at_the_beginning(head, school):
    found = standing(head, school)
    assert (found["level"], found["awards"]) == (None, [])
    assert found["next"] == {"level": ISA, "step": "apply", "open": True, "failures": []}
    again = head.get(f"/v1/schools/{school['id']}/standing").json
    assert again == found


def test_moves_with_the_day(head, make, school):
    given(head, make, school, ISA, 1000)
    award = given(head, make, school, COE, 700)
    assert [standing(head, school, ago)["level"] for ago in (1001, 1000, 701, 700, 0)] == \
        [None, ISA, ISA, COE, COE]
    assert standing(head, school, 1001)["awards"] == []
    before = standing(head, school, 650)["awards"][-1]
    assert (before["award_id"], before["in_force"], before["status"]) == \
        (award["id"], True, "awarded")
    assert {d["what"]: d["overdue"] for d in before["due"]} == {"review": False, "renewal": False}
    now = standing(head, school)["awards"][-1]
    assert {d["what"]: d["overdue"] for d in now["due"]} == {"review": True, "renewal": False}


def test_says_what_each_criterion_rests_on(head, make, school):
    given(head, make, school, ISA, 1000)
    given(head, make, school, COE, 700)
    states = {c["code"]: (c["state"], c["records"])
              for c in standing(head, school)["awards"][-1]["criteria"]}
    assert len(states) == 8
    assert states["commitment"] == ("to_be_judged", [])
    assert states["annual_visit"][0] == "not_met"
    meeting = make.meeting(cluster_id=school["cluster_id"], held_on=day(-300))
    attendance = make.attendance(meeting_id=meeting["id"], school_id=school["id"])
    cluster = {c["code"]: c for c in standing(head, school)["awards"][-1]["criteria"]}["cluster"]
    path = f"/v1/attendances/{attendance['id']}"
    assert cluster["state"] == "met" and (path in cluster["records"] or not cluster["records"])


def test_names_what_was_recorded_for_a_criterion(head, make, school):
    given(head, make, school, ISA, 1000)
    given(head, make, school, COE, 700)
    of = {"framework_id": FRAMEWORKS[COE], "code": "dissemination"}
    shared = make.contribution(school_id=school["id"], happened_on=day(-30), criteria=[of])
    proof = make.evidence(school_id=school["id"], criterion="dissemination",
                          framework_id=FRAMEWORKS[COE],
                          subject={"type": "contribution", "id": shared["id"]})

    def records(ago):
        found = {c["code"]: c["records"] for c in standing(head, school, ago)["awards"][-1]["criteria"]}
        assert found["commitment"] == []
        return found["dissemination"]
    assert records(31) == []
    assert records(1) == [f"/v1/contributions/{shared['id']}"]
    assert records(0) == [f"/v1/contributions/{shared['id']}", f"/v1/evidence/{proof['id']}"]


def test_says_why_the_next_step_is_not_open(head, make, school):
    given(head, make, school, ISA, 1000)
    award = given(head, make, school, COE, 700)
    found = standing(head, school)
    assert (found["next"]["level"], found["next"]["open"]) == (FLAGSHIP, True)  # to apply
    applied = make.award(school_id=school["id"], level=FLAGSHIP, framework_id=FRAMEWORKS[FLAGSHIP],
                         applied_on=day(-10))
    found = standing(head, school)["next"]
    assert (found["step"], found["open"]) == ("grant", False)
    assert {f["rule"]: f["records"] for f in found["failures"]} == {
        "held_three_years": [f"/v1/awards/{award['id']}"],
        "assessed": [f"/v1/awards/{applied['id']}"]}
    steps.take(head, "assess_award", applied)
    assert {f["rule"] for f in standing(head, school)["next"]["failures"]} == {"held_three_years"}
    renewal = {s["step"]: s for s in standing(head, school)["awards"][1]["steps"]}["renew"]
    assert "renewal_window" in {f["rule"] for f in renewal["failures"]}


@pytest.mark.parametrize("ago, step", [(1200, "renew"), (500, "reinstate")])
def test_says_how_an_award_comes_back(head, make, school, ago, step):
    award = given(head, make, school, ISA, ago)
    if step == "reinstate":
        steps.take(head, "defer_award", award, happened_on=day(-10))
    assert standing(head, school)["next"]["step"] == step


def test_of_a_closed_school(head, make):
    closed = make.school(status="closed", close_date="2024-08-31")
    found = standing(head, closed)["next"]
    assert (found["step"], found["open"]) == ("apply", False)
    assert [f["rule"] for f in found["failures"]] == ["school_open"]


def test_counts_what_the_school_was_before(head, make, school):
    award = given(head, make, school, ISA, 500)
    academy = make.school()
    assert standing(head, academy)["level"] is None
    make.succession(predecessor_id=school["id"], successor_id=academy["id"])
    found = standing(head, academy)
    assert (found["level"], found["awards"][0]["award_id"]) == (ISA, award["id"])


def test_of_a_day_that_is_none(head, school):
    bad_parameter(head.get(f"/v1/schools/{school['id']}/standing?on=2025-02-30"), "on")
    problem(head.get("/v1/schools/00000000-0000-4000-8000-000000000000/standing"), 404, "not_found")


class TestOfAwardsAsDays:
    """What lists and reports count is what the rules say of each day."""

    HISTORIES = {
        "granted": [("grant_award", 1200)],
        "over": [("grant_award", 2000)],
        "deferred": [("grant_award", 900), ("defer_award", 500)],
        "withdrawn": [("grant_award", 900), ("withdraw_award", 899)],
        "applied": [],
        "lapsed": [("grant_award", 1900), ("lapse_award", 300)],
        "withdrawn while deferred": [
            ("grant_award", 700), ("defer_award", 500), ("withdraw_award", 100)],
    }

    @pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
    def test_are_the_same(self, stage, head, make, school, history):
        award = make.award(school_id=school["id"], level=ISA, framework_id=FRAMEWORKS[ISA],
                           applied_on=day(-2100))
        award = steps.take(head, "assess_award", award, happened_on=day(-2050))
        for step, ago in history:
            award = steps.take(head, step, award, happened_on=day(-ago))
        days = sorted({ago + near for _, ago in history for near in (-1, 0, 1)}
                      | {0, 50, 400, 2000 - 1095, 2000 - 1096, 2000 - 1097, 2000 - 1094})
        for ago in days:
            counted = stage.cluster.psql(
                f"SELECT held @> date '{day(-ago)}' FROM award WHERE id = '{award['id']}'")
            found = standing(head, school, ago)["awards"][0]
            assert found["in_force"] == (counted == "t"), (ago, found["status"])

    def test_are_the_same_after_a_reinstatement(self, stage, head, make, school):
        award = given(head, make, school, ISA, 900)
        for step, ago in (("defer_award", 600), ("reinstate_award", 300)):
            award = steps.take(head, step, award, happened_on=day(-ago))
        held = stage.cluster.psql(f"SELECT held FROM award WHERE id = '{award['id']}'")
        ends = stage.cluster.psql(f"SELECT date '{award['ends_on']}' + 1")
        assert held == f"{{[{day(-900)},{day(-600)}),[{day(-300)},{ends})}}"


class TestOfACluster:
    @pytest.fixture
    def held(self, head, make):
        """A meeting of the cluster on a day, that some schools came to."""
        def held(cluster, held_on, *schools, **more):
            meeting = make.meeting(cluster_id=cluster["id"], held_on=held_on,
                                   **{"kind": "cluster", **more})
            for school in schools:
                make.attendance(meeting_id=meeting["id"], school_id=school["id"], status="present")
            return meeting
        return held

    @staticmethod
    def of(client, cluster, on):
        response = client.get(f"/v1/clusters/{cluster['id']}/standing?on={on}")
        assert response.status == 200, response
        return response.json

    def test_of_one_without_schools(self, head, make):
        found = self.of(head, make.cluster(), "2022-05-31")
        assert (found["academic_year"], found["held"], found["schools"]) == ("2021/22", 0, [])
        assert [(t["term"], t["held"], t["missing"], t["below_one_a_term"])
                for t in found["terms"]] == [
            ("autumn", 0, [], True), ("spring", 0, [], True), ("summer", 0, [], None)]

    def test_counts_meetings_of_each_term_and_who_is_missing(self, make, head, held):
        cluster = make.cluster()
        here, away = (make.school(cluster_id=cluster["id"], name=n) for n in ("Ash", "Birch"))
        make.school(name="Elsewhere")
        held(cluster, "2021-10-01", here, away)
        held(cluster, "2021-11-01", here)
        held(cluster, "2022-02-01", here)
        held(cluster, "2022-06-01", away)  # after the day
        held(cluster, "2021-11-15", away, kind="additional")
        found = self.of(head, cluster, "2022-05-31")
        assert found["held"] == 3 and not found["truncated"]
        assert [(t["term"], t["held"], t["attendances"], t["missing"]) for t in found["terms"]] == [
            ("autumn", 2, 3, []), ("spring", 1, 1, [away["id"]]), ("summer", 0, 0, [])]
        assert [(s["name"], s["attended"], s["last_attended_on"]) for s in found["schools"]] == [
            ("Ash", 3, "2022-02-01"), ("Birch", 1, "2021-10-01")]

    def test_counts_what_a_school_did_as_what_it_was_before(self, make, head, held):
        cluster = make.cluster()
        old, academy = make.school(), make.school(cluster_id=cluster["id"])
        held(cluster, "2021-10-01", old)
        given(head, make, old, ISA, 500)
        assert self.of(head, cluster, "2022-05-31")["schools"][0]["attended"] == 0
        make.succession(predecessor_id=old["id"], successor_id=academy["id"])
        assert self.of(head, cluster, "2022-05-31")["schools"][0]["attended"] == 1
        assert self.of(head, cluster, day(0))["schools"][0]["level"] == ISA

    def test_says_what_each_school_held_on_the_day(self, make, head):
        cluster = make.cluster()
        school = make.school(cluster_id=cluster["id"])
        given(head, make, school, ISA, 1000)
        given(head, make, school, COE, 700)
        assert [self.of(head, cluster, day(-ago))["schools"][0]["level"]
                for ago in (1001, 1000, 701, 700, 0)] == [None, ISA, ISA, COE, COE]

    def test_of_a_day_that_is_none(self, head, make):
        path = f"/v1/clusters/{make.cluster()['id']}/standing"
        assert head.get(path).status == 200
        bad_parameter(head.get(path + "?on=2025-02-30"), "on")
