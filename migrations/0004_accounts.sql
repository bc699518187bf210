-- Accounts of people and third-party clients, and what they sign in with. An account or a client is
-- a document; its secrets stand in tables of their own, which the server reaches only through
-- functions that run as the owner.

-- Version 7 of RFC 9562, so that ids made here sort by time as those of the server do; within one
-- millisecond too, by the twelve bits that 6.2, method 3 has for it.
CREATE FUNCTION uuid7() RETURNS uuid
    LANGUAGE plpgsql VOLATILE PARALLEL SAFE
AS $$
DECLARE
    us bigint := date_part('epoch', clock_timestamp()) * 1000000;
BEGIN
    RETURN encode(overlay(uuid_send(gen_random_uuid()) PLACING
        int8send((us / 1000) << 16 | 28672 | us % 1000 * 4096 / 1000) FROM 1 FOR 8), 'hex')::uuid;
END $$;

-- A time as documents hold it.
CREATE FUNCTION time_text(at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE FUNCTION texts_of(list json) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT json_array_elements_text(list));
GRANT EXECUTE ON FUNCTION texts_of(json) TO iqm_server;

-- The document with some members changed or added, in its own order, compact as the server writes.
CREATE FUNCTION document_with(doc json, changes json) RETURNS json
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT ('{' || string_agg(to_json(key)::text || ':' || value, ',' ORDER BY place) || '}')
        FROM (SELECT coalesce(was.key, new.key) AS key, coalesce(new.value, was.value)::text AS value,
                coalesce(was.place, 1000 + new.place) AS place
            FROM json_each(doc) WITH ORDINALITY AS was (key, value, place)
            FULL JOIN json_each(changes) WITH ORDINALITY AS new (key, value, place)
                ON was.key = new.key) AS members)::json;

