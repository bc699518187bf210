-- Answers that are kept for a day, so that a request whose answer was lost can be sent again with its
-- Idempotency-Key and is answered, not done, a second time. What makes a change enters its answer in
-- the same transaction: after a crash there is either both or neither. Who is at it meanwhile holds an
-- advisory lock on the key, not a row: a request that fails leaves nothing behind.
--
-- An answer that is a document is kept as the document's resource, id and version, and read where
-- those are: sealed as they are, and gone with them. `body` is for answers that are none, and
-- empty where an answer holds a secret that is shown once.
CREATE TABLE idempotency_record (
    principal uuid NOT NULL,
    operation text COLLATE "C" NOT NULL,
    -- Keyed hashes of the key, and of method, target and body: neither is kept.
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    -- What was refused is kept of changes that were made offline only (0043_sync.sql).
    status smallint NOT NULL CHECK (status BETWEEN 200 AND 299 OR status BETWEEN 400 AND 499),
    location text,
    etag text,
    resource text,
    record_id uuid,
    version bigint,
    body json,
    person_id uuid, -- whom the document is about
    kept_until timestamptz NOT NULL DEFAULT now() + interval '24 hours',
    PRIMARY KEY (principal, operation, key_hash)
);
CREATE INDEX idempotency_record_kept_until ON idempotency_record (kept_until);
CREATE INDEX idempotency_record_person ON idempotency_record (person_id)
    WHERE person_id IS NOT NULL;
CALL keep_from_server('idempotency_record');

CREATE FUNCTION has_answer(by uuid, op text, key bytea) RETURNS boolean
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM idempotency_record WHERE principal = by AND operation = op
        AND key_hash = key AND kept_until > now());
END;

-- What the server takes to mean: see whether there is an answer; where there is none, another request
-- with this key is at work.
CREATE PROCEDURE refuse_idempotency_key()
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'The key is in use or was used.' USING ERRCODE = 'IQ4ID';
END $$;

-- Claims a key for the transaction under way, before it changes anything. First the lock, then in a
-- snapshot of its own the look: who held the lock before has committed by then.
CREATE FUNCTION claim_idempotency_key(acts_as text, op text, key bytea) RETURNS void
    LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(
            hashtextextended(acts_as || ' ' || op || ' ' || encode(key, 'hex'), 7310582)) THEN
        CALL refuse_idempotency_key();
    END IF;
    IF has_answer(acts_as::uuid, op, key) THEN
        CALL refuse_idempotency_key();
    END IF;
END $$;

-- Whether it is worth beginning: for who only reads as yet.
CREATE FUNCTION check_idempotency_key(op text, key bytea) RETURNS void
    LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF has_answer(nullif(current_setting('iqm.actor', true), '')::uuid, op, key) THEN
        CALL refuse_idempotency_key();
    END IF;
END $$;

-- Keeps the caller's answer, in the transaction that it tells about. One that is over makes room.
CREATE FUNCTION keep_answer(op text, key bytea, print bytea, answered integer, at text, tag text,
        kind text, record uuid, numbered bigint, said text, about uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    INSERT INTO idempotency_record AS r (principal, operation, key_hash, fingerprint, status, location,
        etag, resource, record_id, version, body, person_id)
    VALUES (current_setting('iqm.actor')::uuid, op, key, print, answered, at, tag, kind, record,
        numbered, said::json, about)
    ON CONFLICT (principal, operation, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint,
        status = excluded.status, location = excluded.location, etag = excluded.etag,
        resource = excluded.resource, record_id = excluded.record_id, version = excluded.version,
        body = excluded.body, person_id = excluded.person_id, kept_until = excluded.kept_until
    WHERE r.kept_until <= now();
    IF NOT FOUND THEN
        CALL refuse_idempotency_key();
    END IF;
END $$;

-- The caller's answer to an earlier request with this key; no row where there is none. `doc` is null
-- where nothing is kept to answer with. Only what the caller wrote is read.
CREATE FUNCTION recall_answer(op text, key bytea, OUT fingerprint bytea, OUT status integer,
        OUT location text, OUT etag text, OUT resource text, OUT doc text) RETURNS SETOF record
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    kept idempotency_record%ROWTYPE;
BEGIN
    SELECT * INTO kept FROM idempotency_record AS r
    WHERE r.principal = nullif(current_setting('iqm.actor', true), '')::uuid AND r.operation = op
        AND r.key_hash = key AND r.kept_until > now();
    IF NOT FOUND THEN
        RETURN;
    END IF;
    doc := kept.body;
    IF kept.resource IS NOT NULL THEN
        EXECUTE format('SELECT doc FROM %I WHERE id = $1 AND version = $2 AND written_by = $3',
            kept.resource) INTO doc USING kept.record_id, kept.version, kept.principal;
        doc := coalesce(doc, (SELECT h.doc::text FROM history AS h WHERE h.resource = kept.resource
            AND h.id = kept.record_id AND h.version = kept.version AND h.actor = kept.principal));
    END IF;
    fingerprint := kept.fingerprint;
    status := kept.status;
    location := kept.location;
    etag := kept.etag;
    resource := kept.resource;
    RETURN NEXT;
END $$;

-- As everything that is over: called now and then by the server. True: there may be more.
CREATE FUNCTION forget_answers() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    at_once CONSTANT integer := 5000;
    count integer;
BEGIN
    DELETE FROM idempotency_record WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_record
        WHERE kept_until <= now() LIMIT at_once FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count = at_once;
END $$;

GRANT EXECUTE ON FUNCTION claim_idempotency_key(text, text, bytea),
    check_idempotency_key(text, bytea), keep_answer(text, bytea, bytea, integer, text, text, text,
    uuid, bigint, text, uuid), recall_answer(text, bytea), forget_answers() TO iqm_server;

-- Answers are read by the owner, also of tables made since 0034_erasure.sql.
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT c.oid FROM pg_class AS c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
                AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid
                    AND p.polpermissive AND p.polcmd IN ('r', '*')
                    AND p.polroles && ARRAY[current_user::regrole::oid]) LOOP
        EXECUTE format('CREATE POLICY owner_reads ON %s FOR SELECT TO CURRENT_USER USING (true)',
            name);
    END LOOP;
END $$;
