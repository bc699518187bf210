"""Evidence: what it is of, who sees it, and its files both ways."""

import base64
import hashlib
import os
import re
import signal
import urllib.parse
import uuid

import pytest

from support import files, steps
from support.client import Client, Stream, read_response, send_raw
from support.expect import bad_parameter, invalid, problem
from support.files import DOCX, EXAMPLES, ODT, TEXT, XLSX, upload
from support.places import wait_for
from support.resources import FRAMEWORKS
from support.serving import serving

PATH = "/v1/evidence"
CHUNK = 256 * 1024
MIB = 1 << 20


def file_path(record):
    return f"{PATH}/{record['id']}/file"


def pattern(size, kind=b"%PDF-1.7\n"):
    """Bytes that are nowhere the same, of a kind."""
    out = bytearray(kind)
    state = hashlib.sha256(kind).digest()
    while len(out) < size:
        state = hashlib.sha256(state).digest()
        out += state * 32
    return bytes(out[:size])


def digest(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def chunks_of(stage, record):
    return int(stage.cluster.psql(
        f"SELECT count(*) FROM evidence_chunk WHERE evidence_id = '{record['id']}'"))


def str_of(value):
    """A short name for what a test is run with."""
    return value.rpartition(".")[2] if isinstance(value, str) else ascii(value[:12])[2:-1]


@pytest.fixture
def empty(make):
    """A record that waits for its file."""
    return make.evidence(kind="file", url=None)


@pytest.fixture
def filled(head, empty):
    response = upload(head, empty)
    assert response.status == 201, response
    return response.json


class TestRecords:
    @pytest.mark.parametrize("kind", ["meeting", "award", "review"])
    def test_of_other_records(self, kind, head, make):
        subject = make.create(kind)
        made = make.evidence(subject={"type": kind, "id": subject["id"]})
        found = head.get(f"{PATH}?subject_type={kind}&subject_id={subject['id']}").json["items"]
        assert found == [made]
        path = f"/v1/{kind}s/{subject['id']}"
        assert "evidence" in problem(head.delete(path, "*"), 409, "conflict")["detail"]
        assert head.delete(f"{PATH}/{made['id']}", "*").status == 204
        assert head.delete(path, "*").status == 204

    @pytest.mark.parametrize("name", ["school_id", "kind", "framework_id", "subject_id"])
    def test_filters(self, name, head, make):
        mine = make.evidence()
        other = make.evidence(kind="file", url=None, framework_id=None, criterion=None)
        value = mine["subject"]["id"] if name == "subject_id" else mine[name]
        ids = set()
        target = f"{PATH}?{name}={value}&limit=200"
        while target:
            page = head.get(target)
            ids |= {item["id"] for item in page.json["items"]}
            target = (page.header("Link") or "")[1:].split(">")[0]
        assert mine["id"] in ids and other["id"] not in ids
        bad_parameter(head.get(f"{PATH}?{name}=%2A"), name)

    def test_of_what_is_not_there(self, head, make):
        body = make.example("evidence")
        for kind in ("contribution", "meeting", "award", "review"):
            wrong = {**body, "subject": {"type": kind, "id": str(uuid.uuid4())}}
            invalid(head.post(PATH, wrong), "/subject")
        invalid(head.post(PATH, {**body, "subject": {"type": "school", "id": body["school_id"]}}),
                "/subject/type")
        swapped = {**body, "subject": {**body["subject"], "type": "meeting"}}
        invalid(head.post(PATH, swapped), "/subject")

    def test_of_what_the_writer_does_not_see(self, world, head):
        school = world.callers["school"]
        body = world.body("evidence", "own")
        for name, place in (("contribution", "foreign"), ("meeting", "foreign"), ("award", "same"),
                            ("review", "same")):
            hidden = {"type": name, "id": getattr(world, name + "s")[place]["id"]}
            invalid(school.post(PATH, {**body, "subject": hidden}), "/subject")
            made = world.make.create("evidence", **body)
            invalid(school.patch(f"{PATH}/{made['id']}", {"subject": hidden}, "*"), "/subject")
        seen = {"type": "contribution", "id": world.contributions["same"]["id"]}
        assert school.post(PATH, {**body, "subject": seen}).status == 201

    def test_a_criterion_is_one_of_its_framework(self, head, make):
        body = make.example("evidence", criterion="no_such_thing")
        invalid(head.post(PATH, body), "/criterion")
        invalid(head.post(PATH, {**body, "framework_id": None}), "/framework_id")
        invalid(head.post(PATH, {**body, "framework_id": str(uuid.uuid4())}), "/framework_id")
        made = make.evidence()
        moved = head.patch(f"{PATH}/{made['id']}", {"framework_id": FRAMEWORKS["flagship"]}, "*")
        invalid(moved, "/criterion")
        assert make.evidence(criterion=None)["framework_id"] == body["framework_id"]

    def test_a_link_has_an_address_and_a_file_has_none(self, head, make, empty):
        body = make.example("evidence")
        invalid(head.post(PATH, {**body, "url": None}), "/url")
        invalid(head.post(PATH, {**body, "kind": "file"}), "/url")
        for url in ("javascript:alert(1)", "ftp://files.example/a", "file:///etc/passwd"):
            invalid(head.post(PATH, {**body, "url": url}), "/url")
        invalid(head.patch(f"{PATH}/{empty['id']}", {"kind": "link", "url": "https://a.example/"},
                           "*"), "/kind")

    def test_says_nothing_of_a_file_itself(self, head, make, filled):
        body = make.example("evidence", kind="file", url=None)
        invalid(head.post(PATH, {**body, "file": filled["file"]}), "/file")
        path = f"{PATH}/{filled['id']}"
        invalid(head.patch(path, {"file": {"size": 7}}, "*"), "/file")
        changed = head.patch(path, {"title": "Another", "file": filled["file"]}, "*").json
        assert changed["file"] == filled["file"] and changed["title"] == "Another"
        again = head.put(path, {k: v for k, v in body.items() if v is not None},
                         headers={"If-Match": "*"})
        assert again.json["file"] == filled["file"]
        assert head.get(file_path(filled)).body == TEXT

    def test_other_spellings_of_a_part(self, head, make):
        for part in ("target-1", "step_2", str(uuid.uuid4())):
            assert make.evidence(part=part)["part"] == part
        for part in ("", "A", "a b", "../x", "a" * 101):
            invalid(head.post(PATH, make.example("evidence", part=part)), "/part")


class TestUploads:
    @pytest.mark.parametrize("kind", EXAMPLES)
    def test_each_kind(self, kind, head, empty):
        data = EXAMPLES[kind]
        response = upload(head, empty, data, kind, "a file.bin")
        assert response.status == 201, response
        made = response.json
        assert response.etag == '"2"' and made["version"] == 2
        assert made["file"] == {"name": "a file.bin", "media_type": kind, "size": len(data),
                                "sha256": hashlib.sha256(data).hexdigest()}
        assert head.get(f"{PATH}/{empty['id']}").json == made
        found = head.get(file_path(empty))
        assert (found.status, found.media_type, found.body) == (200, kind, data)
        assert found.etag == f'"{made["file"]["sha256"]}"'
        for name, value in (("Accept-Ranges", "bytes"), ("Content-Security-Policy", "sandbox"),
                            ("X-Content-Type-Options", "nosniff"), ("Repr-Digest", digest(data)),
                            ("Content-Disposition", 'attachment; filename="a file.bin"'),
                            ("Content-Length", str(len(data)))):
            assert found.header(name) == value

    @pytest.mark.parametrize("kind, data", [
        ("image/png", EXAMPLES["image/jpeg"]), ("application/pdf", TEXT), (DOCX, EXAMPLES[XLSX]),
        (ODT, EXAMPLES[DOCX]), (DOCX, files.archive("a.txt")), ("image/jpeg", b"\xff\xd8"),
        ("text/plain", EXAMPLES["application/pdf"]), ("text/plain", b"MZ\x90\0" + bytes(60)),
        ("text/plain", b"\x7fELF\x02\x01\x01" + bytes(60)), ("text/plain", b"#!/bin/sh\nrm -r x\n"),
        ("text/plain", b"#!/usr/bin/env python3\nprint()\n"),
        ("text/plain", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
        ("text/plain", b"  <html><body onload=alert(1)></body></html>"),
        ("text/plain", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("text/plain", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
        ("text/plain", b"caf\xe9 in another encoding"), ("text/plain", "words".encode("utf-16")),
        ("text/plain", TEXT * 6000 + b"\xff"), ("text/plain", b"a\0b"),
        ("image/png", b'<svg xmlns="http://www.w3.org/2000/svg"/>')], ids=str_of)
    def test_what_is_not_what_it_says(self, kind, data, head, empty, stage):
        found = problem(upload(head, empty, data, kind), 422, "validation_failed")
        assert [(e["parameter"], e["in"]) for e in found["errors"]] == [("Content-Type", "header")]
        assert head.get(f"{PATH}/{empty['id']}").json == empty
        assert chunks_of(stage, empty) == 0

    @pytest.mark.parametrize("data", [
        b"From: Ada\nTo: all\nSubject: minutes\n\nWe met.\n", b"name,impact\nA,more\nB,less\n",
        b'{"impact": "more"}\n', b"1. import careful notes\nimport os\n", b"ok",
        "é".encode() * CHUNK, b"a" + "é€😀".encode() * (CHUNK // 4), b"\xef\xbb\xbfwords"],
        ids=str_of)
    def test_words_of_any_kind(self, data, head, empty):
        assert upload(head, empty, data, "Text/Plain; charset=utf-8").status == 201
        assert head.get(file_path(empty)).body == data

    @pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/zip", "text/csv",
                                      "application/octet-stream", "application/x-executable",
                                      "application/pdfx", "text/plai", None])
    def test_kinds_that_are_not_taken(self, kind, head, empty):
        problem(upload(head, empty, TEXT, kind), 415, "unsupported_media_type")

    def test_a_coding_is_not_taken(self, head, empty):
        problem(upload(head, empty, headers={"Content-Encoding": "gzip"}), 415,
                "unsupported_media_type")

    @pytest.mark.parametrize("sent, name", [
        ('attachment; filename="plan.txt"', "plan.txt"), ("attachment;filename=plan.txt", "plan.txt"),
        ('ATTACHMENT; FileName="a \\"b\\".txt"', 'a "b".txt'),
        ("attachment; filename=\"e.txt\"; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("attachment; filename*=utf-8'en'caf%C3%A9.txt; filename=e.txt", "café.txt"),
        ('attachment; filename="/etc/passwd"', "passwd"),
        ("attachment; filename*=UTF-8''..%2F..%5Ca%00b", None),
        ("attachment; filename*=UTF-8''..%2F..%5Ca%0D%0Ab", "ab"),
        ("attachment; filename*=UTF-8''fdp.%E2%80%AEtxt", "fdp.txt"),
        ('attachment; size=3; filename="..."', None), ("attachment", None), ("inline", None),
        ('inline; filename="a"', None), ('attachment; filename=""', None),
        ('attachment; filename="a', None), ("attachment; filename=a b", None),
        ("attachment; filename=a; filename=b", None), ("attachment; filename*=latin1''a", None),
        ("attachment; filename*=UTF-8''%ff", None), (f'attachment; filename="{"n" * 256}"', None),
        (f'attachment; filename="{"n" * 255}"', "n" * 255)])
    def test_names(self, sent, name, head, empty):
        response = upload(head, empty, headers={"Content-Disposition": sent})
        if name is None:
            bad_parameter(response, "Content-Disposition")
            return
        assert response.json["file"]["name"] == name
        given = head.get(file_path(empty)).header("Content-Disposition")
        plain, extended = re.fullmatch(
            r"attachment; filename=\"([ -~]*)\"(?:; filename\*=UTF-8''([!-~]*))?", given).groups()
        assert (urllib.parse.unquote(extended) if extended else plain) == name

    def test_the_longest_name_there_is(self, head, empty):
        name = "é" * 127
        sent = f"attachment; filename*=UTF-8''{urllib.parse.quote(name)}"
        assert upload(head, empty, headers={"Content-Disposition": sent}).json["file"]["name"] == name
        found = head.get(file_path(empty), headers={"Origin": "https://app.example"})
        assert found.status == 200 and urllib.parse.quote(name) in found.header("Content-Disposition")

    def test_without_a_name(self, head, empty):
        bad_parameter(upload(head, empty, name=None), "Content-Disposition")

    def test_empty(self, head, empty):
        problem(upload(head, empty, b""), 400, "malformed_body")
        problem(upload(head, empty, b"", chunked=True), 400, "malformed_body")

    def test_chunked(self, head, empty):
        assert upload(head, empty, TEXT * 50, chunked=True).json["file"]["size"] == 50 * len(TEXT)

    def test_to_a_link(self, head, make):
        problem(upload(head, make.evidence()), 409, "conflict")

    def test_to_what_is_not_there(self, head):
        problem(upload(head, {"id": str(uuid.uuid4())}), 404, "not_found")

    def test_digests(self, head, empty):
        for field in ("Content-Digest", "Repr-Digest"):
            for value in (digest(b"other"), "sha-512=:AAAA:, " + digest(b"other")):
                found = problem(upload(head, empty, headers={field: value}), 422,
                                "validation_failed")
                assert found["errors"][0]["parameter"] == field
            for value in ("sha-256=:AAAA:", "sha-256=x", "sha-256=::"):
                bad_parameter(upload(head, empty, headers={field: value}), field)
        good = {"Content-Digest": "unixsum=30637, " + digest(TEXT), "Repr-Digest": "md5=:AAAA:"}
        assert upload(head, empty, headers=good).status == 201

    def test_preconditions(self, head, empty):
        problem(upload(head, empty, match=None), 428, "precondition_required")
        problem(upload(head, empty, match='"7"'), 412, "precondition_failed")
        first = upload(head, empty, match='"1"')
        assert first.status == 201
        problem(upload(head, empty, match='"1"'), 412, "precondition_failed")
        second = upload(head, empty, TEXT * 2, match=head.get(file_path(empty)).etag)
        assert (second.status, second.etag) == (200, '"3"')
        problem(upload(head, empty, match=f'"{first.json["file"]["sha256"]}"'), 412,
                "precondition_failed")
        assert upload(head, empty, TEXT * 3, match=second.etag).status == 200

    def test_another_file_takes_the_place(self, head, filled, stage):
        big = pattern(2 * CHUNK + 5)
        response = upload(head, filled, big, "application/pdf", "b.pdf")
        assert response.status == 200 and chunks_of(stage, filled) == 3
        assert head.get(file_path(filled)).body == big
        assert upload(head, filled, TEXT).status == 200 and chunks_of(stage, filled) == 1
        history = head.get(f"{PATH}/{filled['id']}/history").json["items"]
        assert [i["document"]["file"]["name"] if i["document"] and "file" in i["document"] else None
                for i in history] == ["notes.txt", "b.pdf", "notes.txt", None]
        assert {i["actor"] for i in history} == {head.actor}

    def test_goes_with_its_record(self, head, filled, stage):
        assert head.delete(f"{PATH}/{filled['id']}", "*").status == 204
        problem(head.get(file_path(filled)), 404, "not_found")
        assert chunks_of(stage, filled) == 0

    def test_leaves_nothing_in_the_spool(self, head, server, filled):
        assert upload(head, filled, pattern(CHUNK), "application/pdf").status == 200
        assert not list((server.directory / "spool").glob("*.part"))


class TestSizes:
    @pytest.fixture(scope="class")
    def small(self, stage):
        with serving(stage, IQM_FILE_LIMIT=100_000) as server:
            yield server

    def test_the_limit(self, small, head, empty):
        client = Client(small.port, head.token)
        data = TEXT * 2000
        for chunked in (False, True):
            response = upload(client, empty, data[:100_001], chunked=chunked)
            found = problem(response, 413, "content_too_large")
            assert "100000 bytes" in found["detail"]
            client.close()
        assert upload(client, empty, data[:100_000], chunked=True).status == 201
        client.close()

    def test_is_told_before_the_body(self, head, server, empty):
        response = send_raw(server.port, (
            f"PUT {file_path(empty)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {head.token}\r\n"
            'If-Match: *\r\nContent-Disposition: attachment; filename="a"\r\n'
            "Content-Type: text/plain\r\nContent-Length: 20971521\r\n\r\n").encode(), "PUT",
            file_path(empty))
        problem(response, 413, "content_too_large")

    @pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
    def test_at_the_edges_of_chunks(self, size, head, empty, stage):
        data = pattern(size)
        assert upload(head, empty, data, "application/pdf").status == 201
        assert chunks_of(stage, empty) == -(-size // CHUNK)
        assert head.get(file_path(empty)).body == data


class TestParts:
    SIZE = 3 * CHUNK + 777

    @pytest.fixture(scope="class")
    def data(self):
        return pattern(self.SIZE)

    @pytest.fixture(scope="class")
    def big(self, head, make, data):
        made = make.evidence(kind="file", url=None)
        assert upload(head, made, data, "application/pdf").status == 201
        return made

    @pytest.mark.parametrize("asked, first, last", [
        ("bytes=0-0", 0, 0), ("bytes=0-", 0, SIZE - 1), ("bytes=-1", SIZE - 1, SIZE - 1),
        ("Bytes=10-19", 10, 19), (f"bytes={CHUNK - 1}-{CHUNK}", CHUNK - 1, CHUNK),
        (f"bytes={CHUNK}-{2 * CHUNK - 1}", CHUNK, 2 * CHUNK - 1),
        (f"bytes=5-{3 * CHUNK + 5}", 5, 3 * CHUNK + 5),
        (f"bytes={SIZE - 3}-{SIZE * 9}", SIZE - 3, SIZE - 1), ("bytes=-99999999", 0, SIZE - 1),
        (f"bytes=1-{'9' * 40}", 1, SIZE - 1)])
    def test_one(self, asked, first, last, head, big, data):
        found = head.get(file_path(big), headers={"Range": asked})
        assert (found.status, found.body) == (206, data[first:last + 1])
        assert found.header("Content-Range") == f"bytes {first}-{last}/{self.SIZE}"
        assert found.header("Repr-Digest") == digest(data)

    @pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", f"bytes={'9' * 40}-"])
    def test_behind_the_end(self, asked, head, big):
        found = head.get(file_path(big), headers={"Range": asked})
        problem(found, 416, "range_not_satisfiable")
        assert found.header("Content-Range") == f"bytes */{self.SIZE}"

    @pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=", "bytes=-", "bytes=5-4", "lines=1-2",
                                       "bytes=a-b", "bytes=1-2x", "bytes 1-2", "", "bytes=--1"])
    def test_what_is_no_range(self, asked, head, big):
        found = head.get(file_path(big), headers={"Range": asked})
        assert found.status == 200 and len(found.body) == self.SIZE

    def test_on_condition(self, head, big, data):
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        part = {"Range": "bytes=0-9"}
        assert head.get(file_path(big), headers={**part, "If-Range": tag}).status == 206
        for other in ("W/" + tag, '"1"', "*", "Wed, 21 Oct 2025 07:28:00 GMT"):
            assert head.get(file_path(big), headers={**part, "If-Range": other}).status == 200
        held = head.get(file_path(big), headers={**part, "If-None-Match": f'"1", W/{tag}'})
        assert (held.status, held.body, held.etag) == (304, b"", tag)
        assert head.get(file_path(big), headers={"If-None-Match": '"1"'}).status == 200

    def test_head(self, head, big):
        found = head.request("HEAD", file_path(big))
        assert (found.status, found.body) == (200, b"")
        assert found.header("Content-Length") == str(self.SIZE)
        part = head.request("HEAD", file_path(big), headers={"Range": "bytes=1-2"})
        assert (part.status, part.header("Content-Length")) == (206, "2")

    def test_no_file_yet(self, head, empty, make):
        for record in (empty, make.evidence()):
            problem(head.get(file_path(record)), 404, "not_found")
        problem(head.get(file_path({"id": str(uuid.uuid4())})), 404, "not_found")

    def test_is_never_compressed(self, head, filled):
        assert upload(head, filled, TEXT * 100).status == 200
        found = head.get(file_path(filled), headers={"Accept-Encoding": "gzip"})
        assert found.header("Content-Encoding") is None and found.body == TEXT * 100


class TestWhoSees:
    def test_it_follows_the_contribution(self, world, make, head):
        """Open to its cluster, then to the programme; what is written about it stays the school's."""
        kept = world.evidence["foreign"]
        shared = f"/v1/contributions/{kept['subject']['id']}"
        school = world.callers["school"]
        problem(school.get(file_path(kept)), 404, "not_found")
        head.patch(shared, {"visibility": "programme"}, "*")
        try:
            assert school.get(file_path(kept)).body == TEXT
            assert school.get(f"{PATH}/{kept['id']}").status == 200
            problem(upload(school, kept), 403, "record_forbidden")
            problem(school.delete(f"{PATH}/{kept['id']}", "*"), 403, "record_forbidden")
        finally:
            head.patch(shared, {"visibility": "cluster"}, "*")
        problem(school.get(file_path(kept)), 404, "not_found")

    def test_of_a_meeting_only_the_school_and_who_leads_it(self, world):
        body = world.body("evidence", "same")
        made = world.make.create("evidence", **{
            **body, "kind": "file", "url": None,
            "subject": {"type": "meeting", "id": world.meetings["same"]["id"]}})
        assert upload(world.coordinators["same"].client, made).status == 201
        assert world.callers["ambassador"].get(file_path(made)).status == 200
        assert world.callers["client"].get(file_path(made)).status == 200
        problem(world.callers["school"].get(file_path(made)), 404, "not_found")
        problem(world.stranger.client.get(file_path(made)), 404, "not_found")

    def test_of_a_review_the_school_sees_it_with_the_review(self, world, make, head):
        """While it is scheduled, and again once it is signed off; its ambassador all the time."""
        review = world.fresh("review", "own")
        made = make.create("evidence", **{
            **world.body("evidence", "own"), "kind": "file", "url": None,
            "subject": {"type": "review", "id": review["id"]}})
        path = f"{PATH}/{made['id']}"
        school = world.coordinators["own"].client
        assert upload(school, made).status == 201
        review = steps.bring(head, "review", review, "visited")
        problem(school.get(path), 404, "not_found")
        problem(school.get(file_path(made)), 404, "not_found")
        problem(upload(school, made), 404, "not_found")
        problem(school.delete(path, "*"), 404, "not_found")
        assert world.callers["ambassador"].get(file_path(made)).body == TEXT
        steps.bring(head, "review", review, "signed_off")
        assert school.get(path).status == 200 and school.get(file_path(made)).body == TEXT

    def test_chunks_follow_in_the_database(self, world, stage):
        def ask(role, caller, sql):
            return stage.cluster.psql(
                f"BEGIN; SELECT set_config('iqm.roles', '{{{role}}}', true) IS NULL; SELECT "
                f"set_config('iqm.actor', '{caller.account['id']}', true) IS NULL; {sql}; COMMIT",
                user="iqm_server", check=False)
        school = world.coordinators["own"]
        for place, seen in (("own", "1"), ("same", "1"), ("foreign", "0")):
            count = ("SELECT count(*) FROM evidence_chunk WHERE evidence_id = "
                     f"'{world.evidence[place]['id']}'")
            assert seen in ask("school", school, count).stdout.split()
        add = ("INSERT INTO evidence_chunk VALUES (gen_random_uuid(), 0, "
               f"'{world.evidence['same']['id']}', 'x')")
        assert "row-level security" in ask("school", school, add).stderr
        drop = ("WITH gone AS (DELETE FROM evidence_chunk RETURNING evidence_id) SELECT count(*) "
                f"FROM gone WHERE evidence_id <> '{world.evidence['own']['id']}' "
                "AND evidence_id IN (SELECT id FROM evidence WHERE school_id = "
                f"'{world.schools['same']['id']}'); ROLLBACK")
        assert "0" in ask("school", school, drop).stdout.split()


def begin_upload(client, record, length, kind="application/pdf", port=None):
    """A connection on which the head of an upload has gone out."""
    stream = Stream(client.host, port or client.port)
    stream.send((
        f"PUT {file_path(record)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
        f'If-Match: *\r\nContent-Disposition: attachment; filename="a.pdf"\r\nContent-Type: {kind}'
        f"\r\nContent-Length: {length}\r\n\r\n").encode())
    return stream


def open_spools(server):
    """Files of uploads that the server has open; they have no names."""
    found = []
    for number in os.listdir(f"/proc/{server.process.pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{server.process.pid}/fd/{number}"))
        except FileNotFoundError:
            pass
    return [name for name in found if ".part" in name]


class TestAccidents:
    def test_a_connection_that_is_cut(self, stage, head, filled):
        """The parser may miss an end that comes with the last bytes: then silence tells it."""
        with serving(stage, IQM_IDLE_TIMEOUT=1) as server:
            stream = begin_upload(head, filled, 5 * MIB, port=server.port)
            stream.send(pattern(MIB))
            wait_for(lambda: open_spools(server), "the upload to begin")
            stream.close()
            wait_for(lambda: not open_spools(server), "the upload to end")
            assert not list((server.directory / "spool").glob("*.part"))
        assert head.get(file_path(filled)).body == TEXT
        assert head.get(f"{PATH}/{filled['id']}").json == filled
        assert chunks_of(stage, filled) == 1

    def test_two_at_once(self, head, server, empty, stage):
        """Both begin at the same version; one is the first to be whole."""
        data = [pattern(MIB, b"%PDF-1." + bytes([48 + i]) + b"\n") for i in range(2)]
        streams = []
        for one in data:
            stream = Stream("127.0.0.1", server.port)
            stream.send((
                f"PUT {file_path(empty)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {head.token}"
                '\r\nIf-Match: "1"\r\nContent-Disposition: attachment; filename="a.pdf"\r\n'
                f"Content-Type: application/pdf\r\nContent-Length: {len(one)}\r\n\r\n").encode())
            stream.send(one[:-1])
            streams.append(stream)
        for stream, one in zip(streams, data):
            stream.send(one[-1:])
        answers = [read_response(stream, "PUT") for stream in streams]
        for stream in streams:
            stream.close()
        assert sorted(a.status for a in answers) == [201, 412]
        won = data[[a.status for a in answers].index(201)]
        assert head.get(file_path(empty)).body == won and chunks_of(stage, empty) == 4

    def test_killed_in_the_middle(self, stage, head, filled):
        """While the body comes, and while it goes into the database: the file before stays."""
        server = stage.server().start()
        try:
            client = Client(server.port, head.token)
            coming = begin_upload(head, filled, 2 * MIB, port=server.port)
            coming.send(pattern(MIB))
            whole = pattern(8 * MIB)
            going = begin_upload(head, filled, len(whole), port=server.port)
            going.send(whole[:-1])
            wait_for(lambda: len(open_spools(server)) == 2, "both to begin")
            going.send(whole[-1:])
            wait_for(lambda: int(stage.cluster.psql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'iqmd write' "
                "AND state <> 'idle' AND query LIKE '%evidence_chunk%'")) > 0 or
                client.get(f"{PATH}/{filled['id']}").json["version"] > filled["version"],
                "chunks to be written")
            client.close()
        finally:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(30)
        found = head.get(f"{PATH}/{filled['id']}").json
        body = head.get(file_path(filled)).body
        assert (found, body) in ((filled, TEXT), (found, whole))
        assert hashlib.sha256(body).hexdigest() == found["file"]["sha256"]
        assert not list((server.directory / "spool").glob("*.part"))

    def test_what_was_acknowledged_survives(self, stage, head, empty):
        server = stage.server().start()
        client = Client(server.port, head.token)
        data = pattern(3 * MIB)
        assert upload(client, empty, data, "application/pdf").status == 201
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(30)
        client.close()
        assert head.get(file_path(empty)).body == data

    def test_replaced_while_it_is_read(self, head, server, empty):
        """The client is told by the break; it never gets half of each."""
        data = pattern(12 * MIB)
        assert upload(head, empty, data, "application/pdf").status == 201
        stream = Stream("127.0.0.1", server.port)
        stream.send((f"GET {file_path(empty)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                     f"{head.token}\r\n\r\n").encode())
        assert stream.line().startswith(b"HTTP/1.1 200")
        assert upload(head, empty, TEXT).status == 200
        rest = stream.to_the_end().split(b"\r\n\r\n", 1)[1]
        stream.close()
        assert len(rest) < len(data) and data.startswith(rest)

    def test_a_reader_who_leaves(self, head, server, filled):
        assert upload(head, filled, pattern(6 * MIB), "application/pdf").status == 200
        for _ in range(3):
            stream = Stream("127.0.0.1", server.port)
            stream.send((f"GET {file_path(filled)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                         f"{head.token}\r\n\r\n").encode())
            stream.exactly(1000)
            stream.close()
        assert head.get(file_path(filled)).status == 200


def resident(server, field="VmRSS"):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith(field))


def test_15_mib_there_and_back_in_little_memory(stage, head, empty):
    """The peak grows by a few chunks, not by the file. A sanitizer would keep what is freed."""
    data = pattern(15 * MIB)
    with serving(stage, IQM_WORKERS=1,
                 ASAN_OPTIONS="detect_leaks=1:exitcode=99:quarantine_size_mb=1") as server:
        client = Client(server.port, head.token)
        assert upload(client, empty, TEXT).status == 201
        assert client.get(file_path(empty)).body == TEXT
        before = resident(server)
        response = upload(client, empty, data, "application/pdf",
                          headers={"Content-Digest": digest(data)})
        assert response.status == 200, response
        assert client.get(file_path(empty)).body == data
        assert client.get(file_path(empty), headers={"Range": "bytes=-9"}).body == data[-9:]
        assert resident(server, "VmHWM") - before < 12
        client.close()
