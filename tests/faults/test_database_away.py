"""PostgreSQL stopped, frozen, cut off, locked and slow: the server answers 503 in time, holds
nothing half-written, and is back by itself as soon as PostgreSQL is."""
import concurrent.futures
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import threading
import time
import uuid

import pytest

from cluster import Session
from support.places import wait_for

TIMEOUT = 1.0  # IQM_DATABASE_TIMEOUT; a session without an answer is given up a second later
MARGIN = 10.0  # for a slow machine under sanitizers; both together less than a client's patience
BACK = 2.0     # the promise: served again this soon after PostgreSQL answers
SHORT = {"IQM_DATABASE_TIMEOUT": str(int(TIMEOUT * 1000)), "IQM_REQUEST_TIMEOUT": "60"}
# Longer than any client's patience: what comes all the same did not wait for the database.
LONG = {"IQM_DATABASE_TIMEOUT": "60000", "IQM_REQUEST_TIMEOUT": "60"}
# Longer than TIMEOUT, shorter than it is where none is set: what is not cut off comes to its end.
SLOW = 4


@pytest.fixture
def pair(new_cluster, new_server):
    cluster = new_cluster()
    return cluster, new_server(cluster, **SHORT).ready()


def timed(server, *arguments, **options):
    started = time.monotonic()
    answer = server.ask(*arguments, **options)
    return answer, time.monotonic() - started


def is_unavailable(server, limit):
    """Reads, writes and readiness say 503 in time; the server itself is alive."""
    for method, target, body in [("GET", "/v1/clusters", None), ("GET", "/readyz", None),
                                 ("GET", f"/v1/clusters/{uuid.uuid4()}", None),
                                 ("POST", "/v1/clusters", {"name": str(uuid.uuid4())}),
                                 ("POST", "/v1/clusters", {})]:
        answer, took = timed(server, method, target, body)
        assert answer.status == 503, (method, target, answer)
        assert took < limit, (method, target, took)
    assert server.ask("GET", "/healthz").status == 200
    assert server.ask("GET", "/openapi.json").status == 200


def is_back(server):
    def serves():
        body = {"name": f"Back {uuid.uuid4()}"}
        return (server.ask("GET", "/readyz").status == 200
                and server.ask("GET", "/v1/clusters?limit=1").status == 200
                and server.ask("POST", "/v1/clusters", body).status == 201)
    wait_for(serves, "the service is back", BACK + MARGIN)


def test_stopped_and_started_again(pair):
    cluster, server = pair
    pid = server.process.pid
    cluster.stop()
    is_unavailable(server, TIMEOUT + MARGIN)
    cluster.start()
    is_back(server)
    # Every worker and every session, not only the lucky one.
    wait_for(lambda: server.metric("iqm_database_up") == 2, "all reading sessions are back",
             BACK + MARGIN)
    assert server.process.pid == pid
    server.is_well()


def test_stopped_several_times(pair):
    cluster, server = pair
    for _ in range(3):
        cluster.stop()
        assert server.ask("GET", "/readyz").status == 503
        cluster.start()
        is_back(server)


def test_frozen_and_thawed(pair):
    cluster, server = pair
    cluster.freeze()
    is_unavailable(server, TIMEOUT + 1.0 + MARGIN)
    cluster.thaw()
    is_back(server)
    server.is_well()


def test_alive_while_nothing_answers(new_cluster, new_server):
    """Whether the server itself is alive is nothing that it would ask the database."""
    cluster = new_cluster()
    server = new_server(cluster, **LONG).ready()
    cluster.freeze()
    for target in ("/healthz", "/openapi.json"):
        assert server.ask("GET", target).status == 200
    cluster.thaw()
    server.is_well()


def test_requests_under_way_when_it_freezes_are_answered(pair):
    cluster, server = pair
    cluster.freeze()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(timed, server, "GET", "/v1/clusters") for _ in range(20)]
        got = [one.result() for one in asked]
    cluster.thaw()
    assert {answer.status for answer, _ in got} == {503}
    assert max(took for _, took in got) < TIMEOUT + 1.0 + MARGIN


