"""Plans: what a draft may lack and what is handed in must have. Rules by their names."""

import copy

import pytest

from support import steps
from support.expect import invalid, problem
from support.places import day
from support.resources import given, plan_of, target, year_of

PATH = "/v1/plans"
COE = "centre_of_excellence"


def path_of(plan):
    return f"{PATH}/{plan['id']}"


def pointers(response):
    return {e["pointer"] for e in problem(response, 422, "validation_failed")["errors"]}


@pytest.fixture
def body(make):
    return plan_of(make, given(make, COE))


@pytest.fixture
def draft(body, head):
    return head.post(PATH, body).json


@pytest.fixture
def agreed(draft, head):
    return steps.bring(head, "plan", draft, "agreed")


def submit_with(head, plan, change):
    """The answer to handing a plan in whose targets were changed by a function."""
    targets = copy.deepcopy(plan["targets"])
    change(targets)
    changed = head.patch(path_of(plan), {"targets": targets}, "*")
    assert changed.status == 200, changed
    return steps.attempt(head, "submit_plan", plan)


class TestDraft:
    def test_may_be_incomplete(self, head, body):
        empty = head.post(PATH, {**body, "targets": []})
        assert empty.status == 201, empty
        bare = head.patch(path_of(empty.json), {"targets": [{"key": "one", "title": "Calm"}]}, "*")
        assert bare.status == 200, bare

    def test_keys_are_unique(self, head, draft):
        targets = [{"key": "one", "title": "Calm"}, {"key": "one", "title": "Quiet"}]
        invalid(head.patch(path_of(draft), {"targets": targets}, "*"), "/targets/1/key")

    def test_days_are_in_order(self, head, draft):
        targets = [{"key": "one", "title": "Calm", "starts_on": "2025-02-02",
                    "ends_on": "2025-02-01"}]
        invalid(head.patch(path_of(draft), {"targets": targets}, "*"), "/targets/0/ends_on")

    def test_names_people_who_are_there(self, head, draft):
        missing = "00000000-0000-4000-8000-000000000000"
        targets = [{"key": "one", "title": "Calm", "responsible_person_ids": [missing]}]
        invalid(head.patch(path_of(draft), {"targets": targets}, "*"),
                "/targets/0/responsible_person_ids/0")

    def test_holds_whom_it_names(self, head, draft):
        [person] = draft["targets"][0]["responsible_person_ids"]
        found = problem(head.delete(f"/v1/people/{person}", "*"), 409, "conflict")
        assert "plans" in found["detail"]
        targets = [{**t, "responsible_person_ids": []} for t in draft["targets"]]
        assert head.patch(path_of(draft), {"targets": targets}, "*").status == 200
        assert head.delete(f"/v1/people/{person}", "*").status == 204

    def test_of_a_year_that_is_none(self, head, body):
        invalid(head.post(PATH, {**body, "academic_year": "2024/26"}), "/academic_year")

    def test_stays_with_its_award_and_year(self, head, make, draft):
        other = given(make, COE)
        invalid(head.patch(path_of(draft), {"award_id": other["id"]}, "*"), "/award_id")
        invalid(head.patch(path_of(draft), {"academic_year": "2040/41"}, "*"), "/academic_year")


