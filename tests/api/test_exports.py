"""Lists as files: the rows of the list, all of them, in each format."""

import datetime
import json
import re
import uuid
from urllib.parse import quote

import pytest

from support import confidential, steps
from support.client import Client
from support.contract import OPERATIONS, resolve
from support.expect import problem
from support.exports import TYPES, XLSX, export, lines, sheet
from support.places import day, wait_for
from support.resources import FRAMEWORKS
from support.scratch import scratch_database

LISTS = sorted(op.id for op in OPERATIONS.values() if op.action == "list")


def pages(client, path):
    """What the list has, page after page."""
    items, cursor = [], ""
    while cursor is not None:
        page = client.get(path + ("&" if "?" in path else "?") + "limit=200" + cursor).json
        items += page["items"]
        cursor = page["next"] and "&cursor=" + page["next"]
    return items


@pytest.mark.parametrize("operation", LISTS)
def test_every_list_is_a_file(head, world, operation):
    path = OPERATIONS[operation].path
    ids = [one["id"] for one in pages(head, path)]
    found = [one["id"] for one in lines(export(head, path, "csv"))]
    # What others made meanwhile comes later; nothing of what was there is left out or comes twice.
    before = set(ids)
    assert [one for one in found if one in before] == ids and len(found) == len(set(found))


# What a person has of one's own, few and whole in one answer; personal-data has it as a file.
OWN = {"list_sessions", "list_calendar_feeds"}


def test_no_list_is_left_out():
    """Of whatever has items there is a file."""
    without = set()
    for op in OPERATIONS.values():
        content = (op.response(200) or {}).get("content", {})
        schema = resolve(content.get("application/json", {}).get("schema", {}))
        if op.method.upper() == "GET" and "items" in schema.get("properties", {}):
            names = {parameter["name"] for parameter in op.parameters}
            if not ({"format", "fields", "bom"} <= names and set(TYPES.values()) <= content.keys()):
                without.add(op.id)
    assert without == OWN


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


class TestHistories:
    """Each version of a record is a row; tests of test_documents.py go through every kind."""

    @pytest.fixture
    def school(self, head, make):
        school = make.school(address_3="=1+1")
        path = f"/v1/schools/{school['id']}"
        head.patch(path, {"name": 'The "Elms"'}, "*")
        head.delete(path, "*")
        return path + "/history"

    def test_members_of_documents_are_columns(self, head, school):
        rows = lines(export(head, school, "csv"))
        assert [(row["version"], row["action"]) for row in rows] == \
            [("3", "deleted"), ("2", "changed"), ("1", "created")]
        assert [row["document.name"] for row in rows][:2] == ["", 'The "Elms"']
        assert [row["document.address_3"] for row in rows] == ["", "'=1+1", "'=1+1"]
        assert all(row["actor"] == head.actor for row in rows)
        names, cells = sheet(export(head, school, "xlsx"))
        assert names == list(rows[0])
        assert isinstance(dict(zip(names, cells[0]))["at"], datetime.datetime)
        assert [dict(zip(names, one))["document.urn"] is None for one in cells] == [True, False, False]

    def test_columns_are_chosen(self, head, school):
        text = export(head, school + "?fields=version,at,actor", "csv").text
        assert text.splitlines()[0] == "version,at,actor"
        one = json.loads(export(head, school + "?fields=action,document", "ndjson").text.split("\n")[0])
        assert one == {"action": "deleted", "document": None}

    @pytest.mark.parametrize("query, parameter", [
        ("format=csv&fields=name", "fields"), ("fields=version", "fields"),
        ("format=csv&cursor=abc", "cursor"), ("format=json", "format")])
    def test_what_cannot_be(self, head, school, query, parameter):
        found = problem(head.get(f"{school}?{query}"), 400, "invalid_parameters")
        assert found["errors"][0]["parameter"] == parameter

    def test_of_nothing(self, head):
        for name in ("csv", "ndjson", "xlsx"):
            path = f"/v1/schools/00000000-0000-7000-8000-000000000000/history?format={name}"
            problem(head.get(path), 404, "not_found")
            assert head.request("HEAD", path).status == 404

    def test_who_may_not_is_told(self, world, anyone, school):
        problem(anyone.get(school + "?format=csv"), 401, "unauthorized")
        problem(world.callers["ambassador"].get(school + "?format=csv"), 403, "forbidden")

    def test_many_and_long_versions(self, head, make):
        """More than one fetch, of which some are as large as bodies may be."""
        meeting = make.meeting(notes="é" * 9000)
        path = f"/v1/meetings/{meeting['id']}"
        for number in range(40):
            assert head.patch(path, {"location": f"Hall {number}"}, "*").status == 200
        items = pages(head, path + "/history")
        found = export(head, path + "/history", "ndjson").text.splitlines()
        assert [json.loads(line) for line in found] == items
        rows = lines(export(head, path + "/history", "csv"))
        assert [int(row["version"]) for row in rows] == list(range(41, 0, -1))
        assert {row["document.notes"] for row in rows} == {meeting["notes"]}

    def test_it_is_recorded_who_was_given_whose_data(self, head, make):
        person = make.person(name=confidential.note(f"Zoë History{make.number()}"))
        path = f"/v1/people/{person['id']}"
        row, = lines(export(head, path + "/history", "csv"))
        assert row["document.name"] == person["name"]
        preview = head.get(path + "/erasure-preview").json
        assert "list_person_history" in {one["what"] for one in preview["recipients"]}
        noted, = head.get(f"/v1/audit-records?resource_id={person['id']}"
                          "&operation=list_person_history").json["items"]
        assert (noted["outcome"], noted["resource"]) == ("done", "person")

    def test_of_nobody_nothing_is_recorded(self, head):
        nobody = uuid.uuid4()
        problem(head.get(f"/v1/people/{nobody}/history?format=csv"), 404, "not_found")
        assert head.get(f"/v1/audit-records?resource_id={nobody}").json["items"] == []

    def test_without_the_key_no_version_is_made_up(self, stage):
        """Of whoever is erased while a file is read: as lists do, it leaves out what cannot be opened."""
        with scratch_database(stage) as scratch, scratch.served(scratch.token()) as client:
            person = client.post("/v1/people", {"name": "Somebody"}).json
            path = f"/v1/people/{person['id']}/history?format=ndjson"
            assert len(client.get(path).text.splitlines()) == 1
            stage.cluster.psql(f"DELETE FROM person_key WHERE person_id = '{person['id']}'",
                               database=scratch.keys)
            wait_for(lambda: client.get(path).body == b"", "the key to be forgotten")
            assert client.get(path.partition("?")[0]).json["items"] == []


