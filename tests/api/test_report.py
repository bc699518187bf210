"""How the whole programme stands, counted."""

import pytest

from support import steps
from support.expect import problem
from support.places import day
from support.resources import FRAMEWORKS

ISA, COE, FLAGSHIP = FRAMEWORKS
NONE = {ISA: 0, COE: 0, FLAGSHIP: 0}


@pytest.fixture
def region(make):
    """Where nobody else is."""
    return make.name("Region")


@pytest.fixture
def report(head, region):
    def report():
        response = head.get(f"/v1/programme-report?region={region.replace(' ', '+')}")
        assert response.status == 200, response
        return response.json
    return report


@pytest.fixture
def give(head, make, region):
    """A school of the region with an award; `ago`: days since it was granted."""
    def give(level, ago, school=None, **more):
        school = school or make.school(region=region, **more)
        award = make.award(school_id=school["id"], level=level, framework_id=FRAMEWORKS[level],
                           applied_on=day(-ago))
        for step in ("assess_award", "grant_award"):
            award = steps.take(head, step, award, happened_on=day(-ago))
        return school, award
    return give


def test_of_nobody(report, region):
    found = report()
    assert (found["on"], found["region"]) == (day(0), region)
    assert [list(level.values()) for level in found["levels"]] == [
        [level, 0, 0, 0, 0] for level in FRAMEWORKS]
    assert found["regions"] == found["phases"] == []
    assert found["renewals_due"] == {"count": 0, "overdue": 0, "items": []}
    assert found["reviews_overdue"] == {"count": 0, "items": []}
    assert found["below_one_a_term"] == {"count": 0, "clusters": 0, "items": []}
    assert [y["schools"] for y in found["years"]] == [NONE] * 5
    assert found["years"][-1]["on"] == day(0)


def test_of_all_regions(head):
    found = head.get("/v1/programme-report").json
    assert found["region"] is None and len(found["regions"]) <= 100


def test_counts_a_school_with_its_highest_level(report, give, region):
    school, _ = give(ISA, 400, phase="Primary")
    give(COE, 300, school)
    give(ISA, 100, phase="Secondary")
    found = report()
    assert [level["in_force"] for level in found["levels"]] == [2, 1, 0]
    assert found["regions"] == [{"region": region, "schools": {ISA: 1, COE: 1, FLAGSHIP: 0}}]
    assert found["phases"] == [
        {"phase": "Primary", "schools": {**NONE, COE: 1}},
        {"phase": "Secondary", "schools": {**NONE, ISA: 1}}]
    assert found["years"][-1]["schools"] == {ISA: 1, COE: 1, FLAGSHIP: 0}


def test_counts_awards_that_are_not_in_force_yet_or_for_now(head, make, report, give, region):
    make.award(school_id=make.school(region=region)["id"])
    _, award = give(ISA, 100)
    steps.take(head, "defer_award", award)
    level = report()["levels"][0]
    assert (level["in_force"], level["applied"], level["deferred"]) == (0, 1, 1)


def test_lists_renewals_due_and_overdue_reviews(report, give):
    school, over = give(ISA, 3 * 365 + 100)
    _, soon = give(COE, 3 * 365 - 90, school)
    give(ISA, 500)
    found = report()
    assert (found["renewals_due"]["count"], found["renewals_due"]["overdue"]) == (2, 1)
    assert [item["award_id"] for item in found["renewals_due"]["items"]] == [over["id"], soon["id"]]
    assert found["renewals_due"]["items"][1] == {
        "award_id": soon["id"], "school_id": school["id"], "name": school["name"], "level": COE,
        "due_on": soon["ends_on"]}
    assert [item["award_id"] for item in found["reviews_overdue"]["items"]] == [soon["id"]]


def test_shows_five_years(report, give):
    school, _ = give(ISA, 800)
    give(COE, 400, school)
    years = report()["years"]
    assert len(years) == 5 and years == sorted(years, key=lambda y: y["academic_year"])
    assert [sum(y["schools"].values()) for y in years] == sorted(
        sum(y["schools"].values()) for y in years)
    assert sum(y["granted"][ISA] for y in years) == sum(y["granted"][COE] for y in years) == 1
    assert years[-1]["schools"] == {**NONE, COE: 1}
    assert years[0]["schools"] == NONE


def test_names_clusters_below_one_meeting_a_term(make, report, region):
    cluster = make.cluster(region=region)
    before = report()["below_one_a_term"]
    assert before["clusters"] == 1 and before["count"] >= 3
    missed = before["items"][0]
    assert missed["cluster_id"] == cluster["id"]
    when = {"autumn": "-10-10", "spring": "-02-01", "summer": "-06-20"}[missed["term"]]
    year = int(missed["academic_year"][:4]) + (missed["term"] != "autumn")
    make.meeting(cluster_id=cluster["id"], held_on=f"{year}{when}", kind="cluster")
    after = report()
    assert after["below_one_a_term"]["count"] == before["count"] - 1
    assert missed not in after["below_one_a_term"]["items"]
    assert sum(y["cluster_meetings"] for y in after["years"]) == 1


def test_counts_what_a_school_became_in_its_place(make, report, give, region):
    school, _ = give(ISA, 400)
    academy = make.school(region=region, phase="All-through")
    make.succession(predecessor_id=school["id"], successor_id=academy["id"])
    found = report()
    assert found["regions"][0]["schools"] == {**NONE, ISA: 1}
    assert [p["phase"] for p in found["phases"]] == ["All-through"]


def test_counts_review_visits(head, report, give):
    school, _ = give(ISA, 300)
    _, award = give(COE, 300, school)
    assert sum(y["review_visits"] for y in report()["years"]) == 0
    review = head.post("/v1/reviews", {"award_id": award["id"], "assessor_person_id": head.post(
        "/v1/people", {"name": "An Assessor", "email": "assessor@example.org"}).json["id"],
        "scheduled_on": day(-20)}).json
    steps.take(head, "visit_review", review, happened_on=day(-20))
    assert sum(y["review_visits"] for y in report()["years"]) == 1


def test_needs_a_region_that_can_be(head):
    problem(head.get("/v1/programme-report?region="), 400, "invalid_parameters")
