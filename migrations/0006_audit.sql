-- Who did what: a record of every change, every sign-in and every refusal, that can only be added to,
-- and a chain of hashes over the records, so that what was done to them afterwards is found out
-- (iqmd audit verify). A record holds ids only, nothing about a person.

-- The columns say what doc says; generating them from it would read it six times and cost more than
-- all the rest. Only record_audit fills them, and iqmd audit verify compares.
CREATE TABLE audit_record (
    id uuid PRIMARY KEY,
    -- Commits need not come in the order of ids: by this, sealing finds what is new.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    doc json NOT NULL,
    at text COLLATE "C" NOT NULL,
    actor uuid,
    operation text COLLATE "C" NOT NULL,
    resource text COLLATE "C",
    resource_id uuid,
    outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'denied', 'failed'))
);
CREATE INDEX audit_record_xid ON audit_record (xid, id);
CREATE INDEX audit_record_at ON audit_record (at, id);
CREATE INDEX audit_record_actor ON audit_record (actor, id);
CREATE INDEX audit_record_resource_id ON audit_record (resource_id, id);
CREATE INDEX audit_record_refused ON audit_record (outcome, id) WHERE outcome <> 'done';

-- hash n = sha256(hash n-1, the record's id in 16 bytes, its doc in UTF-8); hash 0 is 32 zero bytes.
CREATE TABLE audit_seal (
    number bigint PRIMARY KEY CHECK (number > 0),
    record_id uuid NOT NULL UNIQUE,
    hash bytea NOT NULL CHECK (length(hash) = 32)
);

-- A hash of the chain signed with Ed25519; include/iqm/audit.h says over which bytes.
CREATE TABLE audit_checkpoint (
    number bigint PRIMARY KEY CHECK (number > 0),
    at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    signature bytea NOT NULL CHECK (length(signature) = 64)
);

-- How far sealing has come: every record of a transaction that this snapshot sees as ended is sealed.
CREATE TABLE audit_progress (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seen pg_snapshot NOT NULL
);
INSERT INTO audit_progress (seen) VALUES ('1:1:');

CALL keep_from_server('audit_record');
CALL keep_from_server('audit_seal');
CALL keep_from_server('audit_checkpoint');
CALL keep_from_server('audit_progress');
CREATE POLICY audit_record_read ON audit_record FOR SELECT TO iqm_server
    USING ((SELECT nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office}'));
GRANT SELECT ON audit_record TO iqm_server;

-- Holds for the owner too, and for replication: who takes these away has something to hide.
CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% can only be added to', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{audit_record,audit_seal,audit_checkpoint}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END $$;

-- ---- records ----

-- Ids and roles come from the database, texts may come from a client. Empty is as good as none. On
-- the way of every change, so it makes its text by hand.
CREATE FUNCTION record_audit(actor text, roles text, client text, operation text, resource text,
    resource_id uuid, version bigint, request_id text, outcome text) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    record_id uuid := uuid7();
    now_text text := time_text(now());
    what text := coalesce(nullif(operation, ''), 'database');
BEGIN
    INSERT INTO audit_record (id, doc, at, actor, operation, resource, resource_id, outcome)
    VALUES (record_id, ('{"id":"' || record_id || '","at":"' || now_text || '","actor":'
            || coalesce('"' || nullif(actor, '')::uuid || '"', 'null') || ',"roles":'
            || coalesce('["' || replace(nullif(btrim(roles, '{}'), ''), ',', '","') || '"]', '[]')
            || ',"client_id":' || coalesce('"' || nullif(client, '')::uuid || '"', 'null')
            || ',"operation":' || to_json(what) || ',"resource":'
            || coalesce(to_json(resource)::text, 'null') || ',"resource_id":'
            || coalesce('"' || resource_id || '"', 'null') || ',"version":'
            || coalesce(version::text, 'null') || ',"request_id":'
            || coalesce(to_json(nullif(request_id, ''))::text, 'null') || ',"outcome":"' || outcome
            || '"}')::json,
        now_text, nullif(actor, '')::uuid, what, resource, resource_id, outcome);
END $$;

-- A change of a document, told to history and audit log. Runs as the owner: the server's role may
-- read both but never write them. An update that leaves the version is no change.
CREATE FUNCTION record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    changed uuid;
    version bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        changed := NEW.id;
        version := NEW.version;
    ELSIF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    ELSE
        INSERT INTO history (resource, id, version, at, actor, doc)
        VALUES (TG_TABLE_NAME, OLD.id, OLD.version, (OLD.doc->>'updated_at')::timestamptz,
            OLD.written_by, OLD.doc);
        changed := OLD.id;
        IF TG_OP = 'UPDATE' THEN
            version := NEW.version;
        ELSE
            version := OLD.version + 1;
            INSERT INTO history (resource, id, version, at, actor, doc)
            VALUES (TG_TABLE_NAME, OLD.id, OLD.version + 1, now(),
                nullif(current_setting('iqm.actor', true), '')::uuid, NULL);
        END IF;
    END IF;
    PERFORM record_audit(current_setting('iqm.actor', true), current_setting('iqm.roles', true),
        current_setting('iqm.client', true), current_setting('iqm.operation', true),
        TG_TABLE_NAME, changed, version, current_setting('iqm.request_id', true), 'done');
    RETURN NULL;
END $$;

-- Every table of documents there is, and those to come.
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT tgrelid FROM pg_trigger WHERE tgfoid = 'record_history'::regproc LOOP
        EXECUTE format('DROP TRIGGER record_history ON %s', name);
        EXECUTE format('CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON %s '
            'FOR EACH ROW EXECUTE FUNCTION record_change()', name);
    END LOOP;
END $$;
DROP FUNCTION record_history();

CREATE OR REPLACE PROCEDURE protect_documents(name regclass, readers text[])
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    CALL share_documents(name, readers);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO iqm_server', name);
    EXECUTE format('CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION record_change()', name);
END $$;

-- A request of somebody who is known but may not make it.
CREATE FUNCTION note_denied(caller uuid, operation text, resource text, resource_id uuid,
    request_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    known token%ROWTYPE;
BEGIN
    SELECT * INTO known FROM token WHERE id = caller;
    PERFORM record_audit(known.actor::text, known.role_set, known.client_id::text, operation,
        resource, resource_id, NULL, request_id, 'denied');
END $$;
GRANT EXECUTE ON FUNCTION note_denied(uuid, text, text, uuid, text) TO iqm_server;

-- A sign-in, done, denied or failed. Who tried is known only where the password was right, or where
-- somebody who is signed in changes it; where no account has the name, none is noted.
CREATE FUNCTION note_sign_in(account uuid, client uuid, outcome text, request_id text,
    operation text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF (operation, outcome) IN (('post_authorization', 'done'), ('post_authorization', 'denied'),
        ('post_authorization', 'failed'), ('create_token', 'denied'), ('change_password', 'failed'))
        IS NOT TRUE THEN
        RAISE EXCEPTION '% with outcome % is no sign-in.', operation, outcome
            USING ERRCODE = 'IQ422';
    ELSIF account IS NOT NULL AND NOT EXISTS (SELECT FROM account AS a WHERE a.id = $1) THEN
        RAISE EXCEPTION 'There is no such account.' USING ERRCODE = 'IQ422';
    ELSIF client IS NOT NULL AND NOT EXISTS (SELECT FROM client AS c WHERE c.id = $2) THEN
        RAISE EXCEPTION 'There is no such client.' USING ERRCODE = 'IQ422';
    END IF;
    PERFORM record_audit(
        CASE WHEN outcome = 'done' OR operation = 'change_password' THEN account::text END,
        NULL, client::text, operation, 'account', account, NULL, request_id, outcome);
END $$;
GRANT EXECUTE ON FUNCTION note_sign_in(uuid, uuid, text, text, text) TO iqm_server;

-- ---- seals and checkpoints ----

-- Where the chain ends: number 0 before the first seal.
CREATE FUNCTION audit_end(OUT number bigint, OUT hash bytea)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT number, hash FROM audit_seal
    UNION ALL SELECT 0, decode(repeat('00', 32), 'hex')
    ORDER BY number DESC LIMIT 1;
END;

-- Seals at most so many of the records that are committed and not sealed yet; how many it were. For
-- one caller at a time. What a snapshot sees as ended does not change any more: the next round looks
-- at what was running then, and at what began afterwards. Prepared transactions count as running,
-- and savepoints bear their transaction's number. But a snapshot takes its own transaction for
-- ended: one that has a number before it is sealed could still write records that no round sees.
CREATE FUNCTION seal_records(most integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    seen pg_snapshot := (SELECT p.seen FROM audit_progress AS p);
    -- Transactions are numbered anew: the database was copied into another cluster. Then everything
    -- is looked at once, what bears numbers still to come, too.
    copied boolean := pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(seen);
    running xid8[];
    present pg_snapshot;
    ids uuid[];
    contents bytea[];
    hashes bytea[] := '{}';
    last record;
    link bytea;
    found integer;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'Sealing needs a transaction of its own.' USING ERRCODE = '25001';
    END IF;
    IF copied THEN
        seen := '1:1:';
    END IF;
    running := ARRAY(SELECT pg_snapshot_xip(seen));
    SELECT pg_current_snapshot(), array_agg(new.id), array_agg(new.content)
    INTO present, ids, contents
    FROM (SELECT id, uuid_send(id) || convert_to(doc::text, 'UTF8') AS content
        FROM (SELECT id, xid, doc FROM audit_record WHERE xid = ANY (running)
            UNION ALL
            SELECT id, xid, doc FROM audit_record WHERE xid >= pg_snapshot_xmax(seen)
                AND xid < CASE WHEN copied THEN '9223372036854775807'::xid8
                    ELSE pg_snapshot_xmax(pg_current_snapshot()) END) AS r
        -- Asked for each row, by the index: never a join with the whole chain.
        WHERE (SELECT s.number FROM audit_seal AS s WHERE s.record_id = r.id) IS NULL
        ORDER BY xid, id LIMIT most + 1) AS new;
    found := coalesce(cardinality(ids), 0);
    SELECT * INTO last FROM audit_end();
    link := last.hash;
    FOR i IN 1..least(found, most) LOOP
        link := sha256(link || contents[i]);
        hashes[i] := link;
    END LOOP;
    INSERT INTO audit_seal (number, record_id, hash)
    SELECT last.number + place, id, new_hash
    FROM unnest(ids[1:most], hashes) WITH ORDINALITY AS new (id, new_hash, place);
    -- A round that left some over has not seen all; one that found none needs no note of it.
    IF found <= most AND (found > 0 OR copied) THEN
        UPDATE audit_progress AS p SET seen = present;
    END IF;
    RETURN least(found, most);
END $$;

-- Seals, unless another instance is at it; then says where the chain ends, and which number the
-- newest checkpoint has and how old it is: infinitely, where its time is none of now.
CREATE FUNCTION seal_audit(most integer, OUT sealed integer, OUT number bigint, OUT hash bytea,
    OUT signed_number bigint, OUT signed_seconds_ago double precision)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    sealed := CASE WHEN pg_try_advisory_xact_lock(7310578) THEN seal_records(most) ELSE 0 END;
    SELECT e.number, e.hash INTO number, hash FROM audit_end() AS e;
    SELECT c.number, CASE WHEN isfinite(c.at) AND c.at <= clock_timestamp() + interval '1 minute'
        THEN date_part('epoch', clock_timestamp() - c.at) END
    INTO signed_number, signed_seconds_ago
    FROM audit_checkpoint AS c ORDER BY c.number DESC LIMIT 1;
    signed_number := coalesce(signed_number, 0);
    signed_seconds_ago := coalesce(signed_seconds_ago, 'infinity');
END $$;
GRANT EXECUTE ON FUNCTION seal_audit(integer) TO iqm_server;

-- Whether the checkpoint was added: another instance may have made one there or further on, or at a
-- time that its own clock has still to reach. The time is signed, so it is the caller's, but must be
-- of now; one to come would hold up all others, which is why less of that is borne. What is in the
-- future all the same, by a clock that was wrong, holds up none.
CREATE FUNCTION add_checkpoint(number bigint, at timestamptz, hash bytea, public_key bytea,
    signature bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    present timestamptz := clock_timestamp();
BEGIN
    IF (at BETWEEN present - interval '5 minutes' AND present + interval '1 minute') IS NOT TRUE
    THEN
        RAISE EXCEPTION 'The time of the checkpoint, %, is not the database''s, %: set the clocks.',
            at, present USING ERRCODE = 'IQ422';
    END IF;
    INSERT INTO audit_checkpoint (number, at, hash, public_key, signature)
    SELECT $1, $2, $3, $4, $5 FROM audit_seal AS s WHERE s.number = $1 AND s.hash = $3
        AND NOT EXISTS (SELECT FROM audit_checkpoint AS c WHERE c.number >= $1
            OR c.at > $2 AND c.at <= present + interval '1 minute')
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION add_checkpoint(bigint, timestamptz, bytea, bytea, bytea) TO iqm_server;
