-- What every resource stands on: the server's role, identity, history, and the helper that makes a
-- table of documents safe. Runs as the owner of the database; the server itself owns nothing.

-- Roles belong to the whole cluster: another database of it may have made this one already.
DO $$
BEGIN
    CREATE ROLE iqm_server LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO iqm_server', current_database());
    -- The owner may take the server's role: with one address for both, and for iqmd check.
    GRANT iqm_server TO CURRENT_USER;
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO iqm_server;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Casting text to date depends on DateStyle and so is not IMMUTABLE; this is, and generated columns
-- need that. The contract has checked the form already.
CREATE FUNCTION date_of(value text) RETURNS date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN make_date(substr(value, 1, 4)::int, substr(value, 6, 2)::int, substr(value, 9, 2)::int);
GRANT EXECUTE ON FUNCTION date_of(text) TO iqm_server;

-- Which migrations have run; the server reads it to tell whether it fits the database.
CREATE TABLE migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE migration ENABLE ROW LEVEL SECURITY;
ALTER TABLE migration FORCE ROW LEVEL SECURITY;
CREATE POLICY migration_owner ON migration TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY migration_read ON migration FOR SELECT TO iqm_server USING (true);
GRANT SELECT ON migration TO iqm_server;

-- Bearer tokens. Only a keyed hash is kept, so that a copy of this table opens nothing.
CREATE TABLE token (
    id uuid PRIMARY KEY,
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('head_office', 'client')),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
ALTER TABLE token ENABLE ROW LEVEL SECURITY;
ALTER TABLE token FORCE ROW LEVEL SECURITY;
CREATE POLICY token_owner ON token TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY token_identify ON token FOR SELECT TO iqm_server USING (true);
CREATE POLICY token_note_use ON token FOR UPDATE TO iqm_server USING (true) WITH CHECK (true);
GRANT SELECT (id, hash, role, scopes, expires_at, revoked_at), UPDATE (last_used_at) ON token
    TO iqm_server;

-- Versions that are no longer current, and deletions (doc is null). The current version of a
-- document is in its own table only, so that creating one costs no second row.
CREATE TABLE history (
    resource text NOT NULL,
    id uuid NOT NULL,
    version bigint NOT NULL,
    at timestamptz NOT NULL,
    actor uuid,
    doc json,
    PRIMARY KEY (resource, id, version)
);
ALTER TABLE history ENABLE ROW LEVEL SECURITY;
ALTER TABLE history FORCE ROW LEVEL SECURITY;
CREATE POLICY history_record ON history FOR INSERT TO CURRENT_USER WITH CHECK (true);
CREATE POLICY history_read ON history FOR SELECT TO iqm_server
    USING ((SELECT current_setting('iqm.role', true)) = 'head_office');
GRANT SELECT ON history TO iqm_server;

-- Runs as the owner: the server's role may read history but never write it.
CREATE FUNCTION record_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    END IF;
    INSERT INTO history (resource, id, version, at, actor, doc)
    VALUES (TG_TABLE_NAME, OLD.id, OLD.version, (OLD.doc->>'updated_at')::timestamptz,
        OLD.written_by, OLD.doc);
    IF TG_OP = 'DELETE' THEN
        INSERT INTO history (resource, id, version, at, actor, doc)
        VALUES (TG_TABLE_NAME, OLD.id, OLD.version + 1, now(),
            nullif(current_setting('iqm.actor', true), '')::uuid, NULL);
    END IF;
    RETURN NULL;
END $$;

-- Makes a table of documents what the engine expects: row-level security forced, read by `readers`
-- and written by head office, every change kept in history. Call it once for each such table.
CREATE PROCEDURE protect_documents(name regclass, readers text[])
    LANGUAGE plpgsql
AS $$
DECLARE
    reads text := format('(SELECT current_setting(''iqm.role'', true)) = ANY (%L)', readers);
    writes text := '(SELECT current_setting(''iqm.role'', true)) = ''head_office''';
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY document_read ON %s FOR SELECT TO iqm_server USING (%s)',
        name, reads);
    EXECUTE format('CREATE POLICY document_create ON %s FOR INSERT TO iqm_server WITH CHECK (%s)',
        name, writes);
    EXECUTE format('CREATE POLICY document_change ON %s FOR UPDATE TO iqm_server '
        'USING (%s) WITH CHECK (%s)', name, writes, writes);
    EXECUTE format('CREATE POLICY document_delete ON %s FOR DELETE TO iqm_server USING (%s)',
        name, writes);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO iqm_server', name);
    EXECUTE format('CREATE TRIGGER record_history AFTER UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION record_history()', name);
END $$;
