"""Lists as files: the rows of the list, all of them, in each format."""

import csv
import datetime
import io
import json
import re

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
    before = set(ids)
    assert [one for one in found if one in before] == ids and len(found) == len(set(found))


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


def varies(response):
    return {name.strip() for name in response.header("Vary").split(",")}


def test_caches_are_told_that_accept_chooses(head, world, make):
    """One address has several answers: each says so (RFC 9110, 12.5.5), also across origins."""
    for path in ("/v1/clusters?limit=1", "/v1/clusters?format=csv", "/v1/mailing-list?limit=1",
                 f"/v1/people/{make.person()['id']}/personal-data"):
        assert varies(head.get(path)) == {"Accept", "Accept-Encoding", "Origin"}, path
    for path in (f"/v1/clusters/{make.cluster()['id']}", "/v1/me"):
        assert varies(head.get(path)) == {"Accept-Encoding", "Origin"}, path


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
        schema = OPERATIONS["get_assignment"].response(200)["content"]["application/json"]["schema"]
        assert set(rows[0]) == set(resolve(schema)["properties"]) - {"included"}

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

    @pytest.mark.parametrize("text", [
        "_x0041_", "a _x00e9_ b_xFFFF_", "_x0041_x0042_", "_x005F_x0041_", "_x005F_", "_x_x0041__",
        "_x0041", "x0041_", "_X0041_", "_x00G1_", "__x0041__x0042_", "_x0001_\x01"])
    def test_text_that_looks_like_an_escape_of_a_workbook(self, head, make, text):
        """Read as spreadsheets do (ISO/IEC 29500-1, ST_Xstring): what comes back is the text."""
        made = make.cluster(notes=text)
        _, rows = sheet(export(head, "/v1/clusters?fields=id,notes", "xlsx"))
        read = re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), dict(rows)[made["id"]])
        assert read == text

    def test_text_whose_escapes_fill_a_cell(self, head, make):
        made = make.meeting(notes="_x0041_" * 2800)
        path = f"/v1/meetings?cluster_id={made['cluster_id']}&fields=id,notes"
        _, rows = sheet(export(head, path, "xlsx"))
        found = dict(rows)[made["id"]]
        assert len(found) == 32767 and found.startswith("_x005F_x0041__x005F_x0041_")
        assert found.endswith("…")

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
        records = head.get("/v1/audit-records?operation=list_people&sort=-at&limit=200").json["items"]
        assert any(one["outcome"] == "done" for one in records)

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