class TestReadByPages:
    """Lists of which a file is read a page at a time: the mailing list has tests of its own."""

    def shared(self, head, make, count):
        """(school, word): contributions for everybody, more than a page has."""
        school, word = make.school(), f"zwyx{make.number()}q"
        for number in range(count):
            make.contribution(school_id=school["id"], visibility="public",
                              title=f"=About {word}", description="é " * (number + 1))
        return school, word

    @pytest.mark.parametrize("name", ["csv", "ndjson", "xlsx"])
    def test_public_contributions(self, anyone, head, make, name):
        school, _ = self.shared(head, make, 130)
        path = f"/v1/directory/contributions?school_id={school['id']}"
        items = pages(anyone, path)
        assert len(items) == 130
        response = export(anyone, path, name)
        assert response.header("Cache-Control") == "no-store" and response.header("ETag") is None
        if name == "ndjson":
            assert [json.loads(line) for line in response.text.splitlines()] == items
        elif name == "csv":
            assert [row["id"] for row in lines(response)] == [item["id"] for item in items]
            assert {row["title"][:2] for row in lines(response)} == {"'="}
        else:
            names, rows = sheet(response)
            rows = [dict(zip(names, row)) for row in rows]
            assert [row["id"] for row in rows] == [item["id"] for item in items]
            assert isinstance(rows[0]["happened_on"], datetime.datetime)

    def test_a_search(self, head, world, make):
        school, word = self.shared(head, make, 130)
        for caller in (head, world.callers["client"]):
            items, path = [], f"/v1/contributions/search?q={word}"
            cursor = ""
            while cursor is not None:
                page = caller.get(f"{path}&limit=50{cursor}").json
                items += page["items"]
                cursor = page["next"] and "&cursor=" + page["next"]
            assert len(items) == 130
            text = export(caller, path, "ndjson").text
            assert [json.loads(line) for line in text.splitlines()] == items
            rows = lines(export(caller, path, "csv"))
            assert [row["contribution.id"] for row in rows] == [i["contribution"]["id"] for i in items]
            assert rows[0].keys() >= {"rank", "highlight", "contribution.title"}
            names, cells = sheet(export(caller, path + "&fields=rank,highlight", "xlsx"))
            assert names == ["rank", "highlight"] and len(cells) == 130
        problem(world.callers["ambassador"].get(f"{path}&format=csv&fields=colour"), 400,
                "invalid_parameters")

    def test_the_directory(self, anyone, head, make):
        region, framework = make.name("Region"), FRAMEWORKS["inclusive_school_award"]
        for name in ("=Elm", "Ash"):
            award = make.award(school_id=make.school(region=region, name=name)["id"],
                               level="inclusive_school_award", framework_id=framework,
                               applied_on=day(-100))
            for step in ("assess_award", "grant_award"):
                award = steps.take(head, step, award, happened_on=day(-100))
        path = f"/v1/directory?region={quote(region)}"
        items = pages(anyone, path)
        text = export(anyone, path, "ndjson").text
        assert len(items) == 2 and [json.loads(line) for line in text.splitlines()] == items
        assert {row["name"]: row["since"] for row in lines(export(anyone, path, "csv"))} == \
            {"'=Elm": day(-100), "Ash": day(-100)}

    def test_nothing_found(self, anyone, head):
        path = "/v1/directory?name_prefix=zzzzzzzz"
        assert len(export(anyone, path, "csv").text.splitlines()) == 1
        assert export(anyone, path, "ndjson").body == b""
        assert sheet(export(head, "/v1/contributions/search?q=zzzzzzzz", "xlsx"))[1] == []

    @pytest.mark.parametrize("path", ["/v1/directory", "/v1/directory/contributions",
                                      "/v1/contributions/search?q=a"])
    def test_head_and_what_cannot_be(self, head, path):
        mark = "&" if "?" in path else "?"
        response = head.request("HEAD", f"{path}{mark}format=csv")
        assert response.status == 200 and response.body == b""
        for query, parameter in (("format=json", "format"), ("fields=id", "fields"),
                                 ("format=csv&cursor=abc", "cursor"), ("format=csv&fields=x", "fields")):
            found = problem(head.get(f"{path}{mark}{query}"), 400, "invalid_parameters")
            assert found["errors"][0]["parameter"] == parameter
