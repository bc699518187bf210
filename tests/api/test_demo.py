"""deploy/demo on an empty database: it shows every status, level and kind of the programme, and does
nothing a second time. Which days it tells of, tests/unit/demo_test.py sees."""

import html
import subprocess

from support.contract import DOCUMENT, resolve
from support.places import ROOT, day
from support.scratch import scratch_database

SCHEMAS = DOCUMENT["components"]["schemas"]
# Collection, schema and members of which every value occurs.
SHOWN = [
    ("/v1/awards", "Award", ("level", "status")),
    ("/v1/reviews", "Review", ("status", "outcome")),
    ("/v1/plans", "Plan", ("status",)),
    ("/v1/projects", "Project", ("status",)),
    ("/v1/project-updates", "ProjectUpdate", ("status",)),
    ("/v1/contributions", "Contribution", ("kind", "visibility")),
    ("/v1/evidence", "Evidence", ("kind",)),
    ("/v1/meetings", "Meeting", ("kind", "term")),
    ("/v1/attendances", "Attendance", ("status",)),
]


def run_demo(client, directory):
    """What it said."""
    token = directory / "token"
    token.write_text(client.token)
    token.chmod(0o600)
    done = subprocess.run(
        [ROOT / "deploy" / "demo", "--url", f"http://127.0.0.1:{client.port}", "--token-file", token],
        capture_output=True, text=True, check=False, timeout=300, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def items(client, path):
    found, query = [], "?limit=200"
    while query:
        page = client.get(path + query).json
        found += page["items"]
        query = f"?limit=200&cursor={page['next']}" if page.get("next") else None
    return found


def values(schema, member):
    return {value for value in resolve(SCHEMAS[schema]["properties"][member])["enum"] if value}


def check_shown(client):
    for path, schema, members in SHOWN:
        records = items(client, path)
        for member in members:
            assert {r[member] for r in records if member in r} == values(schema, member), (path, member)
    awards = {(a["level"], a["status"]) for a in items(client, "/v1/awards")}
    assert {("flagship", status) for status in ("applied", "assessed", "awarded", "renewed", "deferred")
            } <= awards
    assert {(c["kind"], c["visibility"]) for c in items(client, "/v1/contributions")} == {
        (kind, visibility) for kind in values("Contribution", "kind")
        for visibility in values("Contribution", "visibility")}


def check_details(client):
    """What is more than a value of a member."""
    plans, evidence = items(client, "/v1/plans"), items(client, "/v1/evidence")
    assert sum(target.get("carried_from") is not None for p in plans for target in p["targets"]) > 20
    assert all(t["impact"] for p in plans if p["status"] == "reviewed" for t in p["targets"])
    assert {e["file"]["media_type"] for e in evidence if "file" in e} == {
        "text/plain", "image/png", "application/pdf"}
    assert [e for e in evidence if e["kind"] == "file" and "file" not in e] == []
    assert all(c["criteria"] for c in items(client, "/v1/contributions"))
    [succession] = items(client, "/v1/successions")
    moved = client.get(f"/v1/awards?school_id={succession['successor_id']}").json["items"]
    assert {a["status"] for a in moved} == {"awarded"} and len(moved) == 2
    reviews = items(client, "/v1/reviews")
    assert any(r["status"] == "scheduled" and r["scheduled_on"] > day(0) for r in reviews)


def reviewed_documents(client):
    """The review document of each year of which the plan is reviewed, and the page of the same."""
    schools = {award["id"]: award["school_id"] for award in items(client, "/v1/awards")}
    for plan in items(client, "/v1/plans"):
        if plan["status"] == "reviewed":
            path = f"/v1/schools/{schools[plan['award_id']]}/review-document"
            year = f"?academic_year={plan['academic_year']}"
            yield client.get(path + year).json, html.unescape(client.get(path + ".html" + year).text)


def check_impacts(client):
    """Beside what was achieved stands what the school wrote of the meetings it came to: all that it
    recorded itself, not what it was before."""
    schools = {a["id"]: a["school_id"] for a in items(client, "/v1/attendances")}
    seen = []
    for document, page in reviewed_documents(client):
        own = [meeting for meeting in document["meetings"]["items"]
               if schools.get(meeting["attendance_id"]) == document["school"]["id"]]
        for meeting in own:
            assert bool(meeting["impact"]) == (meeting["status"] == "present"), meeting
        impacts = [meeting["impact"] for meeting in own if meeting["impact"]]
        assert all(impact in page for impact in impacts)
        seen += impacts
    assert len(seen) > 50 and len(set(seen)) > 20


def check_coordinators(client):
    """Each chose a password, and can do no more than write for a school."""
    accounts = items(client, "/v1/accounts")
    assert len(accounts) >= 20
    assert all(account["roles"] == ["school"] and account["activated_at"] for account in accounts)


def check_reports(client):
    for school in items(client, "/v1/schools"):
        response = client.get(f"/v1/schools/{school['id']}/standing")
        assert response.status == 200, response
    for cluster in items(client, "/v1/clusters"):
        assert client.get(f"/v1/clusters/{cluster['id']}/standing").status == 200
    report = client.get("/v1/programme-report")
    assert report.status == 200, report
    assert all(level["in_force"] >= 5 for level in report.json["levels"])


def test_shows_all_of_the_programme(stage, tmp_path):
    with scratch_database(stage) as scratch, scratch.served(scratch.token()) as client:
        assert "Loading demonstration data" in run_demo(client, tmp_path)
        check_shown(client)
        check_details(client)
        check_impacts(client)
        check_coordinators(client)
        check_reports(client)
        before = len(items(client, "/v1/awards"))
        assert run_demo(client, tmp_path) == ""
        assert len(items(client, "/v1/awards")) == before