-- Roles in one order, as PostgreSQL writes an array: made when they are stored, not for every request,
-- and so that policies can compare them as texts.
CREATE FUNCTION role_set(roles text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '{' || array_to_string(ARRAY(
        SELECT role FROM unnest('{head_office,ambassador,school,client}'::text[]) AS role
        WHERE role = ANY (roles)), ',') || '}';

-- Every set of roles that holds one of these; a client has no other role. Not more than eight, and a
-- comparison with them needs no hash table.
CREATE FUNCTION role_sets_with(wanted text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT role_set(roles)
        FROM (SELECT ARRAY[a, b, c] AS roles
            FROM unnest('{head_office,NULL}'::text[]) AS a,
                unnest('{ambassador,NULL}'::text[]) AS b, unnest('{school,NULL}'::text[]) AS c
            UNION ALL SELECT '{client}') AS sets
        WHERE roles && wanted ORDER BY 1);

-- Says which rows of a table of documents are seen and written, by whom. `readers` see every row,
-- head office may write every row; the conditions open rows to whoever they hold for, and each
-- looks at the roles itself: which rows may be changed, what they may become (left out: the same),
-- what may be created and deleted (a row that is deleted must be one that may be changed, too). What
-- stands in (SELECT …) is evaluated once a statement.
CREATE PROCEDURE share_documents(name regclass, readers text[], sees text DEFAULT 'false',
    changes text DEFAULT 'false', becomes text DEFAULT NULL, creates text DEFAULT 'false',
    deletes text DEFAULT 'false')
    LANGUAGE plpgsql
AS $$
DECLARE
    as_roles text := '(SELECT current_setting(''iqm.roles'', true) = ANY (%L))';
    all_read text := format(as_roles, role_sets_with(readers));
    all_write text := format(as_roles, role_sets_with('{head_office}'));
BEGIN
    EXECUTE format('DROP POLICY IF EXISTS document_read ON %s', name);
    EXECUTE format('DROP POLICY IF EXISTS document_create ON %s', name);
    EXECUTE format('DROP POLICY IF EXISTS document_change ON %s', name);
    EXECUTE format('DROP POLICY IF EXISTS document_delete ON %s', name);
    EXECUTE format('CREATE POLICY document_read ON %s FOR SELECT TO iqm_server USING (%s OR %s)',
        name, all_read, sees);
    EXECUTE format('CREATE POLICY document_create ON %s FOR INSERT TO iqm_server '
        'WITH CHECK (%s OR %s)', name, all_write, creates);
    EXECUTE format('CREATE POLICY document_change ON %s FOR UPDATE TO iqm_server '
        'USING (%s OR %s) WITH CHECK (%s OR %s)', name, all_write, changes, all_write,
        coalesce(becomes, changes));
    EXECUTE format('CREATE POLICY document_delete ON %s FOR DELETE TO iqm_server '
        'USING (%s OR %s)', name, all_write, deletes);
END $$;

CREATE OR REPLACE PROCEDURE protect_documents(name regclass, readers text[])
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    CALL share_documents(name, readers);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO iqm_server', name);
    EXECUTE format('CREATE TRIGGER record_history AFTER UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION record_history()', name);
END $$;

-- A table that only functions of the owner touch.
CREATE PROCEDURE keep_from_server(name regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY owner_only ON %s TO CURRENT_USER USING (true) WITH CHECK (true)',
        name);
END $$;

-- ---- who signs in ----

-- In lower case: what somebody signs in with. Only of ASCII, as limits know names: by rules of a
-- language, other letters become ours, and one name would have many spellings.
ALTER TABLE person ADD COLUMN email text
    GENERATED ALWAYS AS (lower((doc->>'email') COLLATE "C")) STORED;

CREATE TABLE account (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED UNIQUE REFERENCES person,
    roles text[] NOT NULL GENERATED ALWAYS AS (texts_of(doc->'roles')) STORED,
    school_id uuid GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    suspended boolean NOT NULL GENERATED ALWAYS AS ((doc->>'suspended')::boolean) STORED,
    activated boolean NOT NULL GENERATED ALWAYS AS (doc->>'activated_at' IS NOT NULL) STORED,
    CONSTRAINT account_roles_check CHECK (roles <@ '{head_office,ambassador,school}'),
    CONSTRAINT account_school_id_check CHECK ((school_id IS NOT NULL) = ('school' = ANY (roles)))
);
CREATE INDEX account_school ON account (school_id, id);
CALL protect_documents('account', '{head_office}');

CREATE TABLE client (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    name text COLLATE "en-x-icu" NOT NULL GENERATED ALWAYS AS (doc->>'name') STORED UNIQUE,
    kind text NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED,
    redirect_uris text[] NOT NULL GENERATED ALWAYS AS (texts_of(doc->'redirect_uris')) STORED,
    scopes text[] NOT NULL GENERATED ALWAYS AS (texts_of(doc->'scopes')) STORED,
    origins text[] NOT NULL GENERATED ALWAYS AS (texts_of(doc->'origins')) STORED
);
CALL protect_documents('client', '{head_office}');

-- What the functions below look at, as the owner.
CREATE POLICY owner_reads ON person FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON school FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON ambassador FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON assignment FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON meeting FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON attendance FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON client FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_locks ON client FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);
CREATE POLICY owner_keeps ON account TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE TABLE credential (
    account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    sign_in_name text COLLATE "C" NOT NULL,
    -- Argon2id with its parameters, as libsodium writes it; null until chosen.
    password text
        CHECK (starts_with(password, '$argon2id$v=19$') AND octet_length(password) < 128),
    changed_at timestamptz,
    CONSTRAINT account_person_id_sign_in_key UNIQUE (sign_in_name)
);
CALL keep_from_server('credential');

CREATE TABLE client_secret (
    client_id uuid PRIMARY KEY REFERENCES client ON DELETE CASCADE,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);
CALL keep_from_server('client_secret');

