"""Projects of Flagship schools and their yearly updates. Rules by their names."""

import pytest

from support import steps
from support.expect import invalid, problem
from support.resources import given, project_of, update_of

PATH = "/v1/projects"
UPDATES = "/v1/project-updates"


def path_of(record, collection=PATH):
    return f"{collection}/{record['id']}"


def pointers(response):
    return {e["pointer"] for e in problem(response, 422, "validation_failed")["errors"]}


@pytest.fixture
def draft(make):
    return make.project()


@pytest.fixture
def agreed(draft, head):
    return steps.bring(head, "project", draft, "agreed")


class TestOutline:
    """outline_of_400_words: words are what white space parts, as ECMAScript knows it."""

    def test_of_400_words(self, head, draft):
        outline = "word-with-hyphens\u00a0and\tsigns \n" * 133 + " last "  # 3 words each
        assert len(outline.split()) == 400
        assert head.patch(path_of(draft), {"outline": outline}, "*").status == 200
        found = invalid(head.patch(path_of(draft), {"outline": outline + "more"}, "*"), "/outline")
        assert "400" in found["/outline"]


class TestDays:
    """three_academic_years"""

    def test_three_academic_years(self, head, draft):
        good = {"starts_on": "2024-08-31", "ends_on": "2026-08-31"}
        assert head.patch(path_of(draft), good, "*").status == 200
        invalid(head.patch(path_of(draft), {"ends_on": "2026-09-01"}, "*"), "/ends_on")

    def test_in_order(self, head, draft):
        invalid(head.patch(path_of(draft), {"ends_on": "2024-08-31"}, "*"), "/ends_on")


class TestAward:
    def test_is_flagship(self, head, make):
        """project_of_a_flagship_school"""
        award = given(make, "centre_of_excellence")
        invalid(head.post(PATH, project_of(make, award)), "/award_id")

    def test_goes_on(self, head, make):
        award = steps.take(head, "withdraw_award", given(make, "flagship"))
        invalid(head.post(PATH, project_of(make, award)), "/award_id")

    def test_has_one_project_at_a_time(self, head, make, agreed):
        """one_project_at_a_time"""
        body = {"award_id": agreed["award_id"], "title": "The next", "steps": []}
        found = problem(head.post(PATH, body), 409, "conflict")
        assert [e["pointer"] for e in found["errors"]] == ["/award_id"]
        steps.take(head, "complete_project", agreed)
        assert head.post(PATH, body).status == 201

    def test_it_stays(self, head, make, draft):
        other = given(make, "flagship")
        invalid(head.patch(path_of(draft), {"award_id": other["id"]}, "*"), "/award_id")


class TestSubmit:
    def test_whole(self, head, draft):
        assert steps.take(head, "submit_project", draft)["status"] == "submitted"

    def test_tells_every_fault_at_once(self, head, make):
        """step_with_who_is_responsible, step_with_a_timeline"""
        award = given(make, "flagship")
        bare = head.post(PATH, {"award_id": award["id"], "title": "Calm", "steps": []})
        assert bare.status == 201, bare
        assert pointers(steps.attempt(head, "submit_project", bare.json)) == {
            "/outline", "/starts_on", "/ends_on", "/steps"}
        change = {"steps": [{"key": "one", "title": "Look"}]}
        assert head.patch(path_of(bare.json), change, "*").status == 200
        assert pointers(steps.attempt(head, "submit_project", bare.json)) == {
            "/outline", "/starts_on", "/ends_on", "/steps/0/starts_on", "/steps/0/ends_on",
            "/steps/0/responsible_person_ids"}

    @pytest.mark.parametrize("kind", ["responsible_person_ids", "responsible_groups"])
    def test_people_or_groups_are_responsible(self, head, draft, kind):
        """step_with_who_is_responsible"""
        step = dict(draft["steps"][0])
        del step[kind]
        assert head.patch(path_of(draft), {"steps": [step]}, "*").status == 200
        assert steps.attempt(head, "submit_project", draft).status == 200

    def test_steps_are_inside_the_project(self, head, draft):
        """step_with_a_timeline"""
        step = {**draft["steps"][0], "ends_on": "2026-07-21"}
        assert head.patch(path_of(draft), {"steps": [step]}, "*").status == 200
        assert pointers(steps.attempt(head, "submit_project", draft)) == {"/steps/0/ends_on"}

    def test_stays_until_it_is_sent_back(self, head, draft):
        project = steps.take(head, "submit_project", draft)
        problem(head.patch(path_of(project), {"title": "Loud"}, "*"), 409, "wrong_status")
        problem(head.put(path_of(project), {"award_id": project["award_id"], "title": "Loud",
                                            "steps": []}, headers={"If-Match": "*"}),
                409, "wrong_status")
        project = steps.take(head, "return_project", project)
        assert head.patch(path_of(project), {"title": "Loud"}, "*").status == 200

    def test_keys_are_unique(self, head, draft):
        change = {"steps": [{"key": "one", "title": "Look"}, {"key": "one", "title": "See"}]}
        invalid(head.patch(path_of(draft), change, "*"), "/steps/1/key")