class TestAward:
    def test_is_a_centre_of_excellence(self, head, make, body):
        """plan_of_a_centre_of_excellence"""
        isa = make.award()
        invalid(head.post(PATH, {**body, "award_id": isa["id"]}), "/award_id")
        flagship = given(make, "flagship")
        sentence = invalid(head.post(PATH, {**body, "award_id": flagship["id"]}), "/award_id")
        assert "project" in sentence["/award_id"]

    def test_goes_on(self, head, make, body):
        award = steps.take(head, "lapse_award", given(make, COE))
        invalid(head.post(PATH, {**body, "award_id": award["id"]}), "/award_id")

    def test_years_as_a_flagship_school_have_a_project(self, head, make):
        """project_in_place_of_plan"""
        flagship = given(make, "flagship")
        school = flagship["school_id"]
        change = {"cluster_id": make.cluster()["id"]}
        assert head.patch(f"/v1/schools/{school}", change, "*").status == 200
        [coe] = head.get(f"/v1/awards?school_id={school}&level={COE}").json["items"]
        for name in ("assess_award", "grant_award"):
            flagship = steps.take(head, name, flagship, happened_on=day(-100))
        body = plan_of(make, coe)
        year = next(y for y in (year_of(day(0)), year_of(day(366)), year_of(day(700)))
                    if flagship["ends_on"] >= f"20{y[-2:]}-03-01")
        sentence = invalid(head.post(PATH, {**body, "academic_year": year}), "/academic_year")
        assert "project" in sentence["/academic_year"]
        assert head.post(PATH, body).status == 201  # a year before


class TestSubmit:
    def test_whole(self, head, draft):
        assert steps.attempt(head, "submit_plan", draft).json["status"] == "submitted"

    @pytest.mark.parametrize("count, good", [(2, False), (3, True), (4, True), (5, False)])
    def test_three_or_four_targets(self, head, make, body, count, good):
        """three_or_four_targets"""
        award = head.get(f"/v1/awards/{body['award_id']}").json
        targets = [target(make, award, number) for number in range(count)]
        plan = head.post(PATH, {**body, "targets": targets}).json
        response = steps.attempt(head, "submit_plan", plan)
        assert (response.status == 200) == good, response
        if not good:
            assert pointers(response) == {"/targets"}

    @pytest.mark.parametrize("member", ["development_plan_reference", "next_steps", "starts_on",
                                        "ends_on", "responsible_person_ids"])
    def test_needs_of_each_target(self, head, draft, member):
        """linked_to_the_development_plan, next_steps_in_detail, who_is_responsible, timescale"""
        response = submit_with(head, draft, lambda targets: targets[1].pop(member))
        assert pointers(response) == {f"/targets/1/{member}"}

    @pytest.mark.parametrize("empty", ["", " \n\t ", "\u00a0\u2003\ufeff"])
    def test_blank_is_nothing(self, head, draft, empty):
        response = submit_with(head, draft, lambda targets: targets[2].update(next_steps=empty))
        assert pointers(response) == {"/targets/2/next_steps"}

    def test_tells_every_fault_at_once(self, head, body):
        body["targets"] = [{"key": "one", "title": "Calm"}]
        response = steps.attempt(head, "submit_plan", head.post(PATH, body).json)
        assert pointers(response) == {
            "/targets", *(f"/targets/0/{m}" for m in (
                "development_plan_reference", "next_steps", "starts_on", "ends_on",
                "responsible_person_ids"))}

    def test_timescale_is_inside_the_contract(self, head, draft):
        """timescale_inside_the_contract"""
        award = head.get(f"/v1/awards/{draft['award_id']}").json
        later = str(int(award["ends_on"][:4]) + 1) + award["ends_on"][4:]
        response = submit_with(head, draft, lambda targets: targets[0].update(ends_on=later))
        found = invalid(response, "/targets/0/ends_on")
        assert award["ends_on"] in found["/targets/0/ends_on"]
        response = submit_with(head, draft, lambda targets: targets[0].update(
            starts_on="2000-09-01"))
        assert "/targets/0/starts_on" in pointers(response)

    def test_a_year_under_contract(self, head, body):
        plan = head.post(PATH, {**body, "academic_year": "2050/51"}).json
        assert pointers(steps.attempt(head, "submit_plan", plan)) == {"/academic_year"}

    def test_needs_a_contract(self, head, make, body):
        school = make.school()
        make.award(school_id=school["id"])
        applied = head.post("/v1/awards", {"school_id": school["id"], "level": COE}).json
        plan = head.post(PATH, {**body, "award_id": applied["id"]}).json
        assert "/award_id" in pointers(steps.attempt(head, "submit_plan", plan))


