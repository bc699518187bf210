"""What the server's role may do in the database, read from its catalogue."""

import pytest

from support.contract import DOCUMENT

COMMANDS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}

# Tables the server's role reaches beside those of the resources. All others are kept from it.
BESIDE = {
    "history": "head office reads old versions",
    "evidence_chunk": "the files of evidence, seen and written with it",
    "migration": "tells whether program and database fit",
    "token": "tells who calls",
}

# Functions that run as the owner and that the server's role may call: each is a hole in what it may
# see or do, made on purpose. Nothing of theirs hands out a table or takes a text as a statement.
AS_OWNER = {
    "add_checkpoint(bigint,timestamp with time zone,bytea,bytea,bytea)":
        "adds a signed hash of the audit log, where it is that of the chain",
    "change_own_password(text,text,uuid)":
        "the caller's own, where it is the one that was compared",
    "check_idempotency_key(text,bytea)": "whether the caller has an answer to this key: fails, or not",
    "claim_idempotency_key(text,text,bytea)": "the same, and locks the key for a transaction",
    "id_is_new(text,uuid)": "whether an id that a client chose was a record's before",
    "keep_answer(text,bytea,bytea,integer,text,text,text,uuid,bigint,text,uuid)":
        "keeps what the caller is answered, where this key has no answer yet",
    "recall_answer(text,bytea)": "the caller's own, to one key of one operation",
    "forget_answers()": "deletes those that are over",
    "client_origins()": "which origins browsers may call from",
    "hold_uploader()": "holds the caller's own account, so that an erasure waits",
    "delete_due(text,text,integer)": "what a rule of the contract says is over, and no more at once",
    "due_people(text,uuid,integer)": "ids of people whom such a rule erases",
    "end_retention_round()": "notes that all rules were gone through",
    "erase_due_person(text,uuid)": "whom such a rule erases, asked again while it holds the person",
    "list_retention_rules()": "the names of rules that delete or erase",
    "record_sweep(json)": "adds to the ledger of what rules deleted",
    "retention_due_in(integer)": "how long until that is done again",
    "erase_person(uuid,uuid)": "for head office only; what the contract declares, unless held",
    "list_erasures(uuid,integer)": "the ledger, page by page, for the key database's log",
    "missing_erasures(uuid[])": "which of these the ledger lacks",
    "preview_erasure(uuid)": "for head office only",
    "read_erasure_certificate(uuid)": "what anybody may read: nothing about a person",
    "record_erasure(json,text)": "enters it once, of somebody who was erased",
    "repeat_erasure(json,text)": "does again what the key database's log says was done",
    "create_account_link(uuid,bytea)": "for head office only; voids the former link",
    "create_client_secret(uuid,bytea)": "for head office only; voids the former secret",
    "check_enquiry(uuid,boolean,uuid)": "what stands against the wordings of a form",
    "create_consent_record(uuid,text,boolean,uuid,text,text)":
        "adds to the ledger: of the caller, or of anybody where head office calls",
    "create_consent_wording(text,text)": "adds a wording, for head office only",
    "create_enquiry(json,json,uuid,boolean,uuid,text,text,text)":
        "adds a person, what they ask and what they consent to; the public form",
    "note_client_reads(uuid[],uuid[])": "notes which programs were given whose data",
    "note_access(uuid)": "notes that a person's data is handed out, to the person or head office",
    "open_personal_place(text,uuid)":
        "a person's rows of one declared place, to the person or head office; not what is withheld",
    "note_export(text,uuid,uuid[])": "notes that a list or a history was given out, and to whom whose data",
    "read_webhook_secret(uuid)": "which secret an endpoint has, to head office: a number",
    "rotate_webhook_secret(uuid)": "gives an endpoint another one, for head office",
    "test_webhook_endpoint(uuid)": "queues a made-up event, for head office",
    "replay_webhook_delivery(uuid)": "queues a delivery again, for head office",
    "dispatch_webhooks(integer)": "queues what the log says was done; tells nothing of it",
    "take_webhooks(integer,integer,integer)": "deliveries to send: ids, and where to",
    "settle_webhook(uuid,bigint,text,integer,integer,text,integer)":
        "enters what became of a delivery in hand",
    "next_webhook_pause()": "an endpoint that is dead, and the id of whom to tell",
    "pause_webhook_endpoint(uuid,uuid,text)": "pauses an endpoint that is dead, and no other",
    "tend_webhooks()": "deletes deliveries that are over, and counts",
    "note_recipients(uuid[],text)": "notes that the caller was given the data of people",
    "read_consent_link(uuid)": "whether somebody consents, to who has the signed link",
    "read_enquiry_form()": "the wordings in force, as anybody may know",
    "withdraw_by_link(uuid,text,text)": "withdraws the consent of whom a signed link is of",
    "confirm_request_verification(uuid,bytea,date,date,date,text,uuid,uuid,text)":
        "makes the requests that were noted, to who has the code",
    "find_verification_person(uuid)": "an id that a code was mailed to, or of nobody",
    "tell_person(uuid,text,text)": "a mail to somebody with an address; seen by none but who sends",
    "wording_text(uuid)": "what people are asked to agree to, as anybody may know",
    "find_request_people(text)": "ids of those who have an address, by its index, among others",
    "forget_request_verifications()": "deletes those that are over",
    "enqueue_mail(uuid,text,text)": "a mail to a person, or to nobody; seen by none but who sends",
    "find_client(uuid)": "a client's name, redirects and scopes, to whom the page is for",
    "find_sign_in(text,text)": "the hash of one password, to verify it outside of the database",
    "forget_expired()": "deletes what is spent or over",
    "grant_code(bytea,uuid,uuid,text,text,text,text,text[],text,text,text)":
        "makes a code for who has shown the password",
    "introspect_token(uuid,bytea,bytea)": "a client's own tokens, to who shows its secret",
    "issue_client_token(uuid,bytea,text[],bytea)": "a token for a client that shows its secret",
    "list_own_sessions(uuid)": "sign-ins of the caller",
    "note_denied(uuid,text,text,uuid,text)": "adds to the audit log",
    "note_sign_in(uuid,uuid,text,text,text)": "adds to the audit log",
    "create_programme_download(text)": "notes that the caller, of head office, wants a file",
    "delete_programme_download(uuid)": "deletes a file, for head office",
    "take_programme_file(uuid)": "what a file is, to who asked for it; notes that it is taken",
    "read_programme_download_chunk(uuid,integer)": "ciphertext of a file, to who asked for it",
    "begin_programme_download()": "the next file to make, for as long as the session lasts",
    "open_programme_download(uuid,integer)":
        "makes a transaction that of who asked for a file, while it is made and they may",
    "note_programme_download(uuid,integer,uuid[])": "notes that who asked was given the data of people",
    "tell_programme_download(uuid,integer,bigint,bigint,timestamp with time zone)": "how far a file has come",
    "add_programme_download_chunk(uuid,integer,integer,bytea)": "adds ciphertext to a file being made",
    "finish_programme_download(uuid,integer,bigint,text)": "that a file is whole",
    "fail_programme_download(uuid,integer,text)": "that a file cannot be made, and nothing is left of it",
    "tend_programme_downloads()": "ends files whose time is over; ids of those whose keys go",
    "forget_programme_download_keys(uuid[])": "that keys of files are destroyed, and so the files",
    "note_programme_export()": "adds to the audit log",
    "note_programme_export(uuid[])": "notes that the operator was given the data of people",
    "create_calendar_feed(bytea,uuid,uuid,uuid,text)": "a feed of the caller, of what the caller names",
    "list_own_calendar_feeds()": "feeds of the caller",
    "revoke_own_calendar_feed(uuid)": "deletes a feed of the caller",
    "open_calendar_feed(bytea)": "makes who has a feed's secret its owner, for one transaction",
    "opened_calendar_feed(bytea)": "the feed with that secret, to its owner",
    "note_calendar_read(bytea)": "writes the day on which a feed was read, and nothing else",
    "deleted_meetings()": "meetings that are gone, to who would see them",
    "deleted_reviews()": "reviews that are gone, to who would see them",
    "note_token_use(uuid[])": "writes when tokens and sessions were last used, and nothing else",
    "ambassador_sight()": "the same of an ambassador",
    "assignment_sight()": "the same of an assignment",
    "attendance_reach()": "what makes an attendance the caller's to change",
    "attendance_sight()": "the same of an attendance",
    "cluster_sight()": "the same of a cluster",
    "led_clusters()": "clusters the caller leads today",
    "led_meetings()": "meetings of those clusters",
    "led_places()": "those clusters and their schools",
    "led_records()": "those clusters, schools and meetings",
    "meeting_sight()": "the same of a meeting",
    "school_sight()": "what makes a school seen by the caller",
    "succession_sight()": "the same of a succession",
    "kept_people()": "people the caller may change",
    "person_sight()": "what makes a person seen by the caller",
    "actor_person()": "the caller as a person, whatever the role",
    "bank_holidays_from(date)": "days that are no secret, for the clock of requests",
    "begin_request_verification(uuid,text,text,bytea,json,text)":
        "notes a request that anybody makes, to be confirmed, and has its code mailed",
    "belongs_to(uuid,uuid[])": "whether somebody belongs to a school: yes or no",
    "led_schools()": "schools the caller leads, with what they were before",
    "own_line()": "the school the caller coordinates, with what it was before",
    "school_facts(uuid,date)": "what the award rules look at; asks whether the caller sees the school",
    "lines_of(uuid[])": "the same, of each",
    "lineages(uuid[])": "ids of the schools that schools came from, and nothing of them",
    "record_sight()": "schools whose own records the caller sees",
    "lineage(uuid)": "ids of the schools that a school came from, and nothing of them",
    "own_cluster()": "the cluster of that school",
    "own_meetings()": "meetings that the school the caller coordinates takes part in",
    "own_person()": "the caller as a person",
    "own_school()": "the school the caller coordinates",
    "own_workplace()": "the school where the caller works",
    "read_account_link(bytea)": "what the account of a link that works signs in with",
    "read_own_account()": "the caller's person and school",
    "read_own_credential()": "the caller's own hash, to compare with",
    "redeem_account_link(bytea,text,text)":
        "sets the password of the account of a link that works, once",
    "redeem_code(uuid,bytea,bytea,text,text,bytea,bytea,text)": "tokens for a code, once",
    "refresh_session(uuid,bytea,bytea,text[],bytea,bytea,text)": "tokens for a refresh token, once",
    "revoke_own_session(uuid)": "ends a sign-in of the caller",
    "revoke_own_sessions()": "ends all sign-ins of the caller",
    "revoke_token(uuid,bytea,bytea,text)": "ends a token of the client that shows its secret",
    "read_directory(text,text,text,text,text,uuid,integer)":
        "who holds an award today, as anybody may know",
    "read_public_contributions(text,uuid,date,uuid,integer)":
        "what schools share with everybody",
    "contribution_sight()": "what makes a contribution seen by the caller",
    "search_contributions(tsquery,text[],text,integer,numeric[])":
        "ids and ranks of contributions the caller may see; row-level security asks again",
    "settle_mail(uuid,integer,text,text)": "enters what became of a mail in hand",
    "take_mail(integer)": "a mail to send, with the address as sealed as it is stored",
    "tend_outbox()": "deletes mail that is over, and counts what waits",
    "seal_audit(integer)": "adds seals to what the audit log has, and tells the last hash",
    "end_stalled_writers(interval)":
        "ends sessions of who may be the server that hold what they wrote for too long",
    "forget_sync_sights()":
        "removes what no cursor names that is still good",
    "keep_sync_sights(json)":
        "by their own content: nobody else's is changed",
    "read_sync_sight(text)":
        "ids alone, for who knows the hash of them all",
    "sync_base(text,uuid,bigint)":
        "an earlier version that the caller could see, of a record that the caller sees",
    "sync_candidates(text,uuid[],uuid,integer)":
        "ids of records with one of these keys; told only as what is out of sight",
    "sync_epoch()":
        "which database this is",
    "sync_gone(text[],uuid[],text[],uuid[],bigint[],uuid[])":
        "which of these the caller may hold, and whether they are there",
    "sync_concerned(xid8,uuid,bytea[])":
        "which of these sights, named by their hashes, a change may concern: a hint of whom to ask for",
    "sync_end(xid8)": "the last record of the log that is given: its number, never what it says",
    "sync_has(xid8,xid8,uuid)": "whether the log has a record at a place",
    "sync_is_idle(text,xid8,uuid,date)": "whether anything was recorded since",
    "sync_lag()":
        "how long a change has waited for others",
    "sync_sight()":
        "by what the caller sees: what the policies ask",
    "sync_window(xid8,uuid,xid8,integer)":
        "which records were changed; documents are read as the caller",
}


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


