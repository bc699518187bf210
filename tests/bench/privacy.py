"""What sealing costs who reads a person, what an erasure takes, and in how much memory all that is held about
somebody is read."""
import copy
import hashlib
import http.client
import json
import secrets
import statistics
import threading
import time

OVER_SCHOOL = 1.5     # GET one person, over GET one school
OVER_GET = 500        # an erasure, over GET one school on one connection
MEMORY_BELOW = 64     # MB of a server that does nothing but an access export
RELATED = 1000        # records that an erasure finds
EXPORTED = 100        # MB of an access export, at least
PEOPLE, COLLEAGUES = 2000, 20  # load.lua: of these, so many are of the first school
OWN_SCHOOL = "01990000-0000-7000-8000-100000000000"
SCHOOL = f"/v1/schools/{OWN_SCHOOL}"
# A coordinator reads people of one school, and sees no other.
BESIDE = {"person": "get", "colleague": SCHOOL}
TITLES = {"person": "GET one person", "colleague": "GET a person of one's school", SCHOOL: "GET one's school"}

# Signed in with an account that is there.
TOKEN = """
INSERT INTO client (id, version, doc) VALUES ('01990000-0000-7000-b1ff-000000000001', 1,
    json_build_object('name', 'people', 'kind', 'public', 'redirect_uris', '[]'::json,
        'scopes', '[]'::json, 'origins', '[]'::json)) ON CONFLICT DO NOTHING;
WITH made AS (INSERT INTO session (account_id, client_id, scopes)
    VALUES (:'account', '01990000-0000-7000-b1ff-000000000001', '{*}') RETURNING id)
INSERT INTO token (id, hash, name, scopes, client_id, account_id, roles, session_id)
SELECT uuid7(), :'hash', 'bench', '{*}', '01990000-0000-7000-b1ff-000000000001', :'account', '{school}',
    made.id FROM made;
"""
# Evidence with long notes that somebody has uploaded; they hardly get shorter when they are packed.
MUCH = """
INSERT INTO evidence (id, version, doc, written_by) SELECT id, 1, json_build_object('id', id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'school_id', :'school', 'subject', json_build_object('type', 'contribution', 'id', :'subject'),
    'part', 'photographs', 'kind', 'link', 'url', 'https://example.org/' || id, 'title', 'A corner',
    'notes', (SELECT string_agg(md5(id::text || n), ' ') FROM generate_series(1, 60) AS n)), :'account'
FROM (SELECT uuid7() AS id FROM generate_series(1, 55000)) AS made;
"""


class Caller:
    """One connection, one request after the other."""

    def __init__(self, server, token=None):
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        self.token = token or server.token

    def send(self, method, target, body, status, **headers):
        kind = {"PATCH": "application/merge-patch+json"}.get(method, "application/json")
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, **headers}
        data = body if isinstance(body, bytes) else json.dumps(body)
        self.http.request(method, target, body=data, headers=sent)
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status != status:
            raise SystemExit(f"compare: {method} {target}: {answer.status} {text[:300]}")
        return json.loads(text)

    def post(self, target, body):
        return self.send("POST", target, body, 201)

    def receive(self, target, kind):
        """Bytes of an answer that is read as fast as it comes."""
        self.http.request("GET", target, headers={"Authorization": f"Bearer {self.token}", "Accept": kind})
        answer = self.http.getresponse()
        length = 0
        while piece := answer.read(262144):
            length += len(piece)
        if answer.status != 200:
            raise SystemExit(f"compare: GET {target}: {answer.status}")
        return length


def new_person(number, **members):
    return {"name": f"Somebody {number}", "email": f"somebody.{number}@example.org",
            "telephone": "020 7946 0999", "job_title": "Teacher", **members}


def make_people(server, iqmd):
    """Sealed by the server itself; the first ones are of one school. A coordinator of that school."""
    head = Caller(server)
    for number in range(PEOPLE):
        of_school = {"school_id": OWN_SCHOOL} if number < COLLEAGUES else {}
        head.send("PUT", f"/v1/people/01990000-0000-7000-b100-{100000000000 + number}",
                  new_person(number, **of_school), 201, **{"If-None-Match": "*"})
    _, _, token = coordinator(head, iqmd, "coordinator")
    iqmd.database.sql(iqmd.name, "VACUUM (ANALYZE);\nCHECKPOINT;")
    side = copy.copy(server)
    side.name, side.token = "iqmd, school", token
    return side


def coordinator(head, iqmd, number):
    """(person, account, token) of somebody who works for the first school."""
    person = head.post("/v1/people", new_person(number, school_id=OWN_SCHOOL))
    account = head.post("/v1/accounts", {"person_id": person["id"], "roles": ["school"], "suspended": False,
                                         "school_id": OWN_SCHOOL})
    token = "iqm_" + secrets.token_urlsafe(32)
    digest = hashlib.blake2b(token.encode(), digest_size=32,
                             key=bytes.fromhex(iqmd.environment["IQM_TOKEN_KEY"]))
    iqmd.database.sql(iqmd.name, TOKEN, account=account["id"], hash="\\x" + digest.hexdigest())
    return person, account, token


# ---- an erasure ----

