"""The whole programme as one file: what is in it, how it is fetched, and that it goes."""

import hashlib
import json
import os
import subprocess
import threading

import pytest

from support import confidential
from support.client import Client, Stream
from support.contract import OPERATIONS, resolve
from support.downloads import (DOWNLOADS, LISTS, READ, TYPES, ask, await_status, column, fetch,
                               follow, path_of, read_csv, ready)
from support.expect import problem
from support.holding import holding
from support.places import command, wait_for
from support.resources import ALL, Maker
from support.scratch import scratch_database
from support.server import environment

# Held by somebody else, the first keeps what waits waiting and the second keeps one at work.
BEFORE_IT_BEGINS = "SELECT pg_advisory_xact_lock_shared(hashtext('erasures_and_downloads'))"
WHILE_IT_READS = "LOCK TABLE term_dates"

# What the dictionary adds to the type of a column of texts.
MARKED = {"csv": ", with an apostrophe in front of = + - @", "xlsx": ""}

MIB = 1 << 20


class Place:
    """A database of a test's own, a server on it, and head office as two operators' tokens."""

    def __init__(self, stage, scratch, token, **settings):
        self.stage, self.scratch = stage, scratch
        self.server = scratch.server(**settings).start()
        self.head = Client(self.server.port, token)
        self.make = Maker(self.head, stage.number)

    def psql(self, sql):
        return self.scratch.psql(sql)

    def fill(self, count):
        """So many thousands of clusters more, whose names hardly get shorter when they are packed. Each
        thousand is a transaction of its own: the events of other tests, whose PostgreSQL it is, too, wait for
        those that are open."""
        self.scratch.psql("""INSERT INTO cluster (id, version, doc) SELECT id, 1, json_build_object(
            'id', id, 'version', 1, 'created_at', '2026-09-01T08:00:00.000Z', 'updated_at',
            '2026-09-01T08:00:00.000Z', 'name', 'Many ' || md5(id::text) || sha256(id::text::bytea))
            FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 1000)) AS ids;\n""" * count,
                          user="postgres")

    def keys(self):
        return int(self.stage.cluster.psql("SELECT count(*) FROM download_key",
                                           database=self.scratch.keys))

    def chunks(self):
        return int(self.psql("SELECT count(*) FROM programme_download_chunk"))

    def other(self, name="Another"):
        text = self.scratch.iqmd("token", "issue", "--name", name, "--role", "head_office").stdout
        return Client(self.server.port, confidential.note(text.strip()))

    def peak(self):
        """Of the server's memory, in bytes."""
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

    def holding(self, sql):
        return holding(self.stage.cluster, sql, self.scratch.name)

    def await_nothing_left(self):
        assert self.chunks() == 0
        wait_for(lambda: self.keys() == 0, "the key to be destroyed")


@pytest.fixture(scope="module")
def populated(stage):
    """A record of each kind; and the token."""
    with scratch_database(stage) as scratch:
        token = scratch.token()
        with scratch.served(token) as client:
            make = Maker(client, stage.number)
            for name in ALL:
                make.create(name)
        yield scratch, token


@pytest.fixture
def place(stage, populated):
    template, token = populated
    with scratch_database(stage, template) as scratch:
        place = Place(stage, scratch, token)
        yield place
        place.head.close()
        place.server.stop()


def ids_of(client, path):
    response = client.get(f"{path}?format=ndjson")
    return [json.loads(line)["id"] for line in response.text.splitlines()]


def test_is_read_as_before_and_deleted_once(place):
    path = f"{DOWNLOADS}/{ready(place.head)['id']}"
    again = place.head.get(path, headers={"If-None-Match": place.head.get(path).etag})
    assert (again.status, again.body) == (304, b"")
    assert place.head.delete(path).status == 204
    problem(place.head.delete(path), 404, "not_found")


