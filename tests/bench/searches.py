"""What searching contributions costs beside reading one school: for head office, and for a school,
which sees a part of them."""
import copy
import hashlib
import secrets
import statistics

MOST = 20  # times the CPU of GET one school, server and database together

# kind, for load.lua: what is asked for. How often the words occur: sql/contributions.sql.
TITLES = {
    "search?q=inclusion": "a word in 30 %", "search?q=sensory": "a word in 10 %",
    "search?q=signing": "a word in 2 %", "search?q=hydrotherapy": "a rare word",
    "search?q=inclusion+sensory": "two words", "search?q=inclusion&kind=visit": "a word, one kind",
    "search?q=inclusion&phase=Primary&region=West+Midlands": "a word, phase and region",
    "search?q=inclusion&academic_year=2017/18": "a word, a year long ago"}

SCHOOL = """
INSERT INTO person (id, version, doc)
VALUES ('01990000-0000-7000-b000-000000000001', 1, '{"name": "Bench", "email": "b@example.org"}');
INSERT INTO account (id, version, doc) VALUES ('01990000-0000-7000-b000-000000000002', 1,
    '{"person_id": "01990000-0000-7000-b000-000000000001", "roles": ["school"], "suspended": false,
      "school_id": "01990000-0000-7000-8000-100000000100"}');
INSERT INTO client (id, version, doc) VALUES ('01990000-0000-7000-b000-000000000003', 1,
    '{"name": "Bench search", "kind": "public", "redirect_uris": [], "scopes": [], "origins": []}');
INSERT INTO session (id, account_id, client_id, scopes, address)
VALUES ('01990000-0000-7000-b000-000000000004', '01990000-0000-7000-b000-000000000002',
    '01990000-0000-7000-b000-000000000003', '{*}', '127.0.0.1');
INSERT INTO token (id, hash, name, scopes, client_id, account_id, roles, session_id)
VALUES ('01990000-0000-7000-b000-000000000005', :'hash', 'bench', '{*}',
    '01990000-0000-7000-b000-000000000003', '01990000-0000-7000-b000-000000000002', '{school}',
    '01990000-0000-7000-b000-000000000004');
"""


def as_school(server, iqmd):
    """The same server, asked by a coordinator of one school."""
    token = "iqm_" + secrets.token_urlsafe(32)
    digest = hashlib.blake2b(token.encode(), digest_size=32,
                             key=bytes.fromhex(iqmd.environment["IQM_TOKEN_KEY"]))
    iqmd.database.sql(iqmd.name, SCHOOL, hash="\\x" + digest.hexdigest())
    side = copy.copy(server)
    side.name, side.token = "iqmd, a school", token
    return side


def cost(outcome):
    return outcome.server_cpu + outcome.database_cpu


def print_costs(outcomes, sides):
    reached = True
    print(f"\n| CPU of a search / GET one school | measured | at most {MOST} |\n|---|---:|---|")
    for kind, title in TITLES.items():
        for side in sides:
            pairs = zip(outcomes[kind, side.name], outcomes["get", sides[0].name])
            ratio = statistics.median(cost(search) / cost(get) for search, get in pairs)
            print(f"| {title}, {side.name} | {ratio:.1f} | {'yes' if ratio <= MOST else 'NO'} |")
            reached &= ratio <= MOST
    return reached
