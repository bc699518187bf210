"""What is known about people is sealed: clear over the API, never in the database."""

import secrets

import pytest

from support import files
from support.away import give_back, take_away
from support.calendars import FEEDS, new_feed
from support.expect import problem
from support.places import wait_for
from support.resources import Maker
from support.scratch import scratch_database
from support.world import People


def canaries():
    """A person each of whose members says something that nobody else says."""
    mark = secrets.token_hex(6)
    return {"name": f"Canary {mark}", "email": f"canary.{mark}@example.org",
            "telephone": f"020 {int(mark, 16)}", "job_title": f"Singer {mark}"}


@pytest.fixture
def scratch(stage):
    with scratch_database(stage) as database:
        yield database


def dump(scratch):
    """Every row of every table of the main database, as text."""
    tables = scratch.psql("SELECT quote_ident(relname) FROM pg_class "
                          "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
                          user="postgres").split()
    return "\n".join(scratch.psql(f"SELECT t::text FROM {table} AS t", user="postgres")
                     for table in tables)


def test_reads_as_it_was_written(head):
    person = canaries()
    created = head.post("/v1/people", person)
    assert created.status == 201, created
    path = f"/v1/people/{created.json['id']}"
    assert person.items() <= created.json.items()
    assert head.get(path).json == created.json
    changed = head.patch(path, {"name": "Another \"name\" \u20ac\n{[,]}", "job_title": None}, "*")
    assert changed.status == 200 and "job_title" not in changed.json
    assert head.get(path).json == changed.json
    versions = head.get(path + "/history").json["items"]
    assert [v["document"]["name"] for v in versions] == [changed.json["name"], person["name"]]


def test_an_unchanged_person_keeps_its_version(head):
    person = canaries()
    created = head.post("/v1/people", person)
    again = head.patch(f"/v1/people/{created.json['id']}", person, "*")
    assert again.status == 200 and again.json["version"] == 1


def test_nothing_of_a_person_is_clear_in_the_database(scratch):
    person, later = canaries(), canaries()
    with scratch.served(scratch.token()) as head:
        created = head.post("/v1/people", person)
        path = f"/v1/people/{created.json['id']}"
        assert head.patch(path, later, "*").status == 200
        account = head.post("/v1/accounts", {"person_id": created.json["id"], "roles": ["ambassador"],
                                             "suspended": False})
        assert account.status == 201, account
        assert head.patch(path, person, "*").status == 200
        assert head.delete(f"/v1/accounts/{account.json['id']}", "*").status == 204
        assert head.delete(path, "*").status == 204
        everything = dump(scratch).lower()
    for value in [*person.values(), *later.values()]:
        assert value.lower() not in everything, value
    assert everything.count("~1.") >= 12


def test_the_database_refuses_what_is_clear(scratch):
    done = scratch.psql("""INSERT INTO person (id, version, doc) VALUES (gen_random_uuid(), 1,
        '{"name": "Clear"}')""", user="postgres", check=False)
    assert "person_sealed" in done.stderr


