"""Frameworks: what awards are judged by, the editions that are there from the start, and what stays
once one is in use."""

import json

import pytest

from support.expect import bad_parameter, invalid, problem
from support.resources import ours
from support.world import day

SHIPPED = {
    "inclusive_school_award": "00feb74a-6800-7000-8000-000000000001",
    "centre_of_excellence": "00feb74a-6800-7000-8000-000000000002",
    "flagship": "00feb74a-6800-7000-8000-000000000003",
}
RULES = {
    "inclusive_school_award": [None] * 8,
    "centre_of_excellence": ["annual_visit", None, None, "attends_meetings", None, None,
                             "plan_each_year", None],
    "flagship": ["held_three_years", "project_update_each_year", "cluster_member",
                 "attends_meetings", None, None, None, None, None, None],
}


def criteria(**changes):
    """Two criteria, the second changed."""
    return [{"code": "ethos", "kind": "criterion", "title": "Ethos"},
            {"code": "meetings", "kind": "criterion", "title": "Meetings",
             "rule": "attends_meetings", "minimum": 2, **changes}]


def path_of(framework):
    return f"/v1/frameworks/{framework['id']}"


def frozen(response, *pointers):
    found = problem(response, 409, "conflict")
    assert sorted(e["pointer"] for e in found["errors"]) == sorted(pointers), found
    assert "make a new edition" in found["detail"] and "%" not in found["detail"]


def in_list(client, framework, query):
    """Whether the list holds it, walked from the latest on."""
    target = f"/v1/frameworks?limit=100&{query}"
    while target:
        response = client.get(target)
        assert response.status == 200, response
        if framework in response.json["items"]:
            return True
        link = response.header("Link")
        target = link and link[1:].split(">")[0]
    return False


@pytest.mark.parametrize("level", SHIPPED)
class TestShipped:
    def test_are_there_for_all_the_past(self, level, world):
        for role in ("head_office", "ambassador", "school", "client"):
            response = world.callers[role].get(f"/v1/frameworks/{SHIPPED[level]}")
            assert response.status == 200
            assert (response.json["level"], response.json["starts_on"]) == (level, "2004-09-01")
            assert "ends_on" not in response.json

    def test_have_their_elements_or_criteria(self, level, head):
        found = head.get(f"/v1/frameworks/{SHIPPED[level]}").json["criteria"]
        assert [c.get("rule") for c in found] == RULES[level]
        assert all(c["title"] and c["description"] for c in found)
        assert {c["kind"] for c in found} == \
            {"element" if level == "inclusive_school_award" else "criterion"}
        assert [c["minimum"] for c in found if "minimum" in c] == \
            {"inclusive_school_award": [], "centre_of_excellence": [1], "flagship": [2]}[level]

    def test_are_documents_like_any_other(self, level, stage, head):
        """To the letter as the server writes them; words can be corrected, and nothing else."""
        path = f"/v1/frameworks/{SHIPPED[level]}"
        before = head.get(path)
        stored = stage.cluster.psql(f"SELECT doc FROM framework WHERE id = '{SHIPPED[level]}'")
        assert before.text == stored == json.dumps(
            before.json, separators=(",", ":"), ensure_ascii=False)
        same = head.put(path, before.json, headers={"If-Match": before.etag})
        assert (same.status, same.text) == (200, stored)
        copy = head.post("/v1/frameworks", ours(before.json, "framework"))
        assert (copy.status, list(copy.json)) == (201, list(before.json))

        found = before.json["criteria"]
        frozen(head.patch(path, {"criteria": found[1:]}, before.etag), "/criteria")
        words = [{**c, "title": c["title"] + "!"} for c in found]
        changed = head.patch(path, {"criteria": words}, before.etag)
        assert (changed.status, changed.json["criteria"]) == (200, words)
        assert head.patch(path, {"criteria": found}, changed.etag).json["criteria"] == found
        history = head.get(path + "/history?limit=3").json["items"]
        assert [item["document"] for item in history[1:]] == [changed.json, before.json]


