"""The register of schools through HTTP: uploaded, followed, imported once, wholly or not at all."""

import pathlib
import uuid

import pytest

from support import register
from support.client import send_raw
from support.expect import bad_parameter, problem
from support.places import ROOT, wait_for

PATH = "/v1/imports/register"
CSV = {"Content-Type": "text/csv"}
SAMPLE = ROOT.parent / "shared" / "data" / "edubasealldata_sample.csv"


def upload(head, data, query="", **options):
    response = head.post(PATH + query, body=data, headers=CSV, **options)
    assert response.status == 202, response
    return response


def finished(head, response, seconds=60):
    """The import's last word."""
    location = response.header("Location")

    def done():
        found = head.get(location)
        assert found.status == 200, found
        return found.json if found.json["status"] in ("succeeded", "failed") else None

    return wait_for(done, "the import", seconds)


def run(head, rows, query="", **options):
    data = rows if isinstance(rows, bytes) else register.file_of(rows, **options)
    return finished(head, upload(head, data, query))


def school_of(head, row):
    items = head.get(f"/v1/schools?urn={row['URN']}").json["items"]
    return items[0] if items else None


def counts(done):
    return done["rows"], done["created"], done["updated"], done["unchanged"]


@pytest.fixture
def rows(make):
    return [register.row(make) for _ in range(3)]


def test_a_file_becomes_schools(head, rows):
    response = upload(head, register.file_of(rows))
    queued = response.json
    assert (queued["status"], queued["dry_run"]) == ("queued", False)
    assert queued["file_bytes"] == len(register.file_of(rows))
    assert response.header("Location") == f"{PATH}/{queued['id']}"
    done = finished(head, response)
    assert (done["status"], done["errors"], done["error_count"]) == ("succeeded", [], 0)
    assert counts(done) == (3, 3, 0, 0)
    assert done["read_bytes"] == done["file_bytes"]
    school = school_of(head, rows[0])
    wanted = {"name": rows[0]["EstablishmentName"], "status": "open", "phase": "Primary",
              "postcode": "EC3A 5DE", "laestab": "2013614", "local_authority_code": "201",
              "open_date": "1990-09-01", "low_age": 3, "high_age": 11, "town": "London"}
    assert wanted.items() <= school.items()


def test_nobodys_name_comes_along(stage, head, rows):
    run(head, rows)
    for table in ("school", "history", "register_import"):
        for row in rows:
            found = stage.cluster.psql(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE "
                                       f"'%{row['HeadLastName']}%'")
            assert found == "0"


def test_again_changes_nothing(head, rows):
    run(head, rows)
    before = [school_of(head, row) for row in rows]
    assert counts(run(head, rows)) == (3, 0, 0, 3)
    assert [school_of(head, row) for row in rows] == before


def test_a_dry_run_changes_nothing(head, rows):
    done = run(head, rows, "?dry_run=true")
    assert (done["status"], done["dry_run"], counts(done)) == ("succeeded", True, (3, 3, 0, 0))
    assert school_of(head, rows[0]) is None
    assert run(head, rows, "?dry_run=false")["created"] == 3


def test_what_people_edited_stays(head, rows, make):
    run(head, rows)
    cluster = make.cluster()["id"]
    path = f"/v1/schools/{school_of(head, rows[0])['id']}"
    head.patch(path, {"town": "Cheapside", "cluster_id": cluster}, "*")
    rows[0]["TelephoneNum"] = "2079999999"
    rows[0]["EstablishmentName"] = "Renamed " + rows[0]["URN"]
    assert counts(run(head, rows)) == (3, 0, 1, 2)
    school = school_of(head, rows[0])
    assert (school["town"], school["cluster_id"]) == ("Cheapside", cluster)
    assert school["name"] == rows[0]["EstablishmentName"] and "999" in school["telephone"]
    actions = [i["action"] for i in head.get(path + "/history").json["items"]]
    assert actions == ["changed", "changed", "created"]


def test_versions_name_who_imported(head, rows):
    run(head, rows)
    school = school_of(head, rows[0])
    items = head.get(f"/v1/schools/{school['id']}/history").json["items"]
    assert [i["actor"] for i in items] == [head.actor]


@pytest.mark.parametrize("encoding, newline", [("utf-8", "\n"), ("utf-8-sig", "\r\n"),
                                               ("cp1252", "\n")])
def test_any_usual_encoding(head, rows, encoding, newline):
    assert run(head, rows, encoding=encoding, newline=newline)["status"] == "succeeded"
    assert "Café" in school_of(head, rows[0])["name"]