def test_what_was_clear_is_sealed_by_migrate(scratch):
    """As a database of before there were keys: rows and former versions in clear."""
    person, former = canaries(), canaries()
    with scratch.served(scratch.token()) as head:
        created = head.post("/v1/people", canaries()).json
        account = head.post("/v1/accounts", {"person_id": created["id"], "roles": ["ambassador"],
                                             "suspended": False})
        assert account.status == 201, account
    clear = {**created, **person, "version": 2}
    scratch.psql("ALTER TABLE person DROP CONSTRAINT person_sealed", user="postgres")
    for version, doc, table in ((1, {**created, **former}, "history"), (2, clear, "person")):
        text = str(doc).replace("'", '"')
        if table == "person":
            scratch.psql(f"""ALTER TABLE person DISABLE TRIGGER USER;
                UPDATE person SET version = 2, doc = '{text}' WHERE id = '{created['id']}';
                ALTER TABLE person ENABLE TRIGGER USER;
                UPDATE credential SET sign_in_index = NULL""", user="postgres")
        scratch.psql(f"""INSERT INTO history (resource, id, version, at, doc) VALUES
            ('person', '{created['id']}', {version}, now(), '{text}') ON CONFLICT
            (resource, id, version) DO UPDATE SET doc = excluded.doc""", user="postgres")
    scratch.psql("DELETE FROM history WHERE version = 2", user="postgres")
    scratch.psql("""ALTER TABLE person ADD CONSTRAINT person_sealed
        CHECK (is_sealed(doc->>'name')) NOT VALID""", user="postgres")
    assert person["email"] in dump(scratch)
    scratch.iqmd("migrate")
    everything = dump(scratch).lower()
    assert not any(v.lower() in everything for v in [*person.values(), *former.values()])
    with scratch.served(scratch.token()) as head:
        assert person.items() <= head.get(f"/v1/people/{created['id']}").json.items()
        versions = head.get(f"/v1/people/{created['id']}/history").json["items"]
        assert former.items() <= versions[-1]["document"].items()
    listed = scratch.iqmd("user", "list").stdout
    assert person["email"] in listed and person["name"] in listed
    assert scratch.iqmd("user", "suspend", person["email"].upper()).returncode == 0


def test_what_was_clear_of_who_was_erased_since_goes(scratch):
    """A backup from before there were keys, restored: they get none any more."""
    person = canaries()
    with scratch.served(scratch.token()) as head:
        created = head.post("/v1/people", person).json
        assert head.post(f"/v1/people/{created['id']}/erasure", {}).status == 201
    text = str(created).replace("'", '"')
    scratch.psql(f"""ALTER TABLE person DROP CONSTRAINT person_sealed; ALTER TABLE person DISABLE TRIGGER USER;
        UPDATE person SET version = 1, doc = '{text}' WHERE id = '{created['id']}';
        ALTER TABLE person ENABLE TRIGGER USER;
        ALTER TABLE person ADD CONSTRAINT person_sealed CHECK (is_sealed(doc->>'name')) NOT VALID""",
        user="postgres")
    assert person["email"] in dump(scratch)
    scratch.iqmd("migrate")
    assert not any(value.lower() in dump(scratch).lower() for value in person.values())
    with scratch.served(scratch.token()) as head:
        assert head.get(f"/v1/people/{created['id']}").status == 404
    assert scratch.psql(f"SELECT erased FROM person WHERE id = '{created['id']}'") == "t"


def test_a_person_needs_the_key_database_and_a_school_does_not(scratch, stage):
    token = scratch.token()
    with scratch.served(token) as head:
        person = head.post("/v1/people", canaries()).json
    with scratch.served(token) as head:  # has read no key yet
        take_away(stage.cluster, scratch.keys)
        problem(head.get(f"/v1/people/{person['id']}"), 503, "service_unavailable")
        problem(head.post("/v1/people", canaries()), 503, "service_unavailable")
        problem(head.patch(f"/v1/people/{person['id']}", {"name": "New"}, "*"), 503,
                "service_unavailable")
        assert head.get("/v1/schools").status == 200
        give_back(stage.cluster, scratch.keys)


