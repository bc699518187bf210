"""Reviews: what a report holds, and what signing it off does to the award. Rules by their names."""

import pytest

from support import steps
from support.expect import invalid, problem
from support.places import day
from support.resources import plan_of, project_of, update_of, year_of

PATH = "/v1/reviews"
ISA, COE, FLAGSHIP = "inclusive_school_award", "centre_of_excellence", "flagship"


def path_of(record, collection=PATH):
    return f"{collection}/{record['id']}"


def award_of(client, record):
    return client.get(f"/v1/awards/{record['id']}").json


def rules_of(response):
    return {e["rule"]: e.get("records", []) for e in problem(response, 409, "rules_not_met")["errors"]}


class Story:
    """A school on its way; every day is so many before today."""

    def __init__(self, head, make, in_cluster=True):
        self.head, self.make = head, make
        self.cluster = make.cluster()
        self.school = make.school(cluster_id=self.cluster["id"] if in_cluster else None)
        self.assessor = make.person()

    def apply(self, level, ago):
        response = self.head.post("/v1/awards", {
            "school_id": self.school["id"], "level": level, "applied_on": day(-ago),
            "framework_id": f"00feb74a-6800-7000-8000-00000000000"
                            f"{[ISA, COE, FLAGSHIP].index(level) + 1}"})
        assert response.status == 201, response
        return response.json

    def report(self, award, ago, outcome, **judgements):
        review = self.make.review(
            award_id=award["id"], assessor_person_id=self.assessor["id"],
            scheduled_on=day(-ago), judgements=[], seen=None)
        review = steps.take(self.head, "visit_review", review, happened_on=day(-ago))
        steps.write_report(self.head, review, outcome, **judgements)
        response = steps.attempt(self.head, "report_review", review, happened_on=day(-ago))
        assert response.status == 200, response
        return response.json

    def sign_off(self, review, ago):
        return steps.attempt(self.head, "sign_off_review", review, happened_on=day(-ago))

    def review(self, award, ago, outcome):
        """A whole review of that day; the award as it leaves it."""
        response = self.sign_off(self.report(award, ago, outcome), ago)
        assert response.status == 200, response
        return award_of(self.head, award)

    def plan(self, award, year, *names):
        """A plan of the year, with these steps; all on the last day of the year."""
        body = {**plan_of(self.make, award), "academic_year": year}
        response = self.head.post("/v1/plans", body)
        assert response.status == 201, response
        plan = response.json
        for name in names:
            plan = steps.take(self.head, name, plan, happened_on=f"20{year[-2:]}-08-31")
        return plan

    def plans(self, award, ago):
        """A reviewed plan of each year from the award on that is over so many days ago."""
        year = year_of(award["contracts"][0]["starts_on"])
        while f"20{year[-2:]}-08-31" < day(-ago):
            self.plan(award, year, "submit_plan", "agree_plan", "review_plan")
            year = year_of(f"20{year[-2:]}-09-01")

    def meet(self, ago, status="present"):
        meeting = self.make.meeting(cluster_id=self.cluster["id"], held_on=day(-ago))
        if status:
            self.make.attendance(meeting_id=meeting["id"], school_id=self.school["id"],
                                 status=status)
        return meeting


@pytest.fixture
def story(head, make):
    return Story(head, make)


