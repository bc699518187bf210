"""Signals and starts: stopping loses no request under way, and a start that cannot be says why."""
import contextlib
import html
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import uuid

import pytest

import places
from support.places import wait_for
from wire import Closed

DRAIN = 60   # none of what a test waits for takes so long unless it waits for this
MARGIN = 15  # for a slow machine under sanitizers, which look for leaks at the end
FOR_EVER = str(60_000)  # ms that a session with PostgreSQL may say nothing


@pytest.fixture
def serve(calm_cluster, new_server):
    def make(**settings):
        return new_server(calm_cluster, IQM_DRAIN_TIMEOUT=str(DRAIN), **settings).ready()
    return make


def send_alone(server, data):
    """A request that is surely under way: no other is."""
    wait_for(lambda: server.metric("iqm_requests_active") == 0, "nothing else is under way")
    wire = server.wire().send(data)
    wait_for(lambda: server.metric("iqm_requests_active") == 1, "it is under way")
    return wire


class Held:
    """A change for whose session PostgreSQL does nothing: under way until it is let go. A lock would not
    do: the server gives up a wait for one after a second."""

    def __init__(self, server):
        self.server = server
        self.record = server.create(notes="before")
        self.writers = [int(pid) for [pid] in server.cluster.sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'iqmd write'")]
        self.signal(signal.SIGSTOP)
        self.wire = send_alone(server, server.request(
            "PATCH", f"/v1/clusters/{self.record['id']}", {"notes": "after"}, {"If-Match": '"1"'}))

    def signal(self, number):
        for pid in self.writers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def let_go(self):
        self.signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()
        self.wire.sock.close()


@pytest.fixture
def serve_apart(new_cluster, new_server):
    """On a PostgreSQL of its own, so that what is held there is this server's; it waits for that."""
    def make(**settings):
        return new_server(new_cluster(), IQM_DATABASE_TIMEOUT=FOR_EVER, **settings).ready()
    return make


def is_closed_to_newcomers(server):
    try:
        with server.wire() as wire:
            wire.send(server.head("GET", "/healthz")).read()
            return False
    except (ConnectionRefusedError, ConnectionResetError, Closed):
        return True


def test_a_request_under_way_is_answered(serve_apart):
    server = serve_apart(IQM_DRAIN_TIMEOUT=str(DRAIN))
    with Held(server) as held:
        server.signal(signal.SIGTERM)
        wait_for(lambda: is_closed_to_newcomers(server), "newcomers are turned away")
        assert server.process.poll() is None
        held.let_go()
        answer = held.wire.read().check()
        assert answer.status == 200 and answer.get("Connection").lower() == "close", answer
        assert held.wire.ended()
    assert server.process.wait(MARGIN) == 0
    server.stop()


def test_more_signals_do_no_harm(serve_apart):
    server = serve_apart(IQM_DRAIN_TIMEOUT=str(DRAIN))
    with Held(server) as held:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server.signal(number)
        wait_for(lambda: is_closed_to_newcomers(server), "newcomers are turned away")
        server.signal(signal.SIGTERM)
        held.let_go()
        assert held.wire.read().check().status == 200
    assert server.process.wait(MARGIN) == 0
    server.stop()


def test_draining_ends_at_its_deadline(serve_apart):
    server = serve_apart(IQM_DRAIN_TIMEOUT="1")
    with Held(server) as held:
        server.signal(signal.SIGTERM)
        try:
            assert held.wire.read().check().status == 503
        except Closed:
            pytest.fail("closed without an answer")
        assert server.process.wait(1 + MARGIN) == 0
        held.let_go()
        wait_for(lambda: server.cluster.sql(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'iqmd write'") == [],
            "the session is gone, and its change with it")
        stored = server.cluster.sql("SELECT version, doc->>'notes' FROM cluster"
                                    f" WHERE id = '{held.record['id']}'")
        assert stored == [["1", "before"]]
    server.stop()


def sign_in_form(server):
    """The head and the fields of a form to sign in with, but for the name: each costs a hash."""
    client = server.ask("POST", "/v1/clients", {
        "name": f"App {uuid.uuid4()}", "kind": "public", "redirect_uris": ["https://app.example/"],
        "scopes": ["schools:read"], "origins": []}).json["id"]
    target = "/oauth/authorize?" + urllib.parse.urlencode({
        "response_type": "code", "client_id": client, "code_challenge": "A" * 43,
        "code_challenge_method": "S256"})
    page = server.ask("GET", target).body.decode()
    token = html.unescape(re.search(r'name="form_token" value="([^"]+)"', page)[1])

    def make(name):
        body = urllib.parse.urlencode({"email": name, "password": "x", "decision": "allow",
                                       "form_token": token}).encode()
        return server.head("POST", target, {
            "Origin": f"http://127.0.0.1:{server.port}", "Content-Length": len(body),
            "Content-Type": "application/x-www-form-urlencoded"}, token=False) + body
    return make


def test_passwords_that_wait_do_not_outlast_the_deadline(calm_cluster, new_server):
    """All of them take far longer than there is time; one that is begun ends, and those behind it are
    told so instead of being compared."""
    server = new_server(calm_cluster, IQM_DRAIN_TIMEOUT="1", IQM_PASSWORD_THREADS="1",
                        IQM_PASSWORD_MEMORY="64", IQM_PASSWORD_PASSES="4",
                        IQM_LIMIT_SIGN_IN="0").ready()
    form = sign_in_form(server)
    wires = [server.wire(patience=60).send(form(f"nobody{i}@nowhere.example")) for i in range(40)]
    wait_for(lambda: server.metric("iqm_requests_active") >= 30, "they wait")
    server.signal(signal.SIGTERM)
    statuses = [wire.read().status for wire in wires]
    assert server.process.wait(1 + MARGIN) == 0
    assert set(statuses) <= {403, 503} and statuses.count(503) > 20, statuses
    for wire in wires:
        wire.sock.close()
    server.stop()


def test_idle_connections_do_not_delay_stopping(serve):
    server = serve()
    idle = [server.wire() for _ in range(50)]
    for wire in idle[::2]:
        server.ask("GET", "/healthz", wire=wire)
    server.signal(signal.SIGTERM)
    assert server.process.wait(MARGIN) == 0
    for wire in idle:
        with wire:
            assert wire.ended()
    server.stop()


class Client(threading.Thread):
    """Asks one thing after the other; notes what it had sent and got no answer for."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.answered, self.unanswered, self.wrong = server, 0, None, None

    def run(self):
        try:
            with self.server.wire() as wire:
                while True:
                    self.unanswered = time.monotonic()
                    answer = self.server.ask("GET", "/v1/clusters?limit=3", wire=wire)
                    self.unanswered = None
                    self.answered += 1
                    if (answer.get("Connection") or "").lower() == "close":
                        return
        except (Closed, OSError) as end:
            self.wrong = end.args[0] if isinstance(end, Closed) and end.args[0] else None
        except Exception as problem:  # told to the test, which fails with it
            self.wrong = problem


def test_stopping_under_load(serve):
    server = serve()
    clients = [Client(server) for _ in range(16)]
    for client in clients:
        client.start()
    wait_for(lambda: all(client.answered > 20 for client in clients), "all clients are served", DRAIN)
    told = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.process.wait(MARGIN) == 0
    for client in clients:
        client.join(MARGIN)
        assert client.wrong is None, client.wrong
        # Sent before the signal: it was under way, and had a right to its answer.
        assert client.unanswered is None or client.unanswered >= told, told - client.unanswered
    server.stop()


def test_requests_that_come_while_it_ends(serve):
    """On connections that are open: too late, but nothing that the parser could stumble over."""
    server = serve(IQM_WORKERS="1", IQM_WRITE_CONNECTIONS="64")  # so many take a while to close
    wires = [server.wire() for _ in range(300)]
    for wire in wires:
        server.ask("GET", "/healthz", wire=wire)
    request = server.head("GET", "/v1/clusters?limit=1")
    server.signal(signal.SIGTERM)
    for wire in wires:
        if server.process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            wire.send(request)
        time.sleep(0.003)  # a pace, at which none is under way now and then
    assert server.process.wait(MARGIN) == 0
    for wire in wires:
        wire.sock.close()
    server.stop()


def test_hangup_changes_nothing(serve):
    server = serve()
    with server.wire() as wire:
        for _ in range(3):
            assert server.ask("GET", "/v1/clusters?limit=1", wire=wire).status == 200
            server.signal(signal.SIGHUP)
        wait_for(lambda: any(entry["event"] == "hangup_ignored"
                                         for entry in server.log()), "it is noted")
        assert server.ask("GET", "/v1/clusters?limit=1", wire=wire).status == 200
    server.is_well()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_without_anything_to_do(serve, number):
    server = serve()
    server.signal(number)
    assert server.process.wait(MARGIN) == 0
    server.stop()
    events = [entry["event"] for entry in server.log()]
    assert "stopping" in events and events[-1] == "stopped", events


def test_stopping_while_the_database_is_away(new_cluster, new_server):
    cluster = new_cluster()
    server = new_server(cluster, IQM_DRAIN_TIMEOUT="1").ready()
    cluster.stop()
    assert server.ask("GET", "/healthz").status == 200
    server.signal(signal.SIGTERM)
    assert server.process.wait(1 + MARGIN) == 0
    server.stop()


def test_stopping_while_the_database_is_frozen(new_cluster, new_server):
    cluster = new_cluster()
    server = new_server(cluster, IQM_DRAIN_TIMEOUT="1", IQM_DATABASE_TIMEOUT=FOR_EVER).ready()
    cluster.freeze()
    with send_alone(server, server.head("GET", "/v1/clusters")) as wire:
        server.signal(signal.SIGTERM)
        assert wire.read().check().status == 503
        assert server.process.wait(1 + MARGIN) == 0
    server.stop()


# ---- starts that cannot be ----

def attempt(server, seconds=2 * MARGIN):
    """Status and words of a start that should fail."""
    server.begin()
    status = server.process.wait(seconds)
    server.judged = True
    words = server.errors() + (server.directory / "log").read_text()
    assert "Sanitizer" not in words and "runtime error:" not in words, words
    return status, words


@pytest.fixture
def taken_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield str(sock.getsockname()[1])


@pytest.mark.parametrize("name", ["IQM_PORT", "IQM_METRICS_PORT"])
def test_a_taken_port(calm_cluster, new_server, taken_port, name):
    status, words = attempt(new_server(calm_cluster, **{name: taken_port}))
    assert status == 1 and "listen" in words, (status, words)
    assert taken_port in words, f"which port? {words}"


def test_the_port_of_another_server(calm_cluster, calm_server, new_server):
    status, words = attempt(new_server(calm_cluster, IQM_PORT=str(calm_server.port)))
    assert status == 1 and str(calm_server.port) in words, (status, words)
    calm_server.is_well()


BAD_SETTINGS = [("IQM_PORT", "http"), ("IQM_PORT", "65536"), ("IQM_PORT", "-1"), ("IQM_PORT", ""),
                ("IQM_PORT", "80 "), ("IQM_WORKERS", "257"), ("IQM_BODY_MAX", "1e6"),
                ("IQM_LOG", "debug"), ("IQM_TOKEN_KEY", "abc"), ("IQM_TOKEN_KEY", "zz" * 32),
                ("IQM_TOKEN_KEY", "5a" * 33), ("IQM_TOKEN_KEY", ""), ("IQM_DATABASE_URL", ""),
                ("IQM_SIGNING_KEY", "abc"), ("IQM_SIGNING_KEY", "zz" * 32), ("IQM_SIGNING_KEY", ""),
                ("IQM_DATABASE_TIMEOUT", "99"), ("IQM_DATABASE_TIMEOUT", "9" * 30)]


@pytest.mark.parametrize("name,value", BAD_SETTINGS)
def test_a_bad_setting(calm_cluster, new_server, name, value):
    status, words = attempt(new_server(calm_cluster, **{name: value}))
    assert status == 2 and name in words, (status, words)
    assert not value or len(value) < 32 or value not in words, "a secret is not for the log"


def test_several_bad_settings_are_told_at_once(calm_cluster, new_server):
    status, words = attempt(new_server(calm_cluster, IQM_PORT="x", IQM_WORKERS="y"))
    assert status == 2 and "IQM_PORT" in words and "IQM_WORKERS" in words


@pytest.mark.parametrize("address", ["localhost.example", "300.1.1.1", "192.0.2.1", ""])
def test_an_address_that_is_not_ours(calm_cluster, new_server, address):
    status, words = attempt(new_server(calm_cluster, IQM_LISTEN=address))
    assert status in (1, 2) and "listen" in words.lower(), (status, words)


def test_a_key_file(calm_cluster, new_server, tmp_path):
    server = new_server(calm_cluster, IQM_TOKEN_KEY_FILE=str(tmp_path / "key"))
    del server.environment["IQM_TOKEN_KEY"]
    status, words = attempt(server)
    assert status == 2 and "IQM_TOKEN_KEY_FILE" in words, (status, words)
    (tmp_path / "key").write_text(places.TOKEN_KEY + "\n")
    assert server.ready().ask("GET", "/v1/clusters?limit=1").status == 200


@pytest.mark.parametrize("command", [["migrate"], ["check"], ["token", "list"]])
def test_a_database_that_is_not_there(calm_cluster, command):
    done = calm_cluster.iqmd(*command, check=False,
                             IQM_OWNER_DATABASE_URL="host=/nonexistent dbname=iqm")
    assert done.returncode == 1 and "database" in done.stderr.lower(), done
    assert len(done.stderr.strip()) > 20 and done.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["serve", "now"], ["token"], ["import"]])
def test_a_wrong_command_line(calm_cluster, arguments):
    done = calm_cluster.iqmd(*arguments, check=False)
    assert done.returncode == 2 and done.stdout == "", done
    assert "Usage: iqmd" in done.stderr or "--help says how it is used" in done.stderr, done


def test_a_database_that_was_never_migrated(new_cluster, new_server):
    """It starts, says why it is not ready, and is as soon as somebody migrates."""
    cluster = new_cluster()
    cluster.sql("UPDATE migration SET number = number - 1000 WHERE number ="
                " (SELECT max(number) FROM migration)")
    server = new_server(cluster).start()
    wait_for(lambda: "migrate" in server.ask("GET", "/readyz").body.decode(), "it knows")
    assert server.ask("GET", "/healthz").status == 200
    cluster.sql("UPDATE migration SET number = number + 1000 WHERE number < 0")
    wait_for(lambda: server.ask("GET", "/readyz").status == 200, "it is ready")
    cluster.sql("INSERT INTO migration (number, name, checksum) VALUES (9000, 'of the next', 'x')")
    assert server.ask("GET", "/readyz").status == 200  # the database may be a step ahead



def test_a_log_that_nobody_reads_stops_nothing(calm_cluster, new_server):
    """The reader of its standard output stalls: the pipe is full after some hundred requests."""
    server = new_server(calm_cluster)
    reader, writer = os.pipe()
    try:
        server.process = subprocess.Popen([server.program, "serve"], stdout=writer,
                                          stderr=subprocess.DEVNULL, env=server.environment)
        os.close(writer)
        line = b""
        while b'"listening"' not in line:
            piece = os.read(reader, 4096)
            assert piece, "it ended before it listened"
            line += piece
        server.port = json.loads(line.splitlines()[-1])["port"]
        with server.wire() as wire:
            for _ in range(2000):
                assert server.ask("GET", "/healthz", wire=wire).status == 200
        server.signal(signal.SIGTERM)
        assert server.process.wait(MARGIN) == 0
        server.judged = True
    finally:
        os.close(reader)
        if server.process.poll() is None:
            server.process.kill()
