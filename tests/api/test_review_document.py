"""The Action Plan and Review of a school and year: what of its records is there, for whom."""

import pytest

from support import steps
from support.expect import bad_parameter
from support.places import day
from support.resources import given, plan_of, project_of, update_of, year_of

COE = "centre_of_excellence"


def document_of(client, school, year):
    response = client.get(f"/v1/schools/{school['id']}/review-document?academic_year={year}")
    assert response.status == 200, response
    return response.json


def page_of(client, school, year):
    response = client.get(f"/v1/schools/{school['id']}/review-document.html?academic_year={year}")
    assert response.status == 200, response
    assert response.media_type == "text/html"
    return response


@pytest.fixture
def school(make):
    return make.school(cluster_id=make.cluster()["id"], town="Ambleford")


@pytest.fixture
def award(make, school):
    return given(make, COE, school)


@pytest.fixture
def year(award):
    return year_of(award["contracts"][0]["starts_on"], 1)


@pytest.fixture
def people_of(world):
    """A coordinator of a school."""
    return lambda school: world.people.coordinator(school).client


def in_year(year, month="11"):
    return f"{year[:4]}-{month}-12"


class TestDocument:
    def test_of_a_year_without_records(self, head, make):
        found = document_of(head, make.school(), "2011/12")
        assert (found["cluster"], found["awards"], found["plans"], found["projects"],
                found["contributions"], found["reviews"], found["people"]) == \
            (None, [], [], [], [], [], [])
        assert len(found["meetings"]["terms"]) == 3

    def test_is_of_this_year_unless_it_says_so(self, head, make):
        path = f"/v1/schools/{make.school()['id']}/review-document"
        assert head.get(path).json["academic_year"] == year_of(day(0))
        bad_parameter(head.get(path + "?academic_year=2026/28"), "academic_year")

    def test_has_the_records_of_its_year(self, head, make, people_of, school, award, year):
        plan = head.post("/v1/plans", plan_of(make, award)).json
        meeting = make.meeting(cluster_id=school["cluster_id"], held_on=in_year(year))
        attendance = make.attendance(meeting_id=meeting["id"], school_id=school["id"])
        written = people_of(school).patch(
            f"/v1/attendances/{attendance['id']}", {"impact": "Much."}, "*")
        assert written.status == 200, written
        shared = make.contribution(school_id=school["id"], happened_on=in_year(year))
        make.contribution(school_id=school["id"], happened_on=in_year("2001/02"))
        review = make.review(award_id=award["id"], scheduled_on=in_year(year), judgements=[])
        found = document_of(head, school, year)
        assert found["school"] == head.get(f"/v1/schools/{school['id']}").json
        assert found["cluster"]["id"] == school["cluster_id"]
        assert [a["level"] for a in found["awards"]] == ["inclusive_school_award", COE]
        assert found["plans"] == [plan]
        assert [(i["meeting_id"], i["impact"]) for i in found["meetings"]["items"]] == [
            (meeting["id"], "Much.")]
        assert [c["id"] for c in found["contributions"]] == [shared["id"]]
        assert [r["id"] for r in found["reviews"]] == [review["id"]]
        named = {review["assessor_person_id"],
                 *(p for t in plan["targets"] for p in t["responsible_person_ids"])}
        assert {p["id"] for p in found["people"]} == named
        assert {c["code"] for c in found["criteria"]} >= {"annual_visit", "curriculum"}
        other = document_of(head, school, "2001/02")
        assert (other["plans"], other["reviews"], len(other["contributions"])) == ([], [], 1)

    def test_has_the_project_in_place_of_a_plan(self, head, make, school):
        award = given(make, "flagship", school)
        project = head.post("/v1/projects", project_of(make, award)).json
        update = head.post("/v1/project-updates", update_of(project)).json
        found = document_of(head, school, "2024/25")
        assert (found["projects"], found["project_updates"]) == ([project], [update])
        later = document_of(head, school, "2025/26")
        assert (later["projects"], later["project_updates"]) == ([project], [])
        assert document_of(head, school, "2026/27")["projects"] == []

    def test_goes_on_through_what_the_school_was(self, head, make, award, year):
        plan = head.post("/v1/plans", plan_of(make, award)).json
        academy = make.school()
        assert document_of(head, academy, year)["plans"] == []
        make.succession(predecessor_id=award["school_id"], successor_id=academy["id"])
        assert document_of(head, academy, year)["plans"] == [plan]

    def test_tells_that_there_are_more_contributions(self, head, make, school, year):
        for _ in range(51):
            make.contribution(school_id=school["id"], happened_on=in_year(year),
                              partner_school_ids=[])
        found = document_of(head, school, year)
        assert (len(found["contributions"]), found["contributions_truncated"]) == (50, True)
        assert "There are more" in page_of(head, school, year).text


