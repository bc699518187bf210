"""Lists as files: the rows of the list, all of them, in each format."""

import csv
import datetime
import io
import json

import openpyxl
import pytest

from support import confidential
from support.client import Client
from support.contract import OPERATIONS, resolve
from support.expect import problem

LISTS = sorted(op.id for op in OPERATIONS.values() if op.action == "list")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson", "xlsx": XLSX,
         "json": "application/json"}


def pages(client, path):
    """What the list has, page after page."""
    items, cursor = [], ""
    while cursor is not None:
        page = client.get(path + ("&" if "?" in path else "?") + "limit=200" + cursor).json
        items += page["items"]
        cursor = page["next"] and "&cursor=" + page["next"]
    return items


def export(client, path, name, **options):
    mark = "&" if "?" in path else "?"
    response = client.get(f"{path}{mark}format={name}", **options)
    assert response.status == 200 and response.media_type == TYPES[name], response
    assert response.header("Content-Disposition").startswith("attachment; filename=")
    return response


def lines(response):
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def sheet(response):
    """(names, rows) of the first sheet."""
    book = openpyxl.load_workbook(io.BytesIO(response.body))
    first = book.worksheets[0]
    assert first.freeze_panes == "A2" and first.auto_filter.ref
    rows = list(first.iter_rows(values_only=True))
    return list(rows[0]), rows[1:]


@pytest.mark.parametrize("operation", LISTS)
def test_every_list_is_a_file(head, world, operation):
    path = OPERATIONS[operation].path
    ids = [one["id"] for one in pages(head, path)]
    found = [one["id"] for one in lines(export(head, path, "csv"))]
    # What others made meanwhile comes later; nothing of what was there is left out or comes twice.
    assert [one for one in found if one in set(ids)] == ids and len(found) == len(set(found))


@pytest.mark.parametrize("accept, media_type", [
    ("text/csv", "text/csv"), ("application/x-ndjson", "application/x-ndjson"), (XLSX, XLSX),
    ("application/json", "application/json"), ("*/*", "application/json"),
    ("text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"),
    ("text/csv, application/json", "application/json"),
    ("application/json;q=0.1, text/csv", "text/csv")])
def test_accept_chooses(head, make, accept, media_type):
    cluster = make.cluster()
    response = head.get(f"/v1/assignments?cluster_id={cluster['id']}", headers={"Accept": accept})
    assert response.status == 200 and response.media_type == media_type


@pytest.fixture
def cluster(make):
    """With assignments, which have days, and people."""
    cluster = make.cluster()
    for year in (2001, 2002, 2003):
        make.assignment(cluster_id=cluster["id"], starts_on=f"{year}-09-01",
                        ends_on=f"{year + 1}-07-31")
    return cluster


class TestFormats:
    def test_json(self, head, cluster):
        path = f"/v1/assignments?cluster_id={cluster['id']}"
        assert export(head, path, "json").json == {"items": pages(head, path), "next": None}

    def test_ndjson(self, head, cluster):
        path = f"/v1/assignments?cluster_id={cluster['id']}"
        text = export(head, path, "ndjson").text
        assert [json.loads(line) for line in text.splitlines()] == pages(head, path)
        assert export(head, "/v1/assignments?cluster_id=00000000-0000-7000-8000-000000000000",
                      "ndjson").text == ""

    def test_csv(self, head, cluster):
        path = f"/v1/assignments?cluster_id={cluster['id']}"
        items = pages(head, path)
        response = export(head, path, "csv")
        assert response.header("Content-Type") == "text/csv; charset=utf-8"
        rows = lines(response)
        assert [row["starts_on"] for row in rows] == [item["starts_on"] for item in items]
        assert [row["version"] for row in rows] == ["1", "1", "1"]
        assert set(rows[0]) == set(OPERATIONS["get_assignment"].response(200)["content"][
            "application/json"]["schema"].get("properties") or resolve(
                OPERATIONS["get_assignment"].response(200)["content"]["application/json"][
                    "schema"])["properties"])

    def test_members_of_members_are_columns(self, head, make):
        made = make.evidence()
        row, = (one for one in lines(export(head, "/v1/evidence?fields=id,subject", "csv"))
                if one["id"] == made["id"])
        assert row == {"id": made["id"], "subject.type": made["subject"]["type"],
                       "subject.id": made["subject"]["id"]}
        school = make.school(address_3='The "Elms", 1 High Street')
        row, = lines(export(head, f"/v1/schools?urn={school['urn']}&fields=urn,address_3", "csv"))
        assert row == {"urn": str(school["urn"]), "address_3": school["address_3"]}

    def test_the_mark_of_utf_8(self, head, cluster):
        path = f"/v1/assignments?cluster_id={cluster['id']}"
        assert export(head, path + "&bom=true", "csv").body.startswith(b"\xef\xbb\xbfid,")
        assert export(head, path, "csv").body.startswith(b"id,")

    def test_text_is_no_formula(self, head, make):
        made = make.cluster(notes='=1+1\n"x", é')
        row, = (one for one in lines(export(head, "/v1/clusters?fields=id,notes", "csv"))
                if one["id"] == made["id"])
        assert row == {"id": made["id"], "notes": "'=1+1\n\"x\", é"}

    def test_xlsx(self, head, make):
        cluster = make.cluster(notes="=1+1 & <b>\x01é" + "x" * 100)
        assignment = make.assignment(cluster_id=cluster["id"], starts_on="2001-09-01", ends_on=None)
        names, rows = sheet(export(head, f"/v1/assignments?cluster_id={cluster['id']}", "xlsx"))
        row = dict(zip(names, rows[0]))
        assert row["starts_on"] == datetime.datetime(2001, 9, 1) and row["ends_on"] is None
        assert row["version"] == 1 and row["id"] == assignment["id"]
        made = datetime.datetime.fromisoformat(assignment["created_at"].rstrip("Z"))
        assert row["created_at"] == made.replace(microsecond=0)
        names, rows = sheet(export(head, "/v1/clusters?fields=id,notes", "xlsx"))
        assert names == ["id", "notes"]
        assert dict(rows)[cluster["id"]].replace("_x0001_", "\x01") == cluster["notes"]

    def test_what_a_workbook_cannot_hold(self, head, make):
        """Characters that no XML may hold, and more text than a cell takes (in units of UTF-16)."""
        odd = make.cluster(notes="a\ufffeb\uffffc\U0001F600")
        long = make.cluster(notes="\U0001F600" * 9000)
        _, rows = sheet(export(head, "/v1/clusters?fields=id,notes", "xlsx"))
        assert dict(rows)[odd["id"]] == "a\ufffdb\ufffdc\U0001F600"
        assert dict(rows)[long["id"]] == long["notes"]

    def test_xlsx_of_nothing(self, head):
        names, rows = sheet(export(
            head, "/v1/assignments?cluster_id=00000000-0000-7000-8000-000000000000", "xlsx"))
        assert "id" in names and rows == []

    def test_head(self, head, cluster):
        for name in TYPES:
            response = head.request("HEAD", f"/v1/clusters?format={name}")
            assert response.status == 200 and response.body == b""