class TestReport:
    @pytest.fixture
    def review(self, head, make):
        return steps.take(head, "visit_review", make.review(seen=None, judgements=[]))

    def test_is_whole(self, review, head):
        found = problem(steps.attempt(head, "report_review", review), 422, "validation_failed")
        assert {e["pointer"] for e in found["errors"]} == {
            "/seen", "/strengths", "/areas_to_develop", "/outcome", "/judgements"}
        assert sum(e["pointer"] == "/judgements" for e in found["errors"]) == 8
        steps.write_report(head, review)
        assert steps.attempt(head, "report_review", review).json["status"] == "reported"

    def test_judges_what_people_judge_and_once(self, story, head):
        award = story.apply(ISA, 30)
        review = story.make.review(award_id=award["id"], judgements=[])
        good = {"criterion": "curriculum", "judgement": "met"}
        invalid(head.patch(path_of(review), {"judgements": [good, good]}, "*"),
                "/judgements/1/criterion")
        invalid(head.patch(path_of(review), {"judgements": [{**good, "criterion": "colour"}]}, "*"),
                "/judgements/0/criterion")
        review = story.make.review(award_id=story.apply(COE, 30)["id"], judgements=[])
        invalid(head.patch(path_of(review), {"judgements": [{**good, "criterion": "cluster"}]}, "*"),
                "/judgements/0/criterion")

    def test_has_an_outcome_for_what_the_award_is(self, story, head):
        award = story.apply(ISA, 30)
        review = story.make.review(award_id=award["id"], judgements=[])
        invalid(head.patch(path_of(review), {"outcome": "renewed"}, "*"), "/outcome")
        story.review(award, 20, "awarded")
        invalid(head.patch(path_of(review), {"outcome": "awarded"}, "*"), "/outcome")

    def test_stays_once_it_is_handed_in(self, review, head):
        steps.write_report(head, review)
        review = steps.take(head, "report_review", review)
        problem(head.patch(path_of(review), {"seen": "Less."}, "*"), 409, "wrong_status")
        problem(head.put(path_of(review), review, headers={"If-Match": "*"}), 409, "wrong_status")
        review = steps.take(head, "return_review", review)
        assert review["transitions"][-1]["comment"]
        assert head.patch(path_of(review), {"seen": "Less."}, "*").status == 200

    def test_is_kept_once_the_visit_took_place(self, review, head, make):
        problem(head.delete(path_of(review), "*"), 409, "conflict")
        assert head.delete(path_of(make.review()), "*").status == 204

    def test_the_visit_has_a_day(self, make, head):
        review = make.review(scheduled_on="2025-09-03")
        assert review["academic_year"] == "2025/26"
        invalid(head.patch(path_of(review), {"visited_on": "2025-08-30"}, "*"), "/visited_on")
        invalid(steps.attempt(head, "visit_review", review, visited_on=day(1)), "/visited_on")
        visited = steps.take(head, "visit_review", review, visited_on="2025-08-30")
        assert (visited["visited_on"], visited["academic_year"]) == ("2025-08-30", "2024/25")


class TestConflictOfInterest:
    """conflict_of_interest: nobody reviews a school that they belong to."""

    def test_of_who_works_there(self, head, make):
        award = make.award()
        teacher = make.person(school_id=award["school_id"])
        body = make.example("review", award_id=award["id"], assessor_person_id=teacher["id"])
        assert rules_of(head.post(PATH, body)) == {
            "conflict_of_interest": [f"/v1/schools/{award['school_id']}"]}
        other = make.person(school_id=make.school()["id"])
        assert head.post(PATH, {**body, "assessor_person_id": other["id"]}).status == 201

    def test_of_what_the_school_was_before(self, head, make):
        award, old = make.award(), make.school()
        make.succession(predecessor_id=old["id"], successor_id=award["school_id"])
        teacher = make.person(school_id=old["id"])
        body = make.example("review", award_id=award["id"], assessor_person_id=teacher["id"])
        assert "conflict_of_interest" in rules_of(head.post(PATH, body))

    def test_of_who_reports(self, world):
        """An ambassador who coordinates a school of the own cluster."""
        cluster = world.make.cluster()
        mine, other = (world.make.school(cluster_id=cluster["id"]) for _ in range(2))
        caller = world.people.leader(cluster, roles=("ambassador", "school"), school=mine)
        review = world.make.review(award_id=world.make.award(school_id=mine["id"])["id"])
        assert rules_of(steps.attempt(caller.client, "visit_review", review)) == {
            "conflict_of_interest": [f"/v1/schools/{mine['id']}"]}
        review = world.make.review(award_id=world.make.award(school_id=other["id"])["id"])
        assert steps.attempt(caller.client, "visit_review", review).status == 200


class TestSight:
    def test_a_school_sees_what_is_scheduled_and_what_is_signed_off(self, story, world, head):
        coordinator = world.people.coordinator(story.school).client
        award = story.apply(ISA, 60)
        review = story.make.review(award_id=award["id"], judgements=[])
        assert coordinator.get(path_of(review)).status == 200
        report = story.report(award, 30, "awarded")
        problem(coordinator.get(path_of(report)), 404, "not_found")
        assert story.sign_off(report, 30).status == 200
        assert coordinator.get(path_of(report)).json["outcome"] == "awarded"


