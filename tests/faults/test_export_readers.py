"""Lists as files while others write, while the database goes away, and with a full disk.

IQM_EXPORT_ROWS says how long a list is tried, such as 1000000 (that takes minutes).
"""
import contextlib
import csv
import http.client
import io
import json
import os
import pathlib
import threading
import time

import pytest

from readers import ask, begin, read, snapshots
from support.places import wait_for

ROWS = int(os.environ.get("IQM_EXPORT_ROWS", "30000"))
REQUEST, MARGIN = 5, 20  # both together less than the deadline that holds where none is set
NDJSON = "/v1/clusters?format=ndjson"
STEADY = 400_000  # bytes each second
WHOLE = b"0\r\n\r\n"  # what an answer in pieces ends with


@pytest.fixture(scope="module")
def server(calm_cluster):
    from server import Server
    server = Server(calm_cluster, {"IQM_DATABASE_TIMEOUT": "2000"})
    try:
        yield server.ready()
        server.stop()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def known(server):
    """The ids of many clusters."""
    server.cluster.sql(f"""INSERT INTO cluster (id, version, doc) SELECT id, 1, json_build_object(
            'id', id, 'version', 1, 'created_at', '2026-09-01T08:00:00.000Z', 'updated_at',
            '2026-09-01T08:00:00.000Z', 'name', 'Many ' || id, 'notes', repeat('y', 100))
        FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {ROWS})) AS ids""")
    return {row[0] for row in server.cluster.sql("SELECT id FROM cluster WHERE doc->>'name' "
                                                 "LIKE 'Many %'")}