def test_reaches_no_other_tables(ask):
    """Passwords, secrets, sessions: whatever is not named above."""
    assert {row[0] for row in reachable(ask)} == set(DOCUMENT["x-resources"]) | set(BESIDE)
    assert ask("""SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE c.relkind = 'S'
        AND a.grantee = 'iqm_server'::regrole""") == []


def test_what_is_kept_from_it_has_policies_for_the_owner_only(ask):
    """A grant made by mistake would open nothing."""
    inside = set(DOCUMENT["x-resources"]) | set(BESIDE)
    kept = [row for row in ask("""SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace""")
            if row[0] not in inside]
    assert {"credential", "client_secret", "session"} <= {name for name, *_ in kept}
    for name, enabled, forced in kept:
        assert (enabled, forced) == ("t", "t"), name
        assert ask(f"""SELECT 1 FROM pg_policy WHERE polrelid = '{name}'::regclass
            AND polroles <> ARRAY['iqm_owner'::regrole::oid]""") == [], name


def test_there_are_no_views(ask):
    """They would show what their owner sees."""
    assert ask("""SELECT relname FROM pg_class WHERE relkind IN ('v', 'm', 'f')
        AND relnamespace = 'public'::regnamespace""") == []


def test_every_table_in_reach_forces_row_level_security(ask):
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
    assert ask("""SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND has_function_privilege('public', p.oid, 'EXECUTE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')""") == []


