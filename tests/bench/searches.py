"""What searching contributions costs beside reading one school: for head office, and for a school
and an ambassador, who see a part of them."""
import copy
import hashlib
import secrets
import statistics

MOST = 20  # times GET one school

# kind, for load.lua: what is asked for. How often the words occur: sql/contributions.sql.
TITLES = {
    "search?q=inclusion": "a word in 30 %", "search?q=sensory": "a word in 10 %",
    "search?q=signing": "a word in 2 %", "search?q=hydrotherapy": "a rare word",
    "search?q=inclusion+sensory": "two words", "search?q=inclusion&kind=visit": "a word, one kind",
    "search?q=inclusion&phase=Primary&region=West+Midlands": "a word, phase and region",
    "search?q=inclusion&academic_year=2017/18": "a word, a year long ago"}

# A person with an account, signed in; `n` tells them apart.
PERSON = """
INSERT INTO person (id, version, doc) VALUES (:'id_1', 1,
    json_build_object('id', :'id_1', 'email', '~1..bench' || :'n')); -- sealed, as far as the database sees
INSERT INTO account (id, version, doc) VALUES (:'id_2', 1, json_build_object('person_id', :'id_1',
    'roles', json_build_array(:'role'), 'suspended', false, 'school_id', nullif(:'school', '')));
INSERT INTO client (id, version, doc) VALUES (:'id_3', 1, json_build_object('name', :'id_3',
    'kind', 'public', 'redirect_uris', '[]'::json, 'scopes', '[]'::json, 'origins', '[]'::json));
INSERT INTO session (id, account_id, client_id, scopes)
VALUES (:'id_4', :'id_2', :'id_3', '{*}');
INSERT INTO token (id, hash, name, scopes, client_id, account_id, roles, session_id)
VALUES (:'id_5', :'hash', 'bench', '{*}', :'id_3', :'id_2', ARRAY[:'role'], :'id_4');
"""
LEADS = """
INSERT INTO ambassador (id, version, doc)
VALUES (:'id_6', 1, json_build_object('person_id', :'id_1', 'joined_on', '2020-01-01'));
INSERT INTO assignment (id, version, doc)
SELECT uuid7(), 1, json_build_object('ambassador_id', :'id_6', 'cluster_id', id,
    'starts_on', '2020-01-01')
FROM cluster ORDER BY id LIMIT 10;
"""


def as_person(server, iqmd, n, role, school=""):
    """The same server, asked by a coordinator of a school, or who leads ten clusters."""
    token = "iqm_" + secrets.token_urlsafe(32)
    digest = hashlib.blake2b(token.encode(), digest_size=32,
                             key=bytes.fromhex(iqmd.environment["IQM_TOKEN_KEY"]))
    ids = {f"id_{i}": f"01990000-0000-7000-b00{n}-00000000000{i}" for i in range(1, 7)}
    iqmd.database.sql(iqmd.name, PERSON + (LEADS if role == "ambassador" else ""), n=n, role=role,
                      school=school, hash="\\x" + digest.hexdigest(), **ids)
    side = copy.copy(server)
    side.name, side.token = f"iqmd, {role}", token
    return side


def as_people(server, iqmd):
    return [as_person(server, iqmd, 0, "school", "01990000-0000-7000-8000-100000000100"),
            as_person(server, iqmd, 1, "ambassador")]


def print_costs(outcomes, sides):
    """What GET one school does a second, over what a search does."""
    reached = True
    print(f"\n| GET one school / a search, requests a second | measured | at most {MOST} |\n"
          "|---|---:|---|")
    for kind, title in TITLES.items():
        for side in sides:
            pairs = zip(outcomes[kind, side.name], outcomes["get", sides[0].name])
            ratio = statistics.median(get.rate / search.rate for search, get in pairs)
            print(f"| {title}, {side.name} | {ratio:.1f} | {'yes' if ratio <= MOST else 'NO'} |")
            reached &= ratio <= MOST
    return reached
