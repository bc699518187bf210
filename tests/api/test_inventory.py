"""The declared places of personal data against the database's catalogue: none may be forgotten."""

import uuid

import pytest

from support.contract import DOCUMENT

PLACES = DOCUMENT["x-privacy"]["places"]
RESOURCES = DOCUMENT["x-resources"]


@pytest.fixture(scope="module")
def ask(stage):
    return lambda sql: [line.split("|") for line in stage.cluster.psql(sql).splitlines()]


@pytest.fixture(scope="module")
def catalogue(ask):
    """Each table with its columns that are not generated."""
    tables = {}
    for table, column in ask("""
            SELECT c.relname, a.attname FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid
                AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
              AND c.relkind IN ('r', 'p', 'f', 'm')"""):
        tables.setdefault(table, set()).add(column)
    return tables


def declared(name):
    return set(PLACES[name]["columns"]) | ({"doc"} if name in RESOURCES else set())


def strings(schema, seen):
    """Every declaration inside a schema; not of what answers include and nothing stores."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from strings(DOCUMENT["components"]["schemas"][name], seen | {name})
        return
    if "x-personal" in schema:
        yield schema["x-personal"]
    members = schema.get("properties", {})
    for child in (*(members[name] for name in members if name != "included"), schema.get("items"),
                  schema.get("additionalProperties")):
        if child:
            yield from strings(child, seen)


def kinds(name):
    """What a table holds: of its columns, and of its documents."""
    said = list(PLACES[name]["columns"].values())
    if name in RESOURCES:
        said += strings({"$ref": f"#/components/schemas/{RESOURCES[name]['schema']}"}, set())
    return {one if one == "never" else one["is"] for one in said}


def test_each_table_and_no_other_is_declared(catalogue):
    assert set(PLACES) == set(catalogue)


def test_each_column_and_no_other_is_declared(catalogue):
    assert {name: declared(name) for name in PLACES} == catalogue


@pytest.mark.parametrize("name", PLACES)
def test_what_is_personal_says_whose_it_is_and_what_becomes_of_it(name):
    place = PLACES[name]
    if kinds(name) - {"never"}:
        assert place["on_erasure"] in ("delete", "anonymise", "keep")
    if "identifies" in kinds(name):
        assert place["of"]
    if place.get("on_erasure") == "keep":
        assert place["ground"]


def test_access_leaves_out_bytes_and_secrets(ask):
    """The database leaves bytes out by itself; the contract says so for each."""
    names = [name for name, place in PLACES.items() if "of" in place]
    of_bytes = {tuple(row) for row in ask("""
        SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND a.atttypid = 'bytea'::regtype""")
        if row[0] in names}
    withheld = {(name, column) for name in names for column in PLACES[name].get("withheld", [])}
    assert withheld - of_bytes == {("authorization_code", "challenge"), ("credential", "password"),
                                   ("credential", "sign_in_index"),
                                   ("request_verification", "email_index")}
    assert of_bytes <= withheld


@pytest.mark.parametrize("name", [name for name, place in PLACES.items() if "of" in place])
def test_whose_rows_are_is_asked_of_rows_still_there(name):
    """An erasure goes through the places in their order."""
    order = list(PLACES)
    for other in PLACES[name]["of"]:
        table = {"via": None, "former_account": "history"}.get(other, other)
        if table and PLACES[table].get("on_erasure") == "delete":
            assert order.index(name) < order.index(table) or name == table


def test_the_database_has_them_in_their_order(ask):
    """Where functions of the owner read them."""
    personal = [(name, place["on_erasure"], place.get("ground", ""))
                for name, place in PLACES.items() if "on_erasure" in place]
    assert [tuple(row) for row in ask(
        "SELECT name, on_erasure, ground FROM personal_place ORDER BY ordinal")] == personal
    assert ask("SELECT name FROM personal_place WHERE condition IS NULL ORDER BY ordinal") == [
        [name] for name, place in PLACES.items() if "on_erasure" in place and "of" not in place]


def test_conditions_find_the_rows_of_a_person(ask, people):
    """Of somebody who signs in: the person, the account, its sign-in; of nobody nothing."""
    who = people.person("head_office").document["id"]
    found = {name: count(ask, name, condition, who) for name, condition in conditions(ask)}
    assert found["person"] == found["account"] == found["credential"] == 1
    assert found["audit_record"] > 0
    nobody = uuid.uuid4()  # others ask for well-known ids, and the audit log tells of that
    assert not any(count(ask, name, condition, nobody) for name, condition in conditions(ask))


def conditions(ask):
    return ask("SELECT name, condition FROM personal_place WHERE condition IS NOT NULL")


def count(ask, name, condition, person_id):
    condition = condition.replace("$1", f"'{person_id}'::uuid")
    return int(ask(f"SELECT count(*) FROM {name} WHERE {condition}")[0][0])
