"""A school lives through the programme: eleven years of it, over HTTP only.

Head office records the days of the past; the school and the ambassador write what is theirs, each
signed in with an account of their own.
"""

import pytest

from support import steps
from support.client import Client
from support.expect import invalid, problem
from support.passwords import choose, make_link, new_password, secret_of
from support.people import Person, SignIn
from support.resources import FRAMEWORKS

ISA, COE, FLAGSHIP = FRAMEWORKS
TERMS = (("autumn", "10-16"), ("spring", "02-05"), ("summer", "05-21"))


def rules_of(response):
    return {e["rule"]: e.get("records", [])
            for e in problem(response, 409, "rules_not_met")["errors"]}


def pointers(response):
    return {e["pointer"] for e in problem(response, 422, "validation_failed")["errors"]}


def year_name(first):
    return f"{first}/{(first + 1) % 100:02d}"


class Story:
    """Who takes part, and what they do again and again."""

    def __init__(self, head, make, people):
        self.head, self.make, self.people = head, make, people
        self.app = people.app()
        self.cluster = make.cluster()
        self.school = self.register("Ambleford Primary School")
        self.neighbour = make.school(cluster_id=self.cluster["id"])
        self.teacher = make.person(school_id=self.school["id"])
        self.coordinator = self.join(self.teacher, "school", school_id=self.school["id"])
        self.guide = make.person()
        ambassador = make.ambassador(person_id=self.guide["id"])
        make.assignment(ambassador_id=ambassador["id"], cluster_id=self.cluster["id"],
                        starts_on="2012-09-01", ends_on=None)
        self.ambassador = self.join(self.guide, "ambassador")
        self.assessor = make.person()
        self.awards = {}

    def register(self, name):
        return self.make.school(name=name, cluster_id=self.cluster["id"], urn=self.make.urn())

    def join(self, person, role, **members):
        """A client of somebody who was invited, chose a password and signed in."""
        account = self.head.post("/v1/accounts", {
            "person_id": person["id"], "roles": [role], "suspended": False, **members}).json
        password = new_password()
        client = Client(self.head.port)
        assert choose(client, secret_of(make_link(self.head, account)), password).status == 200
        who = Person(person, account, password)
        client.token = SignIn(client, self.app).tokens(who)["access_token"]
        client.account = account
        return client

    # ---- awards and reviews ----

    def apply(self, level, applied_on):
        return self.head.post("/v1/awards", {
            "school_id": self.school["id"], "level": level, "applied_on": applied_on,
            "framework_id": FRAMEWORKS[level]})

    def award(self, level):
        return self.head.get(f"/v1/awards/{self.awards[level]['id']}").json

    def report(self, level, visited_on, outcome):
        """What the ambassador schedules and writes of a visit, as the assessor found it."""
        made = self.ambassador.post("/v1/reviews", {
            "award_id": self.awards[level]["id"], "scheduled_on": visited_on, "judgements": [],
            "assessor_person_id": self.assessor["id"]})
        assert made.status == 201, made
        review = steps.take(self.head, "visit_review", made.json, happened_on=visited_on)
        steps.write_report(self.ambassador, review, outcome)
        response = steps.attempt(self.head, "report_review", review, happened_on=visited_on)
        assert response.status == 200, response
        return response.json

    def sign_off(self, review, on):
        return steps.attempt(self.head, "sign_off_review", review, happened_on=on)

    def review(self, level, visited_on, outcome):
        review = self.report(level, visited_on, outcome)
        response = self.sign_off(review, visited_on)
        assert response.status == 200, response
        return response.json

    # ---- a year's work ----

    def target(self, number, **members):
        return {"key": f"target-{number}", "title": f"Target {number}",
                "development_plan_reference": f"Priority {number} of the plan",
                "next_steps": "Train staff; try it in Year 3; look again at Easter.",
                "responsible_person_ids": [self.teacher["id"]],
                "success_measure": "Fewer pupils leave lessons.", **members}

    def draft(self, first, **carried):
        """The coordinator's plan for a year. `carried`: what its first target carries on."""
        days = {"starts_on": f"{first}-09-10", "ends_on": f"{first + 1}-05-20"}
        made = self.coordinator.post("/v1/plans", {
            "award_id": self.awards[COE]["id"], "academic_year": year_name(first),
            "targets": [self.target(n, **days) for n in (1, 2, 3)]})
        assert made.status == 201, made
        if carried:
            targets = [{**made.json["targets"][0], "carried_from": carried},
                       *made.json["targets"][1:]]
            made = self.coordinator.patch(f"/v1/plans/{made.json['id']}", {"targets": targets}, "*")
            assert made.status == 200, made
        return made.json

    def agree(self, plan, first):
        for name, month in (("submit_plan", "09-20"), ("agree_plan", "10-01")):
            plan = steps.take(self.head, name, plan, happened_on=f"{first}-{month}")
        return plan

    def finish(self, plan, first, review):
        """Progress and impact, written by the school; then the plan is reviewed."""
        path = f"/v1/plans/{plan['id']}"
        refused = steps.attempt(self.head, "review_plan", plan, happened_on=f"{first + 1}-06-20")
        assert pointers(refused) == {f"/targets/{n}/impact" for n in range(3)}
        targets = [{**t, "progress": "Done.", "impact": f"Calmer lessons ({t['key']})."}
                   for t in plan["targets"]]
        written = self.coordinator.patch(path, {"targets": targets}, "*")
        assert written.status == 200, written
        return steps.take(self.head, "review_plan", plan, happened_on=f"{first + 1}-06-20",
                          review_id=review["id"])

    def meet(self, first, *, absent=()):
        """A cluster meeting each term, and what the school took from those it came to."""
        for term, month in TERMS:
            held_on = f"{first if term == 'autumn' else first + 1}-{month}"
            made = self.ambassador.post("/v1/meetings", {
                "kind": "cluster", "cluster_id": self.cluster["id"], "held_on": held_on,
                "location": "The hall", "topics": ["Sensory rooms"],
                "host_school_id": self.neighbour["id"]})
            assert made.status == 201 and made.json["term"] == term, made
            came = self.ambassador.post("/v1/attendances", {
                "meeting_id": made.json["id"], "school_id": self.school["id"],
                "status": "absent" if term in absent else "present"})
            assert came.status == 201, came
            if term not in absent:
                impact = self.coordinator.patch(f"/v1/attendances/{came.json['id']}",
                                                {"impact": f"We tried it in {term}."}, "*")
                assert impact.status == 200, impact

    def share(self, first):
        made = self.coordinator.post("/v1/contributions", {
            "school_id": self.school["id"], "kind": "practice", "title": "Quiet corners",
            "description": "Every class has one.", "happened_on": f"{first + 1}-03-10",
            "visibility": "programme"})
        assert made.status == 201, made
        return made.json

    def year(self, first, **carried):
        """A year as a Centre of Excellence: plan, meetings, contribution, visit."""
        plan = self.agree(self.draft(first, **carried), first)
        self.meet(first)
        self.share(first)
        review = self.review(COE, f"{first + 1}-06-05", "maintained")
        return self.finish(plan, first, review)

    def update(self, project, first, on):
        made = self.coordinator.post("/v1/project-updates", {
            "project_id": project["id"], "academic_year": year_name(first),
            "progress": "All classes took part.", "impact": "Fewer exclusions.",
            "next_steps": "Try it at break."})
        assert made.status == 201, made
        return steps.take(self.head, "submit_project_update", made.json, happened_on=on)

    # ---- what is seen ----

    def standing(self, on, client=None):
        response = (client or self.coordinator).get(
            f"/v1/schools/{self.school['id']}/standing?on={on}")
        assert response.status == 200, response
        return response.json

    def criteria(self, level, on):
        [award] = [a for a in self.standing(on)["awards"] if a["level"] == level]
        return {c["code"]: c for c in award["criteria"]}

    def document(self, first):
        response = self.coordinator.get(f"/v1/schools/{self.school['id']}/review-document"
                                        f"?academic_year={year_name(first)}")
        assert response.status == 200, response
        return response.json


