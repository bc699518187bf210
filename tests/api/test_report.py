"""How the whole programme stands, counted."""

import datetime
from urllib.parse import quote

import pytest

from support import steps
from support.downloads import read_xlsx
from support.expect import bad_parameter, problem
from support.exports import XLSX, export
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


def as_rows(found):
    """{table: its rows, with members of members by their path} of a report."""
    tables = {name: part["items"] if isinstance(part, dict) else part
              for name, part in found.items() if isinstance(part, (dict, list))}
    return {name: [flat(row) for row in rows] for name, rows in tables.items()}


def flat(row, before=""):
    cells = {}
    for name, value in row.items():
        if isinstance(value, dict):
            cells |= flat(value, f"{before}{name}.")
        else:
            is_day = name == "on" or name.endswith("_on")
            cells[before + name] = datetime.datetime.fromisoformat(value) if is_day else value
    return cells


class TestAsWorkbook:
    @pytest.fixture
    def path(self, region):
        return f"/v1/programme-report?region={quote(region)}"

    def test_has_a_sheet_for_each_table(self, head, make, report, give, region, path):
        school, _ = give(ISA, 3 * 365 + 100, name='=HYPERLINK("x")', phase="Primary")
        give(COE, 3 * 365 - 90, school)
        give(ISA, 500)
        make.cluster(region=region)
        found = as_rows(report())
        response = export(head, path, "xlsx")
        assert response.header("Content-Disposition").startswith(
            'attachment; filename="programme-report-')
        book = read_xlsx(response.body)
        assert book.pop("report") == (["on", "region"], [(datetime.datetime.fromisoformat(report()["on"]), region)])
        assert list(book) == list(found) == ["levels", "regions", "phases", "renewals_due",
                                             "reviews_overdue", "below_one_a_term", "years"]
        for name, rows in found.items():
            assert rows and [dict(zip(book[name][0], row)) for row in book[name][1]] == rows, name
        assert book["regions"][0] == ["region", *(f"schools.{level}" for level in FRAMEWORKS)]
        assert book["renewals_due"][1][0][2] == '=HYPERLINK("x")'
        assert isinstance(book["renewals_due"][1][0][4], datetime.datetime)

    def test_of_nobody(self, head, path):
        book = read_xlsx(export(head, path, "xlsx").body)
        assert [len(book[name][1]) for name in book] == [1, 3, 0, 0, 0, 0, 0, 5]
        assert book["reviews_overdue"][0] == ["award_id", "school_id", "name", "level", "due_on"]

    def test_has_all_rows(self, head, make, report, region, path):
        """Where JSON shows the first hundred."""
        for _ in range(34):
            make.cluster(region=region)
        found = report()["below_one_a_term"]
        assert found["count"] > len(found["items"]) == 100
        _, rows = read_xlsx(export(head, path, "xlsx").body)["below_one_a_term"]
        assert len(rows) == found["count"]
        assert [row[0] for row in rows[:100]] == [item["cluster_id"] for item in found["items"]]

    @pytest.mark.parametrize("accept, found", [
        (XLSX, XLSX), (f"application/json;q=0.1, {XLSX}", XLSX), ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/csv, application/json;q=0.1", "application/json")])
    def test_by_accept(self, head, path, accept, found):
        response = head.get(path, headers={"Accept": accept})
        assert (response.status, response.media_type) == (200, found)
        assert "Accept" in response.header("Vary").split(", ")

    def test_as_nothing_else(self, head, path):
        problem(head.get(path, headers={"Accept": "text/csv"}), 406, "not_acceptable")

    def test_head(self, head, path):
        response = head.request("HEAD", path + "&format=xlsx")
        assert response.status == 200 and response.body == b"" and response.media_type == XLSX

    @pytest.mark.parametrize("query, name", [
        ("format=csv", "format"), ("format=json", "format"), ("format=xlsx&fields=on", "fields"),
        ("format=xlsx&bom=true", "bom"), ("format=xlsx&region=", "region")])
    def test_of_what_cannot_be(self, head, query, name):
        bad_parameter(head.get(f"/v1/programme-report?{query}"), name)

    def test_is_for_head_office(self, world, anyone):
        problem(anyone.get("/v1/programme-report?format=xlsx"), 401, "unauthorized")
        for role in ("ambassador", "school", "client"):
            problem(world.callers[role].get("/v1/programme-report?format=xlsx"), 403, "forbidden")
