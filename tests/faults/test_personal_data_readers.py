"""Access to much, read slowly or not at all, cut off, and under an erasure: what it may hold is
bounded, and who is cut off can tell."""
import contextlib
import json
import re
import threading

import pytest

from readers import begin, read, snapshots
from support.places import wait_for

REQUEST, MARGIN = 5, 20  # both together less than the deadline that holds where none is set
SETTINGS = {"IQM_WORKERS": "1", "IQM_DATABASE_TIMEOUT": "1000"}
STREAMS = 3  # of one caller, a worker
ROWS = 250_000
PART = re.compile(rb"([0-9a-f]+)\r\n")


@pytest.fixture(scope="module")
def server(calm_cluster, release_build):
    """Cuts nobody off so soon that it could be taken for what a test waits for."""
    from server import Server
    server = Server(calm_cluster, SETTINGS, release_build)
    try:
        yield server.ready()
        server.stop()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def person(server):
    """Somebody whose data was handed out a great deal: 60 MB of rows."""
    made = server.ask("POST", "/v1/people", {"name": "Wilhelmina Manyrows"})
    assert made.status == 201, made
    server.cluster.sql(f"""INSERT INTO recipient (person_id, recipient_id, kind, what)
        SELECT '{made.json['id']}', gen_random_uuid(), 'client', 'mailing_list'
        FROM generate_series(1, {ROWS})""")
    return made.json


def path(person):
    return f"/v1/people/{person['id']}/personal-data"


def test_whatever_there_is_takes_little_memory(server, person):
    before = server.resident_mb()
    highest = [before]
    over = threading.Event()

    def watch():
        while not over.wait(0.02):
            highest.append(server.resident_mb())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        status, body = read(server, path(person))
    finally:
        over.set()
        watcher.join()
    assert status == 200
    rows = next(one["rows"] for one in json.loads(body)["places"] if one["place"] == "recipient")
    assert len(rows) >= ROWS and len({row["recipient_id"] for row in rows}) == len(rows)
    assert len(body) > 50_000_000
    assert max(highest) - before < 32, (before, max(highest))


def test_who_stops_reading_holds_nothing_for_long(calm_cluster, new_server, release_build, person):
    server = new_server(calm_cluster, release_build, IQM_REQUEST_TIMEOUT=str(REQUEST), **SETTINGS).ready()
    with begin(server, path(person)):
        wait_for(lambda: snapshots(server) == 1, "a snapshot is held")
        wait_for(lambda: snapshots(server) == 0, "the snapshot is given back", REQUEST + MARGIN)
    server.is_well()


def test_who_goes_away_holds_nothing(server, person):
    begin(server, path(person)).sock.close()
    wait_for(lambda: snapshots(server) == 0, "the snapshot is given back", MARGIN)
    server.is_well()


def test_too_many_at_a_time_are_told_so(server, person):
    readers = [begin(server, path(person)) for _ in range(STREAMS)]
    refused = server.ask("GET", path(person))
    assert refused.status == 503 and "read" in refused.json["detail"], refused
    assert server.ask("GET", "/v1/clusters?limit=1").status == 200
    for reader in readers:
        reader.sock.close()
    wait_for(lambda: read(server, path(person))[0] == 200, "there is room again", MARGIN)


def test_what_is_cut_off_is_no_json(server, person):
    with begin(server, path(person)) as wire:
        server.end_streams()
        data = wire.buffer
        while piece := wire.sock.recv(65536):
            data += piece
    assert not data.endswith(b"0\r\n\r\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(re.sub(rb"\r\n[0-9a-f]+\r\n", b"", data.partition(b"\r\n\r\n")[2]))
    wait_for(lambda: read(server, path(person))[0] == 200, "it goes on", MARGIN)


def test_an_erasure_does_not_wait_for_readers(server, person):
    other = server.ask("POST", "/v1/people", {"name": "Wilhelmina Otherwise"}).json
    server.cluster.sql(f"""INSERT INTO recipient (person_id, recipient_id, kind, what)
        SELECT '{other['id']}', gen_random_uuid(), 'client', 'mailing_list'
        FROM generate_series(1, 20000)""")
    with begin(server, path(other)) as wire:
        done = server.ask("POST", f"/v1/people/{other['id']}/erasure", {})
        assert done.status == 201, done
        data = wire.buffer
        with contextlib.suppress(ConnectionResetError):
            while not data.endswith(b"\r\n0\r\n\r\n") and (piece := wire.sock.recv(65536)):
                data += piece
    assert server.ask("GET", path(other)).status == 404
    server.is_well()