@pytest.fixture
def story(head, make, people):
    return Story(head, make, people)


def join_and_climb(story):
    """Inclusive School Award and Centre of Excellence at one visit."""
    assert rules_of(story.apply(COE, "2012-09-10")) == {"inclusive_school_award_held": []}
    for level in (ISA, COE):
        story.awards[level] = story.apply(level, "2012-09-10").json
    found = rules_of(story.ambassador.post("/v1/reviews", {
        "award_id": story.awards[ISA]["id"], "scheduled_on": "2013-06-10", "judgements": [],
        "assessor_person_id": story.teacher["id"]}))
    assert found == {"conflict_of_interest": [f"/v1/schools/{story.school['id']}"]}
    reports = [story.report(level, "2013-06-10", "awarded") for level in (ISA, COE)]
    too_soon = rules_of(story.sign_off(reports[1], "2013-06-10"))
    assert too_soon == {"inclusive_school_award_held": [f"/v1/awards/{story.awards[ISA]['id']}"]}
    for report in reports:
        assert story.sign_off(report, "2013-06-10").status == 200
    assert story.standing("2013-06-09")["level"] is None
    assert story.standing("2013-06-10")["level"] == COE
    assert [c["ends_on"] for c in story.award(COE)["contracts"]] == ["2016-06-09"]