def test_columns_in_any_order(head, rows):
    columns = register.COLUMNS[::-1] + ["SomethingNew"]
    assert run(head, rows, columns=columns)["created"] == 3
    assert school_of(head, rows[1])["town"] == "London"


def test_rows_in_chunks(head, rows):
    done = finished(head, upload(head, register.file_of(rows), chunked=True))
    assert counts(done) == (3, 3, 0, 0)


class TestBadFiles:
    def refused(self, head, data, rows=()):
        done = run(head, data)
        assert done["status"] == "failed" and done["error_count"] >= 1, done
        assert all(school_of(head, row) is None for row in rows)
        return done["errors"]

    def test_a_damaged_row_is_named(self, head, rows):
        rows[1]["EstablishmentName"], rows[2]["URN"] = "", "12"
        errors = self.refused(head, register.file_of(rows), rows[:2])
        assert [(e["line"], e["column"]) for e in errors] == [(3, "EstablishmentName"), (4, "URN")]

    def test_a_urn_twice(self, head, rows):
        rows[2]["URN"] = rows[0]["URN"]
        errors = self.refused(head, register.file_of(rows), rows)
        assert errors[0]["line"] == 4 and errors[0]["column"] == "URN"

    @pytest.mark.parametrize("data, line", [
        (b"Name,Town\r\nA,B\r\n", 1), (b"\x00\x01\x02\x03" * 100, None), (b"PK\x03\x04" * 50, None),
        (b'URN,EstablishmentName,EstablishmentStatus (name)\r\n100000,"A', None),
        (b"URN,EstablishmentName,EstablishmentStatus (name)\r\n100000,A\r\n", 2),
        ("URN,EstablishmentName,EstablishmentStatus (name)\r\n".encode("utf-16"), None),
        (b"URN,URN,EstablishmentName,EstablishmentStatus (name)\r\n", 1), (b"\r\n", None)])
    def test_that_are_no_register(self, head, data, line):
        errors = self.refused(head, data)
        assert errors[0]["detail"]
        assert line is None or errors[0]["line"] == line

    def test_a_truncated_file_changes_nothing(self, head, rows):
        self.refused(head, register.file_of(rows)[:-120], rows)

    def test_empty(self, head):
        problem(head.post(PATH, body=b"", headers=CSV), 400, "malformed_body")
        problem(head.post(PATH, headers=CSV), 400, "malformed_body")
        problem(head.post(PATH, body=b"", headers=CSV, chunked=True), 400, "malformed_body")

    def test_another_type(self, head):
        problem(head.post(PATH, body=b"a", headers={"Content-Type": "application/json"}), 415,
                "unsupported_media_type")
        problem(head.post(PATH, body=b"a"), 415, "unsupported_media_type")

    def test_too_large_to_begin(self, server, head):
        response = send_raw(server.port, (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {head.token}\r\n"
            "Content-Type: text/csv\r\nContent-Length: 134217729\r\n\r\n").encode(), "POST", PATH)
        problem(response, 413, "content_too_large")


class TestFollowing:
    def test_a_finished_one(self, head, rows):
        response = upload(head, register.file_of(rows), "?dry_run=true")
        done = finished(head, response)
        found = head.get(response.header("Location"))
        assert found.json == done and found.etag == f'"{done["version"]}"'
        held = head.get(response.header("Location"), headers={"If-None-Match": found.etag})
        assert (held.status, held.body) == (304, b"")

    def test_a_list(self, head, rows):
        made = [finished(head, upload(head, register.file_of(rows), "?dry_run=true"))["id"]
                for _ in range(2)]
        met, target = [], PATH + "?limit=200"
        while target:
            response = head.get(target)
            met += [item["id"] for item in response.json["items"]]
            target = (response.header("Link") or "")[1:].split(">")[0]
        assert {*made} <= {*met} and len({*met}) == len(met)

    def test_wrong_questions(self, head):
        bad_parameter(head.get(PATH + "?limit=0&cursor="), "limit", "cursor")
        bad_parameter(head.get(PATH + "?cursor=abc"), "cursor")
        bad_parameter(head.post(PATH + "?dry_run=yes", body=b"URN\n", headers=CSV), "dry_run")
        problem(head.get(f"{PATH}/{uuid.uuid4()}"), 404, "not_found")
        bad_parameter(head.get(f"{PATH}/x"), "register_import_id")


@pytest.mark.skipif(not pathlib.Path(SAMPLE).is_file(), reason="the sample of the register is away")
def test_the_whole_register_as_a_dry_run(head):
    done = finished(head, upload(head, SAMPLE.read_bytes(), "?dry_run=true"), 300)
    assert done["status"] == "succeeded", done["errors"][:5]
    assert done["rows"] == done["created"] + done["updated"] + done["unchanged"] == 26078
