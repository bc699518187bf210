"""Ten thousand connections that do nothing: what they cost in memory, and whether anybody else
feels them. Measured on a build without sanitizers, whose memory is not the program's."""
import pathlib
import resource
import socket

import pytest

from support.places import wait_for

COUNT = 10_000
SPARE = 500
MOST_MB = 120


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < COUNT + SPARE:
        pytest.skip(f"at most {hard} open files are allowed here; {COUNT + SPARE} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + SPARE), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect_and_ask(server):
    """A kept connection that has had one answer, so that all its buffers have been used."""
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    return sock


def answered(sock):
    sock.settimeout(30)
    return sock.recv(4096).startswith(b"HTTP/1.1 200")


def computed(server):
    """Seconds that its threads have been on a processor: however long they waited for one."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def cost_of_200_requests(server):
    """The least of some, without what the server does by the way."""
    costs = []
    with server.wire() as wire:
        for _ in range(5):
            before = computed(server)
            for _ in range(200):
                assert server.ask("GET", "/v1/clusters?limit=1", wire=wire).status == 200
            costs.append(computed(server) - before)
    return min(costs)


def open_all(server):
    socks = []
    for _ in range(COUNT // 500):
        batch = [connect_and_ask(server) for _ in range(500)]
        assert all(answered(sock) for sock in batch)
        socks += batch
    return socks


def test_ten_thousand_idle_connections(many_descriptors, calm_cluster, new_server, release_build):
    server = new_server(calm_cluster, release_build, IQM_IDLE_TIMEOUT="600",
                        IQM_CONNECTIONS="20000").ready()
    alone, memory = cost_of_200_requests(server), server.resident_mb()
    socks = open_all(server)
    try:
        grown = server.resident_mb() - memory
        crowded = cost_of_200_requests(server)
        assert server.metric("iqm_connections") >= COUNT
    finally:
        for sock in socks:
            sock.close()
    wait_for(lambda: server.metric("iqm_connections") < 10, "they are gone", 60)
    alone = max(alone, cost_of_200_requests(server))
    print(f"{grown:.0f} MB; 200 requests {alone:.3f} s alone, {crowded:.3f} s among them")
    assert grown < MOST_MB, f"{grown:.0f} MB"
    assert crowded < 2 * alone + 0.01, (alone, crowded)


def test_connections_beyond_the_limit_do_not_harm_the_others(calm_cluster, new_server):
    server = new_server(calm_cluster, IQM_CONNECTIONS="20", IQM_WORKERS="1").ready()
    kept = [connect_and_ask(server) for _ in range(15)]
    assert all(answered(sock) for sock in kept)
    more = [connect_and_ask(server) for _ in range(40)]
    for sock in kept:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert all(answered(sock) for sock in kept)
    for sock in kept + more:
        sock.close()
    server.is_well()