def first_year(story):
    """A draft may be incomplete; what is handed in may not."""
    made = story.coordinator.post("/v1/plans", {
        "award_id": story.awards[COE]["id"], "academic_year": "2013/14",
        "targets": [{"key": "one", "title": "Calm"}, story.target(2)]}).json
    assert pointers(steps.attempt(story.coordinator, "submit_plan", made)) == {
        "/targets", "/targets/0/development_plan_reference", "/targets/0/next_steps",
        "/targets/0/responsible_person_ids", "/targets/0/starts_on", "/targets/0/ends_on",
        "/targets/1/starts_on", "/targets/1/ends_on"}
    assert story.coordinator.delete(f"/v1/plans/{made['id']}", "*").status == 204
    return story.year(2013)


def become_an_academy(story):
    """A new URN; the award goes along, and the plan that was begun goes on."""
    before, academy = story.school, story.register("Ambleford Academy")
    made = story.head.post("/v1/successions", {
        "predecessor_id": before["id"], "successor_id": academy["id"],
        "happened_on": "2015-01-01", "reason": "Became an academy."})
    assert made.status == 201, made
    for level in (ISA, COE):
        moved = story.head.patch(f"/v1/awards/{story.awards[level]['id']}",
                                 {"school_id": academy["id"]}, "*")
        assert moved.status == 200, moved
    story.head.patch(f"/v1/schools/{before['id']}",
                     {"status": "closed", "close_date": "2014-12-31", "cluster_id": None}, "*")
    for path in (f"/v1/accounts/{story.coordinator.account['id']}",
                 f"/v1/people/{story.teacher['id']}"):
        changed = story.head.patch(path, {"school_id": academy["id"]}, "*")
        assert changed.status == 200, changed
    story.school = academy
    assert academy["urn"] != before["urn"]


def second_year(story, carried):
    plan = story.agree(story.draft(2014, **carried), 2014)
    old = story.school
    become_an_academy(story)
    assert plan["school_id"] == old["id"]
    story.meet(2014)
    story.share(2014)
    review = story.review(COE, "2015-06-10", "maintained")
    plan = story.finish(plan, 2014, review)
    document = story.document(2014)
    assert [p["id"] for p in document["plans"]] == [plan["id"]]
    assert {i["impact"] for i in document["meetings"]["items"]} >= {"We tried it in spring."}
    return plan


def climb_to_flagship(story):
    """Refused while one thing is missing, then granted."""
    awards = f"/v1/awards/{story.awards[COE]['id']}"
    early = problem(steps.attempt(story.head, "renew_award", story.award(COE),
                                  happened_on="2015-06-20"), 409, "rules_not_met")
    assert "renewal_window" in {e["rule"] for e in early["errors"]}
    story.review(COE, "2016-05-20", "renewed")
    assert [c["starts_on"] for c in story.award(COE)["contracts"]] == ["2013-06-10", "2016-06-10"]
    story.awards[FLAGSHIP] = story.apply(FLAGSHIP, "2016-03-01").json
    next_step = story.standing("2016-05-25")["next"]
    assert (next_step["level"], next_step["step"], next_step["open"]) == (FLAGSHIP, "grant", False)
    report = story.report(FLAGSHIP, "2016-05-25", "awarded")
    assert rules_of(story.sign_off(report, "2016-05-25")) == {"held_three_years": [awards]}
    assert story.sign_off(report, "2016-06-15").status == 200
    assert story.standing("2016-06-15")["level"] == FLAGSHIP
    assert story.standing("2016-06-14")["level"] == COE


def begin_project(story):
    """In place of a plan."""
    refused = story.coordinator.post("/v1/plans", {
        "award_id": story.awards[COE]["id"], "academic_year": "2016/17", "targets": []})
    invalid(refused, "/academic_year")
    body = {"award_id": story.awards[FLAGSHIP]["id"], "title": "What calms",
            "outline": "word " * 401, "starts_on": "2016-09-01", "ends_on": "2019-07-20",
            "steps": [{"key": "look", "title": "Look", "starts_on": "2016-09-01",
                       "ends_on": "2017-07-20", "responsible_groups": ["Year 3 team"]},
                      {"key": "try", "title": "Try", "starts_on": "2017-09-01",
                       "ends_on": "2019-07-20",
                       "responsible_person_ids": [story.teacher["id"]]}]}
    invalid(story.coordinator.post("/v1/projects", body), "/outline")
    made = story.coordinator.post("/v1/projects", {**body, "outline": "word " * 400})
    assert made.status == 201, made
    project = steps.take(story.head, "submit_project", made.json, happened_on="2016-09-10")
    return steps.take(story.head, "agree_project", project, happened_on="2016-09-20")


