"""An erasure goes through two databases. Killed at whatever step, it has not happened at all, or it
is all done once a server runs again; and while it is under way it is in nobody's way.

The server stands still at a step because another connection holds what that step needs: no hook in
the program."""
import contextlib
import uuid

import pytest

from support import consents
from support.holding import holding
from support.places import wait_for

KEYS = "iqm_keys"
NOTHING, ALL = "nothing", "all"


class Erasure:
    """A person with an account, a consent and a history, to be erased."""

    def __init__(self, cluster, server):
        self.cluster, self.server = cluster, server
        mark = uuid.uuid4()
        self.person = self.create("/v1/people", {"name": f"First {mark}",
                                                 "email": f"{mark}@example.org"})
        self.id = self.person["id"]
        self.path = f"/v1/people/{self.id}"
        self.person = self.done(server.ask("PATCH", self.path, {"name": f"Second {mark}"},
                                           {"If-Match": "*"}), 200)
        self.create("/v1/accounts", {"person_id": self.id, "roles": ["ambassador"],
                                     "suspended": False})
        self.create("/v1/consent-records", {"person_id": self.id, "purpose": "marketing",
                                            "granted": True,
                                            "wording_id": consents.SHIPPED["marketing"]})
        self.before = self.places()
        assert {"account", "credential", "history"} <= {place for place, _ in self.before}

    def done(self, answer, status):
        assert answer.status == status, answer
        return answer.json

    def create(self, path, body):
        return self.done(self.server.ask("POST", path, body), 201)

    def places(self):
        """What an erasure takes away, by place."""
        return self.cluster.sql(f"SELECT place, count FROM count_places('{self.id}') "
                                "WHERE on_erasure = 'delete' ORDER BY place")

    def counts(self):
        """In the ledger, in the log, and keys."""
        [[ledger]] = self.cluster.sql(
            f"SELECT count(*) FROM erasure WHERE person_id = '{self.id}'")
        [[logged, keys]] = self.cluster.sql(
            f"SELECT (SELECT count(*) FROM erasure_log WHERE person_id = '{self.id}'), "
            f"(SELECT count(*) FROM person_key WHERE person_id = '{self.id}')", KEYS)
        return ledger, logged, keys

    def begin(self):
        """Asks for it, and waits for no answer."""
        return self.server.wire().send(
            self.server.request("POST", self.path + "/erasure", {}))

    def check_nothing(self, server):
        assert server.ask("GET", self.path).json == self.person
        assert self.places() == self.before and self.counts() == ("0", "0", "1")

    def check_all(self, server):
        assert server.ask("GET", self.path).status == 404
        assert self.places() == [] and self.counts() == ("1", "1", "0")
        [done] = server.ask("GET", f"/v1/erasures?person_id={self.id}").json["items"]
        certificate = server.ask("GET", f"/v1/erasures/{done['id']}/certificate")
        assert certificate.status == 200


@pytest.fixture(scope="module")
def cluster(template):
    import cluster as clusters
    own = clusters.clone(template)
    try:
        yield own.start()
    finally:
        own.remove()


@pytest.fixture
def start(cluster, new_server):
    return lambda: new_server(cluster, IQM_DATABASE_TIMEOUT="60000").ready()


@pytest.fixture
def erasure(cluster, start):
    return Erasure(cluster, start())


def stands_at(cluster, query, event="wait_event_type = 'Lock'"):
    """Whether a statement of the server's stands still."""
    return cluster.sql("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'iqmd%' "
                       f"AND {event} AND query LIKE '{query}'") != []


def wait_at(cluster, query, *event):
    wait_for(lambda: stands_at(cluster, query, *event), f"the server to stand at {query}")


def kill(cluster, server):
    """With its sessions, which PostgreSQL would otherwise notice only when they next read."""
    server.kill()
    end_sessions(cluster)


def end_sessions(cluster):
    sessions = "FROM pg_stat_activity WHERE application_name LIKE 'iqmd%'"
    cluster.sql(f"SELECT pg_terminate_backend(pid) {sessions}")
    wait_for(lambda: cluster.sql(f"SELECT 1 {sessions}") == [], "its sessions are gone")


def a_commit_waits(cluster):
    """PostgreSQL heeds the setting somewhat later than it says so. The commit tried must not linger."""
    trial = cluster.begin_sql("SET application_name = 'trial'; "
                              "SELECT pg_logical_emit_message(true, '', '')")
    waits = False
    while trial.poll() is None and not waits:
        waits = cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE application_name = 'trial' AND wait_event = 'SyncRep'") != []
    trial.wait(10)
    return waits


@contextlib.contextmanager
def commits_that_wait(cluster):
    """A commit is durable, and not told yet: as long as a standby that is nowhere has not said so."""
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    cluster.sql("SELECT pg_reload_conf()")
    try:
        wait_for(lambda: a_commit_waits(cluster), "commits to wait")
        yield
    finally:
        cluster.sql("ALTER SYSTEM RESET synchronous_standby_names")
        cluster.sql("SELECT pg_reload_conf()")


