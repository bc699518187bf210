"""Clients that send or read a byte now and then. Each holds its own connection until the deadline
and nothing else: no database session, no thread, nobody's turn."""
import json
import threading
import time
import uuid

import pytest

from wire import Closed
from support.places import wait_for

IDLE, REQUEST = 2, 5
# The server looks every second; the rest is for a slow machine under sanitizers. Where no deadline is
# set there are far longer ones.
MARGIN = 10
EVERY = 0.4
CLIENTS = 8
PAGES = 8


@pytest.fixture(scope="module")
def server(calm_cluster):
    from server import Server
    server = Server(calm_cluster, {"IQM_REQUEST_TIMEOUT": str(REQUEST),
                                   "IQM_IDLE_TIMEOUT": str(IDLE)})
    try:
        yield server.ready()
        server.stop()
    finally:
        server.remove()


def held_sessions(cluster):
    rows = cluster.sql("SELECT pid, state, query FROM pg_stat_activity WHERE application_name"
                       " LIKE 'iqmd%' AND state LIKE '%transaction%'")
    return [row for row in rows if row]


def drip_all(server, head, body, seconds):
    """Seconds until each of some clients was closed, sending head at once and body slowly."""
    took = []

    def one():
        with server.wire() as wire:
            wire.send(head)
            took.append(wire.drip(body, EVERY, seconds))
    threads = [threading.Thread(target=one) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    return threads, took


def others_are_served(server, threads):
    """Ordinary requests while slow ones go on, and no session in a transaction for those. Behind one of
    them they would wait for nearly all of its time."""
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        started = time.monotonic()
        assert server.ask("GET", "/v1/clusters?limit=1").status == 200
        slowest = max(slowest, time.monotonic() - started)
        threads[0].join(0.05)
    assert held_sessions(server.cluster) == []
    assert slowest < REQUEST / 2, slowest


def slow_case(server, head, body, limit):
    threads, took = drip_all(server, head, body, limit + 10)
    others_are_served(server, threads)
    assert len(took) == CLIENTS and max(took) < limit, (took, limit)


def test_slow_head(server):
    head = server.head("GET", "/v1/clusters", {"X-Long": "y" * 500})
    slow_case(server, head[:10], head[10:], IDLE + REQUEST + MARGIN)


def test_slow_fields(server):
    head = server.head("GET", "/v1/clusters", {"X-Long": "y" * 500})
    slow_case(server, head[:60], head[60:], REQUEST + MARGIN)


def test_slow_body(server):
    name = f"Slow {uuid.uuid4()}"
    whole = server.request("POST", "/v1/clusters", {"name": name, "notes": "y" * 500})
    split = whole.index(b"\r\n\r\n") + 10
    slow_case(server, whole[:split], whole[split:], REQUEST + MARGIN)
    assert server.cluster.sql(f"SELECT 1 FROM cluster WHERE doc->>'name' = '{name}'") == []


def test_slow_upload(server):
    head = server.head("POST", "/v1/imports/register",
                       {"Content-Type": "text/csv", "Content-Length": "100000"})
    slow_case(server, head, b"URN" * 200, REQUEST + MARGIN)
    spool = server.directory / "spool"
    wait_for(lambda: not list(spool.glob("*.part*")), "unfinished uploads are gone")


def test_silent_connections_are_closed(server):
    wires = [server.wire() for _ in range(CLIENTS)]
    for wire in wires[::2]:
        server.ask("GET", "/healthz", wire=wire)
    started = time.monotonic()
    for wire in wires:
        with wire:
            assert wire.ended()
    assert time.monotonic() - started < IDLE + REQUEST + MARGIN


def _fill(server):
    """A page of about two million bytes; some of them are more than the sockets take in."""
    for _ in range(200):
        server.create(notes="y" * 9900)


def test_slow_reader(server):
    _fill(server)
    head = server.head("GET", "/v1/clusters?limit=200")
    wires = [server.wire(receive_buffer=4096).send(head * PAGES) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=_read_slowly, args=(wire, 2 * REQUEST)) for wire in wires]
    for thread in threads:
        thread.start()
    others_are_served(server, threads)
    wait_for(lambda: server.metric("iqm_connections") <= 1,
             "the server has let go of slow readers", REQUEST + MARGIN)
    for wire in wires:
        _was_cut_off(wire)


def _read_slowly(wire, seconds):
    """A byte now and then for so long that the deadline is over."""
    ends = time.monotonic() + seconds
    pause = threading.Event()
    try:
        while time.monotonic() < ends and wire.sock.recv(1):
            pause.wait(EVERY)
    except ConnectionResetError:
        pass


def _was_cut_off(wire):
    """What is left in the sockets is less than the pages."""
    with wire:
        left = 0
        try:
            while data := wire.sock.recv(65536):
                left += len(data)
        except ConnectionResetError:
            pass
        assert left < PAGES * 1_900_000, left


def test_a_slow_but_steady_request_within_the_deadline_is_served(server):
    body = json.dumps({"name": f"Steady {uuid.uuid4()}"}).encode()
    whole = server.request("POST", "/v1/clusters", body)
    with server.wire() as wire:
        third = len(whole) // 3
        pause = threading.Event()
        for start in (0, third, 2 * third):
            wire.send(whole[start:start + third] if start < 2 * third else whole[start:])
            pause.wait(0.1)
        try:
            assert wire.read().check().status == 201
        except Closed:
            pytest.fail("closed before its deadline")