class TestRules:
    def post(self, head, make, **members):
        return head.post("/v1/frameworks", make.example("framework", **members))

    def test_a_code_stands_once(self, head, make):
        ethos, meetings = criteria()
        again = {**meetings, "code": "ethos"}
        invalid(self.post(head, make, criteria=[ethos, meetings, again]), "/criteria/2/code")
        invalid(self.post(head, make, criteria=[ethos, again, ethos]), "/criteria/1/code",
                "/criteria/2/code")
        made = make.framework(criteria=criteria())
        invalid(head.patch(path_of(made), {"criteria": [ethos, again]}, "*"), "/criteria/1/code")
        assert make.framework(criteria=criteria())  # but in another framework

    @pytest.mark.parametrize("rule, minimum, fits", [
        ("attends_meetings", 1, True), ("attends_meetings", 20, True), ("annual_visit", None, True),
        (None, None, True), ("attends_meetings", None, False), ("annual_visit", 1, False),
        ("cluster_member", 3, False), (None, 1, False)])
    def test_a_minimum_is_of_attending_meetings(self, head, make, rule, minimum, fits):
        response = self.post(head, make, criteria=criteria(rule=rule, minimum=minimum))
        if fits:
            assert response.status == 201, response
        else:
            invalid(response, "/criteria/1/minimum")

    @pytest.mark.parametrize("ends, fits", [
        ("2020-09-01", True), ("2020-08-31", False), (None, True)])
    def test_ends_after_it_starts(self, head, make, ends, fits):
        response = self.post(head, make, starts_on="2020-09-01", ends_on=ends)
        if fits:
            assert response.status == 201, response
        else:
            invalid(response, "/ends_on")

    def test_all_rules_speak_at_once(self, head, make):
        found = criteria(rule=None)
        found[0]["code"] = "meetings"
        invalid(self.post(head, make, criteria=found, ends_on="2020-08-31"), "/criteria/1/code",
                "/criteria/1/minimum", "/ends_on")

    @pytest.mark.parametrize("member, bad", [
        ("code", "Ethos"), ("code", "a-b"), ("code", ""), ("code", "a" * 41), ("kind", "target"),
        ("title", ""), ("title", "x" * 201), ("description", ""), ("description", "x" * 2001),
        ("rule", "good_will"), ("minimum", 0), ("minimum", 21), ("minimum", "1"), ("note", "x")])
    def test_form_of_a_criterion(self, head, make, member, bad):
        invalid(self.post(head, make, criteria=criteria(**{member: bad})),
                f"/criteria/1/{member}")

    @pytest.mark.parametrize("member, bad", [
        ("level", "gold"), ("edition", ""), ("edition", "x" * 41), ("title", "x" * 201),
        ("starts_on", "2020-02-30"), ("criteria", []), ("criteria", [1] * 41)])
    def test_form(self, head, make, member, bad):
        response = self.post(head, make, **{member: bad})
        found = problem(response, 422, "validation_failed")
        assert found["errors"][0]["pointer"].startswith(f"/{member}")

    def test_holds_forty_criteria_as_large_as_they_come(self, head, make):
        largest = [{"code": f"{n:02d}" + "c" * 38, "kind": "element", "title": "x" * 200,
                    "description": "\u00e9" * 2000} for n in range(40)]
        made = make.framework(criteria=largest)
        assert head.get(path_of(made)).json["criteria"] == largest