class TestHandedIn:
    def test_stays_until_it_is_sent_back(self, head, draft):
        plan = steps.take(head, "submit_plan", draft)
        found = problem(head.patch(path_of(plan), {"targets": []}, "*"), 409, "wrong_status")
        assert "sent back" in found["detail"]
        whole = {**{k: draft[k] for k in ("award_id", "academic_year")}, "targets": []}
        problem(head.put(path_of(plan), whole, headers={"If-Match": "*"}), 409, "wrong_status")
        plan = steps.take(head, "return_plan", plan)
        assert plan["transitions"][-1]["comment"]
        assert head.patch(path_of(plan), {"targets": []}, "*").status == 200

    def test_is_sent_back_with_a_reason(self, head, draft):
        plan = steps.take(head, "submit_plan", draft)
        response = head.post(path_of(plan) + "/return", {}, headers={"If-Match": "*"})
        invalid(response, "/comment")

    def test_progress_is_written_once_it_is_agreed(self, head, agreed):
        targets = [{**t, "progress": "Half way."} for t in agreed["targets"]]
        changed = head.patch(path_of(agreed), {"targets": targets}, "*")
        assert changed.status == 200, changed
        targets[1]["next_steps"] = "Less."
        assert pointers(head.patch(path_of(agreed), {"targets": targets}, "*")) == {"/targets/1"}
        assert pointers(head.patch(path_of(agreed), {"targets": targets[:2]}, "*")) == {"/targets"}

    def test_is_kept_when_it_was_sent_back(self, head, draft):
        steps.take(head, "return_plan", steps.take(head, "submit_plan", draft))
        assert "kept" in problem(head.delete(path_of(draft), "*"), 409, "conflict")["detail"]

    def test_is_kept(self, head, agreed):
        assert "agreed" in problem(head.delete(path_of(agreed), "*"), 409, "conflict")["detail"]

    def test_a_year_has_one(self, head, make, draft):
        """one_plan_a_year, also where the award has moved to what the school became"""
        academy = make.school()
        make.succession(predecessor_id=draft["school_id"], successor_id=academy["id"])
        moved = head.patch(f"/v1/awards/{draft['award_id']}", {"school_id": academy["id"]}, "*")
        assert moved.status == 200, moved
        body = {"award_id": draft["award_id"], "academic_year": draft["academic_year"],
                "targets": []}
        problem(head.post(PATH, body), 409, "conflict")
        later = head.post(PATH, {**body, "academic_year": year_of(day(0))})
        assert later.json["school_id"] == academy["id"]


class TestReview:
    def test_needs_the_impact_of_each_target(self, head, agreed):
        """impact_of_each_target"""
        targets = [{**t, "impact": None} for t in agreed["targets"]]
        assert head.patch(path_of(agreed), {"targets": targets}, "*").status == 200
        assert pointers(steps.attempt(head, "review_plan", agreed)) == {
            f"/targets/{n}/impact" for n in range(3)}
        for number, one in enumerate(targets):
            one["impact"] = f"Impact {number}."
        assert head.patch(path_of(agreed), {"targets": targets}, "*").status == 200
        reviewed = steps.take(head, "review_plan", agreed)
        problem(head.patch(path_of(agreed), {"targets": targets[:1]}, "*"), 409, "wrong_status")
        assert reviewed["status"] == "reviewed"

    def test_rests_on_a_review_of_the_award(self, head, make, agreed):
        other = make.review()
        invalid(steps.attempt(head, "review_plan", agreed, review_id=other["id"]), "/review_id")
        own = make.review(award_id=agreed["award_id"], judgements=[])
        invalid(steps.attempt(head, "review_plan", agreed, review_id=own["id"]), "/review_id")
        steps.take(head, "visit_review", own)
        plan = steps.take(head, "review_plan", agreed, review_id=own["id"])
        assert plan["transitions"][-1]["review_id"] == own["id"]

    @pytest.mark.parametrize("name", ["agree_plan", "return_plan", "review_plan"])
    def test_by_nobody_of_the_school(self, world, head, make, name):
        """conflict_of_interest"""
        school = make.school(cluster_id=make.cluster()["id"])
        leader = world.people.leader({"id": school["cluster_id"]})
        plan = head.post(PATH, plan_of(make, given(make, COE, school))).json
        plan = steps.ready(head, name, plan)
        person = f"/v1/people/{leader.person['id']}"
        head.patch(person, {"school_id": school["id"]}, "*")
        found = problem(steps.attempt(leader.client, name, plan), 409, "rules_not_met")
        assert [(e["rule"], e["records"]) for e in found["errors"]] == [
            ("conflict_of_interest", [f"/v1/schools/{school['id']}"])]
        head.patch(person, {"school_id": None}, "*")
        assert steps.attempt(leader.client, name, plan).status == 200