def test_started_before_its_database(new_cluster, new_server):
    cluster = new_cluster()
    cluster.stop()
    server = new_server(cluster, **SHORT).begin()
    wait_for(lambda: [e for e in server.log() if e["event"] == "key_database_awaited"],
             "it waits for its databases")
    assert not [e for e in server.log() if e["event"] == "listening"]
    cluster.start()
    server.await_listening()
    is_back(server)


class Load:
    """Clients that read and create until told to stop, and remember what they were answered."""

    def __init__(self, server, clients=4):
        self.server, self.over, self.statuses, self.created = server, threading.Event(), [], []
        self.wrong = []
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        try:
            while not self.over.is_set():
                self._turn()
        except Exception as problem:  # told to the test, which fails with it
            self.wrong.append(problem)

    def _turn(self):
        got = self.server.ask("GET", "/v1/clusters?limit=5")
        made = self.server.ask("POST", "/v1/clusters", {"name": str(uuid.uuid4())})
        self.statuses += [("GET", got.status), ("POST", made.status)]
        if made.status == 201:
            self.created.append(made.json["id"])


def kill_sessions(cluster):
    cluster.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name IN ('iqmd read', 'iqmd write')")


def test_connections_cut_in_mid_load(pair):
    cluster, server = pair
    with Load(server) as load:
        for round_number in range(1, 6):
            enough = len(load.created) + 20
            wait_for(lambda: len(load.created) >= enough or load.wrong, "writes go on", 60)
            kill_sessions(cluster)
    assert load.wrong == []
    assert set(load.statuses) <= {("GET", 200), ("GET", 503), ("POST", 201), ("POST", 503)}
    is_back(server)
    ids = ",".join(f"'{one}'" for one in load.created)
    stored = cluster.sql(f"SELECT count(*) FROM cluster WHERE id IN ({ids})")
    assert int(stored[0][0]) == len(load.created)
    server.is_well()


def test_reads_survive_a_cut_connection(pair):
    """A read is done again on the next session: cutting one costs a client nothing."""
    cluster, server = pair
    for _ in range(10):
        kill_sessions(cluster)
        assert server.ask("GET", "/v1/clusters?limit=1").status == 200


def test_cut_connections_do_not_end_the_server(pair):
    """Cut at once after one another, in the middle of connecting, too."""
    cluster, server = pair
    with Load(server, 8) as load:
        for _ in range(40):
            kill_sessions(cluster)
            enough = len(load.statuses) + 4
            wait_for(lambda: len(load.statuses) >= enough or load.wrong, "clients go on", 60)
    assert server.process.poll() is None, f"the server ended: {server.process.poll()}"
    assert load.wrong == []
    is_back(server)


def whole(cluster, record):
    """The stored row and its history, as they must be when nothing happened to the record."""
    rows = cluster.sql(f"SELECT version, doc->>'version', doc->>'notes' FROM cluster"
                       f" WHERE id = '{record['id']}'")
    history = cluster.sql(f"SELECT count(*) FROM history WHERE id = '{record['id']}'")
    return rows[0], int(history[0][0])


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_row_locked_by_another(pair, method):
    cluster, server = pair
    record = server.create(notes="before")
    target = f"/v1/clusters/{record['id']}"
    body = None if method == "DELETE" else {"name": record["name"], "notes": "after"}
    holder = Session(cluster)
    holder.run(f"BEGIN; SELECT 1 FROM cluster WHERE id = '{record['id']}' FOR UPDATE")
    answer, took = timed(server, method, target, body, {"If-Match": '"1"'})
    assert answer.status == 503 and took < TIMEOUT + MARGIN, (answer, took)
    assert server.ask("GET", target).json["notes"] == "before"
    holder.run("ROLLBACK")
    holder.close()
    assert whole(cluster, record) == (["1", "1", "before"], 0)
    again = server.ask(method, target, body, {"If-Match": '"1"'})
    assert again.status in (200, 204), again