def test_functions_that_run_as_the_owner_are_known(ask):
    found = {name for name, in ask("""SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.prosecdef AND has_function_privilege('iqm_server', p.oid, 'EXECUTE')""")}
    assert found == set(AS_OWNER)


def test_functions_that_run_as_the_owner_look_names_up_where_it_says(ask):
    """Whether the server may call them or a trigger does."""
    functions = ask("""SELECT p.oid::regprocedure, pg_get_userbyid(p.proowner),
            array_to_string(p.proconfig, ';') FROM pg_proc p WHERE p.prosecdef""")
    assert set(AS_OWNER) <= {name for name, *_ in functions}
    for name, owner, settings in functions:
        assert owner == "iqm_owner", name
        assert settings.startswith("search_path=pg_catalog, public"), name


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
    "UPDATE token SET revoked_at = NULL", "UPDATE token SET roles = '{head_office}'",
    "INSERT INTO audit_record (id) VALUES (gen_random_uuid())", "DELETE FROM audit_record",
    "UPDATE audit_record SET actor = NULL", "TRUNCATE audit_record", "SELECT * FROM audit_seal",
    "SELECT * FROM audit_checkpoint", "SELECT * FROM audit_progress", "SELECT seal_records(1)",
    "SELECT record_audit('', '', '', '', '', NULL, 1, '', 'done')",
    "UPDATE token SET last_used_at = now()", "SELECT name FROM token",
    "INSERT INTO consent_record (id) VALUES (gen_random_uuid())", "DELETE FROM consent_record",
    "UPDATE consent_record SET version = 2", "TRUNCATE consent_record",
    "UPDATE consent_wording SET version = 2", "DELETE FROM consent_wording",
    "SELECT nextval('consent_number')", "SELECT * FROM recipient",
    "SELECT append_consent(gen_random_uuid(), 'contact', true, NULL, 'head_office')",
    "SELECT add_wording('contact', 'Mine.')",
    "SELECT add_recipients('{}', '{}', 'mine')", "SELECT withdraw_among('{}', 'head_office')",
    "INSERT INTO enquiry (id) VALUES (gen_random_uuid())",
    "SELECT * FROM idempotency_record", "DELETE FROM idempotency_record",
    "CALL refuse_idempotency_key()", "SELECT has_answer(gen_random_uuid(), '', '')",
    "SELECT * FROM credential", "UPDATE credential SET password = NULL",
    "SELECT * FROM retention_rule", "UPDATE retention_rule SET keep = 'P0D'",
    "DELETE FROM retention_sweep", "UPDATE retention_round SET ended_at = now()",
    "SELECT count_due('mail', 'outbox', 'delete')", "SELECT rule_of('mail', 'outbox', 'delete')",
    "SELECT * FROM outbox", "DELETE FROM outbox", "SELECT * FROM client_secret", "SELECT * FROM session", "DELETE FROM session",
    "UPDATE session SET revoked_at = NULL", "SELECT end_sessions(gen_random_uuid())",
    "SELECT actor_with_role('school')", "SELECT keep_head_office()",
    "CALL share_documents('school', '{client}')", "CALL protect_documents('school', '{client}')",
    "CALL keep_from_server('school')", "CREATE POLICY mine ON school USING (true)",
    "CREATE OR REPLACE FUNCTION today() RETURNS date LANGUAGE sql RETURN '2001-01-01'::date",
    "UPDATE token SET hash = ''", "INSERT INTO token (id) VALUES (gen_random_uuid())",
    "DELETE FROM token", "DELETE FROM register_import", "UPDATE migration SET name = ''",
    "ALTER TABLE school DISABLE ROW LEVEL SECURITY", "CREATE TABLE mine ()", "SET ROLE iqm_owner",
    "CREATE TEMPORARY TABLE mine ()", "DROP TABLE school", "SELECT pg_read_file('/etc/passwd')",
    "COPY school TO PROGRAM 'true'", "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
    "SELECT record_change()", "BEGIN; LOCK TABLE history"])