class TestOutcome:
    def test_awarded_grants_in_the_same_transaction(self, story):
        award = story.apply(ISA, 60)
        after = story.review(award, 30, "awarded")
        assert [s["transition"] for s in after["transitions"]] == ["assess", "grant"]
        assert after["status"] == "awarded" and after["first_awarded_on"] == day(-30)
        assert all(s["review_id"] for s in after["transitions"])
        assert "review_due_on" not in after

    def test_one_visit_may_grant_both(self, story, head):
        """inclusive_school_award_held: no waiting time between the two."""
        first, second = story.apply(ISA, 60), story.apply(COE, 60)
        report = story.report(second, 30, "awarded")
        assert rules_of(story.sign_off(report, 30)) == {
            "inclusive_school_award_held": [path_of(first, "/v1/awards")]}
        assert award_of(head, second)["status"] == "applied"
        story.review(first, 30, "awarded")
        assert story.sign_off(report, 30).status == 200
        after = award_of(head, second)
        assert after["status"] == "awarded"
        assert after["review_due_on"][:4] == str(int(day(-30)[:4]) + 1)

    def test_what_is_judged_not_met_stands_in_the_way(self, story):
        award = story.apply(ISA, 60)
        report = story.report(award, 30, "awarded", curriculum="not_met")
        assert rules_of(story.sign_off(report, 30)) == {"curriculum": [path_of(report)]}

    def test_not_awarded_leaves_it_assessed(self, story):
        award = story.review(story.apply(ISA, 60), 30, "not_awarded")
        assert award["status"] == "assessed"
        assert story.review(award, 20, "awarded")["status"] == "awarded"

    def test_not_before_the_steps_of_the_award(self, story, head):
        award = story.apply(ISA, 60)
        steps.take(head, "assess_award", award, happened_on=day(-10))
        report = story.report(award, 30, "awarded")
        assert "steps_in_order" in rules_of(story.sign_off(report, 30))
        assert story.sign_off(report, 10).status == 200

    def test_deferred_and_maintained(self, story):
        """attends_meetings: who was deferred is reinstated after coming to a meeting again."""
        story.review(story.apply(ISA, 900), 800, "awarded")
        award = story.review(story.apply(COE, 900), 800, "awarded")
        award = story.review(award, 400, "deferred")
        assert award["status"] == "deferred"
        report = story.report(award, 30, "maintained")
        story.meet(420)
        assert rules_of(story.sign_off(report, 30)) == {
            "attends_meetings": [path_of(award, "/v1/awards")]}
        story.meet(50, "apologies")
        assert story.sign_off(report, 30).status == 409
        story.meet(40)
        assert story.sign_off(report, 30).status == 200
        assert award_of(story.head, award)["status"] == "awarded"


