"""The review document as people read, hear and print it."""

import base64
import re

import pytest

from support import steps
from support.resources import given, plan_of, project_of, update_of, year_of

A4 = (595, 842)  # points


@pytest.fixture(scope="module")
def school(make):
    return make.school(cluster_id=make.cluster()["id"], name="Ambleford Alder Bank School")


@pytest.fixture(scope="module")
def year(make, school):
    """One with a whole record: plan, project, meeting, contribution and review."""
    flagship = given(make, "flagship", school)
    [coe] = [a for a in make.client.get(f"/v1/awards?school_id={school['id']}").json["items"]
             if a["level"] == "centre_of_excellence"]
    year = year_of(coe["contracts"][0]["starts_on"], 1)
    day = f"{year[:4]}-11-12"
    make.client.post("/v1/plans", plan_of(make, coe))
    project = {**project_of(make, flagship), "starts_on": f"{year[:4]}-09-01",
               "ends_on": f"{year[:2]}{year[-2:]}-07-20"}
    project = make.client.post("/v1/projects", project).json
    make.client.post("/v1/project-updates", update_of(project, year))
    meeting = make.meeting(cluster_id=school["cluster_id"], held_on=day)
    make.attendance(meeting_id=meeting["id"], school_id=school["id"])
    make.contribution(school_id=school["id"], happened_on=day, description="Quiet. " * 200)
    review = make.review(award_id=coe["id"], scheduled_on=day, judgements=[])
    make.client.post(f"/v1/reviews/{review['id']}/visit", {"visited_on": day},
                     headers={"If-Match": "*"})
    steps.write_report(make.client, review, "maintained")
    return year


@pytest.fixture
def read(head, school, year):
    """Opens the document in a page; the heading that it must have."""
    heading = f"Action Plan and Review {year}: {school['name']}"

    def read(page):
        page.call("Network.enable")
        page.call("Network.setExtraHTTPHeaders",
                  headers={"Authorization": f"Bearer {head.token}"})
        page.open(f"http://127.0.0.1:{head.port}/v1/schools/{school['id']}/review-document.html"
                  f"?academic_year={year}", heading)
        return heading
    return read


def test_has_a_heading_for_each_part(page, read):
    heading = read(page)
    heard = [name for role, name, _, _ in page.nodes() if role == "heading"]
    assert set(heard) == {
        heading, "School", "Action Plan", *(f"Target {n}: Target {n}" for n in (1, 2, 3)),
        "Project: Quiet corners", "Annual update", "Impact of cluster meetings",
        "What the school shared", "A quiet corner", "Review: Centre of Excellence"}
    assert page.complaints() == []


def test_tables_say_what_each_column_is(page, read):
    read(page)
    roles = [role for role, *_ in page.nodes()]
    assert roles.count("table") == 4
    columns = [name for role, name, *_ in page.nodes() if role == "columnheader"]
    assert {"Location of meeting", "Topics", "Impact", "Responsible", "Timeline", "Criterion",
            "Judgement"} <= set(columns)
    assert "rowheader" in roles


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_off_the_screen(browser, read, width):
    page = browser.page(width=width)
    try:
        read(page)
        assert page.width() <= width
    finally:
        page.close()


def test_prints_on_a4(page, read):
    read(page)
    pdf = base64.b64decode(page.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert boxes
    for width, height in boxes:
        assert abs(float(width) - A4[0]) < 2 and abs(float(height) - A4[1]) < 2