@pytest.mark.parametrize("used_before", [True, False])
def test_a_locked_table_stops_only_its_own_requests(pair, used_before):
    """Locked while a session first prepares its statement, too: it must prepare it again."""
    cluster, server = pair
    for _ in range(10 if used_before else 0):
        assert server.ask("GET", "/v1/clusters").status == 200
    holder = Session(cluster)
    holder.run("BEGIN; LOCK TABLE cluster IN ACCESS EXCLUSIVE MODE")
    locked = [timed(server, "GET", "/v1/clusters") for _ in range(4)]
    assert server.ask("GET", "/v1/schools").status == 200
    holder.run("ROLLBACK")
    holder.close()
    after = [server.ask("GET", "/v1/clusters").status for _ in range(10)]
    assert after == [200] * 10
    assert [answer.status for answer, _ in locked] == [503] * 4, locked
    assert max(took for _, took in locked) < TIMEOUT + MARGIN, locked


def test_a_statement_that_takes_too_long(pair):
    cluster, server = pair
    record = server.create(notes="before")
    cluster.sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                f" 'BEGIN PERFORM pg_sleep({SLOW}); RETURN NEW; END'")
    cluster.sql("CREATE TRIGGER slow AFTER UPDATE ON cluster FOR EACH ROW EXECUTE FUNCTION slow()")
    answer, took = timed(server, "PATCH", f"/v1/clusters/{record['id']}", {"notes": "after"},
                         {"If-Match": '"1"'})
    assert answer.status == 503 and took < TIMEOUT + MARGIN, (answer, took)
    assert whole(cluster, record) == (["1", "1", "before"], 0)


def test_a_read_that_takes_too_long(pair):
    cluster, server = pair
    cluster.sql("CREATE POLICY slow ON cluster AS RESTRICTIVE FOR SELECT TO iqm_server"
                f" USING (pg_sleep({SLOW})::text = '')")
    cluster.sql("ALTER TABLE cluster NO FORCE ROW LEVEL SECURITY")
    cluster.sql("INSERT INTO cluster (id, version, doc) VALUES (gen_random_uuid(), 1,"
                " '{\"name\": \"Slow\", \"version\": 1}')")
    answer, took = timed(server, "GET", "/v1/clusters")
    assert answer.status == 503 and took < TIMEOUT + MARGIN, (answer, took)
    assert server.ask("GET", "/v1/schools").status == 200


def test_reports_that_take_long_are_in_nobodys_way(pair):
    """They wait for each other, and where too many wait the answer is 503."""
    cluster, server = pair
    holder = Session(cluster)
    holder.run("SELECT pg_advisory_lock(hashtext('get_programme_report'))")
    report = server.request("GET", "/v1/programme-report")
    waiting = [server.wire().send(report) for _ in range(12)]
    wait_for(lambda: cluster.sql("SELECT 1 FROM pg_stat_activity"
                                 " WHERE application_name = 'iqmd report' AND wait_event_type = 'Lock'"),
             "a report waits")
    # Those that find no room are answered at once.
    wait_for(lambda: server.metric("iqm_requests_active")
             + len(select.select([wire.sock for wire in waiting], [], [], 0)[0]) == len(waiting),
             "the others are there")
    for _ in range(5):
        assert server.ask("GET", "/v1/clusters?limit=1").status == 200
    holder.run("SELECT pg_advisory_unlock(hashtext('get_programme_report'))")
    holder.close()
    got = [wire.read().check().status for wire in waiting]
    assert set(got) == {200, 503}, got
    assert 5 <= got.count(200) <= 10, got  # of each worker: one under way, four in line
    assert server.ask("GET", "/v1/programme-report").status == 200
    server.is_well()