class TestLadder:
    def test_flagship_needs_centre_of_excellence(self, story, head):
        """centre_of_excellence_held, and at the application already."""
        body = {"school_id": story.school["id"], "level": FLAGSHIP}
        assert rules_of(head.post("/v1/awards", body)) == {"centre_of_excellence_held": []}

    def test_centre_of_excellence_needs_the_inclusive_school_award(self, story, head):
        body = {"school_id": story.school["id"], "level": COE}
        assert rules_of(head.post("/v1/awards", body)) == {"inclusive_school_award_held": []}
        story.apply(ISA, 1)
        assert head.post("/v1/awards", body).status == 201

    def test_flagship_needs_three_years(self, story, head):
        """held_three_years, counted through what the school was before."""
        story.review(story.apply(ISA, 1200), 1100, "awarded")
        coe = story.apply(COE, 1200)
        story.review(coe, 1095, "awarded")
        academy = story.make.school(cluster_id=story.cluster["id"])
        story.make.succession(predecessor_id=story.school["id"], successor_id=academy["id"])
        story.school = academy
        early = story.apply(FLAGSHIP, 40)
        report = story.report(early, 35, "awarded")
        found = rules_of(story.sign_off(report, 35))
        assert found == {"held_three_years": [path_of(coe, "/v1/awards")]}

    def test_three_years_are_enough(self, story, head):
        """held_three_years"""
        story.review(story.apply(ISA, 1300), 1200, "awarded")
        coe = story.review(story.apply(COE, 1300), 1200, "awarded")
        award = story.apply(FLAGSHIP, 130)
        report = story.report(award, 120, "awarded")
        assert rules_of(story.sign_off(report, 120)) == {
            "held_three_years": [path_of(coe, "/v1/awards")]}
        assert coe["ends_on"] < day(-100)  # a review at the end of the contract
        assert story.sign_off(report, 100).status == 200

    def test_renewal_counts_visits_and_meetings(self, story, head):
        """renewal_window, annual_visit, attends_meetings"""
        story.review(story.apply(ISA, 1300), 1200, "awarded")
        award = story.apply(COE, 1300)
        award = story.review(award, 1190, "awarded")
        report = story.report(award, 100, "renewed")
        missed = story.meet(700, "absent")
        found = rules_of(story.sign_off(report, 100))
        assert set(found) == {"annual_visit", "attends_meetings", "plan_each_year"}
        assert path_of(missed, "/v1/meetings") in found["attends_meetings"]
        early = problem(steps.attempt(head, "renew_award", award, happened_on=day(-600)),
                        409, "rules_not_met")
        assert "renewal_window" in {e["rule"] for e in early["errors"]}

    def test_renewed_when_all_is_there(self, story):
        """renewal_window, annual_visit, attends_meetings, plan_each_year"""
        story.review(story.apply(ISA, 1300), 1200, "awarded")
        award = story.review(story.apply(COE, 1300), 1190, "awarded")
        for ago in (900, 540, 200):
            story.meet(ago + 10)
            award = story.review(award, ago, "maintained")
        story.plans(award, 100)
        award = story.review(award, 100, "renewed")
        assert award["status"] == "renewed" and len(award["contracts"]) == 2

    def test_renewal_counts_plans_that_were_reviewed(self, story, head):
        """plan_each_year"""
        story.review(story.apply(ISA, 1300), 1200, "awarded")
        award = story.review(story.apply(COE, 1300), 1190, "awarded")
        later = year_of(award["contracts"][0]["starts_on"], 1)
        plan = story.plan(award, later, "submit_plan", "agree_plan")
        report = story.report(award, 100, "renewed")
        found = problem(story.sign_off(report, 100), 409, "rules_not_met")["errors"]
        [error] = [e for e in found if e["rule"] == "plan_each_year"]
        assert path_of(plan, "/v1/plans") in error["records"]
        steps.take(head, "review_plan", plan, happened_on=day(-99))  # after that day
        assert "plan_each_year" in rules_of(story.sign_off(report, 100))

    def test_membership_of_a_cluster(self, head, make):
        """cluster_member: Flagship's own criterion."""
        story = Story(head, make, in_cluster=False)
        story.review(story.apply(ISA, 1300), 1200, "awarded")
        story.review(story.apply(COE, 1300), 1200, "awarded")
        report = story.report(story.apply(FLAGSHIP, 110), 104, "awarded")
        assert rules_of(story.sign_off(report, 104)) == {"cluster_member": []}
        head.patch(f"/v1/schools/{story.school['id']}", {"cluster_id": story.cluster["id"]}, "*")
        assert story.sign_off(report, 104).status == 200


