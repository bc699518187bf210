-- The key database: the keys under which what is known about people is sealed, and the log of those
-- who were erased. It is kept apart from the main database and from its backups: who destroys a key
-- here has destroyed every copy of what was sealed under it, and the log outlives a restore of the
-- main database.

DO $$
BEGIN
    CREATE ROLE iqm_server LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO iqm_server', current_database());
    GRANT iqm_server TO CURRENT_USER;
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO iqm_server;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- wrapped: nonce, key and tag (include/iqm/seal.h), under the master key with this id.
CREATE TABLE person_key (
    person_id uuid PRIMARY KEY,
    wrapped bytea NOT NULL CHECK (length(wrapped) = 72),
    master_id bytea NOT NULL CHECK (length(master_id) = 8),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Keys that are nobody's: that of blind indexes.
CREATE TABLE common_key (
    name text PRIMARY KEY,
    wrapped bytea NOT NULL CHECK (length(wrapped) = 72),
    master_id bytea NOT NULL CHECK (length(master_id) = 8),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Who was erased, with the certificate: ids and counts, nothing about the person.
CREATE TABLE erasure_log (
    person_id uuid PRIMARY KEY,
    erasure_id uuid NOT NULL UNIQUE,
    doc json NOT NULL,
    certificate text NOT NULL,
    logged_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% can only be added to', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasure_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE erasure_log ENABLE ALWAYS TRIGGER append_only;

GRANT SELECT ON person_key TO iqm_server;
GRANT SELECT, INSERT ON common_key TO iqm_server;
GRANT SELECT ON erasure_log, migration TO iqm_server;

-- The key of a person, made where there is none; none for who was erased. Who comes second takes
-- the key of the first: the lock makes the two of them, and an erasure, take turns.
CREATE FUNCTION keep_person_key(person uuid, new_wrapped bytea, new_master_id bytea)
    RETURNS SETOF bytea
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(person::text, 0));
    INSERT INTO person_key (person_id, wrapped, master_id)
    SELECT person, new_wrapped, new_master_id
    WHERE NOT EXISTS (SELECT FROM erasure_log WHERE person_id = person)
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT wrapped FROM person_key WHERE person_id = person;
END $$;

-- Destroys the key and notes why. Said twice, it has happened once.
CREATE FUNCTION log_erasure(person uuid, erasure uuid, erasure_doc json, signed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(person::text, 0));
    INSERT INTO erasure_log (person_id, erasure_id, doc, certificate)
    VALUES (person, erasure, erasure_doc, signed) ON CONFLICT DO NOTHING;
    DELETE FROM person_key WHERE person_id = person;
END $$;
GRANT EXECUTE ON FUNCTION keep_person_key(uuid, bytea, bytea), log_erasure(uuid, uuid, json, text)
    TO iqm_server;
