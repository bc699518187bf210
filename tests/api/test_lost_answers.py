"""What happens between a request and its answer: killed servers, databases that go away, clients that
do. Sent again with its Idempotency-Key, each is done once."""

import shutil
import signal
import uuid

import pytest

from support.client import Client, Stream, read_response, record
from support.cluster import Cluster
from support.holding import holding
from support.places import run_dir, wait_for
from support.repeats import HEADER, new_key, records, same_answer
from support.scratch import scratch_database
from support.stage import Stage

COLLECTION = "/v1/clusters"


def records_of(scratch):
    return int(scratch.psql("SELECT count(*) FROM idempotency_record "
                            "WHERE operation = 'create_cluster'", user="postgres"))


def send_and_forget(port, token, target, body, key):
    """A request on a connection of its own, whose answer nobody has read yet."""
    stream = Stream("127.0.0.1", port)
    stream.send((f"POST {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                 f"Content-Type: application/json\r\n{HEADER}: {key}\r\n"
                 f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
    return stream


class TestSentAgain:
    @pytest.fixture(scope="class")
    def scratch(self, stage):
        with scratch_database(stage) as scratch:
            yield scratch

    @pytest.fixture(scope="class")
    def token(self, scratch):
        return scratch.token()

    def resend(self, scratch, token, asked):
        """To a new server; each is answered in the end, and is there once."""
        with scratch.served(token) as head:
            for name, (key, body) in asked.items():
                response = wait_for(lambda: (answer := head.post(
                    COLLECTION, body=body, headers={HEADER: key, "Content-Type": "application/json"})
                    ).status == 201 and answer, "the key to be free")
                assert response.json["name"] == name
            rows = scratch.psql("SELECT count(*), count(DISTINCT doc->>'name') FROM cluster",
                                user="postgres")
            total, different = map(int, rows.split("|"))
            assert total == different
            assert records_of(scratch) == total

    def asked(self, count):
        names = [f"Cluster {uuid.uuid4()}" for _ in range(count)]
        return {name: (new_key(), b'{"name": "%s"}' % name.encode()) for name in names}

    def test_the_server_is_killed(self, scratch, token):
        """In the middle of many: some are done, some are not, nobody knows which."""
        for _ in range(3):
            asked = self.asked(40)
            server = scratch.server().start()
            before = records_of(scratch)
            streams = [send_and_forget(server.port, token, COLLECTION, body, key)
                       for key, body in asked.values()]
            wait_for(lambda: records_of(scratch) > before, "some to be done")
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(30)
            for stream in streams:
                stream.close()
            self.resend(scratch, token, asked)

    def test_a_transaction_outlives_its_server(self, scratch, token, stage):
        """PostgreSQL goes on with what it has been sent: the key is in use until that is over."""
        asked = self.asked(1)
        (key, body), = asked.values()
        server = scratch.server().start()
        with holding(stage.cluster, "LOCK TABLE cluster IN SHARE MODE", database=scratch.name):
            stream = send_and_forget(server.port, token, COLLECTION, body, key)
            wait_for(lambda: int(stage.cluster.psql(
                "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
                f"WHERE d.datname = '{scratch.name}' AND NOT l.granted", database="postgres")) > 0,
                "the creation to wait")
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(30)
            stream.close()
        self.resend(scratch, token, asked)

    def test_the_database_goes_away(self, scratch, token, stage):
        """Its connections are cut at any moment: 503, or done."""
        asked = self.asked(60)
        with scratch.served(token) as head:
            streams = {}
            for number, (name, (key, body)) in enumerate(asked.items()):
                streams[name] = send_and_forget(head.port, token, COLLECTION, body, key)
                if number % 20 == 10:
                    stage.cluster.psql(f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = '{scratch.name}' AND application_name LIKE 'iqmd %'""",
                                       database="postgres")
            for name, stream in streams.items():
                answer = read_response(stream, "POST")
                record("POST", COLLECTION, [("Authorization", "…"), (HEADER, asked[name][0])],
                       asked[name][1], answer)
                assert answer.status in (201, 503), answer
                stream.close()
        self.resend(scratch, token, asked)

    def test_the_client_goes_away(self, scratch, token):
        asked = self.asked(30)
        with scratch.served(token) as head:
            for key, body in asked.values():
                send_and_forget(head.port, token, COLLECTION, body, key).close()
        self.resend(scratch, token, asked)

    def test_an_upload_is_cut_off(self, scratch, token):
        """Half a file is no request yet: the key is free, also for another one."""
        key, data = new_key(), b"URN,EstablishmentName\r\n100001,School\r\n"
        with scratch.served(token) as head:
            stream = Stream("127.0.0.1", head.port)
            stream.send((f"POST /v1/imports/register HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}"
                         f"\r\nContent-Type: text/csv\r\n{HEADER}: {key}\r\nContent-Length: 500\r\n\r\n"
                         ).encode() + data)
            stream.close()
            options = {"body": data, "headers": {HEADER: key, "Content-Type": "text/csv"}}
            first = head.post("/v1/imports/register", **options)
            assert first.status == 202 and first.header("Idempotency-Replayed") is None
            path = first.header("Location")
            wait_for(lambda: head.get(path).json["status"] in ("succeeded", "failed"),
                     "the import")
            again = head.post("/v1/imports/register", **options)
            assert same_answer(first, again)
            assert scratch.psql("SELECT count(*) FROM register_import", user="postgres") == "1"


def test_the_database_is_restarted(make):
    """A whole PostgreSQL of its own, stopped without a word and started again."""
    cluster = Cluster(run_dir() / f"restarted{make.number()}")
    stage = Stage(cluster).prepare()
    asked = {f"Cluster {n}": (new_key(), b'{"name": "Cluster %d"}' % n) for n in range(60)}
    server = stage.server().start()
    try:
        token = stage.issue_token("restart")
        cluster.psql("CHECKPOINT", user="postgres")  # it need not last otherwise, where nothing is synchronous
        streams = [send_and_forget(server.port, token, COLLECTION, body, key)
                   for key, body in asked.values()]
        wait_for(lambda: records(stage, "true") > 0, "some to be done")
        cluster.stop("immediate")
        cluster.start()
        for stream, (key, body) in zip(streams, asked.values()):
            answer = read_response(stream, "POST")
            record("POST", COLLECTION, [("Authorization", "…"), (HEADER, key)], body, answer)
            assert answer.status in (201, 503), answer
            stream.close()
        client = Client(server.port, token)
        for name, (key, body) in asked.items():
            done = wait_for(lambda: (answer := client.post(
                COLLECTION, body=body, headers={HEADER: key, "Content-Type": "application/json"})
                ).status == 201 and answer, "it to be done")
            assert done.json["name"] == name
        client.close()
        assert cluster.psql("SELECT count(*), count(DISTINCT doc->>'name') FROM cluster") == "60|60"
    finally:
        server.stop()
        cluster.stop("immediate")
        shutil.rmtree(server.directory)
        shutil.rmtree(cluster.directory)