def relate(server, head, iqmd, number):
    """Somebody with RELATED records, beside those of the audit log: of what people leave behind."""
    person, account, token = coordinator(head, iqmd, f"related.{number}")
    own = Caller(server, token)
    shared = own.post("/v1/contributions", {
        "school_id": OWN_SCHOOL, "kind": "practice", "title": "A corner", "description": "Quiet.", "happened_on": "2025-11-12",
        "visibility": "cluster"})
    path = f"/v1/people/{person['id']}"
    for _ in range(RELATED // 4):
        made = own.post("/v1/evidence", {
            "school_id": OWN_SCHOOL, "subject": {"type": "contribution", "id": shared["id"]},
            "part": "photographs", "title": "A corner", "kind": "file"})
        own.send("PUT", f"/v1/evidence/{made['id']}/file", b"Quiet corners.\n" * 100, 201, **{
            "Content-Type": "text/plain", "If-Match": "*",
            "Content-Disposition": 'attachment; filename="corner.txt"'})
    for turn in range(RELATED // 4):
        head.send("PATCH", path, {"job_title": f"Teacher {turn}"}, 200, **{"If-Match": "*"})
    wording = head.post("/v1/consent-wordings", {"purpose": "marketing", "text": f"I agree, {number}."})
    agreed = {"wording_id": wording["id"]}
    for turn in range(RELATED // 5):
        head.post("/v1/consent-records", {"person_id": person["id"], "purpose": "marketing",
                                          "granted": turn % 2 == 0, "note": "By telephone.",
                                          **(agreed if turn % 2 == 0 else {})})
    for _ in range(RELATED // 20):
        head.post("/v1/privacy-requests", {"person_id": person["id"], "kind": "complaint",
                                           "details": "Something was wrong."})
    return path


class Reader:
    """Reads others meanwhile, one after the other, and knows what took longest."""

    def __init__(self, server):
        self.caller, self.longest, self.stopping = Caller(server), 0, False
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while not self.stopping:
            start = time.monotonic()
            self.caller.receive("/v1/people/01990000-0000-7000-b100-100000000000", "application/json")
            self.longest = max(self.longest, time.monotonic() - start)

    def stop(self):
        self.stopping = True
        self.thread.join()
        return self.longest


def erasures(server, iqmd, rounds, seconds, say):
    """Erasures in turns with GETs of one connection: the ratios."""
    head, ratios = Caller(server), []
    for number in range(rounds + 1):  # the first one warms up
        path = relate(server, head, iqmd, number)
        get = 1 / server.run("get_alone", seconds).rate
        reader = Reader(server)
        start = time.monotonic()
        done = head.post(path + "/erasure", {})
        took = time.monotonic() - start
        longest = reader.stop()
        rows = {kind: sum(one["rows"] for one in done[kind]) for kind in ("erased", "kept")}
        if sum(rows.values()) < 2 * RELATED:
            raise SystemExit(f"compare: too little was related: {rows}")
        say(f"erasure {number}: {took * 1e3:.0f} ms for {rows}, GET {get * 1e3:.3f} ms, the longest GET of a "
            f"person meanwhile {longest * 1e3:.1f} ms")
        ratios.append(took / get)
    return statistics.median(ratios[1:])


# ---- an access export ----

def make_much(server, iqmd):
    """The path of all that is held about somebody of whom there is much."""
    head = Caller(server)
    person, account, _ = coordinator(head, iqmd, "much")
    shared = head.post("/v1/contributions", {
        "school_id": OWN_SCHOOL, "kind": "practice", "title": "Much", "description": "Much.", "happened_on": "2025-11-12",
        "visibility": "cluster"})
    iqmd.database.sql(iqmd.name, MUCH, school=OWN_SCHOOL, subject=shared["id"], account=account["id"])
    iqmd.database.sql(iqmd.name, "VACUUM (ANALYZE);\nCHECKPOINT;")
    return f"/v1/people/{person['id']}/personal-data"


def export_memory(fresh, path, say):
    """The peak in MB after each form, of a server that has done nothing else."""
    peaks = {}
    for kind in ("application/json", "application/zip"):
        start = time.monotonic()
        length = Caller(fresh).receive(path, kind) / 2**20
        if kind == "application/json" and length < EXPORTED:
            raise SystemExit(f"compare: the export has {length:.0f} MB only")
        peaks[kind] = fresh.memory()
        say(f"{kind}: {length:.0f} MB in {time.monotonic() - start:.1f} s, peak {peaks[kind]:.1f} MB")
    return peaks


# ---- the figures ----

def ratio(outcomes, side, kind, cost):
    pairs = zip(outcomes[kind, side.name], outcomes[BESIDE[kind], side.name])
    return statistics.median(cost(person) / cost(school) for person, school in pairs)


def reading(outcomes, sides):
    costs = {"p50": lambda one: one.p50, "CPU": lambda one: one.server_cpu + one.database_cpu}
    for kind, side in sides.items():
        for name, cost in costs.items():
            yield (f"{name} of {TITLES[kind]} / of {TITLES.get(BESIDE[kind], 'GET one school')}, {side.name}",
                   ratio(outcomes, side, kind, cost), OVER_SCHOOL)


def report(rows):
    print("\n| | measured | below | |\n|---|---:|---:|---|")
    for title, value, limit in rows:
        print(f"| {title} | {value:.2f} | {limit} | {'yes' if value < limit else 'NO'} |")
    return all(value < limit for _, value, limit in rows)
