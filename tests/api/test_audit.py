"""The audit log: what leaves a record, that none can be changed unnoticed, and who reads it."""

import json
import re
import subprocess
import threading
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support import confidential
from support.client import Client
from support.cluster import programs
from support.contract import DOCUMENT
from support.expect import bad_parameter, problem
from support.places import wait_for
from support.resources import RESOURCES, change_of
from support.scratch import scratch_database

MEMBERS = ["id", "at", "actor", "roles", "client_id", "operation", "resource", "resource_id",
           "version", "request_id", "outcome"]
TABLES = ["audit_record", "audit_seal", "audit_checkpoint"]


def records(client, **filters):
    """In the order in which they were made."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    response = client.get(f"/v1/audit-records?limit=200&{query}")
    assert response.status == 200, response
    assert response.json["next"] is None
    return response.json["items"]


def outline(record):
    return record["operation"], record["version"], record["outcome"]


def note_sign_in(stage, account, client, outcome, operation, check=True):
    """As the server does."""
    values = ["NULL" if value is None else f"'{value}'"
              for value in (account, client, outcome, "noted", operation)]
    return stage.cluster.psql(f"SELECT note_sign_in({', '.join(values)})", user="iqm_server",
                              check=check)


@pytest.fixture(params=RESOURCES.values(), ids=RESOURCES)
def resource(request):
    return request.param


class TestRecords:
    def test_every_change_leaves_one(self, resource, head, make):
        body = make.example(resource.name)
        created = head.post(resource.collection, body)
        path, name = resource.path(created.json), resource.name
        patched = head.patch(path, change_of(resource, created.json), match="*")
        latest = head.get(path).json["version"]
        removed = head.delete(path, match="*")
        assert (created.status, patched.status, removed.status) == (201, 200, 204)
        found = records(head, resource_id=created.json["id"])
        changes = [("patch_" + name, 2, "done")] if latest == 2 else []
        assert [outline(r) for r in found] == [
            (f"create_{name}", 1, "done"), *changes, (f"delete_{name}", latest + 1, "done")]
        for record, answer in zip((found[0], found[-1]), (created, removed)):
            assert list(record) == MEMBERS
            assert record["actor"] == head.actor
            assert record["roles"] == ["head_office"]
            assert record["client_id"] is None
            assert record["resource"] == name
            assert record["request_id"] == answer.header("X-Request-Id")

    def test_putting_leaves_one(self, resource, head, make):
        body = make.example(resource.name)
        key = str(uuid.uuid4())
        put = head.put(resource.path(key), body, headers={"If-None-Match": "*"})
        assert put.status == 201, put
        changed = {**body, **resource.change}
        again = head.put(resource.path(key), changed, headers={"If-Match": put.etag})
        assert again.status == 200, again
        name = f"put_{resource.name}"
        assert [outline(r) for r in records(head, resource_id=key)] == [
            (name, version, "done") for version in range(1, again.json["version"] + 1)]

    def test_what_changes_nothing_leaves_none(self, resource, head, make):
        record = make.create(resource.name)
        path = resource.path(record)
        assert head.patch(path, {}, match="*").status == 200
        assert head.patch(path, {}, match='"9"').status == 412
        assert head.patch(path, {resource.wrong[0]: resource.wrong[1]}, match="*").status == 422
        if resource.clash:
            before = records(head, resource=resource.name, operation=f"create_{resource.name}",
                             actor=head.actor, **{"from": record["created_at"]})
            assert head.post(resource.collection, resource.clash(make, record)).status == 409
            assert records(head, resource=resource.name, operation=f"create_{resource.name}",
                           actor=head.actor, **{"from": record["created_at"]}) == before
        assert len(records(head, resource_id=record["id"])) == 1

    def test_what_is_rolled_back_leaves_none(self, stage, head):
        key = uuid.uuid4()
        now = "2026-01-01T00:00:00.000Z"  # others list clusters: it must be a whole one
        document = json.dumps({"id": str(key), "version": 1, "created_at": now, "updated_at": now,
                               "name": f"Rolled {key}"})
        insert = ("BEGIN; SET iqm.roles = '{head_office}'; INSERT INTO cluster (id, version, doc) "
                  f"""VALUES ('{key}', 1, '{document}'); """)
        stage.cluster.psql(insert + "ROLLBACK", user="iqm_server")
        assert records(head, resource_id=key) == []
        stage.cluster.psql(insert + "COMMIT", user="iqm_server")
        assert [(*outline(r), r["actor"], r["request_id"])
                for r in records(head, resource_id=key)] == [("database", 1, "done", None, None)]

    def test_a_row_without_a_new_version_is_no_change(self, stage, head, make):
        key = make.school()["id"]
        stage.cluster.psql("SET iqm.roles = '{head_office}'; UPDATE school SET register = '{}' "
                           f"WHERE id = '{key}'", user="iqm_server")
        assert len(records(head, resource_id=key)) == 1

    def test_nothing_in_them_is_personal(self, head, make):
        person = make.person()
        head.patch(f"/v1/people/{person['id']}", {"telephone": "01632 960009"}, match="*")
        text = json.dumps(records(head, resource_id=person["id"]))
        assert confidential.found_in(text) == [] and "960009" not in text

    def test_a_refusal_leaves_one(self, head, reader, make):
        school = make.school()["id"]
        answer = reader.patch(f"/v1/schools/{school}", {"town": "Leeds"}, match="*")
        problem(answer, 403, "forbidden")
        found = records(head, resource_id=school, outcome="denied")
        assert [outline(r) for r in found] == [("patch_school", None, "denied")]
        assert found[0]["actor"] == reader.actor and found[0]["resource"] == "school"
        assert found[0]["request_id"] == answer.header("X-Request-Id")

    @pytest.mark.parametrize("operation, outcome, is_known", [
        ("post_authorization", "done", True), ("post_authorization", "failed", False),
        ("post_authorization", "denied", False), ("create_token", "denied", False),
        ("change_password", "failed", True)])
    def test_a_sign_in_leaves_one(self, stage, people, head, operation, outcome, is_known):
        """Who tried is known where the password was right, or who was signed in already."""
        account, client = people.person("head_office").id, people.app().id
        note_sign_in(stage, account, client, outcome, operation)
        record, = (r for r in records(head, resource_id=account) if r["request_id"] == "noted")
        assert outline(record) == (operation, None, outcome) and record["resource"] == "account"
        assert record["actor"] == (account if is_known else None)
        assert record["client_id"] == client

    def test_a_sign_in_of_nobody_leaves_one(self, stage, people, head):
        client = people.app().id
        note_sign_in(stage, None, client, "failed", "post_authorization")
        found = stage.cluster.psql("SELECT actor, resource_id FROM audit_record WHERE "
                                   f"doc->>'client_id' = '{client}' AND outcome = 'failed'")
        assert found == "|"

    @pytest.mark.parametrize("operation, outcome", [
        ("sign_in", "done"), ("delete_school", "failed"), ("", "failed"), (None, "failed"),
        ("post_authorization", "good"), ("post_authorization", None), ("create_token", "done"),
        ("change_password", "done"), ("change_password", "denied")])
    def test_only_of_what_signs_in(self, stage, people, operation, outcome):
        done = note_sign_in(stage, people.person("head_office").id, None, outcome, operation,
                            check=False)
        assert done.returncode != 0 and "is no sign-in" in done.stderr

    @pytest.mark.parametrize("name", ["account", "client"])
    def test_only_of_accounts_and_clients_there_are(self, stage, people, name):
        known = {"account": people.person("head_office").id, "client": people.app().id}
        done = note_sign_in(stage, **{**known, name: uuid.uuid4()}, outcome="failed",
                            operation="post_authorization", check=False)
        assert done.returncode != 0 and f"no such {name}" in done.stderr

    def test_text_of_a_client_stays_text(self, stage, head):
        key, text = uuid.uuid4(), '","outcome":"done"}\\ \n\t€"'
        stage.cluster.psql(f"SELECT note_denied(NULL, $x${text}$x$, $x${text}$x$, "
                           f"'{key}', $x${text}$x$)", user="iqm_server")
        record, = records(head, resource_id=key)
        assert record["operation"] == record["resource"] == record["request_id"] == text
        assert record["outcome"] == "denied" and record["roles"] == []


class TestReading:
    def test_filters_and_order(self, head, make):
        made = [make.cluster() for _ in range(3)]
        times = [records(head, resource_id=c["id"])[0]["at"] for c in made]
        filters = {"actor": head.actor, "operation": "create_cluster", "resource": "cluster",
                   "outcome": "done", "from": times[0]}
        ours = [c["id"] for c in made]
        for sort, wanted in (("at", ours), ("-at", ours[::-1])):
            found = [r["resource_id"] for r in records(head, sort=sort, **filters)]
            assert [i for i in found if i in ours] == wanted
        assert times[0] not in [r["at"] for r in records(head, **{**filters, "to": times[0]})]
        assert records(head, **{**filters, "actor": uuid.uuid4()}) == []
        assert records(head, **{**filters, "outcome": "failed"}) == []
        assert records(head, **{**filters, "operation": "create"}) == []
        assert records(head, **{**filters, "resource": "school"}) == []

    @pytest.mark.parametrize("sort", ["", "&sort=at", "&sort=-at"])
    def test_pages(self, head, make, sort):
        cluster = make.cluster()
        for region in ("North West", "London", "South East"):
            head.patch(f"/v1/clusters/{cluster['id']}", {"region": region}, match="*")
        target = f"/v1/audit-records?limit=1&resource_id={cluster['id']}{sort}"
        found, page = [], head.get(target).json
        while page["next"]:
            found += page["items"]
            page = head.get(f"{target}&cursor={page['next']}").json
        found += page["items"]
        versions = [record["version"] for record in found]
        assert sorted(versions) == [1, 2, 3, 4]
        assert versions == sorted(versions, reverse="-" in sort)

    @pytest.mark.parametrize("query, name", [
        ("from=2026-01-01T00:00:00Z", "from"), ("from=2026-01-01T00:00:00.0000Z", "from"),
        ("to=2026-01-01T00:00:00.00Z", "to"), ("to=2026-02-30T00:00:00.000Z", "to"),
        ("outcome=good", "outcome"), ("actor=me", "actor"), ("sort=id", "sort"),
        ("cursor=x", "cursor")])
    def test_bad_parameters(self, head, query, name):
        bad_parameter(head.get(f"/v1/audit-records?{query}"), name)

    def test_is_for_head_office(self, reader, scoped):
        problem(reader.get("/v1/audit-records"), 403, "forbidden")
        problem(scoped("schools:read").get("/v1/audit-records"), 403, "insufficient_scope")
        assert scoped("audit:read").get("/v1/audit-records?limit=1").status == 200


class TestOnlyAddedTo:
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("user, mode", [("iqm_owner", ""), ("postgres", ""),
                                            ("postgres", "SET session_replication_role = replica;")])
    @pytest.mark.parametrize("sql", ["DELETE FROM {0}", "TRUNCATE {0}", "UPDATE {0} SET {1} = {1}"])
    def test_even_by_the_owner(self, stage, table, user, mode, sql):
        column = {"audit_record": "doc"}.get(table, "hash")
        done = stage.cluster.psql(mode + sql.format(table, column), user=user, check=False)
        assert done.returncode != 0 and f"{table} can only be added to" in done.stderr

    @pytest.mark.parametrize("table", [*TABLES, "audit_progress"])
    @pytest.mark.parametrize("sql", ["DELETE FROM {0}", "TRUNCATE {0}", "UPDATE {0} SET {1} = {1}",
                                     "INSERT INTO {0} SELECT * FROM {0}", "BEGIN; LOCK TABLE {0}"])
    def test_not_at_all_by_the_server(self, stage, table, sql):
        column = {"audit_record": "doc", "audit_progress": "seen"}.get(table, "hash")
        done = stage.cluster.psql("SET iqm.roles = '{head_office}'; " + sql.format(table, column),
                                  user="iqm_server", check=False)
        assert done.returncode != 0 and "permission denied for table" in done.stderr, done.stderr

    @pytest.mark.parametrize("call", ["record_audit('', '', '', '', '', NULL, 1, '', 'done')",
                                      "seal_records(1)", "audit_end()"])
    def test_nor_by_what_is_the_owners(self, stage, call):
        done = stage.cluster.psql(f"SELECT {call}", user="iqm_server", check=False)
        assert "permission denied for function" in done.stderr

    @pytest.mark.parametrize("roles, seen", [("{head_office}", "t"), ("{client,school}", "f"),
                                             ("", "f")])
    def test_is_seen_by_role(self, stage, make, roles, seen):
        make.cluster()
        assert stage.cluster.psql(f"SET iqm.roles = '{roles}'; SELECT count(*) > 0 "
                                  "FROM audit_record", user="iqm_server") == seen
        for table in TABLES[1:]:
            done = stage.cluster.psql(f"SELECT * FROM {table}", user="iqm_server", check=False)
            assert "permission denied" in done.stderr


# ---- sealing ----

def forget_shipped(scratch):
    """Makes the log as empty as if nothing had been shipped."""
    tables = ("consent_wording", "audit_record")
    scratch.psql("".join(f"""ALTER TABLE {table} DISABLE TRIGGER append_only;
        DELETE FROM {table}; ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;"""
                         for table in tables).replace(
        "DELETE FROM consent_wording", """ALTER TABLE consent_wording DISABLE TRIGGER record_change;
        CREATE POLICY forget ON consent_wording FOR DELETE USING (true);
        DELETE FROM consent_wording; DROP POLICY forget ON consent_wording;
        ALTER TABLE consent_wording ENABLE TRIGGER record_change"""))


@pytest.fixture
def empty(stage):
    with scratch_database(stage) as scratch:
        forget_shipped(scratch)
        yield scratch


def write_some(client, count):
    for _ in range(count):
        assert client.post("/v1/clusters", {"name": f"Cluster {uuid.uuid4()}"}).status == 201


def insert_sql(name):
    return ("SET iqm.roles = '{head_office}'; INSERT INTO cluster (id, version, doc) VALUES "
            f"""(gen_random_uuid(), 1, '{{"name": "{name}"}}')""")


def summary(done):
    """(records, checkpoints, last number) of a verification that found no fault."""
    assert done.returncode == 0 and done.stderr == "", done
    found = re.fullmatch(r"(\d+) records, (\d+) checkpoints, all in order; last number (\d+) hash "
                         r"[0-9a-f]{64}\n", done.stdout)
    return tuple(map(int, found.groups()))


def add_checkpoint(scratch, number, time, check=True):
    """As the server does, of a chain of three; the signature is none."""
    while not is_sealed(scratch) or scratch.psql("SELECT count(*) < 3 FROM audit_seal") == "t":
        scratch.psql(insert_sql(f"one {uuid.uuid4()}"), user="iqm_server")
        scratch.psql("SELECT seal_audit(9)", user="iqm_server")
    link = scratch.psql(f"SELECT hash FROM audit_seal WHERE number = {number}")
    return scratch.psql(f"SELECT add_checkpoint({number}, {time}, '{link}', sha256('k'), "
                        "sha512('s'))", user="iqm_server", check=check)


def is_sealed(scratch):
    return scratch.psql("SELECT (SELECT count(*) FROM audit_record) = "
                        "(SELECT count(*) FROM audit_seal)") == "t"


class TestSealing:
    def test_of_the_shared_database_is_in_order(self, stage, make):
        make.cluster()
        count, checkpoints, number = summary(stage.iqmd("audit", "verify"))
        assert count == number

    def test_comes_within_seconds(self, stage, head, make):
        record, = records(head, resource_id=make.cluster()["id"])
        wait_for(lambda: stage.cluster.psql("SELECT count(*) FROM audit_seal WHERE record_id = "
                                            f"'{record['id']}'") == "1", "the seal")

    def test_of_nothing(self, empty):
        assert summary(empty.iqmd("audit", "verify")) == (0, 0, 0)
        done = empty.iqmd("audit", "checkpoint", check=False)
        assert done.returncode == 1 and "no checkpoint" in done.stderr and done.stdout == ""

    def test_in_rounds(self, empty):
        for name in "abc":
            empty.psql(insert_sql(name), user="iqm_server")
        counts = [empty.psql("SELECT sealed, number FROM seal_audit(2)", user="iqm_server")
                  for _ in range(3)]
        assert counts == ["2|2", "1|3", "0|3"]
        assert summary(empty.iqmd("audit", "verify")) == (3, 0, 3)

    def test_of_what_is_committed_late(self, empty, open_session):
        late = open_session(empty)
        late("BEGIN; " + insert_sql("late"))
        empty.psql(insert_sql("early"), user="iqm_server")
        assert empty.psql("SELECT sealed FROM seal_audit(9)") == "1"
        empty.psql(insert_sql("next"), user="iqm_server")
        assert empty.psql("SELECT sealed FROM seal_audit(9)") == "1"
        late("COMMIT")
        assert empty.psql("SELECT sealed FROM seal_audit(9)") == "1"
        assert empty.psql("SELECT sealed FROM seal_audit(9)") == "0"
        assert summary(empty.iqmd("audit", "verify")) == (3, 0, 3)

    def test_by_one_at_a_time(self, empty, open_session):
        empty.psql(insert_sql("one"), user="iqm_server")
        other = open_session(empty)
        assert other("BEGIN; SELECT sealed FROM seal_audit(9)") == ["1"]
        assert empty.psql("SELECT sealed, number FROM seal_audit(9)") == "0|0"
        other("COMMIT")
        assert empty.psql("SELECT sealed, number FROM seal_audit(9)") == "0|1"

    def test_in_a_copy_whose_transactions_are_numbered_anew(self, empty):
        empty.psql(insert_sql("before"), user="iqm_server")
        empty.psql("SELECT seal_audit(9)")
        empty.psql("UPDATE audit_progress SET seen = '900000000:900000000:'")
        for sealed in ("1", "0"):
            empty.psql(insert_sql("after") if sealed == "1" else "SELECT 1", user="iqm_server")
            assert empty.psql("SELECT sealed FROM seal_audit(9)") == sealed
        assert empty.psql("SELECT pg_snapshot_xmax(seen)::text::int < 900000000 "
                          "FROM audit_progress") == "t"

    def test_a_checkpoint_needs_its_seal(self, empty):
        empty.psql(insert_sql("one"), user="iqm_server")
        empty.psql("SELECT seal_audit(9)")
        for number in (1, 2):
            assert empty.psql(
                f"SELECT add_checkpoint({number}, now(), sha256('x'), sha256('k'), "
                "sha512('s'))", user="iqm_server") == "f"

    def test_in_a_copy_where_a_transaction_was_running(self, empty):
        """Then the oldest number seen may be below those of the copy, and the newest above."""
        empty.psql(insert_sql("before"), user="iqm_server")
        empty.psql("SELECT seal_audit(9)")
        empty.psql("UPDATE audit_progress SET seen = '3:900000000:3'")
        empty.psql(insert_sql("after"), user="iqm_server")
        assert empty.psql("SELECT sealed FROM seal_audit(9)") == "1"
        assert summary(empty.iqmd("audit", "verify")) == (2, 0, 2)

    def test_not_after_a_change_of_its_own(self, empty, open_session):
        """A snapshot takes its own transaction for ended, with all that it has still to write."""
        early = open_session(empty)
        early("BEGIN; " + insert_sql("early"))
        empty.psql(insert_sql("late"), user="iqm_server")
        done = empty.psql("BEGIN; SELECT pg_current_xact_id(); SELECT seal_audit(9); "
                          + insert_sql("own") + "; COMMIT", user="iqm_server", check=False)
        assert done.returncode != 0 and "needs a transaction of its own" in done.stderr
        done = empty.psql("BEGIN; SELECT seal_audit(1); SELECT seal_audit(9)", check=False)
        assert done.returncode != 0 and "needs a transaction of its own" in done.stderr
        early("COMMIT")
        assert empty.psql("SELECT sealed FROM seal_audit(9)") == "2"
        assert summary(empty.iqmd("audit", "verify")) == (2, 0, 2)

    def test_before_changes_of_its_own_and_of_savepoints(self, empty):
        empty.psql(insert_sql("first"), user="iqm_server")
        empty.psql("BEGIN; SAVEPOINT a; SELECT seal_audit(9); SAVEPOINT b; " + insert_sql("second")
                   + "; RELEASE b; RELEASE a; COMMIT", user="iqm_server")
        assert empty.psql("SELECT sealed, number FROM seal_audit(9)") == "1|2"
        assert summary(empty.iqmd("audit", "verify")) == (2, 0, 2)

    @pytest.mark.parametrize("time", [
        "'infinity'", "'-infinity'", "NULL", "clock_timestamp() + interval '61 s'",
        "clock_timestamp() - interval '301 s'", "'0044-03-15 BC'"])
    def test_a_checkpoint_is_of_now(self, empty, time):
        done = add_checkpoint(empty, 1, time, check=False)
        assert done.returncode != 0 and "not the database's" in done.stderr
        assert add_checkpoint(empty, 1, "clock_timestamp() + interval '50 s'") == "t"

    def test_checkpoints_go_forward(self, empty):
        assert add_checkpoint(empty, 2, "now()") == "t"
        assert add_checkpoint(empty, 1, "now()") == "f"
        assert add_checkpoint(empty, 3, "now() - interval '1 min'") == "f"
        assert add_checkpoint(empty, 3, "now()") == "t"

    @pytest.mark.parametrize("time", ["'infinity'", "now() + interval '1 year'", "'-infinity'"])
    def test_a_checkpoint_of_an_odd_time_holds_up_none(self, empty, time):
        with empty.served(empty.token()) as client:
            write_some(client, 1)
            wait_for(lambda: is_sealed(empty), "the first seal")
        empty.psql("INSERT INTO audit_checkpoint SELECT number + 1, " + time + ", hash, hash, "
                   "sha512('s') FROM audit_seal")
        with empty.served(empty.token()) as client:
            write_some(client, 1)
            wait_for(lambda: is_sealed(empty), "the second seal")
            write_some(client, 1)
            wait_for(lambda: empty.psql("SELECT max(number) FROM audit_checkpoint") == "3",
                     "the next checkpoint", 8)

    def test_goes_on_after_a_crash(self, empty):
        token = empty.token()
        server = empty.server().start()
        client = Client(server.port, token)
        write_some(client, 5)
        server.process.kill()
        server.process.wait(30)
        client.close()
        with empty.served(token):
            wait_for(lambda: is_sealed(empty), "what the first server left to be sealed")
        count, checkpoints, number = summary(empty.iqmd("audit", "verify"))
        assert (count, number) == (5, 5) and checkpoints >= 1
        newest = json.loads(empty.iqmd("audit", "checkpoint").stdout)
        assert newest["number"] == 5

    def test_by_two_instances_while_many_write(self, empty, tmp_path):
        token = empty.token()
        servers = [empty.server().start() for _ in range(2)]
        clients = [Client(servers[i % 2].port, token) for i in range(4)]
        writers = [threading.Thread(target=write_some, args=(client, 25)) for client in clients]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        for client in clients:
            client.close()
        for server in servers:
            server.stop()
        log = tmp_path / "log"
        log.write_text("".join(server.log_path.read_text() for server in servers))
        done = empty.iqmd("audit", "verify", "--checkpoint", log)
        count, checkpoints, number = summary(done)
        assert (count, number) == (100, 100)
        logged = [line for server in servers for line in server.find_log(event="audit_checkpoint")]
        assert len(logged) == checkpoints >= 1
        assert max(line["number"] for line in logged) == 100

    def test_goes_on_when_its_connection_is_lost(self, empty):
        with empty.served(empty.token()) as client:
            write_some(client, 1)
            wait_for(lambda: is_sealed(empty), "the first seal")
            assert end_auditor(empty) == "t"
            write_some(client, 1)
            wait_for(lambda: is_sealed(empty), "the second seal", 30)


def end_auditor(scratch):
    """Ends the connection of the thread that seals."""
    return scratch.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        f"application_name = 'iqmd audit' AND datname = '{scratch.name}'",
                        user="postgres")


@pytest.fixture
def open_session():
    """Opens sessions of the server's role that last: call one with SQL to have its rows."""
    made = []

    def start(scratch):
        url = scratch.stage.cluster.url("iqm_server", scratch.name)
        process = subprocess.Popen([programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   bufsize=1)
        made.append(process)

        def run(sql):
            process.stdin.write(f"{sql};\n\\echo done\n")
            rows = []
            for line in process.stdout:
                if line == "done\n":
                    return rows
                rows.append(line.rstrip("\n"))
            raise AssertionError(f"psql gave up on {sql}")
        return run

    yield start
    for process in made:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


# ---- verification ----

@pytest.fixture(scope="module")
def original(stage):
    """Nine records, sealed, and a checkpoint at the sixth and the ninth."""
    with scratch_database(stage) as scratch:
        forget_shipped(scratch)
        token = scratch.token()
        for count in (6, 3):
            with scratch.served(token) as client:
                write_some(client, count)
        yield scratch


@pytest.fixture
def tampered(stage, original):
    with scratch_database(stage, original) as scratch:
        yield scratch


def tamper(scratch, sql):
    """As the owner, who can take the triggers away."""
    switch = "".join(f"ALTER TABLE {table} %s TRIGGER append_only;" for table in TABLES)
    scratch.psql((switch % (("DISABLE",) * 3)) + sql + ";"
                 + (switch % (("ENABLE ALWAYS",) * 3)))


def faults(scratch, *arguments):
    """The lines of a verification that found some."""
    done = scratch.iqmd("audit", "verify", *arguments, check=False)
    assert done.returncode == 1 and done.stdout == "", done
    return done.stderr.splitlines()


RECORD = "id = (SELECT record_id FROM audit_seal WHERE number = {})"
CHANGE = "UPDATE audit_record SET doc = replace(doc::text, '\"done\"', '\"denied\"')::json, " \
         "outcome = 'denied' WHERE " + RECORD
REMOVE = "DELETE FROM audit_record WHERE " + RECORD
# As somebody would who knows how the chain is made, from a number on.
CHAIN_ANEW = """;DO $$ DECLARE link bytea; s record; BEGIN
    SELECT hash INTO link FROM audit_seal WHERE number = {0} - 1;
    FOR s IN SELECT number, id, doc FROM audit_seal JOIN audit_record ON id = record_id
             WHERE number >= {0} ORDER BY number LOOP
        link := sha256(link || uuid_send(s.id) || convert_to(s.doc::text, 'UTF8'));
        UPDATE audit_seal SET hash = link WHERE number = s.number;
    END LOOP; END $$"""
CUT_OFF = "DELETE FROM audit_record WHERE id IN (SELECT record_id FROM audit_seal " \
          "WHERE number > 5); DELETE FROM audit_seal WHERE number > 5"
FORGE = "INSERT INTO audit_record SELECT uuid7(), '3', doc, '2026-01-01T00:00:00.000Z', actor, " \
        "operation, resource, resource_id, outcome FROM audit_record LIMIT 1"

UNKEY = "ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_pkey, " \
        "DROP CONSTRAINT audit_seal_record_id_key;"

TAMPERINGS = {
    "a record changed": (CHANGE.format(4), ["sealed as 4, was changed"]),
    "the last record changed": (CHANGE.format(9), ["sealed as 9, was changed"]),
    "a record removed": (REMOVE.format(4), ["sealed as 4, was removed"]),
    "columns changed": ("UPDATE audit_record SET actor = NULL WHERE " + RECORD.format(2),
                        ["sealed as 2, has columns"]),
    "a seal removed": ("DELETE FROM audit_seal WHERE number = 4", ["seal 4 was removed"]),
    "record and seal removed": (f"{REMOVE.format(4)}; DELETE FROM audit_seal WHERE number = 4",
                                ["seal 4 was removed"]),
    "the first seals removed": ("DELETE FROM audit_seal WHERE number < 4",
                                ["seals 1 to 3 were removed"]),
    "two records swapped": (
        "UPDATE audit_seal SET record_id = uuid7() WHERE number = 2;"
        "UPDATE audit_seal s SET record_id = o.id FROM audit_record o WHERE number = 3 AND o.id ="
        " (SELECT id FROM audit_record WHERE id NOT IN (SELECT record_id FROM audit_seal));"
        "UPDATE audit_seal s SET record_id = o.id FROM audit_record o WHERE number = 2 AND o.id ="
        " (SELECT id FROM audit_record WHERE id NOT IN (SELECT record_id FROM audit_seal))",
        ["sealed as 2, was changed or moved", "sealed as 3, was changed or moved"]),
    "the chain made anew": (CHANGE.format(7) + CHAIN_ANEW.format(7),
                            ["checkpoint 9 does not match"]),
    "the chain made anew from the middle": (
        CHANGE.format(5) + CHAIN_ANEW.format(5),
        ["checkpoint 6 does not match", "checkpoint 9 does not match"]),
    "the end cut off": (CUT_OFF, ["checkpoint 6 has no seal", "checkpoint 9 has no seal"]),
    "a checkpoint's time changed": (
        "UPDATE audit_checkpoint SET at = at + interval '1 ms' WHERE number = 9",
        ["checkpoint 9 has a signature that is not its own"]),
    "a checkpoint's signature changed": (
        "UPDATE audit_checkpoint SET signature = set_byte(signature, 5, "
        "get_byte(signature, 5) # 1) WHERE number = 9",
        ["checkpoint 9 has a signature that is not its own"]),
    "a checkpoint of another key": (
        "UPDATE audit_checkpoint SET public_key = sha256('x') WHERE number = 9",
        ["checkpoint 9 is signed with another key"]),
    "a record slipped in": (FORGE, ["is not sealed"]),
    "a record slipped in that is of tomorrow": (
        FORGE.replace("2026-01-01T00:00:00.000Z", "9999-01-01T00:00:00.000Z"), ["is not sealed"]),
    "a record slipped in without a time": (
        "ALTER TABLE audit_record ALTER at DROP NOT NULL;"
        + FORGE.replace("'2026-01-01T00:00:00.000Z'", "NULL"), ["is not sealed"]),
    "the last seal emptied": (
        "ALTER TABLE audit_seal ALTER hash DROP NOT NULL; DELETE FROM audit_checkpoint "
        "WHERE number = 9; UPDATE audit_seal SET hash = NULL WHERE number = 9;"
        + CHANGE.format(9), ["sealed as 9, was changed"]),
    "a seal without a number": (
        UNKEY + "ALTER TABLE audit_seal ALTER number DROP NOT NULL; DELETE FROM audit_checkpoint "
        "WHERE number = 9; UPDATE audit_seal SET number = NULL WHERE number = 9;"
        + FORGE, ["seal without a number", "is not sealed"]),
    "a seal twice": (
        UNKEY + "INSERT INTO audit_seal SELECT * FROM audit_seal WHERE number = 4",
        ["seal 4 is one too many"]),
    "a seal before the first": (
        "ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_number_check; " + FORGE
        + "; INSERT INTO audit_seal SELECT 0, r.id, sha256('x') FROM audit_record r WHERE NOT EXISTS "
        "(SELECT FROM audit_seal WHERE record_id = r.id)", ["seal 0 is one too many"]),
    "a checkpoint put off to the end of time": (
        "UPDATE audit_checkpoint SET at = 'infinity' WHERE number = 6",
        ["checkpoint 6 is not of the form"]),
    "a checkpoint put back to the beginning of time": (
        "UPDATE audit_checkpoint SET at = '-infinity' WHERE number = 6;" + CHANGE.format(6),
        ["sealed as 6, was changed", "checkpoint 6 is not of the form"]),
    "a checkpoint without a time": (
        "ALTER TABLE audit_checkpoint ALTER at DROP NOT NULL; "
        "UPDATE audit_checkpoint SET at = NULL WHERE number = 9",
        ["checkpoint 9 is not of the form"]),
}


def sign_at(scratch, number, at):
    """Gives a checkpoint another time, as one could who has the key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(scratch.stage.signing_key))
    link = scratch.psql(f"SELECT encode(hash, 'hex') FROM audit_seal WHERE number = {number}")
    signature = key.sign(f"iqm-audit-checkpoint-1\n{number}\n{link}\n{at}".encode()).hex()
    tamper(scratch, f"UPDATE audit_checkpoint SET at = '{at}', signature = '\\x{signature}' "
           f"WHERE number = {number}")


class TestVerification:
    @pytest.mark.parametrize("name", TAMPERINGS)
    def test_finds(self, tampered, name):
        sql, wanted = TAMPERINGS[name]
        tamper(tampered, "DELETE FROM audit_checkpoint WHERE number NOT IN (6, 9)")
        assert summary(tampered.iqmd("audit", "verify")) == (9, 2, 9)
        tamper(tampered, sql)
        found = faults(tampered)
        assert len(found) == len(wanted), found
        for line, words in zip(found, wanted):
            assert words in line

    @pytest.mark.parametrize("number, at, words", [
        (6, "2999-01-01T00:00:00.000Z",
         ["checkpoint 6 is of a time to come", "checkpoint 9 is of a time before"]),
        (9, "2999-01-01T00:00:00.000Z", ["checkpoint 9 is of a time to come"]),
        (9, "2001-01-01T00:00:00.000Z", ["checkpoint 9 is of a time before"])])
    def test_finds_times_that_cannot_be(self, tampered, number, at, words):
        tamper(tampered, "DELETE FROM audit_checkpoint WHERE number NOT IN (6, 9)")
        sign_at(tampered, number, at)
        found = faults(tampered)
        assert len(found) == len(words), found
        for line, part in zip(found, words):
            assert part in line

    @pytest.mark.parametrize("settings", [{"PGCLIENTENCODING": "LATIN1"}, {"PGTZ": "Asia/Tokyo"}])
    def test_whatever_the_session_has_set(self, tampered, settings):
        tampered.psql("SELECT note_denied(NULL, 'caf\u00e9', NULL, NULL, NULL)", user="iqm_server")
        tampered.psql("SELECT seal_audit(9)")
        assert summary(tampered.iqmd("audit", "verify", settings=settings))[0] == 10

    def test_names_the_record(self, tampered):
        key = tampered.psql("SELECT record_id FROM audit_seal WHERE number = 4")
        tamper(tampered, CHANGE.format(4))
        assert key in faults(tampered)[0]

    def test_finds_what_was_cut_off_with_its_checkpoints(self, tampered, tmp_path):
        kept = tmp_path / "kept"
        kept.write_text(tampered.iqmd("audit", "checkpoint").stdout)
        assert summary(tampered.iqmd("audit", "verify", "--checkpoint", kept))[0] == 9
        tamper(tampered, f"{CUT_OFF}; DELETE FROM audit_checkpoint WHERE number > 5")
        assert summary(tampered.iqmd("audit", "verify"))[0] == 5
        line, = faults(tampered, "--checkpoint", kept)
        assert "checkpoint 9 kept elsewhere has no seal" in line

    def test_finds_a_chain_made_anew_with_its_checkpoints(self, tampered, tmp_path):
        kept = tmp_path / "kept"
        kept.write_text(tampered.iqmd("audit", "checkpoint").stdout)
        tamper(tampered, CHANGE.format(5) + CHAIN_ANEW.format(5)
               + "; DELETE FROM audit_checkpoint WHERE number > 4")
        assert summary(tampered.iqmd("audit", "verify"))[0] == 9
        line, = faults(tampered, "--checkpoint", kept)
        assert "checkpoint 9 kept elsewhere does not match" in line

    def test_finds_that_a_checkpoint_was_removed(self, tampered, tmp_path):
        kept = tmp_path / "kept"
        kept.write_text(tampered.iqmd("audit", "checkpoint").stdout)
        tamper(tampered, "DELETE FROM audit_checkpoint WHERE number = 9")
        line, = faults(tampered, "--checkpoint", kept)
        assert "checkpoint 9 kept elsewhere was removed" in line

    def test_trusts_the_keys_it_is_told(self, tampered):
        other = {"IQM_SIGNING_KEY": "6b" * 32}
        key = tampered.iqmd("audit", "public-key", settings=other).stdout.strip()
        assert re.fullmatch("[0-9a-f]{64}", key)
        with tampered.served(tampered.token(), **other) as client:
            write_some(client, 1)
        assert any("checkpoint 10 is signed with another key" in line
                   for line in faults(tampered))
        assert summary(tampered.iqmd("audit", "verify", "--public-key", key))[0] == 10
        ours = tampered.iqmd("audit", "public-key").stdout.strip()
        keyless = {"IQM_SIGNING_KEY": ""}
        assert summary(tampered.iqmd("audit", "verify", "--public-key", key, "--public-key", ours,
                                     settings=keyless))[0] == 10

    def test_is_the_owners(self, tampered):
        url = {"IQM_OWNER_DATABASE_URL": tampered.settings["IQM_DATABASE_URL"]}
        done = tampered.iqmd("audit", "verify", settings=url, check=False)
        assert done.returncode == 1 and "permission denied" in done.stderr and done.stdout == ""


class TestCommand:
    @pytest.mark.parametrize("arguments", [
        (), ("steal",), ("verify", "x"), ("verify", "--fast"), ("verify", "--public-key", "abc"),
        ("verify", "--public-key", "z" * 64), ("verify", "--public-key"), ("checkpoint", "x"),
        ("public-key", "x"), ("verify", "--checkpoint", "/nonexistent"),
        ("verify", "--checkpoint", "/dev/null")])
    def test_wrong_usage(self, stage, arguments):
        done = stage.iqmd("audit", *arguments, check=False)
        assert done.returncode == 2 and done.stderr and done.stdout == ""

    def test_a_broken_checkpoint(self, stage, tmp_path):
        (tmp_path / "kept").write_text('{"number": 1, "signature": "00"}\n')
        done = stage.iqmd("audit", "verify", "--checkpoint", tmp_path / "kept", check=False)
        assert done.returncode == 2 and "not whole" in done.stderr

    @pytest.mark.parametrize("action", ["verify", "public-key"])
    def test_without_a_key(self, stage, action):
        done = stage.iqmd("audit", action, settings={"IQM_SIGNING_KEY": ""}, check=False)
        assert done.returncode == 2 and "IQM_SIGNING_KEY" in done.stderr

    def test_the_newest_checkpoint(self, original):
        newest = json.loads(original.iqmd("audit", "checkpoint").stdout)
        assert list(newest) == ["number", "at", "hash", "public_key", "signature"]
        assert newest["number"] == 9
        assert newest["public_key"] == original.iqmd("audit", "public-key").stdout.strip()


def test_every_table_of_documents_is_audited(stage):
    """Those with versions and history; imports of the register report themselves. So do ledgers,
    which functions add to."""
    ledgers = {"consent_record", "consent_wording", "erasure", "retention_sweep"}
    audited = set(stage.cluster.psql("SELECT tgrelid::regclass FROM pg_trigger WHERE tgfoid = "
                                     "'record_change'::regproc").split())
    written = {node["x-resource"] for path in DOCUMENT["paths"].values()
               for method, node in path.items() if method != "parameters"
               and node.get("x-action") in ("create", "put", "patch", "delete")}
    assert written | ledgers == audited