class TestWhatIsAsked:
    def test_filters_and_order(self, head, cluster):
        path = f"/v1/assignments?cluster_id={cluster['id']}&sort=-starts_on"
        for name in ("csv", "json"):
            found = export(head, path, name)
            found = lines(found) if name == "csv" else found.json["items"]
            assert [one["starts_on"] for one in found] == ["2003-09-01", "2002-09-01", "2001-09-01"]

    def test_fields(self, head, cluster):
        path = f"/v1/assignments?cluster_id={cluster['id']}&fields=starts_on,id"
        ids = [one["id"] for one in pages(head, path.partition("&")[0])]
        response = export(head, path, "csv")
        assert response.text.splitlines()[0] == "id,starts_on"
        one = json.loads(export(head, path, "ndjson").text.splitlines()[0])
        assert set(one) == {"id", "starts_on"} and one["id"] == ids[0]

    @pytest.mark.parametrize("query, parameter", [
        ("format=csv&fields=id,colour", "fields"), ("format=csv&fields=", "fields"),
        ("format=csv&fields=id,", "fields"), ("format=json&fields=id", "fields"),
        ("fields=id", "fields"), ("format=csv&cursor=abc", "cursor"), ("format=pdf", "format"),
        ("format=csv&bom=maybe", "bom")])
    def test_what_cannot_be(self, head, query, parameter):
        found = problem(head.get(f"/v1/clusters?{query}"), 400, "invalid_parameters")
        assert found["errors"][0]["parameter"] == parameter

    def test_sealed_members_are_open_and_filters_find_them(self, head, make):
        person = make.person(name=confidential.note(f"Zoë Export{make.number()}"))
        row, = lines(export(head, f"/v1/people?email={person['email']}", "csv"))
        assert (row["name"], row["telephone"]) == (person["name"], person["telephone"])


class TestWho:
    def test_sees_what_the_list_shows(self, world):
        for role in ("ambassador", "school"):
            caller = world.callers[role]
            for path in ("/v1/schools", "/v1/people", "/v1/clusters"):
                ids = {one["id"] for one in pages(caller, path)}
                assert {one["id"] for one in lines(export(caller, path, "csv"))} == ids

    def test_who_may_not_is_told(self, world, anyone):
        problem(anyone.get("/v1/people?format=csv"), 401, "unauthorized")
        problem(world.callers["client"].get("/v1/people?format=xlsx"), 403, "forbidden")
        problem(world.callers["client"].get("/v1/people?format=csv&fields=colour"), 403, "forbidden")

    def test_it_is_recorded_who_was_given_whose_data(self, head, make):
        person = make.person()
        export(head, f"/v1/people?email={person['email']}", "xlsx")
        preview = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert "list_people" in {one["what"] for one in preview["recipients"]}
        records = head.get("/v1/audit-records?sort=-at&limit=200").json["items"]
        assert any(one["operation"] == "list_people" and one["outcome"] == "done"
                   for one in records)

    def test_who_is_refused_meanwhile_gets_no_more(self, server, stage, make):
        """A token that is revoked while a file is read."""
        name = make.name("reader")
        client = Client(server.port, stage.issue_token(name))
        assert client.get("/v1/people?format=csv&email=nobody@example.org").status == 200
        stage.cluster.psql(f"UPDATE token SET revoked_at = now() WHERE name = '{name}'",
                           user="iqm_owner")
        problem(client.get("/v1/people?format=csv"), 401, "unauthorized")
        client.close()

    def test_reading_a_page_is_not(self, head, make):
        person = make.person()
        head.get(f"/v1/people?email={person['email']}")
        preview = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert "list_people" not in {one["what"] for one in preview["recipients"]}
