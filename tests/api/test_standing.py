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


def test_says_why_the_next_step_is_not_open(head, make, school):
    given(head, make, school, ISA, 1000)
    award = given(head, make, school, COE, 700)
    found = standing(head, school)
    assert (found["next"]["level"], found["next"]["open"]) == (FLAGSHIP, True)  # to apply
    make.award(school_id=school["id"], level=FLAGSHIP, framework_id=FRAMEWORKS[FLAGSHIP],
               applied_on=day(-10))
    found = standing(head, school)["next"]
    assert (found["step"], found["open"]) == ("grant", False)
    assert {f["rule"]: f["records"] for f in found["failures"]} == {
        "held_three_years": [f"/v1/awards/{award['id']}"]}
    renewal = {s["step"]: s for s in standing(head, school)["awards"][1]["steps"]}["renew"]
    assert "renewal_window" in {f["rule"] for f in renewal["failures"]}


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