-- One sign-in of a person at a client: what all tokens that come of it hang on.
CREATE TABLE session (
    id uuid PRIMARY KEY DEFAULT uuid7(),
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES client ON DELETE CASCADE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    address inet NOT NULL,
    agent text CHECK (length(agent) <= 200),
    revoked_at timestamptz
);
CREATE INDEX session_account ON session (account_id, id);
CREATE INDEX session_client ON session (client_id);
CALL keep_from_server('session');

-- ---- tokens of people and clients, beside those of operators ----

ALTER TABLE token ADD COLUMN roles text[];
UPDATE token SET roles = ARRAY[role];
ALTER TABLE token
    ALTER COLUMN roles SET NOT NULL,
    DROP COLUMN role,
    ADD CONSTRAINT token_roles_check
        CHECK (roles = '{client}'
            OR roles <@ '{head_office,ambassador,school}' AND cardinality(roles) > 0),
    ADD COLUMN account_id uuid REFERENCES account ON DELETE CASCADE,
    ADD COLUMN client_id uuid REFERENCES client ON DELETE CASCADE,
    ADD COLUMN session_id uuid REFERENCES session ON DELETE CASCADE,
    ADD COLUMN actor uuid NOT NULL
        GENERATED ALWAYS AS (coalesce(account_id, client_id, id)) STORED,
    -- What every request asks for, made when the token is: each function called there is felt.
    ADD COLUMN who text NOT NULL GENERATED ALWAYS AS
        (id::text || coalesce(client_id::text, '') || coalesce(session_id::text, '')) STORED,
    ADD COLUMN acts_as text NOT NULL
        GENERATED ALWAYS AS (coalesce(account_id, client_id, id)::text) STORED,
    ADD COLUMN role_set text NOT NULL GENERATED ALWAYS AS (role_set(roles)) STORED,
    ADD COLUMN only_role text
        GENERATED ALWAYS AS (CASE WHEN cardinality(roles) = 1 THEN roles[1] END) STORED,
    ADD COLUMN any_scope boolean NOT NULL GENERATED ALWAYS AS ('*' = ANY (scopes)) STORED,
    ADD CONSTRAINT token_session_check
        CHECK ((account_id IS NULL) = (session_id IS NULL)
            AND (account_id IS NULL OR client_id IS NOT NULL));
