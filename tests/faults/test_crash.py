"""kill -9, of the server and of PostgreSQL, while clients write: what was acknowledged is there,
and nothing is there by half. The moment of each kill is drawn from a seed the failure names."""
import os
import random
import signal
import uuid

import pytest

from support.places import wait_for
from writers import Writers, check_all_there

SEED = int(os.environ.get("IQM_FAULTS_SEED", "20260901"))
ROUNDS = 3
DURABLE = ("fsync=on", "synchronous_commit=on")


@pytest.fixture
def pair(new_cluster, new_server):
    cluster = new_cluster(*DURABLE)
    return cluster, new_server(cluster, IQM_DATABASE_TIMEOUT="2000").ready()


def after_some(writers, chance, least=30, most=250):
    """Waits until a drawn number of writes more was acknowledged."""
    wanted = writers.count + chance.randint(least, most)
    wait_for(lambda: writers.count >= wanted or writers.wrong, "clients write", 40)


def is_served(server):
    body = {"name": f"Served {uuid.uuid4()}"}
    return (server.ask("GET", "/readyz").status == 200
            and server.ask("POST", "/v1/clusters", body).status == 201)


@pytest.mark.parametrize("part", range(ROUNDS))
def test_server_killed_under_load(new_cluster, new_server, part):
    chance = random.Random(SEED + part)
    cluster = new_cluster(*DURABLE)
    for _ in range(2):
        server = new_server(cluster).ready()
        writers = Writers(server).start()
        after_some(writers, chance)
        server.kill()
        writers.stop()
        wait_for(lambda: cluster.sql(
            "SELECT 1 FROM pg_stat_activity WHERE application_name IN"
            " ('iqmd read', 'iqmd write')") == [], "the killed server's sessions are gone")
        again = new_server(cluster).ready()
        check_all_there(writers, cluster, again)
        again.stop()


def test_postmaster_killed_under_load(pair):
    cluster, server = pair
    chance = random.Random(SEED + 100)
    writers = Writers(server).start()
    for _ in range(ROUNDS):
        after_some(writers, chance)
        cluster.kill()
        cluster.start()
        wait_for(lambda: is_served(server), "served again", 20)
    writers.stop()
    check_all_there(writers, cluster, server)
    server.is_well()


def test_backends_killed_under_load(pair):
    """PostgreSQL then stops all its backends and recovers by itself."""
    cluster, server = pair
    chance = random.Random(SEED + 200)
    writers = Writers(server).start()
    for _ in range(ROUNDS):
        after_some(writers, chance)
        kill_a_backend(cluster, chance)
        wait_for(lambda: is_served(server), "served again", 20)
    writers.stop()
    wait_for(cluster.answers, "PostgreSQL has recovered", 20)  # it may notice the last kill late
    check_all_there(writers, cluster, server)
    server.is_well()


def kill_a_backend(cluster, chance):
    rows = cluster.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'iqmd write'")
    os.kill(int(chance.choice(rows)[0]), signal.SIGKILL)


def test_both_killed_at_once(new_cluster, new_server):
    chance = random.Random(SEED + 300)
    cluster = new_cluster(*DURABLE)
    server = new_server(cluster).ready()
    writers = Writers(server).start()
    after_some(writers, chance)
    cluster.kill()
    server.kill()
    writers.stop()
    cluster.start()
    check_all_there(writers, cluster, new_server(cluster).ready())


def test_postgresql_stopped_in_order_under_load(pair):
    """A fast shutdown, as an operator does it: each write is acknowledged or not there by half."""
    cluster, server = pair
    chance = random.Random(SEED + 400)
    writers = Writers(server).start()
    after_some(writers, chance)
    cluster.stop(signal.SIGINT)
    cluster.start()
    wait_for(lambda: is_served(server), "served again", 20)
    after_some(writers, chance, 10, 20)
    writers.stop()
    check_all_there(writers, cluster, server)


def test_server_stopped_in_order_under_load(new_cluster, new_server):
    chance = random.Random(SEED + 500)
    cluster = new_cluster(*DURABLE)
    server = new_server(cluster).ready()
    writers = Writers(server).start()
    after_some(writers, chance)
    server.stop()
    writers.stop()
    check_all_there(writers, cluster, new_server(cluster).ready())


# ---- imports ----

ROWS = 3000


def register(first_urn):
    rows = "".join(f"{first_urn + i},School {first_urn + i},Open\r\n" for i in range(ROWS))
    return ("URN,EstablishmentName,EstablishmentStatus (name)\r\n" + rows).encode()


def upload(server, body):
    answer = server.ask("POST", "/v1/imports/register", body, {"Content-Type": "text/csv"})
    assert answer.status == 202, answer
    return answer.get("Location")


def has_ended(server, location):
    answer = server.ask("GET", location)
    return answer.status == 200 and answer.json["status"] not in ("queued", "running") and answer


def check_import(server, cluster, location, rows):
    ended = wait_for(lambda: has_ended(server, location), "the import has ended", 60)
    assert ended.json["status"] == "succeeded", ended
    stored = cluster.sql("SELECT count(*), count(DISTINCT urn), max(version) FROM school")
    assert stored == [[str(rows), str(rows), "1"]], stored
    wait_for(lambda: set(os.listdir(server.environment["IQM_SPOOL_DIR"])) <= {"lock"},
             "the spool is empty", 10)


def is_importing(cluster):
    """While rows of the import are written and not yet committed."""
    return cluster.sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'iqmd import'"
                       " AND backend_xid IS NOT NULL")


def leave_an_old_part(spool):
    """What a server killed yesterday in the middle of an upload has left behind."""
    part = spool / f"{uuid.uuid4()}.part"
    part.write_bytes(b"left behind")
    os.utime(part, (1, 1))


@pytest.mark.parametrize("moment", ["acknowledged", "importing"])
def test_import_survives_the_server(new_cluster, new_server, tmp_path, moment):
    cluster = new_cluster(*DURABLE)
    first = new_server(cluster, IQM_SPOOL_DIR=str(tmp_path)).ready()
    location = upload(first, register(100000))
    if moment == "importing":
        wait_for(lambda: is_importing(cluster) or has_ended(first, location), "it goes on", 30)
    first.kill()
    leave_an_old_part(tmp_path)
    second = new_server(cluster, IQM_SPOOL_DIR=str(tmp_path)).ready()
    check_import(second, cluster, location, ROWS)


def test_import_survives_postgresql(pair):
    cluster, server = pair
    location = upload(server, register(100000))
    wait_for(lambda: is_importing(cluster) or has_ended(server, location), "it goes on", 30)
    cluster.kill()
    cluster.start()
    check_import(server, cluster, location, ROWS)
    server.is_well()


def test_stopping_does_not_wait_for_an_import(new_cluster, new_server, tmp_path):
    cluster = new_cluster(*DURABLE)
    first = new_server(cluster, IQM_SPOOL_DIR=str(tmp_path)).ready()
    location = upload(first, register(100000))
    first.stop()
    second = new_server(cluster, IQM_SPOOL_DIR=str(tmp_path)).ready()
    check_import(second, cluster, location, ROWS)