def test_so_do_files_and_labels_of_people_and_a_calendar_does_without(scratch, stage):
    token = scratch.token()
    with scratch.served(token) as head:
        make = Maker(head, stage.number)
        cluster, school = make.cluster(), make.school()
        record = make.evidence(kind="file", url=None, school_id=school["id"], subject={
            "type": "contribution", "id": make.contribution(school_id=school["id"])["id"]})
        caller = People(make, scratch, head.port).somebody("head_office").client
        _, path = new_feed(caller, cluster_id=cluster["id"], label="Mine")
        sent = files.upload(caller, record)
        assert sent.status == 201, sent
    with scratch.served(token) as head:  # has read no key yet
        caller.port = head.port
        take_away(stage.cluster, scratch.keys)
        file = f"/v1/evidence/{record['id']}/file"
        label = {"cluster_id": cluster["id"], "label": "Mine"}
        for answer in (caller.get(file), files.upload(caller, record), caller.get(FEEDS),
                       caller.post(FEEDS, label)):
            problem(answer, 503, "service_unavailable")
        assert f"NAME:IQM: {cluster['name']}" in caller.get(path).text
        assert caller.post(FEEDS, {"cluster_id": cluster["id"]}).status == 201
        give_back(stage.cluster, scratch.keys)
        wait_for(lambda: caller.get(file).status == 200, "the keys")
        assert caller.get(file).body == files.TEXT
        assert files.upload(head, record).status == 200  # an operator's file is nobody's, and in clear
        assert head.get(file).body == files.TEXT
        assert scratch.psql("SELECT DISTINCT person_id IS NULL FROM evidence_chunk", user="postgres") == "t"


@pytest.mark.parametrize("change,sentence", [
    ({"IQM_KEY_DATABASE_URL": ""}, "IQM_KEY_DATABASE_URL"),
    ({"IQM_MASTER_KEY": ""}, "IQM_MASTER_KEY"),
    ({"IQM_MASTER_KEY": "ab" * 32}, "made with another IQM_MASTER_KEY"),
    ({"IQM_MASTER_KEY": "xyz"}, "64 hexadecimal digits"),
])
def test_the_server_does_not_start_without_keys(stage, change, sentence):
    done = stage.iqmd("serve", settings=change, check=False)
    assert done.returncode in (1, 2) and sentence in done.stderr


def test_the_master_key_is_changed_without_a_gap(scratch, stage):
    token, person = scratch.token(), canaries()
    with scratch.served(token) as head:
        made = head.post("/v1/people", person).json
    both = {"IQM_MASTER_KEY": secrets.token_hex(32), "IQM_FORMER_MASTER_KEY": stage.master_key}
    with scratch.served(token, **both) as head:
        path = f"/v1/people/{made['id']}"
        assert head.get(path).json == made
        assert scratch.iqmd("keys", "rotate", settings=both).stdout == "2 keys were wrapped anew.\n"
        assert scratch.iqmd("keys", "rotate", settings=both).stdout == "0 keys were wrapped anew.\n"
        assert head.get(f"/v1/people?email={person['email']}").json["items"] == [made]
    alone = {"IQM_MASTER_KEY": both["IQM_MASTER_KEY"], "IQM_FORMER_MASTER_KEY": ""}
    with scratch.served(token, **alone) as head:
        assert head.get(path).json == made
    refused = scratch.iqmd("keys", "rotate", check=False)
    assert refused.returncode == 1 and "another IQM_MASTER_KEY" in refused.stderr


def test_who_may_not_make_people_makes_no_keys(scratch, stage):
    with scratch.served("iqm_" + "A" * 43) as stranger:
        problem(stranger.post("/v1/people", canaries()), 401, "unauthorized")
    reader = scratch.iqmd("token", "issue", "--name", "reader", "--role", "client").stdout.strip()
    with scratch.served(reader) as client:
        problem(client.post("/v1/people", canaries()), 403, "forbidden")
    keys = stage.cluster.psql("SELECT count(*) FROM person_key", database=scratch.keys)
    assert keys == "0"


def test_a_key_of_another_person_opens_nothing(scratch):
    token = scratch.token()
    with scratch.served(token) as head:
        one, two = (head.post("/v1/people", canaries()).json for _ in range(2))
    scratch.psql(f"""UPDATE person SET doc = document_with(doc, (SELECT json_build_object('name',
        other.doc->'name') FROM person AS other WHERE other.id = '{two['id']}'))
        WHERE id = '{one['id']}'""", user="postgres")
    with scratch.served(token) as head:
        problem(head.get(f"/v1/people/{one['id']}"), 500, "internal_error")
        assert head.get(f"/v1/people/{two['id']}").json == two