def flagship_year(story, project):
    story.meet(2016)
    report = story.report(FLAGSHIP, "2017-06-12", "maintained")
    assert rules_of(story.sign_off(report, "2017-06-12")) == {
        "project_update_for_review": [f"/v1/projects/{project['id']}"]}
    story.update(project, 2016, "2017-06-01")
    assert story.sign_off(report, "2017-06-12").status == 200


def miss_meetings_and_recover(story, project):
    story.meet(2017, absent=("autumn", "spring", "summer"))
    story.update(project, 2017, "2018-06-01")
    meetings = story.criteria(FLAGSHIP, "2018-09-02")["meetings"]
    assert meetings["state"] == "not_met" and len(meetings["records"]) == 3 + 3
    story.review(FLAGSHIP, "2018-06-12", "deferred")
    assert story.award(FLAGSHIP)["status"] == "deferred"
    assert story.standing("2018-06-12")["level"] == COE
    refused = steps.attempt(story.head, "reinstate_award", story.award(FLAGSHIP),
                            happened_on="2018-09-10")
    assert set(rules_of(refused)) == {"attends_meetings"}
    story.meet(2018)
    steps.take(story.head, "reinstate_award", story.award(FLAGSHIP), happened_on="2018-10-20")
    assert story.standing("2018-10-20")["level"] == FLAGSHIP


def complete_project(story, project):
    lacking = rules_of(steps.attempt(story.head, "complete_project", project,
                                     happened_on="2019-07-20"))
    assert lacking == {"project_update_each_year": [f"/v1/projects/{project['id']}"]}
    story.update(project, 2018, "2019-05-20")
    story.review(FLAGSHIP, "2019-06-05", "renewed")
    response = steps.attempt(story.head, "complete_project", project, happened_on="2019-07-20")
    assert response.status == 200, response
    assert [c["ends_on"] for c in story.award(FLAGSHIP)["contracts"]] == [
        "2019-06-14", "2022-06-14"]


def look_back(story):
    """What is left of it all."""
    taken = [(t["transition"], t["happened_on"]) for t in story.award(FLAGSHIP)["transitions"]]
    assert taken == [("assess", "2016-06-15"), ("grant", "2016-06-15"), ("defer", "2018-06-12"),
                     ("reinstate", "2018-10-20"), ("renew", "2019-06-05")]
    assert all(t.get("review_id") for t in story.award(FLAGSHIP)["transitions"]
               if t["transition"] != "reinstate")
    levels = {on: story.standing(on)["level"] for on in (
        "2012-09-10", "2014-01-01", "2016-06-14", "2017-01-01", "2018-07-01", "2019-01-01")}
    assert list(levels.values()) == [None, COE, COE, FLAGSHIP, COE, FLAGSHIP]
    document = story.document(2018)
    assert (document["plans"], len(document["projects"]), len(document["project_updates"])) == \
        ([], 1, 1)
    assert [r["outcome"] for r in document["reviews"]] == ["renewed"]
    page = story.coordinator.get(f"/v1/schools/{story.school['id']}/review-document.html"
                                 "?academic_year=2013/14")
    assert "Action Plan and Review 2013/14" in page.text and "Calmer lessons" in page.text
    cluster = story.ambassador.get(f"/v1/clusters/{story.cluster['id']}/standing?on=2018-07-01").json
    [own] = [s for s in cluster["schools"] if s["school_id"] == story.school["id"]]
    assert (cluster["held"], own["attended"], own["level"]) == (3, 0, COE)
    lapsed = steps.attempt(story.head, "lapse_award", story.award(FLAGSHIP),
                           happened_on="2022-06-14")
    assert set(rules_of(lapsed)) == {"contract_over"}
    steps.take(story.head, "lapse_award", story.award(FLAGSHIP), happened_on="2022-06-15")
    assert story.standing("2022-06-15")["level"] is None


def test_a_school_from_its_registration_to_flagship_and_back(story):
    join_and_climb(story)
    plan = first_year(story)
    plan = second_year(story, {"plan_id": plan["id"], "target": "target-2"})
    plan = story.year(2015, plan_id=plan["id"], target="target-3")
    climb_to_flagship(story)
    project = begin_project(story)
    flagship_year(story, project)
    miss_meetings_and_recover(story, project)
    complete_project(story, project)
    look_back(story)