STEPS = {
    "before it begins": (KEYS, "LOCK TABLE erasure_log IN ACCESS EXCLUSIVE MODE",
                         "%FROM erasure_log LIMIT 1%", NOTHING),
    "before the person is held": ("iqm", "SELECT FROM person WHERE id = '{id}' FOR UPDATE",
                                  "%erase_person(%", NOTHING),
    "halfway through the places": ("iqm", "SELECT FROM history WHERE id = '{id}' FOR UPDATE",
                                   "%erase_person(%", NOTHING),
    "before the ledger has it": ("iqm", "LOCK TABLE erasure IN EXCLUSIVE MODE",
                                 "%record_erasure(%", NOTHING),
    "before the log has it": (KEYS, "SELECT pg_advisory_xact_lock(hashtextextended('{id}', 0))",
                              "%log_erasure(%", ALL),
    "before the key is destroyed": (KEYS, "SELECT FROM person_key WHERE person_id = '{id}' "
                                    "FOR UPDATE", "%log_erasure(%", ALL),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed(cluster, start, erasure, step):
    database, hold, query, outcome = STEPS[step]
    with holding(cluster, hold.format(id=erasure.id), database):
        erasure.begin()
        wait_at(cluster, query)
        kill(cluster, erasure.server)
    again = start()
    if outcome == ALL:
        erasure.check_all(again)
        return
    erasure.check_nothing(again)
    assert again.ask("POST", erasure.path + "/erasure", {}).status == 201
    erasure.check_all(again)


def test_killed_while_it_is_committed(cluster, start, erasure):
    with commits_that_wait(cluster):
        erasure.begin()
        wait_at(cluster, "COMMIT%", "wait_event = 'SyncRep'")
        kill(cluster, erasure.server)
        assert erasure.counts() == ("1", "0", "1")
    erasure.check_all(start())


def test_killed_once_the_key_is_destroyed(cluster, start, erasure):
    with holding(cluster, f"SELECT pg_advisory_xact_lock(hashtextextended('{erasure.id}', 0))",
                 KEYS) as holder:
        erasure.begin()
        wait_at(cluster, "%log_erasure(%")
        with commits_that_wait(cluster):
            holder.ask("ROLLBACK")
            wait_at(cluster, "%log_erasure(%", "wait_event = 'SyncRep'")
            kill(cluster, erasure.server)
            assert erasure.counts() == ("1", "1", "0")
    erasure.check_all(start())


def test_carried_out_by_who_did_not_begin_it(cluster, start, erasure):
    """PostgreSQL goes on with what it was sent, whoever has died: another server notices in its next
    round. It runs before, as nobody waits for a lock as long as one takes to start."""
    other = start()
    with holding(cluster, "LOCK TABLE erasure IN EXCLUSIVE MODE"):
        erasure.begin()
        wait_at(cluster, "%record_erasure(%")
        erasure.server.kill()
    wait_for(lambda: erasure.counts() == ("1", "1", "0"), "the key to be destroyed")
    erasure.check_all(other)


def test_the_key_database_goes_away_in_between(cluster, start, erasure):
    """Then it is said that it is not done; and it is done as soon as keys answer again."""
    with holding(cluster, f"SELECT pg_advisory_xact_lock(hashtextextended('{erasure.id}', 0))", KEYS):
        asked = erasure.begin()
        wait_at(cluster, "%log_erasure(%")
        cluster.sql("ALTER DATABASE iqm_keys ALLOW_CONNECTIONS false")
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                    "'iqm_keys' AND application_name LIKE 'iqmd%'")
        assert asked.read("POST").check().status == 503
    cluster.sql("ALTER DATABASE iqm_keys ALLOW_CONNECTIONS true")
    wait_for(lambda: erasure.counts() == ("1", "1", "0"), "the key to be destroyed")
    erasure.check_all(erasure.server)


def read_around(server, erasure, other, is_gone):
    """Others, lists with the person in it, and the person until it is done."""
    assert server.ask("GET", other.path).json["id"] == other.id
    assert server.ask("GET", erasure.path).status == (404 if is_gone else 200)
    for path in ("/v1/people?limit=200", "/v1/accounts?limit=200", "/v1/schools",
                 "/v1/consent-records?limit=200", "/v1/erasures", "/v1/mailing-list",
                 other.path + "/history", other.path + "/consents"):
        assert server.ask("GET", path).status == 200, path
    changed = server.ask("PATCH", other.path, {"job_title": "Reader"}, {"If-Match": "*"})
    assert changed.status == 200, changed


@pytest.mark.parametrize("step", ["halfway through the places", "before the ledger has it",
                                  "before the log has it"])
def test_blocks_no_reader(cluster, erasure, step):
    """All are answered while it stands still. It gives up after a second, so it may take more than one
    try on a machine that is busy."""
    server, other = erasure.server, Erasure(cluster, erasure.server)
    database, hold, query, outcome = STEPS[step]
    for _ in range(10):
        erasure = Erasure(cluster, server)
        with holding(cluster, hold.format(id=erasure.id), database):
            asked = erasure.begin()
            wait_at(cluster, query)
            read_around(server, erasure, other, outcome == ALL)
            was_open = stands_at(cluster, query)
        answer = asked.read("POST").check()
        if was_open and answer.status == 201:
            break
    assert was_open and answer.status == 201, answer
    erasure.check_all(server)