def test_it_may_not(stage, sql):
    done = stage.cluster.psql("SET iqm.roles = '{head_office}'; " + sql, user="iqm_server",
                              check=False)
    assert done.returncode != 0
    reasons = ("permission denied", "must be owner", "must be superuser", "trigger functions")
    assert any(reason in done.stderr for reason in reasons), done.stderr


def test_of_tokens_it_sees_what_it_needs(ask):
    columns = ask("""SELECT attname FROM pg_attribute WHERE attrelid = 'token'::regclass
        AND attnum > 0 AND has_column_privilege('iqm_server', attrelid, attnum, 'SELECT')""")
    assert {c for c, in columns} == {"id", "hash", "roles", "role_set", "only_role", "scopes",
                                     "any_scope", "expires_at", "revoked_at", "who", "acts_as",
                                     "account_id", "session_id",
                                     "client_id"}
    assert ask("""SELECT attname FROM pg_attribute WHERE attrelid = 'token'::regclass AND attnum > 0
        AND has_column_privilege('iqm_server', attrelid, attnum, 'INSERT, UPDATE')""") == []


@pytest.mark.parametrize("roles, people, schools", [
    ("{head_office}", True, True), ("{client}", False, True), ("{head_office,ambassador}", True, True),
    ("", False, False), ("{}", False, False), ("{nobody}", False, False)])