class TestCarrying:
    @pytest.fixture
    def next_year(self, draft):
        return {"award_id": draft["award_id"], "academic_year": year_of(day(0)), "targets": [
            {"key": "again", "title": "Goes on",
             "carried_from": {"plan_id": draft["id"], "target": "target-2"}}]}

    def test_keeps_the_link(self, head, draft, next_year):
        """carried_on"""
        plan = head.post(PATH, next_year)
        assert plan.status == 201, plan
        assert plan.json["targets"][0]["carried_from"]["plan_id"] == draft["id"]
        problem(head.delete(path_of(draft), "*"), 409, "conflict")

    def test_of_a_target_that_is_there(self, head, next_year):
        next_year["targets"][0]["carried_from"]["target"] = "target-9"
        invalid(head.post(PATH, next_year), "/targets/0/carried_from/target")

    def test_stays_when_what_it_was_goes(self, head, draft, next_year):
        plan = head.post(PATH, next_year).json
        assert head.patch(path_of(draft), {"targets": []}, "*").status == 200
        targets = [{**plan["targets"][0], "title": "Goes on still"}]
        assert head.patch(path_of(plan), {"targets": targets}, "*").status == 200

    def test_of_an_earlier_plan_of_the_school(self, head, make, draft, next_year):
        elsewhere = make.plan()
        next_year["targets"][0]["carried_from"]["plan_id"] = elsewhere["id"]
        invalid(head.post(PATH, next_year), "/targets/0/carried_from/plan_id")
        later = head.post(PATH, {**next_year, "targets": []}).json
        targets = [{"key": "back", "title": "Back",
                    "carried_from": {"plan_id": later["id"], "target": "again"}}]
        invalid(head.patch(path_of(draft), {"targets": targets}, "*"),
                "/targets/0/carried_from/plan_id")


def test_a_school_goes_on_with_what_it_was(world, head):
    """The coordinator of an academy writes the plan that was begun before."""
    plan = world.fresh("plan", "own")
    assert plan["school_id"] != world.schools["own"]["id"]
    coordinator = world.coordinators["own"].client
    assert steps.take(coordinator, "submit_plan", plan)["status"] == "submitted"


def test_a_school_names_people_whom_it_sees(world, head, make):
    plan = world.fresh("plan", "own")
    stranger = world.coordinators["foreign"].person
    targets = [{"key": "one", "title": "Calm", "responsible_person_ids": [stranger["id"]]}]
    coordinator = world.coordinators["own"].client
    invalid(coordinator.patch(path_of(plan), {"targets": targets}, "*"),
            "/targets/0/responsible_person_ids/0")
    assert head.patch(path_of(plan), {"targets": targets}, "*").status == 200
    targets[0]["title"] = "Quiet"  # whoever stood there before may stay
    assert coordinator.patch(path_of(plan), {"targets": targets}, "*").status == 200