class TestCompleting:
    def test_needs_an_update_of_each_year(self, head, agreed):
        """project_update_each_year"""
        first = head.post(UPDATES, update_of(agreed)).json
        found = problem(steps.attempt(head, "complete_project", agreed), 409, "rules_not_met")
        assert [(e["rule"], e["records"]) for e in found["errors"]] == [
            ("project_update_each_year", [path_of(agreed)])] * 2
        steps.take(head, "submit_project_update", first)
        second = head.post(UPDATES, update_of(agreed, "2025/26")).json
        steps.take(head, "submit_project_update", second)
        assert steps.attempt(head, "complete_project", agreed).json["status"] == "completed"

    def test_by_nobody_of_the_school(self, world, head, make):
        """conflict_of_interest"""
        school = make.school(cluster_id=make.cluster()["id"])
        leader = world.people.leader({"id": school["cluster_id"]})
        body = project_of(make, given(make, "flagship", school))
        project = steps.take(head, "submit_project", head.post(PATH, body).json)
        person = f"/v1/people/{leader.person['id']}"
        head.patch(person, {"school_id": school["id"]}, "*")
        found = problem(steps.attempt(leader.client, "agree_project", project),
                        409, "rules_not_met")
        assert [e["rule"] for e in found["errors"]] == ["conflict_of_interest"]
        head.patch(person, {"school_id": None}, "*")
        assert steps.attempt(leader.client, "agree_project", project).status == 200


class TestUpdate:
    def test_of_a_year_in_which_the_project_runs(self, head, draft):
        for year in ("2023/24", "2026/27", "2024/26"):
            invalid(head.post(UPDATES, update_of(draft, year)), "/academic_year")
        assert head.post(UPDATES, update_of(draft, "2025/26")).status == 201

    def test_one_a_year(self, head, draft):
        """one_update_a_year"""
        assert head.post(UPDATES, update_of(draft)).status == 201
        problem(head.post(UPDATES, update_of(draft)), 409, "conflict")

    @pytest.mark.parametrize("member", ["progress", "impact", "next_steps"])
    def test_is_whole(self, head, agreed, member):
        """update_with_progress_impact_next_steps"""
        update = head.post(UPDATES, {**update_of(agreed), member: "  "}).json
        assert pointers(steps.attempt(head, "submit_project_update", update)) == {f"/{member}"}

    def test_of_a_project_that_is_agreed(self, head, draft):
        update = head.post(UPDATES, update_of(draft)).json
        assert pointers(steps.attempt(head, "submit_project_update", update)) == {"/project_id"}

    def test_stays_until_it_is_sent_back(self, head, agreed):
        update = head.post(UPDATES, update_of(agreed)).json
        update = steps.take(head, "submit_project_update", update)
        path = path_of(update, UPDATES)
        problem(head.patch(path, {"impact": "None."}, "*"), 409, "wrong_status")
        problem(head.put(path, update_of(agreed), headers={"If-Match": "*"}), 409, "wrong_status")
        steps.take(head, "return_project_update", update)
        assert head.patch(path, {"impact": "None."}, "*").status == 200

    def test_stays_with_a_completed_project(self, head, agreed):
        made = [steps.take(head, "submit_project_update", head.post(
            UPDATES, update_of(agreed, year)).json) for year in ("2024/25", "2025/26")]
        assert steps.attempt(head, "complete_project", agreed).status == 200
        problem(steps.attempt(head, "return_project_update", made[0]), 409, "wrong_status")

    def test_is_sent_back_by_nobody_of_the_school(self, world, head, make):
        """conflict_of_interest, of the school that it is now, too."""
        academy = make.school(cluster_id=make.cluster()["id"])
        leader = world.people.leader({"id": academy["cluster_id"]})
        award = given(make, "flagship")
        project = head.post(PATH, project_of(make, award)).json
        update = steps.take(head, "submit_project_update", head.post(
            UPDATES, update_of(project)).json)
        make.succession(predecessor_id=award["school_id"], successor_id=academy["id"])
        moved = head.patch(f"/v1/awards/{award['id']}", {"school_id": academy["id"]}, "*")
        assert moved.status == 200, moved
        head.patch(f"/v1/people/{leader.person['id']}", {"school_id": academy["id"]}, "*")
        found = problem(steps.attempt(leader.client, "return_project_update", update),
                        409, "rules_not_met")
        assert [e["rule"] for e in found["errors"]] == ["conflict_of_interest"]

    def test_project_and_year_stay(self, head, make, draft):
        update = head.post(UPDATES, update_of(draft)).json
        path = path_of(update, UPDATES)
        invalid(head.patch(path, {"academic_year": "2025/26"}, "*"), "/academic_year")
        invalid(head.patch(path, {"project_id": make.project()["id"]}, "*"), "/project_id")
