"""What the server's role may do in the database, read from its catalogue."""

import pytest

from support.contract import DOCUMENT

COMMANDS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}


@pytest.fixture
def ask(stage):
    """Rows of a query, as lists of columns."""
    return lambda sql, **options: [line.split("|") for line in
                                   stage.cluster.psql(sql, **options).splitlines()]


def reachable(ask):
    return ask("""
        SELECT c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
            has_any_column_privilege('iqm_server', c.oid, 'SELECT'),
            has_any_column_privilege('iqm_server', c.oid, 'INSERT'),
            has_any_column_privilege('iqm_server', c.oid, 'UPDATE'),
            has_table_privilege('iqm_server', c.oid, 'DELETE')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND (has_any_column_privilege('iqm_server', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
            OR has_table_privilege('iqm_server', c.oid, 'DELETE, TRUNCATE, TRIGGER'))""")


def test_every_table_in_reach_forces_row_level_security(ask):
    tables = {row[0] for row in reachable(ask)}
    assert set(DOCUMENT["x-resources"]) <= tables
    for name, kind, enabled, forced, *_ in reachable(ask):
        assert kind in "rp", f"{name} is no plain table"
        assert (enabled, forced) == ("t", "t"), name


def test_every_granted_command_has_a_policy(ask):
    policies = {}
    for table, command in ask("SELECT polrelid::regclass, polcmd FROM pg_policy WHERE "
                              "'iqm_server'::regrole = ANY (polroles)"):
        policies.setdefault(table, set()).update("rawd" if command == "*" else command)
    for name, _, _, _, *granted in reachable(ask):
        for letter, may in zip(COMMANDS.values(), granted):
            if may == "t":
                assert letter in policies.get(name, ()), f"{name}: {letter} has no policy"


def test_no_policy_is_for_everyone(ask):
    assert ask("SELECT polrelid::regclass FROM pg_policy WHERE 0 = ANY (polroles)") == []


def test_nothing_is_granted_to_everyone(ask):
    assert ask("""SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a
        WHERE a.grantee = 0 AND c.relnamespace = 'public'::regnamespace""") == []
    assert ask("""SELECT p.proname FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
          AND has_function_privilege('iqm_server', p.oid, 'EXECUTE')""") == []


def test_the_role_is_a_small_one(ask):
    assert ask("""SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication,
        rolinherit FROM pg_roles WHERE rolname = 'iqm_server'""") == [["f"] * 6]
    assert ask("SELECT 1 FROM pg_auth_members WHERE member = 'iqm_server'::regrole") == []


def test_the_role_owns_nothing(ask):
    for catalogue, owner in (("pg_class", "relowner"), ("pg_proc", "proowner"),
                             ("pg_namespace", "nspowner"), ("pg_database", "datdba"),
                             ("pg_type", "typowner")):
        assert ask(f"SELECT 1 FROM {catalogue} WHERE {owner} = 'iqm_server'::regrole") == []
    for schema in ("public", "pg_catalog"):
        assert ask(f"SELECT has_schema_privilege('iqm_server', '{schema}', 'CREATE')") == [["f"]]
    assert ask("SELECT has_database_privilege('iqm_server', 'iqm', 'CREATE'), "
               "has_database_privilege('iqm_server', 'iqm', 'TEMPORARY')") == [["f", "f"]]


@pytest.mark.parametrize("sql", [
    "INSERT INTO history VALUES ('school', gen_random_uuid(), 1, now(), NULL, '{}')",
    "UPDATE history SET actor = NULL", "DELETE FROM history", "TRUNCATE history",
    "UPDATE token SET revoked_at = NULL", "UPDATE token SET role = 'head_office'",
    "UPDATE token SET hash = ''", "INSERT INTO token (id) VALUES (gen_random_uuid())",
    "DELETE FROM token", "DELETE FROM register_import", "UPDATE migration SET name = ''",
    "ALTER TABLE school DISABLE ROW LEVEL SECURITY", "CREATE TABLE mine ()", "SET ROLE iqm_owner",
    "CREATE TEMPORARY TABLE mine ()", "DROP TABLE school", "SELECT pg_read_file('/etc/passwd')",
    "COPY school TO PROGRAM 'true'", "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
    "SELECT record_history()", "BEGIN; LOCK TABLE history"])
def test_it_may_not(stage, sql):
    done = stage.cluster.psql("SET iqm.role = 'head_office'; " + sql, user="iqm_server",
                              check=False)
    assert done.returncode != 0
    reasons = ("permission denied", "must be owner", "must be superuser", "trigger functions")
    assert any(reason in done.stderr for reason in reasons), done.stderr


def test_of_tokens_it_sees_what_it_needs(ask):
    columns = ask("""SELECT attname FROM pg_attribute WHERE attrelid = 'token'::regclass
        AND attnum > 0 AND has_column_privilege('iqm_server', attrelid, attnum, 'SELECT')""")
    assert {c for c, in columns} == {"id", "hash", "role", "scopes", "expires_at", "revoked_at"}
    columns = ask("""SELECT attname FROM pg_attribute WHERE attrelid = 'token'::regclass
        AND attnum > 0 AND has_column_privilege('iqm_server', attrelid, attnum, 'UPDATE')""")
    assert {c for c, in columns} == {"last_used_at"}


@pytest.mark.parametrize("role, people, schools", [("head_office", True, True),
                                                   ("client", False, True),
                                                   ("", False, False), ("nobody", False, False)])
def test_rows_are_seen_by_role(stage, make, role, people, schools):
    make.person()
    make.school()
    for table, seen in (("person", people), ("school", schools), ("history", people)):
        sql = f"SET iqm.role = '{role}'; SELECT count(*) > 0 FROM {table}"
        make.client.delete(f"/v1/schools/{make.school()['id']}", "*")
        assert stage.cluster.psql(sql, user="iqm_server") == ("t" if seen else "f"), table
    unset = stage.cluster.psql("SELECT count(*) FROM person", user="iqm_server")
    assert unset == "0"


@pytest.mark.parametrize("role", ["client", ""])
def test_rows_are_written_by_head_office_only(stage, make, role):
    school = make.school()["id"]
    become = f"SET iqm.role = '{role}'; "
    for sql in (f"UPDATE school SET version = 9 WHERE id = '{school}'",
                f"DELETE FROM school WHERE id = '{school}'"):
        stage.cluster.psql(become + sql, user="iqm_server")
    assert make.client.get(f"/v1/schools/{school}").json["version"] == 1
    done = stage.cluster.psql(
        become + "INSERT INTO school (id, version, doc) VALUES (gen_random_uuid(), 1, "
        """'{"name": "x", "status": "open"}')""", user="iqm_server", check=False)
    assert "row-level security" in done.stderr


def test_key_and_document_agree(ask):
    """Filters look at columns, answers come from documents: the database keeps them the same."""
    for table, column, expression in ask("""
            SELECT attrelid::regclass, attname, pg_get_expr(adbin, adrelid)
            FROM pg_attribute JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
            WHERE attgenerated = 's'"""):
        assert "doc" in expression, f"{table}.{column}"