class TestDays:
    def test_a_visit_is_not_before_the_application(self, story, head):
        award = story.apply(ISA, 10)
        review = story.make.review(award_id=award["id"], judgements=[], scheduled_on=day(-60))
        response = steps.attempt(head, "visit_review", review, happened_on=day(-60))
        invalid(response, "/visited_on")
        assert steps.attempt(head, "visit_review", review, happened_on=day(-10)).status == 200

    def test_signing_off_is_not_before_the_application(self, story, head):
        """steps_in_order"""
        award = story.apply(ISA, 10)
        review = story.make.review(award_id=award["id"], judgements=[], scheduled_on=day(-5))
        review = steps.take(head, "visit_review", review, happened_on=day(-20), visited_on=day(-5))
        steps.write_report(head, review, "awarded")
        steps.attempt(head, "report_review", review, happened_on=day(-19))
        path = path_of(award, "/v1/awards")
        assert rules_of(story.sign_off(review, 18))["steps_in_order"] == [path]
        assert story.sign_off(review, 5).status == 200
        assert head.patch(path, {"notes": "Well done."}, "*").status == 200

    def test_the_newest_visit_says_when_the_next_is_due(self, story, head):
        story.review(story.apply(ISA, 900), 800, "awarded")
        award = story.review(story.apply(COE, 900), 800, "awarded")
        older, newer = story.report(award, 500, "maintained"), story.report(award, 100, "maintained")
        assert story.sign_off(newer, 100).status == 200
        due = award_of(head, award)["review_due_on"]
        assert story.sign_off(older, 90).status == 200
        assert award_of(head, award)["review_due_on"] == due > day(200)

    def test_an_award_whose_contract_is_over_is_not_maintained(self, story):
        """award_in_force"""
        story.review(story.apply(ISA, 1300), 1200, "awarded")
        award = story.review(story.apply(COE, 1300), 1190, "awarded")
        late = story.report(award, 90, "maintained")
        assert set(rules_of(story.sign_off(late, 90))) == {"award_in_force"}
        in_time = story.report(award, 96, "maintained")
        assert story.sign_off(in_time, 96).status == 200


class TestWayBack:
    """A report that can no longer be signed off goes back to be put right."""

    def test_when_the_award_has_gone_on(self, story, head):
        award = story.apply(ISA, 60)
        first, second = (story.report(award, 30, o) for o in ("awarded", "not_awarded"))
        assert story.sign_off(first, 30).status == 200
        assert story.sign_off(second, 30).status == 422
        back = steps.take(head, "return_review", second)
        change = head.patch(path_of(back), {"outcome": "maintained"}, "*")
        assert change.status == 200, change

    def test_when_the_assessor_has_come_to_the_school(self, story, head):
        """conflict_of_interest"""
        report = story.report(story.apply(ISA, 60), 30, "awarded")
        head.patch(f"/v1/people/{story.assessor['id']}", {"school_id": story.school["id"]}, "*")
        assert set(rules_of(story.sign_off(report, 30))) == {"conflict_of_interest"}
        steps.take(head, "return_review", report)
        other = {"assessor_person_id": story.make.person()["id"]}
        assert head.patch(path_of(report), other, "*").status == 200

    @pytest.mark.parametrize("outcome", ["maintained", "renewed", "deferred"])
    def test_not_onto_an_award_that_has_ended(self, story, head, outcome):
        """award_in_force"""
        story.review(story.apply(ISA, 900), 800, "awarded")
        award = story.review(story.apply(COE, 900), 800, "awarded")
        report = story.report(award, 100, outcome)
        steps.take(head, "withdraw_award", award, happened_on=day(-90))
        assert "award_in_force" in rules_of(story.sign_off(report, 80))
        assert "review_due_on" not in award_of(head, award)