CREATE INDEX token_account ON token (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX token_client ON token (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX token_session ON token (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX token_expiry ON token (expires_at) WHERE expires_at IS NOT NULL;
DROP POLICY token_note_use ON token;
REVOKE UPDATE (last_used_at) ON token FROM iqm_server;
GRANT SELECT (roles, role_set, only_role, any_scope, who, acts_as, account_id, client_id,
    session_id) ON token TO iqm_server;

-- Asked rarely, and then in a function: a subquery would cost each request its preparation.
CREATE FUNCTION roles_among(roles text[], allowed text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN role_set(ARRAY(SELECT unnest(roles) INTERSECT SELECT unnest(allowed)));
END $$;
GRANT EXECUTE ON FUNCTION roles_among(text[], text[]), role_set(text[]) TO iqm_server;

-- A person's token carries the roles of the account, whoever makes it.
CREATE FUNCTION token_takes_roles() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    SELECT roles INTO NEW.roles FROM account
    WHERE id = NEW.account_id AND NOT suspended FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This account is suspended or gone.' USING ERRCODE = 'IQ403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER token_takes_roles BEFORE INSERT ON token
    FOR EACH ROW WHEN (NEW.account_id IS NOT NULL) EXECUTE FUNCTION token_takes_roles();

-- Ends the sign-ins of an account, but for one where that is named.
CREATE FUNCTION end_sessions(account uuid, except_session uuid DEFAULT NULL) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    UPDATE session SET revoked_at = now()
    WHERE account_id = account AND revoked_at IS NULL AND id IS DISTINCT FROM except_session;
    UPDATE token SET revoked_at = now()
    WHERE account_id = account AND revoked_at IS NULL AND session_id IS DISTINCT FROM except_session;
END;

-- When tokens, and with them sessions, were last used.
CREATE FUNCTION note_token_use(ids uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    UPDATE token SET last_used_at = now() WHERE id = ANY (ids);
    UPDATE session SET last_used_at = now()
    WHERE id IN (SELECT session_id FROM token WHERE id = ANY (ids));
END;
GRANT EXECUTE ON FUNCTION note_token_use(uuid[]) TO iqm_server;

-- ---- what an account's change brings with it ----

CREATE FUNCTION account_signs_in() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    address text := (SELECT email FROM person WHERE id = NEW.person_id);
BEGIN
    IF address IS NULL THEN
        RAISE EXCEPTION 'The person needs an e-mail address to have an account.'
            USING ERRCODE = 'IQ422', CONSTRAINT = 'account_person_id_check';
    END IF;
    INSERT INTO credential (account_id, sign_in_name) VALUES (NEW.id, address);
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'Another account signs in with this person''s e-mail address.'
        USING ERRCODE = 'IQ409', CONSTRAINT = 'account_person_id_key';
END $$;
CREATE TRIGGER account_signs_in AFTER INSERT ON account
    FOR EACH ROW EXECUTE FUNCTION account_signs_in();

-- Password, links, history and the audit log are of one person.
CREATE FUNCTION account_stays_with_person() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'An account stays with its person. '
        'Make another account for the other person, and delete or suspend this one.'
        USING ERRCODE = 'IQ422', CONSTRAINT = 'account_person_id_check';
END $$;
CREATE TRIGGER account_stays_with_person AFTER UPDATE ON account
    FOR EACH ROW WHEN (OLD.person_id <> NEW.person_id)
    EXECUTE FUNCTION account_stays_with_person();

CREATE FUNCTION person_signs_in() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NEW.email IS NULL AND EXISTS (SELECT FROM account WHERE person_id = NEW.id) THEN
        RAISE EXCEPTION 'This person has an account and signs in with the e-mail address.'
            USING ERRCODE = 'IQ422', CONSTRAINT = 'person_email_check';
    END IF;
    UPDATE credential SET sign_in_name = NEW.email
    FROM account WHERE account.id = account_id AND person_id = NEW.id;
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'Another account signs in with this e-mail address.'
        USING ERRCODE = 'IQ409', CONSTRAINT = 'person_email_key';
END $$;
CREATE TRIGGER person_signs_in AFTER UPDATE ON person
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION person_signs_in();

-- Tokens follow the account at once: roles change with it, a suspension ends them.
CREATE FUNCTION account_rules_tokens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NEW.suspended THEN
        PERFORM end_sessions(NEW.id);
    END IF;
    UPDATE token SET roles = NEW.roles
    WHERE account_id = NEW.id AND revoked_at IS NULL AND roles <> NEW.roles;
    RETURN NULL;
END $$;
CREATE TRIGGER account_rules_tokens AFTER UPDATE ON account
    FOR EACH ROW EXECUTE FUNCTION account_rules_tokens();

-- Somebody must be left who can let others in. The lock makes two leavers take turns.
CREATE FUNCTION keep_head_office() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('account_head_office'));
    IF NOT EXISTS (SELECT FROM account
            WHERE 'head_office' = ANY (roles) AND activated AND NOT suspended) THEN
        RAISE EXCEPTION 'This is the last account of head office that can sign in. '
            'Let another one in first.' USING ERRCODE = 'IQ409';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_head_office_on_change AFTER UPDATE ON account
    FOR EACH ROW WHEN ('head_office' = ANY (OLD.roles) AND OLD.activated AND NOT OLD.suspended
        AND NOT ('head_office' = ANY (NEW.roles) AND NEW.activated AND NOT NEW.suspended))
    EXECUTE FUNCTION keep_head_office();
CREATE TRIGGER keep_head_office_on_delete AFTER DELETE ON account
    FOR EACH ROW WHEN ('head_office' = ANY (OLD.roles) AND OLD.activated AND NOT OLD.suspended)
    EXECUTE FUNCTION keep_head_office();
