"""Rate limits, whose address counts, and where the server says it is; on servers of their own.

The limits here are so low that a few requests reach them, and give one back each second.
"""

import re
import shutil
import time
from contextlib import contextmanager

import pytest

from support import confidential
from support.away import without_database
from support.client import Client
from support.expect import problem
from support.metrics import metric
from support.people import send_form
from support.places import wait_for

POLICY = re.compile(r'"([a-z_]+)";q=([1-9][0-9]*);w=([1-9][0-9]*)')
STATE = re.compile(r'"([a-z_]+)";r=([0-9]+);t=([0-9]+)')
OPEN = "/v1/nothing-here"  # costs nothing and needs no token
A_MINUTE = 60
AT_ONCE = 10  # of 60 a minute
ENOUGH = 60  # so many requests reach a limit, whatever comes back meanwhile


@contextmanager
def running(stage, **settings):
    server = stage.server(IQM_WORKERS=2, **settings).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.directory)


@contextmanager
def connected(server, token=None):
    client = Client(server.port, token)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def narrow(stage):
    """60 a minute from an address, which is trusted to name others."""
    with running(stage, IQM_LIMIT_ADDRESS=A_MINUTE,
                 IQM_TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8") as server:
        yield server


def state(response):
    """(name, remaining, seconds) of the limit an answer tells of, or None."""
    value = response.header("RateLimit")
    assert (value is None) == (response.header("RateLimit-Policy") is None)
    if value is None:
        return None
    name, left, seconds = STATE.fullmatch(value).groups()
    assert POLICY.fullmatch(response.header("RateLimit-Policy")).group(1) == name
    return name, int(left), int(seconds)


def use_up(client, target=OPEN, **options):
    """Asks until refused; the refusal and how many were let through."""
    for count in range(ENOUGH):
        response = client.get(target, **options)
        if response.status == 429:
            return response, count
    raise AssertionError(f"{ENOUGH} requests were let through")


def from_address(*addresses):
    return [("X-Forwarded-For", address) for address in addresses]


class TestRefusal:
    def test_is_a_problem_that_says_when_to_come_again(self, narrow):
        with connected(narrow) as client:
            refusal, count = use_up(client)
            assert AT_ONCE <= count < ENOUGH
            assert refusal.media_type == "application/problem+json"
            assert refusal.json["type"] == "/problems/rate_limited"
            assert refusal.json["status"] == 429
            assert refusal.json["instance"] == refusal.header("X-Request-Id")
            assert int(refusal.header("Retry-After")) >= 1
            assert state(refusal)[:2] == ("address", 0)
            assert refusal.header("RateLimit-Policy") == '"address";q=60;w=60'
            assert narrow.wait_for_log(request_id=refusal.json["instance"], problem="rate_limited")

    def test_ends_after_the_time_it_names(self, narrow):
        with connected(narrow) as client:
            refusal, _ = use_up(client)
            asked = time.monotonic()
            wait_for(lambda: client.get(OPEN).status == 404, "to be let in again")
            assert time.monotonic() - asked <= int(refusal.header("Retry-After")) + 5

    def test_keeps_the_connection_after_a_small_body(self, narrow):
        with connected(narrow) as client:
            client.get("/healthz")
            stream = client.stream
            refused = wait_for(lambda: client.post("/v1/clusters", {"name": "x"}).status == 429,
                               "a refusal")
            assert refused and client.stream is stream

    def test_comes_before_a_large_body(self, narrow):
        """One that waits for the go-ahead is told at once."""
        with connected(narrow) as client:
            def refused():
                response = client.post("/v1/clusters", body=b"{}" + b" " * 100000, headers={
                    "Content-Type": "application/json", "Expect": "100-continue"})
                return response if response.status == 429 else None
            wait_for(refused, "a refusal")

    def test_spares_probes(self, narrow):
        with connected(narrow) as client:
            wait_for(lambda: client.get("/readyz").status == 200, "this worker's database", 30)
            use_up(client)
            for _ in range(3 * AT_ONCE):
                for probe in ("/healthz", "/readyz"):
                    response = client.get(probe)
                    assert response.status == 200
                    assert state(response) is None

    def test_is_counted_for_the_operator(self, narrow):
        with connected(narrow) as client:
            use_up(client)
        assert metric(narrow, "iqm_requests_limited_total") >= 1


class TestState:
    def test_goes_down_with_each_request(self, narrow):
        with connected(narrow) as client:
            seen = [state(client.get(OPEN)) for _ in range(5)]
        assert {name for name, _, _ in seen} == {"address"}
        assert seen[0][1] == AT_ONCE - 1
        assert seen[-1][1] < seen[0][1]
        assert all(0 < seconds <= A_MINUTE for _, _, seconds in seen)

    def test_stands_on_preflights_too(self, narrow):
        with connected(narrow) as client:
            response = client.request("OPTIONS", "/v1/schools")
            assert response.status == 204
            assert state(response)[0] == "address"

    def test_is_told_of_the_limit_that_leaves_least(self, stage):
        token = stage.issue_token(f"tight {stage.number()}")
        with running(stage, IQM_LIMIT_ADDRESS=600, IQM_LIMIT_TOKEN=300) as server, \
                connected(server, token) as client:
            response = client.get("/v1/schools?limit=1")
            assert response.status == 200
            assert state(response)[0] == "token"
            assert state(client.get(OPEN, token=None))[0] == "address"

    def test_is_left_out_where_nothing_is_limited(self, stage):
        token = stage.issue_token(f"free {stage.number()}")
        off = {f"IQM_LIMIT_{kind}": 0 for kind in ("ADDRESS", "TOKEN", "CLIENT", "SIGN_IN")}
        with running(stage, **off) as server, connected(server, token) as client:
            for _ in range(2 * AT_ONCE):
                response = client.get("/v1/schools?limit=1")
                assert response.status == 200
                assert state(response) is None


class TestTokens:
    def test_each_has_its_own(self, stage):
        one, other = (stage.issue_token(f"token {i} {stage.number()}") for i in (1, 2))
        with running(stage, IQM_LIMIT_TOKEN=A_MINUTE) as server, connected(server, one) as client:
            refusal, _ = use_up(client, "/v1/schools?limit=1")
            assert state(refusal)[0] == "token"
            response = client.get("/v1/schools?limit=1", token=other)
            assert response.status == 200
            assert state(response) == ("token", AT_ONCE - 1, 1)

    def test_made_up_ones_are_counted_as_well(self, stage):
        with running(stage, IQM_LIMIT_TOKEN=A_MINUTE) as server, \
                connected(server, "iqm_" + "x" * 43) as client:
            refusal, count = use_up(client, "/v1/schools")
            assert count >= AT_ONCE
            assert state(refusal)[0] == "token"

    def test_refusals_need_no_database(self, stage):
        """It is away: what is let through is answered 503, what is not, 429."""
        token = stage.issue_token(f"early {stage.number()}")
        with without_database(stage, IQM_LIMIT_TOKEN=A_MINUTE,
                              IQM_DATABASE_TIMEOUT=300) as server, \
                connected(server, token) as client:
            assert client.get("/v1/schools").status == 503
            refusal, _ = use_up(client, "/v1/schools")
            assert state(refusal)[:2] == ("token", 0)


class TestClients:
    def test_share_one_among_their_tokens(self, stage, people):
        """All tokens of a client draw from its bucket; another client has its own."""
        def token_of(app):
            answer = send_form(client, "/oauth/token", app.fields(grant_type="client_credentials"))
            return confidential.note(answer.json["access_token"])
        one, other = people.app("confidential"), people.app("confidential")
        with running(stage, IQM_LIMIT_CLIENT=A_MINUTE) as server, \
                connected(server) as client:
            tokens = [token_of(one) for _ in range(2)]
            refusal, count = use_up(client, "/v1/schools?limit=1", token=tokens[0])
            assert AT_ONCE <= count < ENOUGH
            assert problem(refusal, 429, "rate_limited")
            assert state(refusal)[:2] == ("client", 0)
            assert refusal.header("RateLimit-Policy") == '"client";q=60;w=60'
            assert 1 <= int(refusal.header("Retry-After")) <= A_MINUTE
            # A token that is new to the thread is let in once: only then its client is known.
            met = [client.get("/v1/schools?limit=1", token=tokens[1]) for _ in range(5)]
            assert 429 in [response.status for response in met[:3]]
            response = client.get("/v1/schools?limit=1", token=token_of(other))
            assert response.status == 200
            assert state(response)[:2] == ("client", AT_ONCE - 1)


class TestWorkers:
    def test_share_their_buckets(self, narrow):
        """Connections are spread over two workers; all of them draw from one bucket."""
        started = time.monotonic()
        let_through = 0
        for _ in range(3 * AT_ONCE):
            with connected(narrow) as client:
                let_through += client.get(OPEN).status == 404
        passed = time.monotonic() - started
        assert AT_ONCE <= let_through <= AT_ONCE + passed + 1


class TestAddresses:
    def test_what_a_stranger_says_of_others_is_ignored(self, stage):
        with running(stage, IQM_LIMIT_ADDRESS=A_MINUTE) as server, connected(server) as client:
            for i in range(ENOUGH):
                if client.get(OPEN, headers=from_address(f"192.0.2.{i}")).status == 429:
                    break
            else:
                raise AssertionError("a made-up address was believed")

    def test_a_proxy_of_ours_is_believed(self, narrow):
        with connected(narrow) as client:
            use_up(client, headers=from_address("192.0.2.1"))
            response = client.get(OPEN, headers=from_address("192.0.2.2"))
            assert response.status == 404
            assert state(response)[1] == AT_ONCE - 1
            assert client.get(OPEN).status == 404

    def test_but_nobody_left_of_the_first_stranger(self, narrow):
        """What the stranger wrote himself changes nothing, in one field or in several."""
        with connected(narrow) as client:
            for i in range(ENOUGH):
                made_up = from_address(f"198.51.100.{i}", "192.0.2.1, 10.0.0.9")
                if client.get(OPEN, headers=made_up).status == 429:
                    break
            else:
                raise AssertionError("a made-up address was believed")

    def test_a_network_of_ipv6_is_one_caller(self, narrow):
        with connected(narrow) as client:
            use_up(client, headers=from_address("2001:db8:0:1::1"))
            seen = state(client.get(OPEN, headers=from_address("2001:db8:0:1:ffff::2")))
            assert seen[1] < AT_ONCE // 2
            assert client.get(OPEN, headers=from_address("2001:db8:0:2::1")).status == 404


class TestSettings:
    @pytest.mark.parametrize("listen, host", [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
    def test_the_server_knows_its_address(self, stage, listen, host):
        with running(stage, IQM_LISTEN=listen) as server:
            said = server.wait_for_log(event="listening")[0]
            assert said["url"] == f"http://{host}:{server.port}"

    def test_a_public_address_goes_before_that(self, stage):
        with running(stage, IQM_PUBLIC_URL="https://api.example.org/iqm") as server:
            assert server.wait_for_log(event="listening")[0]["url"] == "https://api.example.org/iqm"

    @pytest.mark.parametrize("name, value", [
        ("IQM_TRUSTED_PROXIES", "proxy.example"), ("IQM_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("IQM_TRUSTED_PROXIES", "10.0.0.0/8,,::1"), ("IQM_PUBLIC_URL", "api.example.org"),
        ("IQM_PUBLIC_URL", "https://api.example.org/"), ("IQM_PUBLIC_URL", "https://a.example?b"),
        ("IQM_PUBLIC_URL", "ftp://api.example.org"), ("IQM_LIMIT_TOKEN", "-1"),
        ("IQM_LIMIT_ADDRESS", "many")])
    def test_what_cannot_be_is_said_at_the_start(self, stage, name, value):
        done = stage.iqmd("serve", settings={name: value}, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(name)
        assert done.stderr.count("\n") == 1