def start(server, target):
    """An answer whose head has been read."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", target, headers={"Authorization": f"Bearer {server.token}"})
    answer = connection.getresponse()
    return connection, answer


def write_until(server, over, known):
    """Creates, changes and deletes; of those that were there before, only changes."""
    some = iter(sorted(known))
    while not over.is_set():
        made = server.create()
        server.ask("PATCH", f"/v1/clusters/{next(some)}", {"notes": "changed"},
                   headers={"If-Match": "*"})
        server.ask("DELETE", f"/v1/clusters/{made['id']}", headers={"If-Match": "*"})


def test_each_row_comes_once_whatever_others_write(server, known):
    over = threading.Event()
    writers = [threading.Thread(target=write_until, args=(server, over, known)) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        status, body = read(server, "/v1/clusters?format=csv&sort=name&fields=id,version,notes")
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) and known <= set(ids)
    # Of one moment: a version has its own text.
    for row in rows:
        if row["id"] in known:
            assert row["notes"] == ("y" * 100 if row["version"] == "1" else "changed"), row


def test_what_breaks_off_is_not_whole(server, known):
    connection, answer = start(server, NDJSON)
    first = answer.read(1000)
    server.end_streams()
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        answer.read()
    connection.close()
    assert first and known
    wait_for(lambda: read(server, "/v1/clusters?format=ndjson&fields=id")[0] == 200, "it goes on", MARGIN)
    server.is_well()


@pytest.mark.parametrize("how", ["ended", "overdue", "stopped"])
def test_what_breaks_off_is_not_whole_over_http_1_0(calm_cluster, new_server, known, how):
    """Where the end of an answer is that of its connection, a cut is a reset."""
    server = new_server(calm_cluster, IQM_REQUEST_TIMEOUT=str(REQUEST), IQM_DRAIN_TIMEOUT="0").ready()
    with server.wire(receive_buffer=4096) as wire:
        wire.send(server.head("GET", NDJSON).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert known and wire.begun() == 200, wire.buffer
        if how == "ended":
            server.end_streams()
        elif how == "stopped":
            server.stop()
        else:
            wait_for(lambda: snapshots(server) == 0, "it is cut off", REQUEST + MARGIN)
        with pytest.raises(ConnectionResetError):
            while wire.sock.recv(65536):
                pass


def files_of(server):
    """The files without a name that it has open in its spool directory."""
    spool = str(server.directory / "spool")
    found = []
    for entry in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(entry))
    return [name for name in found if name.startswith(spool) and name.endswith("(deleted)")]


def leave(server, target):
    """The status of an answer whose rest is not waited for."""
    connection, answer = start(server, target)
    connection.close()
    answer.close()
    return answer.status


def test_a_workbook_that_nobody_waits_for_is_given_up(server, known):
    assert known
    for _ in range(3):
        wait_for(lambda: leave(server, "/v1/clusters?format=xlsx") == 200, "there is room", MARGIN)
    wait_for(lambda: not files_of(server), "its files are closed", 60)
    server.is_well()


@pytest.fixture(scope="module")
def directory(server):
    """Of many schools: only lines, which is all that the directory reads. Names that hardly compress make
    each workbook larger than what the sockets take in: who reads nothing of one holds it."""
    server.cluster.sql("""SET session_replication_role = replica; INSERT INTO directory_line (school_id,
            level, held, shown, closed, name) SELECT gen_random_uuid(), 'inclusive_school_award',
        daterange(today() - 9, today() + 9), datemultirange(daterange(today() - 9, today() + 9)), false,
        (SELECT 'Many ' || string_agg(encode(sha512((n || '.' || i)::bytea), 'hex'), '')
            FROM generate_series(1, 10) AS i)
        FROM generate_series(1, 20000) AS n""")
    return "/v1/directory?format=xlsx"


def hold(server, target, stack):
    """The status of a reader without a name, who takes the head of the answer and no more."""
    return stack.enter_context(ask(server, target, token=False)).begun()


def test_callers_without_a_name_make_few_workbooks_at_a_time(server, directory):
    """They take threads that others need, too; and who has left needs none."""
    with contextlib.ExitStack() as stack:
        assert [hold(server, directory, stack) for _ in range(4)] == [200] * 4
        assert hold(server, directory, stack) == 503
        assert hold(server, "/v1/directory?format=csv", stack) == 200
        assert read(server, "/v1/term-dates?format=xlsx")[0] == 200

    def is_free():
        with contextlib.ExitStack() as stack:
            return hold(server, directory, stack) == 200
    wait_for(is_free, "there is room again", 60)
    wait_for(lambda: not files_of(server), "their files are closed", 60)
    server.is_well()


def test_no_room_for_a_workbook(server):
    spool, elsewhere = server.directory / "spool", server.directory / "elsewhere"
    spool.rename(elsewhere)
    try:
        answer = server.ask("GET", "/v1/clusters?format=xlsx")
        assert answer.status == 500 and json.loads(answer.body)["type"].endswith("internal_error")
    finally:
        elsewhere.rename(spool)
    assert server.ask("GET", "/v1/clusters?limit=1").status == 200
    server.is_well()


def test_who_stops_reading_holds_nothing_for_long(calm_cluster, new_server, known):
    server = new_server(calm_cluster, IQM_REQUEST_TIMEOUT=str(REQUEST)).ready()
    with begin(server, NDJSON):
        assert known
        wait_for(lambda: snapshots(server) == 1, "a snapshot is held")
        wait_for(lambda: snapshots(server) == 0, "the snapshot is given back", REQUEST + MARGIN)
    server.is_well()


def test_nobody_keeps_others_from_reading(calm_cluster, new_server, known):
    """One caller's readers, that take nothing, have a share of what there is; the rest of theirs waits."""
    server = new_server(calm_cluster, IQM_WORKERS="1", IQM_DATABASE_TIMEOUT="1000").ready()
    other = calm_cluster.iqmd("token", "issue", "--name", f"other{os.getpid()}", "--role",
                              "head_office").stdout.strip()
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(begin(server, NDJSON))
        wait_for(lambda: snapshots(server) == 3, "each holds a snapshot")
        assert read(server, "/v1/clusters?format=csv&fields=id")[0] == 503
        # What was refused was given to nobody.
        assert read(server, "/v1/people?format=csv")[0] == 503
        assert calm_cluster.sql("SELECT FROM audit_record WHERE operation = 'list_people'") == []
        status, body = read(server, "/v1/clusters?format=csv&fields=id", other)
        assert status == 200 and len(body) > 36 * len(known)
        # When one has ended, what waited goes on.
        wait_for(lambda: snapshots(server) == 3, "those three alone hold one")
    wait_for(lambda: read(server, "/v1/clusters?format=csv&fields=id")[0] == 200, "its own go on", MARGIN)


def read_steadily(wire):
    """At a pace by which the whole takes far longer than a snapshot may live; what came last."""
    end, taken, since = b"", 0, time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while end != WHOLE and (piece := wire.sock.recv(65536)):
            end, taken = (end + piece)[-5:], taken + len(piece)
            ahead = taken / STEADY - (time.monotonic() - since)
            if ahead > 0:
                threading.Event().wait(ahead)
    return end


def test_who_reads_slowly_for_ever_is_cut_off(calm_cluster, new_server, known):
    """Fast enough for the pace of an answer, but its snapshot would hold up others."""
    server = new_server(calm_cluster, IQM_SNAPSHOT_TIMEOUT="2").ready()
    with begin(server, NDJSON) as wire:
        assert known
        wait_for(lambda: snapshots(server) == 1, "a snapshot is held")
        assert read_steadily(wire) != WHOLE
    wait_for(lambda: snapshots(server) == 0, "the snapshot is given back", MARGIN)
    server.is_well()