def test_rows_are_seen_by_role(stage, make, roles, people, schools):
    """What hangs on who somebody is: test_visibility.py."""
    make.person()
    make.client.delete(f"/v1/schools/{make.school()['id']}", "*")
    make.school()
    for table, seen in (("person", people), ("school", schools), ("history", people)):
        sql = f"SET iqm.roles = '{roles}'; SELECT count(*) > 0 FROM {table}"
        assert stage.cluster.psql(sql, user="iqm_server") == ("t" if seen else "f"), table


@pytest.mark.parametrize("setting", ["iqm.role", "role.iqm", "iqm.rolesx"])
def test_other_settings_are_nothing(stage, make, setting):
    make.person()
    for become in ("", f"SET {setting} = '{{head_office}}';", f"SET {setting} = 'head_office';"):
        assert stage.cluster.psql(f"{become} SELECT count(*) FROM person", user="iqm_server") == "0"


@pytest.mark.parametrize("roles", ["{client}", "{ambassador,school}", ""])
def test_rows_are_written_by_head_office_only(stage, make, roles):
    """Unless they belong to somebody: test_visibility.py."""
    school = make.school()["id"]
    become = f"SET iqm.roles = '{roles}'; SET iqm.actor = ''; "
    for sql in (f"UPDATE school SET version = 9 WHERE id = '{school}'",
                f"DELETE FROM school WHERE id = '{school}'"):
        stage.cluster.psql(become + sql, user="iqm_server")
    assert make.client.get(f"/v1/schools/{school}").json["version"] == 1
    for table in DOCUMENT["x-resources"]:
        done = stage.cluster.psql(
            become + f"INSERT INTO {table} (id, doc) VALUES (gen_random_uuid(), '{{}}')",
            user="iqm_server", check=False)
        assert "row-level security" in done.stderr or "permission denied" in done.stderr, table


def test_key_and_document_agree(ask):
    """Filters look at columns, answers come from documents: the database keeps them the same."""
    for table, column, from_doc in ask("""
            SELECT attrelid::regclass, attname, pg_get_expr(adbin, adrelid) LIKE '%doc%'
            FROM pg_attribute JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
            WHERE attgenerated = 's' AND attrelid::regclass::text NOT IN ('session', 'token')"""):
        assert from_doc == "t", f"{table}.{column}"