class TestSight:
    """Of each record what the caller sees."""

    def test_a_school_sees_no_report_before_it_is_signed_off(self, world, head):
        review = world.fresh("review", "own")
        steps.take(head, "visit_review", review)
        review = head.get(f"/v1/reviews/{review['id']}").json
        school = world.schools["own"]
        seen = document_of(world.ambassador.client, school, review["academic_year"])
        assert review["id"] in [r["id"] for r in seen["reviews"]]
        own = document_of(world.coordinators["own"].client, school, review["academic_year"])
        assert review["id"] not in [r["id"] for r in own["reviews"]]

    def test_names_for_who_may_see_people(self, world, head):
        plan = world.fresh("plan", "own")
        school, year = world.schools["own"], plan["academic_year"]
        person = plan["targets"][0]["responsible_person_ids"][0]
        for role, sees in (("school", True), ("ambassador", True), ("client", False)):
            people = document_of(world.callers[role], school, year)["people"]
            assert (person in [p["id"] for p in people]) == sees, role


class TestPage:
    def test_says_what_the_records_say(self, head, make, school, award, year):
        body = plan_of(make, award)
        body["targets"][0].update(title="Calm & <quiet>", next_steps="First.\nSecond.",
                                  impact="Ten \"fewer\" fixed-term…")
        plan = head.post("/v1/plans", body).json
        name = head.get(f"/v1/people/{plan['targets'][0]['responsible_person_ids'][0]}").json["name"]
        text = page_of(head, school, year).text
        for words in ("Calm &amp; &lt;quiet&gt;", "First.\nSecond.", "Ten &quot;fewer&quot;", name,
                      "Ambleford", "Centre of Excellence", f"Action Plan and Review {year}",
                      "Link to the School Development Plan", "No meeting was recorded"):
            assert words in text, words
        assert "<quiet>" not in text

    def test_of_a_project(self, head, make, school):
        project = head.post("/v1/projects", project_of(make, given(make, "flagship", school))).json
        text = page_of(head, school, "2024/25").text
        for words in ("Flagship Project and Review", "Quiet corners", "Year 3", "None was written"):
            assert words in text, words
        head.post("/v1/project-updates", update_of(project))
        assert "Calmer breaks." in page_of(head, school, "2024/25").text

    def test_of_a_review(self, head, make, school, award, year):
        review = make.review(award_id=award["id"], scheduled_on=in_year(year), judgements=[])
        head.post(f"/v1/reviews/{review['id']}/visit", {"visited_on": in_year(year)},
                  headers={"If-Match": "*"})
        steps.write_report(head, review, "maintained", commitment="not_met")
        text = page_of(head, school, year).text
        for words in ("Judgement of each criterion", "Commitment to inclusion", "Not met",
                      "Kindness.", "Visited on", f"12 November {year[:4]}"):
            assert words in text, words

    def test_names_criteria_as_the_award_is_judged(self, head, make, school, award):
        """In the edition of its own framework, whatever other editions call them."""
        own = make.framework(level=COE, starts_on="2020-01-01", ends_on="2020-01-01", criteria=[
            {"code": "commitment", "kind": "criterion", "title": "As we say it now"}])
        steps.take(head, "withdraw_award", award)
        award = make.award(school_id=school["id"], level=COE, framework_id=own["id"],
                           applied_on=day(-300))
        review = make.review(award_id=award["id"], scheduled_on=day(-200), judgements=[])
        steps.take(head, "visit_review", review, happened_on=day(-200))
        steps.write_report(head, review, "not_awarded")
        text = page_of(head, school, year_of(day(-200))).text
        assert "As we say it now" in text and "Review: Centre of Excellence" in text

    def test_runs_no_script_and_is_framed_by_none(self, head, make):
        response = page_of(head, make.school(), "2024/25")
        policy = response.header("Content-Security-Policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "<script" not in response.text
        assert response.header("Cache-Control") == "no-store"

    def test_of_a_year_that_is_none(self, head, make):
        path = f"/v1/schools/{make.school()['id']}/review-document.html"
        bad_parameter(head.get(path + "?academic_year=2026/28"), "academic_year")