@pytest.mark.parametrize("name", READ)
class TestFile:
    def test_has_every_list_once(self, place, name):
        made = ready(place.head, name)
        response = fetch(place.head, made)
        assert response.status == 200 and response.media_type == TYPES[name]
        assert response.header("Cache-Control") == "no-store"
        suffix = "zip" if name == "csv" else "xlsx"
        assert response.header("Content-Disposition") == \
            f'attachment; filename="programme-{made["snapshot_at"][:10]}.{suffix}"'
        assert len(response.body) == made["size"]
        digest = hashlib.sha256(response.body).hexdigest()
        assert made["sha256"] == digest and response.etag == f'"{digest}"'
        sheets = READ[name](response.body)
        assert set(sheets) == {"about", "data-dictionary", *LISTS}
        for sheet, path in LISTS.items():
            if path not in ("/v1/audit-records", DOWNLOADS):  # which the download itself adds to
                assert column(sheets[sheet], "id") == ids_of(place.head, path), sheet
        assert column(sheets["programme-downloads"], "id") == [made["id"]]
        told = {row[0]: row[1] for row in sheets["about"][1]}
        assert told["moment"] == made["snapshot_at"]
        assert int(told["rows of people"]) == len(sheets["people"][1])
        assert ("an apostrophe in front" in str(told.get("texts"))) == (name == "csv")
        assert made["records_done"] == made["records_total"] and made["percent"] == 100

    def test_tells_what_is_sealed(self, place, name):
        person = place.make.person(name="Zoë “Canary” =1+1")
        sheets = READ[name](fetch(place.head, ready(place.head, name)).body)
        found = dict(zip(column(sheets["people"], "id"), column(sheets["people"], "name")))
        assert found[person["id"]] == person["name"]
        assert not any("~1." in str(cell) for _, rows in sheets.values() for row in rows for cell in row)

    def test_has_a_dictionary(self, place, name):
        sheets = READ[name](fetch(place.head, ready(place.head, name)).body)
        names, rows = sheets["data-dictionary"]
        assert names == ["list", "column", "type", "description", "values", "personal", "purpose",
                         "kept"]
        said = {(row[0], row[1]): [cell or "" for cell in row[2:]] for row in rows}
        assert set(said) == {(sheet, member) for sheet in LISTS for member in sheets[sheet][0]}
        assert said["people", "email"][0] == "e-mail address" + MARKED[name]
        assert said["schools", "name"][0] == "text" + MARKED[name]
        assert said["schools", "version"][0] == "whole number"
        assert said["people", "email"][3:5] == ["identifies", "Running the award programme"]
        assert said["schools", "urn"][1:4] == [
            "Unique Reference Number; unique where present.", "", "never"]
        assert said["programme-downloads", "status"][0::2][:2] == [
            "one of the values", "waiting, running, ready, failed, expired"]
        school = resolve(OPERATIONS["get_school"].response(200)["content"]["application/json"][
            "schema"])["properties"]
        for member, schema in school.items():
            if member == "included":  # of answers alone
                continue
            assert said["schools", member][1] == (resolve(schema).get("description") or ""), member


def test_shows_one_moment_while_others_write(place):
    """Each record that was there before is in it once, and none twice."""
    over, made = threading.Event(), []
    known = {place.make.cluster()["id"] for _ in range(30)}

    def write():
        client = Client(place.server.port, place.head.token)
        while not over.is_set():
            made.append(client.post("/v1/clusters", place.make.example("cluster")).json["id"])
        client.close()
    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        files = [fetch(place.head, ready(place.head)).body for _ in range(2)]
    finally:
        over.set()
        for writer in writers:
            writer.join()
    for data in files:
        ids = column(read_csv(data)["clusters"], "id")
        assert len(ids) == len(set(ids)) and known <= set(ids) <= known | set(made) | set(
            ids_of(place.head, "/v1/clusters"))