class TestInUse:
    """From the first day on: then awards may have been judged by it."""

    @pytest.fixture(params=["2020-09-01", "today"])
    def used(self, request, make):
        starts = day(0) if request.param == "today" else request.param
        return make.framework(criteria=criteria(), starts_on=starts)

    @pytest.mark.parametrize("wanted", [
        criteria(code="attendance"), criteria(kind="element"), criteria(minimum=3),
        criteria(rule="annual_visit", minimum=None), criteria(rule=None, minimum=None),
        criteria()[:1], criteria() + [{"code": "more", "kind": "element", "title": "More"}]])
    def test_the_criteria_stay(self, head, used, wanted):
        frozen(head.patch(path_of(used), {"criteria": wanted}, "*"), "/criteria")
        frozen(head.put(path_of(used), {**used, "criteria": wanted}, headers={"If-Match": "*"}),
               "/criteria")
        assert head.get(path_of(used)).json == used

    def test_the_level_stays(self, head, used):
        frozen(head.patch(path_of(used), {"level": "centre_of_excellence"}, "*"), "/level")

    def test_the_day_is_not_put_off(self, head, used):
        frozen(head.patch(path_of(used), {"starts_on": day(1)}, "*"), "/starts_on")
        for starts in (day(0), "2010-09-01"):
            assert head.patch(path_of(used), {"starts_on": starts}, "*").status == 200

    def test_all_that_stays_is_named(self, head, used):
        frozen(head.patch(path_of(used), {
            "level": "centre_of_excellence", "starts_on": day(1), "title": "Other",
            "criteria": criteria(minimum=3)}, "*"), "/level", "/starts_on", "/criteria")
        assert head.get(path_of(used)).json == used

    def test_words_order_and_end_can_be_corrected(self, head, used):
        wanted = criteria(title="Cluster meetings", description="Comes to them.")[::-1]
        wanted[1].update(rule=None, minimum=None)
        response = head.patch(path_of(used), {
            "criteria": wanted, "title": "Corrected", "edition": "2020 b", "ends_on": None}, "*")
        assert response.status == 200, response
        assert response.json["criteria"] == wanted

    def test_before_the_first_day_all_can_be_changed(self, head, make):
        made = make.framework(starts_on=day(1))
        change = {"criteria": criteria(minimum=3), "level": "centre_of_excellence",
                  "starts_on": day(2)}
        response = head.patch(path_of(made), change, "*")
        assert response.status == 200, response
        assert change.items() <= response.json.items()
        assert head.patch(path_of(made), {"starts_on": day(0)}, "*").status == 200
        frozen(head.patch(path_of(made), {"criteria": criteria()}, "*"), "/criteria")

    def test_holds_in_the_database(self, stage, used):
        done = stage.cluster.psql(f"""SET iqm.roles = '{{head_office}}';
            UPDATE framework SET version = 2, doc = replace(doc::text, 'flagship',
                'centre_of_excellence')::json WHERE id = '{used['id']}'""",
                                  user="iqm_server", check=False)
        assert done.returncode != 0 and "make a new edition" in done.stderr


class TestLists:
    def test_by_level(self, head, make):
        made = make.framework(level="centre_of_excellence", starts_on="2021-03-04")
        assert in_list(head, made, "level=centre_of_excellence&sort=-starts_on")
        assert not in_list(head, made, "level=flagship&sort=-starts_on")
        bad_parameter(head.get("/v1/frameworks?level=gold"), "level")

    def test_by_the_first_day(self, head, make):
        """With the latest first: what holds on a day is among the first."""
        made = make.framework(starts_on="2003-05-06")
        assert in_list(head, made, "starts_to=2003-05-06&sort=-starts_on")
        assert not in_list(head, made, "starts_to=2003-05-05&sort=-starts_on")
        bad_parameter(head.get("/v1/frameworks?starts_to=tomorrow"), "starts_to")

    @pytest.mark.parametrize("sort", ["starts_on", "-starts_on"])
    def test_in_the_order_of_their_first_days(self, head, make, sort):
        for starts in ("2022-09-01", "2021-09-01"):
            make.framework(starts_on=starts)
        days = [f["starts_on"] for f in head.get(f"/v1/frameworks?limit=200&sort={sort}").json[
            "items"]]
        assert len(set(days)) > 1 and days == sorted(days, reverse=sort.startswith("-"))