class TestFlagship:
    """What a Flagship school writes in place of plans."""

    @pytest.fixture
    def award(self, story):
        story.review(story.apply(ISA, 2300), 2290, "awarded")
        story.review(story.apply(COE, 2300), 2290, "awarded")
        return story.review(story.apply(FLAGSHIP, 1250), 1190, "awarded")

    @pytest.fixture
    def project(self, story, award):
        body = {**project_of(story.make, award), "starts_on": day(-1180), "ends_on": day(-100),
                "steps": [{"key": "all", "title": "All", "responsible_groups": ["All of us"],
                           "starts_on": day(-1180), "ends_on": day(-100)}]}
        project = story.head.post("/v1/projects", body).json
        for name in ("submit_project", "agree_project"):
            project = steps.take(story.head, name, project, happened_on=day(-1170))
        return project

    @staticmethod
    def update(story, project, ago):
        update = story.head.post(
            "/v1/project-updates", update_of(project, year_of(day(-ago)))).json
        return steps.take(story.head, "submit_project_update", update, happened_on=day(-ago))

    def test_review_asks_for_an_update(self, story, award, project):
        """project_update_for_review: one since the visit before."""
        report = story.report(award, 830, "maintained")
        assert rules_of(story.sign_off(report, 830)) == {
            "project_update_for_review": [path_of(project, "/v1/projects")]}
        self.update(story, project, 840)
        assert story.sign_off(report, 830).status == 200
        second = story.report(award, 470, "maintained")
        assert set(rules_of(story.sign_off(second, 470))) == {"project_update_for_review"}
        deferred = story.sign_off(story.report(award, 460, "deferred"), 460)
        assert deferred.status == 200  # asks for none

    @staticmethod
    def annual_update(story):
        """How the criterion stands, and its records."""
        found = story.head.get(f"/v1/schools/{story.school['id']}/standing?on={day(-100)}").json
        criteria = {c["code"]: c for c in found["awards"][-1]["criteria"]}
        return criteria["annual_update"]["state"], criteria["annual_update"]["records"]

    def test_an_update_is_the_basis_of_one_review(self, story, award, project):
        """project_update_for_review, basis_of_a_review"""
        first, second = (story.report(award, ago, "maintained") for ago in (830, 470))
        update = self.update(story, project, 400)
        assert set(rules_of(story.sign_off(first, 390))) == {"project_update_for_review"}
        assert story.sign_off(second, 390).status == 200
        steps.take(story.head, "return_project_update", update)  # it came after the visit
        story.head.patch(path_of(update, "/v1/project-updates"), {"impact": "More."}, "*")
        earlier = self.update(story, project, 850)
        assert story.sign_off(first, 380).status == 200
        assert set(rules_of(steps.attempt(story.head, "return_project_update", earlier))) == {
            "basis_of_a_review"}

    def test_of_a_deferred_school_has_a_project_still(self, story, award):
        """project_in_place_of_plan, while the award is deferred, too."""
        steps.take(story.head, "defer_award", award, happened_on=day(-600))
        [coe] = [a for a in story.head.get(
            f"/v1/awards?school_id={story.school['id']}").json["items"] if a["level"] == COE]
        body = {"award_id": coe["id"], "academic_year": year_of(day(-500)), "targets": []}
        invalid(story.head.post("/v1/plans", body), "/academic_year")

    def test_visits_are_those_of_a_flagship_school(self, story, award):
        found = story.head.get(f"/v1/schools/{story.school['id']}/standing?on={day(-1000)}").json
        due = {a["level"]: [d["what"] for d in a["due"]] for a in found["awards"]}
        assert "review" in due[FLAGSHIP] and "review" not in due[COE]
        before = story.head.get(f"/v1/schools/{story.school['id']}/standing?on={day(-1200)}").json
        assert "review" in [d["what"] for a in before["awards"] if a["level"] == COE
                            for d in a["due"]]

    def test_asks_for_an_update_of_each_year(self, story, award, project):
        """project_update_each_year: those that are over."""
        assert self.annual_update(story) == ("not_met", [])
        years = {year_of(day(-ago)): ago for ago in range(1180, 99, -10)}  # each with its last day
        made = [self.update(story, project, ago) for ago in years.values()]
        state, records = self.annual_update(story)
        assert state == "met" and set(records) <= {path_of(u, "/v1/project-updates") for u in made}
        for update in made[:-1]:
            steps.take(story.head, "return_project_update", update)
        assert self.annual_update(story)[0] == "not_met"


def test_reviews_due_are_awards_by_their_day(story, head):
    story.review(story.apply(ISA, 900), 800, "awarded")
    award = story.review(story.apply(COE, 900), 500, "awarded")
    listed = f"/v1/awards?school_id={story.school['id']}&sort=review_due_on&review_due_to="
    assert [a["id"] for a in head.get(listed + day(0)).json["items"]] == [award["id"]]
    assert head.get(listed + day(-200)).json["items"] == []
    story.review(award, 30, "maintained")
    assert head.get(listed + day(0)).json["items"] == []


def test_two_who_sign_off_at_once_do_so_once(story, head):
    report = story.report(story.apply(ISA, 60), 30, "awarded")
    assert story.sign_off(report, 30).status == 200
    problem(story.sign_off(report, 30), 409, "wrong_status")