class TestFetching:
    def test_ranges(self, place):
        made = ready(place.head, "xlsx")
        whole = fetch(place.head, made)
        assert whole.header("Accept-Ranges") == "bytes"
        size, found = len(whole.body), b""
        while len(found) < size:  # as one whose connection breaks off again and again
            part = fetch(place.head, made, Range=f"bytes={len(found)}-{len(found) + 9999}",
                         If_Range=whole.etag)
            last = min(len(found) + 9999, size - 1)
            assert part.status == 206 and part.etag == whole.etag
            assert part.header("Content-Range") == f"bytes {len(found)}-{last}/{size}"
            found += part.body
        assert found == whole.body
        assert fetch(place.head, made, Range="bytes=-10").body == whole.body[-10:]
        assert fetch(place.head, made, Range=f"bytes={size - 5}-").body == whole.body[-5:]
        for headers in ({"Range": "bytes=0-1,5-6"}, {"Range": "lines=1-2"},
                        {"Range": "bytes=0-1", "If_Range": '"another"'},
                        {"Range": "bytes=0-1", "If_Range": "Mon, 02 Nov 2026 08:00:00 GMT"}):
            again = fetch(place.head, made, **headers)
            assert again.status == 200 and again.body == whole.body
        beyond = fetch(place.head, made, Range=f"bytes={size}-")
        problem(beyond, 416, "range_not_satisfiable")
        assert beyond.header("Content-Range") == f"bytes */{size}"

    def test_several_pieces(self, place):
        """A file of more than one sealed piece, at and around where they meet."""
        place.fill(20)
        made = ready(place.head)
        assert place.chunks() == -(-made["size"] // 262144) > 2
        whole = fetch(place.head, made).body
        assert hashlib.sha256(whole).hexdigest() == made["sha256"]
        ids = column(read_csv(whole)["clusters"], "id")
        assert len(ids) == len(set(ids)) > 20000
        for first, last in ((262143, 262144), (262144, 262144), (0, 262143), (262100, 530000)):
            part = fetch(place.head, made, Range=f"bytes={first}-{last}")
            assert part.status == 206 and part.body == whole[first:last + 1]
        # A piece in another's place does not open: the answer breaks off.
        place.psql("UPDATE programme_download_chunk SET bytes = (SELECT bytes FROM "
                   "programme_download_chunk WHERE n = 1) WHERE n = 0")
        with pytest.raises(ConnectionResetError):
            fetch(place.head, made)

    def test_conditions(self, place):
        made = ready(place.head)
        whole = fetch(place.head, made)
        assert fetch(place.head, made, If_None_Match=whole.etag).status == 304
        head = place.head.request("HEAD", path_of(made))
        assert head.status == 200 and head.header("Content-Length") == str(made["size"])

    def test_who_stops_reading_holds_nothing(self, place):
        """The pieces are read as they are taken; what is deleted meanwhile breaks off."""
        place.fill(60)
        made = ready(place.head)
        stream = Stream("127.0.0.1", place.server.port)
        stream.send(f"GET {path_of(made)} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                    f"{place.head.token}\r\n\r\n".encode())
        stream.exactly(100)
        assert place.head.delete(f"{DOWNLOADS}/{made['id']}").status == 204
        assert len(stream.to_the_end()) < made["size"]
        stream.close()

    def test_before_it_is_ready(self, place):
        with place.holding(BEFORE_IT_BEGINS):
            made = ask(place.head)
            assert made["status"] == "waiting" and made["percent"] == 0
            problem(fetch(place.head, made), 409, "conflict")
        await_status(place.head, made, "ready")


class TestWho:
    def test_asked_may_fetch(self, place):
        made, other = ready(place.head), place.other()
        assert follow(other, made) == made
        problem(fetch(other, made), 403, "forbidden")
        assert other.delete(f"{DOWNLOADS}/{made['id']}").status == 204
        problem(fetch(place.head, made), 404, "not_found")
        place.await_nothing_left()
        other.close()

    def test_is_recorded_with_whose_data(self, place):
        person = place.make.person()
        made = ready(place.head)
        assert fetch(place.head, made).status == 200
        preview = place.head.get(f"/v1/people/{person['id']}/erasure-preview").json
        mine = [one for one in preview["recipients"] if one["what"] == "create_programme_download"]
        actor = place.psql("SELECT id FROM token").strip()
        assert [(one["recipient_id"], one["kind"]) for one in mine] == [(actor, "token")]
        records = place.head.get("/v1/audit-records?sort=-at&limit=20").json["items"]
        noted = [one["operation"] for one in records if one["resource_id"] == made["id"]]
        assert noted == ["get_programme_download_file", "create_programme_download"]

    def test_may_no_longer(self, place):
        """A token that is revoked while its file waits."""
        other = place.other("Leaver")
        with place.holding(BEFORE_IT_BEGINS):
            made = ask(other)
            place.psql("UPDATE token SET revoked_at = now() WHERE name = 'Leaver'")
        ended = await_status(place.head, made, "failed")
        assert ended["reason"] == "no_longer_allowed"
        place.await_nothing_left()
        other.close()

    def test_has_so_many(self, place):
        with place.holding(BEFORE_IT_BEGINS):
            made = [ask(place.head) for _ in range(5)]
            problem(place.head.post(DOWNLOADS, {"format": "csv"}), 409, "conflict")
            assert [one["id"] for one in place.head.get(DOWNLOADS + "?status=waiting").json[
                "items"]] == [one["id"] for one in made]
            other = place.other()
            ask(other)
            other.close()
            for one in made[1:]:
                assert place.head.delete(f"{DOWNLOADS}/{one['id']}").status == 204
        await_status(place.head, made[0], "ready")


class TestGoing:
    def test_with_whoever_is_erased(self, place):
        person = place.make.person(name=confidential.note("Canary Downloaded"))
        made = ready(place.head)
        assert b"Canary Downloaded" in b"".join(
            ",".join(row).encode() for row in read_csv(fetch(place.head, made).body)["people"][1])
        assert place.chunks() > 0 and place.keys() == 1
        response = place.head.post(f"/v1/people/{person['id']}/erasure", {})
        assert response.status == 201, response
        # At once, not some time later.
        assert place.chunks() == 0 and place.keys() == 0
        gone = follow(place.head, made)
        assert (gone["status"], gone["reason"]) == ("expired", "person_erased")
        assert "sha256" not in gone
        problem(fetch(place.head, made), 410, "download_gone")
        again = ready(place.head)
        assert person["id"] in column(read_csv(fetch(place.head, again).body)["erasures"], "person_id")
        assert not any("Canary Downloaded" in row for row in
                       read_csv(fetch(place.head, again).body)["people"][1])

    def test_with_whoever_is_erased_while_it_is_made(self, place):
        person = place.make.person()
        with place.holding(WHILE_IT_READS):
            made = await_status(place.head, ask(place.head), "running")
            assert place.head.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
            gone = follow(place.head, made)
            assert (gone["status"], gone["reason"]) == ("expired", "person_erased")
            assert gone["percent"] < 100
        place.server.wait_for_log(event="download_dropped", id=made["id"])
        place.await_nothing_left()

    def test_when_its_key_is_gone(self, place):
        """As after a restore of the main database from before somebody's erasure."""
        made = ready(place.head)
        place.stage.cluster.psql("DELETE FROM download_key", database=place.scratch.keys)
        problem(fetch(place.head, made), 410, "download_gone")
        gone = await_status(place.head, made, "expired")
        assert gone["reason"] == "person_erased" and place.chunks() == 0

    def test_when_its_time_is_over(self, place):
        made = ready(place.head)
        place.psql("UPDATE programme_download SET expires_at = now()")
        problem(fetch(place.head, made), 410, "download_gone")
        assert await_status(place.head, made, "expired")["reason"] == "time_over"
        place.await_nothing_left()
        place.psql("ALTER TABLE programme_download DISABLE TRIGGER describe_programme_download; "
                   "UPDATE programme_download SET updated_at = now() - interval '31 days'; "
                   "ALTER TABLE programme_download ENABLE TRIGGER describe_programme_download")
        wait_for(lambda: place.head.get(DOWNLOADS).json["items"] == [], "the record to go, too")

    def test_while_it_is_made(self, place):
        with place.holding(WHILE_IT_READS):
            made = await_status(place.head, ask(place.head), "running")
            assert place.head.delete(f"{DOWNLOADS}/{made['id']}").status == 204
            problem(place.head.get(f"{DOWNLOADS}/{made['id']}"), 404, "not_found")
        place.server.wait_for_log(event="download_dropped", id=made["id"])
        place.await_nothing_left()

    def test_where_it_is_too_large(self, place):
        place.server.stop()
        place.server.settings["IQM_DOWNLOAD_LIMIT"] = 4096
        place.server.start()
        place.head = Client(place.server.port, place.head.token)
        ended = await_status(place.head, ask(place.head), "failed")
        assert ended["reason"] == "too_large"
        problem(fetch(place.head, ended), 410, "download_gone")
        place.await_nothing_left()

    def test_at_rest_it_tells_nothing(self, place):
        ready(place.head)
        raw = bytes.fromhex(place.psql("SELECT string_agg(encode(bytes, 'hex'), '' ORDER BY n) "
                                       "FROM programme_download_chunk").strip())
        assert b"PK" not in raw[:8] and b"people.csv" not in raw and b"data-dictionary" not in raw


class TestServers:
    def test_that_are_killed_leave_it_to_others(self, place):
        with place.holding(WHILE_IT_READS):
            made = await_status(place.head, ask(place.head, "xlsx"), "running")
            place.server.process.kill()
            place.server.process.wait()
        place.server = place.scratch.server().start()
        place.head = Client(place.server.port, place.head.token)
        made = await_status(place.head, made, "ready")
        data = fetch(place.head, made).body
        assert set(READ["xlsx"](data)) == {"about", "data-dictionary", *LISTS}
        assert place.keys() == 1 and place.psql(
            "SELECT attempt FROM programme_download").strip() == "2"

    def test_that_stop_leave_it_to_others(self, place):
        with place.holding(WHILE_IT_READS):
            made = await_status(place.head, ask(place.head), "running")
            place.server.stop()
        place.server = place.scratch.server().start()
        place.head = Client(place.server.port, place.head.token)
        await_status(place.head, made, "ready")

    def test_two_at_once(self, place):
        other = place.scratch.server().start()
        made = [ask(place.head, name) for name in ("csv", "xlsx", "csv")]
        for one in made:
            data = fetch(place.head, await_status(place.head, one, "ready")).body
            assert column(READ[one["format"]](data)["people"], "id") == ids_of(
                place.head, "/v1/people")

        def told():
            return sorted(line["id"] for server in (place.server, other)
                          for line in server.find_log(event="download_ready"))
        # Each is told only after it was entered.
        wait_for(lambda: told() == sorted(one["id"] for one in made), "a line of each")
        assert place.psql("SELECT DISTINCT attempt FROM programme_download").strip() == "1"
        other.stop()


class TestCommand:
    @pytest.mark.parametrize("name", READ)
    def test_writes_a_file(self, place, tmp_path, name):
        person = place.make.person()
        path = tmp_path / f"programme.{name}"
        path.write_text("of before")
        path.chmod(0o644)
        done = place.scratch.iqmd("export", "--format", name, str(path))
        assert done.stdout == f"{path}: {path.stat().st_size} bytes.\n"
        assert done.stderr.splitlines()[-1].startswith("100 %, ")
        assert path.stat().st_mode & 0o777 == 0o600 and list(tmp_path.iterdir()) == [path]
        sheets = READ[name](path.read_bytes())
        assert set(sheets) == {"about", "data-dictionary", *LISTS}
        assert person["name"] in column(sheets["people"], "name")
        newest = place.head.get("/v1/audit-records?sort=-at&limit=1").json["items"][0]
        assert (newest["operation"], newest["actor"]) == ("iqmd export", None)
        for sheet, list_path in LISTS.items():
            if list_path != "/v1/audit-records":
                assert column(sheets[sheet], "id") == ids_of(place.head, list_path), sheet

    def test_is_recorded_with_whose_data(self, place, tmp_path):
        """Whom no record stands for has no id."""
        person = place.make.person()
        for _ in range(2):
            place.scratch.iqmd("export", "--format", "csv", str(tmp_path / "programme.zip"))
        preview = place.head.get(f"/v1/people/{person['id']}/erasure-preview").json
        one, = [one for one in preview["recipients"] if one["what"] == "iqmd export"]
        assert (one["recipient_id"], one["kind"]) == ("00000000-0000-0000-0000-000000000000", "operator")
        assert one["first_at"] < one["last_at"]

    def test_draws_a_bar_on_a_terminal(self, place, tmp_path):
        path = tmp_path / "programme.zip"
        settings = {**place.stage.settings, **place.scratch.settings}
        words = " ".join(map(str, command("export", "--format", "csv", path)))
        done = subprocess.run(["script", "-qec", words, "/dev/null"], capture_output=True, text=True,
                              check=True, env=environment(**settings), timeout=120)
        assert "[##############################] 100 %" in done.stdout

    @pytest.mark.parametrize("arguments, sentence", [
        (("--format", "pdf", "x"), "xlsx"), (("x",), "xlsx"), (("--format", "csv"), "FILE"),
        (("--format", "csv", "a", "b"), "FILE")])
    def test_wrong_usage(self, stage, arguments, sentence):
        done = stage.iqmd("export", *arguments, check=False)
        assert done.returncode == 2 and sentence in done.stderr and done.stdout == ""

    def test_leaves_nothing_where_it_fails(self, place, tmp_path):
        path = tmp_path / "programme.zip"
        done = place.scratch.iqmd("export", "--format", "csv", str(tmp_path / "none" / "x"), check=False)
        assert done.returncode == 1 and "cannot be written" in done.stderr
        done = place.scratch.iqmd("export", "--format", "csv", str(path), check=False,
                                  settings={"IQM_MASTER_KEY": "0" * 64})
        assert done.returncode == 1
        place.psql("ALTER TABLE term_dates RENAME TO elsewhere")
        done = place.scratch.iqmd("export", "--format", "csv", str(path), check=False)
        place.psql("ALTER TABLE elsewhere RENAME TO term_dates")
        assert done.returncode == 1 and "Nothing was written" in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_leaves_nothing_where_it_is_killed(self, place, tmp_path):
        settings = {**place.stage.settings, **place.scratch.settings}
        with holding(place.stage.cluster, "LOCK TABLE term_dates IN ACCESS EXCLUSIVE MODE",
                     place.scratch.name):
            process = subprocess.Popen(
                [*map(str, command("export", "--format", "csv", tmp_path / "programme.zip"))],
                env=environment(**settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(lambda: place.stage.cluster.psql(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'iqmd export' AND "
                f"wait_event_type = 'Lock' AND datname = '{place.scratch.name}'"), "it to be at work")
            process.kill()
            process.wait(20)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("kind", ["directory", "link", "device", "nothing", "long"])
    def test_replaces_nothing_but_files(self, place, tmp_path, kind):
        path = tmp_path / "taken"
        if kind == "directory":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(tmp_path / "elsewhere")
        elif kind == "device":
            os.mkfifo(path)
        text = {"nothing": "", "long": "x" * 5000}.get(kind, str(path))
        done = place.scratch.iqmd("export", "--format", "csv", text, check=False)
        assert done.returncode == 1 and "cannot be written: " in done.stderr
        assert "Success" not in done.stderr and done.stdout == ""
        assert [one.name for one in tmp_path.iterdir()] == (["taken"] if path.is_symlink() or path.exists() else [])


@pytest.mark.parametrize("name", READ)
def test_takes_little_memory(stage, populated, name):
    """The peak does not grow with what there is. A sanitizer would keep what is freed."""
    template, token = populated
    with scratch_database(stage, template) as scratch:
        place = Place(stage, scratch, token, IQM_WORKERS=1,
                      ASAN_OPTIONS="detect_leaks=1:exitcode=99:quarantine_size_mb=1")
        place.fill(2)
        fetch(place.head, ready(place.head, name))
        before = place.peak()
        place.fill(60)
        made = await_status(place.head, ask(place.head, name), "ready", seconds=120)
        assert len(fetch(place.head, made).body) > 3 * MIB
        assert place.peak() - before < 8 * MIB
        place.head.close()
        place.server.stop()