def test_too_many_waiting(new_cluster, new_server):
    cluster = new_cluster()
    server = new_server(cluster, IQM_DATABASE_QUEUE="2", IQM_WRITE_CONNECTIONS="1", IQM_WORKERS="1",
                        **LONG).ready()
    record = server.create()
    change = server.request("PATCH", f"/v1/clusters/{record['id']}", {"notes": "x"},
                            {"If-Match": '"1"'})
    [[writer]] = cluster.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'iqmd write'")
    os.kill(int(writer), signal.SIGSTOP)
    waiting = [server.wire().send(change) for _ in range(3)]
    wait_for(lambda: server.metric("iqm_database_waiting") == 2, "two wait for the session of one")
    for _ in range(5):
        assert server.ask("POST", "/v1/clusters", {"name": str(uuid.uuid4())}).status == 503  # at once
    assert server.ask("GET", "/v1/clusters?limit=1").status == 200
    os.kill(int(writer), signal.SIGCONT)
    got = [wire.read().check().status for wire in waiting]
    assert sorted(got) == [200, 412, 412], got
    server.is_well()


def test_too_few_connections_left_in_postgresql(new_cluster, new_server):
    cluster = new_cluster("fsync=off", "max_connections=9", "superuser_reserved_connections=3")
    server = new_server(cluster, **SHORT).start()
    for _ in range(10):
        answer, took = timed(server, "GET", "/v1/clusters")
        assert answer.status in (200, 503) and took < TIMEOUT + MARGIN
    assert server.ask("GET", "/healthz").status == 200
    assert server.process.poll() is None


# ---- the disk of the spool ----

def upload(server, size, name="URN,EstablishmentName\r\n"):
    body = (name.encode() * (size // len(name) + 1))[:size]
    return server.ask("POST", "/v1/imports/register", body, {"Content-Type": "text/csv"})


@pytest.fixture
def small_disk():
    path = tempfile.mkdtemp(prefix="iqmd")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path],
                          capture_output=True, text=True)
    if done.returncode != 0:
        os.rmdir(path)
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield pathlib.Path(path)
    subprocess.run(["umount", path], check=True)
    os.rmdir(path)


def test_spool_on_a_full_disk(small_disk, new_cluster, new_server):
    cluster = new_cluster()
    server = new_server(cluster, IQM_SPOOL_DIR=str(small_disk)).ready()
    assert upload(server, 3_000_000).status == 503
    wait_for(lambda: not list(small_disk.glob("*.part*")), "nothing is left behind")
    assert upload(server, 1000).status == 202
    server.is_well()


def chunked_upload(server, chunk, count):
    with server.wire() as wire:
        wire.send(server.head("POST", "/v1/imports/register", {
            "Content-Type": "text/csv", "Transfer-Encoding": "chunked"}))
        wire.send((b"%x\r\n%s\r\n" % (len(chunk), chunk)) * count + b"0\r\n\r\n")
        return wire.read().check()


def test_chunked_upload(pair):
    assert chunked_upload(pair[1], b"URN,EstablishmentName\r\n", 10).status == 202


def test_chunked_upload_to_a_full_disk(small_disk, new_cluster, new_server):
    """The client does not wait for a refusal: it gets one all the same."""
    server = new_server(new_cluster(), IQM_SPOOL_DIR=str(small_disk)).ready()
    assert chunked_upload(server, b"x" * 65536, 40).status == 503
    server.is_well()


def test_spool_that_is_not_there(new_cluster, new_server):
    cluster = new_cluster()
    server = new_server(cluster, IQM_SPOOL_DIR="/dev/null/spool").begin()
    wait_for(lambda: server.process.poll() is not None
             or [entry for entry in server.log() if entry["event"] == "listening"], "it has decided")
    if server.process.poll() is None:  # serves everything else, and refuses uploads
        server.await_listening()
        wait_for(lambda: server.ask("GET", "/readyz").status == 200, "the server is ready")
        assert upload(server, 1000).status == 503
        server.is_well()
    else:
        server.judged = True
        assert server.process.poll() != 0 and "spool" in (server.errors() + str(server.log())).lower()
