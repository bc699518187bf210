"""Requests that meet in one turn of the loop share a transaction: each keeps its caller and its own
outcome. The server is stopped while they are sent, so that they do meet."""
import base64
import contextlib
import signal
import uuid

import pytest

UNKNOWN = "iqm_" + "A" * 43


@pytest.fixture(scope="module")
def served(template):
    """One worker, so that all requests are its; and tokens of every kind."""
    import cluster as clusters
    from server import Server
    cluster = clusters.clone(template)
    server = Server(cluster, {"IQM_WORKERS": "1"})
    try:
        cluster.start()
        server.ready()
        server.tokens = {
            "head_office": server.token,
            "client": cluster.iqmd("token", "issue", "--name", "c", "--role",
                                   "client").stdout.strip(),
            "scoped": cluster.iqmd("token", "issue", "--name", "s", "--role", "client",
                                   "--scope", "clusters:read").stdout.strip(),
            "unknown": UNKNOWN}
        yield server
        server.stop()
    finally:
        server.remove()
        cluster.remove()


def meet(server, requests):
    """The answers to requests (method, target, body, who) that arrive while the server stands."""
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in requests]
        for wire in wires:  # accepted, and known to the loop
            assert server.ask("GET", "/healthz", wire=wire).status == 200
        server.signal(signal.SIGSTOP)
        try:
            for wire, (method, target, body, who) in zip(wires, requests):
                wire.send(server.request(method, target, body, {
                    "Authorization": f"Bearer {server.tokens[who]}"}, token=False))
        finally:
            server.signal(signal.SIGCONT)
        return [wire.read(request[0]).check() for wire, request in zip(wires, requests)]


def test_reads_keep_their_callers(served):
    wanted = {("/v1/people", "head_office"): 200, ("/v1/people", "client"): 403,
              ("/v1/people", "unknown"): 401, ("/v1/clusters", "client"): 200,
              ("/v1/clusters", "scoped"): 200, ("/v1/schools", "scoped"): 403,
              ("/v1/schools", "unknown"): 401}
    person = served.ask("POST", "/v1/people", {"name": "Only for head office"})
    assert person.status == 201
    requests = [("GET", target, None, who) for _ in range(8) for target, who in wanted]
    for (_, target, _, who), answer in zip(requests, meet(served, requests)):
        assert answer.status == wanted[target, who], (target, who, answer)
        assert ("Only for head office" in answer.body.decode()) == (
            (target, who) == ("/v1/people", "head_office"))


def cursor_of_another_type(server):
    """A cursor whose key is no date: PostgreSQL refuses the statement."""
    for day in ("2026-01-01", "2026-01-02"):
        assert server.ask("POST", "/v1/meetings", {
            "kind": "additional", "held_on": day, "location": "Hall",
            "topics": ["Sharing"]}).status == 201
    text = server.ask("GET", "/v1/meetings?limit=1&sort=held_on").json["next"]
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return base64.urlsafe_b64encode(data[:-10] + b"not a day").decode().rstrip("=")


def test_a_read_that_fails_takes_nobody_down(served):
    bad = f"/v1/meetings?limit=1&sort=held_on&cursor={cursor_of_another_type(served)}"
    record = served.create()
    good = f"/v1/clusters/{record['id']}"
    targets = [bad if i % 5 == 2 else good for i in range(40)]
    answers = meet(served, [("GET", target, None, "head_office") for target in targets])
    for target, answer in zip(targets, answers):
        assert answer.status == (400 if target == bad else 200), answer
        assert target == bad or answer.json == record


def test_who_may_not_read_hears_only_that(served):
    bad = f"/v1/meetings?limit=1&sort=held_on&cursor={cursor_of_another_type(served)}"
    who = ["head_office", "unknown", "scoped"]
    answers = meet(served, [("GET", bad, None, name) for name in who])
    assert [answer.status for answer in answers] == [400, 401, 403]


def test_creations_have_each_their_own_outcome(served):
    taken = served.create()["name"]
    kinds = {201: ({"name": None}, "head_office"), 409: ({"name": taken}, "head_office"),
             403: ({"name": None}, "client"), 401: ({"name": None}, "unknown")}
    requests, wanted = [], []
    for status in [201, 201, 409, 201, 403, 201, 401, 201, 201, 201] * 6:
        body, who = kinds[status]
        name = body["name"] or f"Group {uuid.uuid4()}"
        requests.append(("POST", "/v1/clusters", {"name": name}, who))
        wanted.append(status)
    answers = meet(served, requests)
    assert [answer.status for answer in answers] == wanted
    stored = {name for [name]
              in served.cluster.sql("SELECT name FROM cluster")}
    for (_, _, body, _), answer in zip(requests, answers):
        assert (body["name"] in stored) == (answer.status == 201 or body["name"] == taken)
        if answer.status == 201:
            assert served.ask("GET", answer.get("Location")).json == answer.json


def test_references_that_fail_are_told_to_who_made_them(served):
    school = {"meeting_id": str(uuid.uuid4()), "school_id": str(uuid.uuid4()), "status": "present"}
    requests = [("POST", "/v1/attendances", school, "head_office") if i % 4 == 1 else
                ("POST", "/v1/clusters", {"name": f"Group {uuid.uuid4()}"}, "head_office")
                for i in range(32)]
    for (_, target, _, _), answer in zip(requests, meet(served, requests)):
        assert answer.status == (422 if target == "/v1/attendances" else 201), answer
