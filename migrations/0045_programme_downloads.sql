-- The whole programme as one file, made in the background and kept for a day: in pieces, each sealed
-- under a key of the file's own that stands in the key database. Whoever destroys that key has destroyed
-- every copy of the file, in backups too. That happens when its time is over, when somebody deletes it,
-- and whenever anybody is erased whom it may tell about.

CREATE TABLE programme_download (
    id uuid PRIMARY KEY DEFAULT uuid7(),
    version bigint NOT NULL DEFAULT 1,
    doc json NOT NULL,
    written_by uuid NOT NULL,
    client_id uuid,
    format text COLLATE "C" NOT NULL CHECK (format IN ('xlsx', 'csv')),
    status text COLLATE "C" NOT NULL DEFAULT 'waiting'
        CHECK (status IN ('waiting', 'running', 'ready', 'failed', 'expired')),
    reason text COLLATE "C",
    -- How often it was begun; what an earlier one still says is not heard.
    attempt integer NOT NULL DEFAULT 0,
    records_done bigint NOT NULL DEFAULT 0,
    records_total bigint,
    size bigint,
    sha256 text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    snapshot_at timestamptz,
    ready_at timestamptz,
    expires_at timestamptz
);
CREATE INDEX programme_download_status ON programme_download (status, id);
CALL keep_from_server('programme_download');
DO $$
BEGIN
    EXECUTE format('CREATE POLICY document_read ON programme_download FOR SELECT TO iqm_server USING ('
        '(SELECT current_setting(''iqm.roles'', true) = ANY (%L)))', role_sets_with('{head_office}'));
END $$;
GRANT SELECT (id, version, doc, status) ON programme_download TO iqm_server;

CREATE TABLE programme_download_chunk (
    download_id uuid NOT NULL REFERENCES programme_download ON DELETE CASCADE,
    n integer NOT NULL CHECK (n >= 0),
    bytes bytea NOT NULL,
    PRIMARY KEY (download_id, n)
);
-- Ciphertext does not get shorter.
ALTER TABLE programme_download_chunk ALTER bytes SET STORAGE EXTERNAL;
CALL keep_from_server('programme_download_chunk');

-- Keys that are yet to be destroyed in the key database: it may be away when that is decided here.
CREATE TABLE programme_download_key (
    download_id uuid PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
CALL keep_from_server('programme_download_key');

CREATE FUNCTION describe_programme_download() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := now();
    NEW.doc := json_strip_nulls(json_build_object('id', NEW.id, 'version', NEW.version,
        'created_at', time_text(NEW.created_at), 'updated_at', time_text(NEW.updated_at),
        'requested_by', NEW.written_by, 'format', NEW.format, 'status', NEW.status,
        'reason', NEW.reason, 'records_done', NEW.records_done, 'records_total', NEW.records_total,
        'percent', CASE WHEN NEW.ready_at IS NOT NULL THEN 100
            ELSE least(99, coalesce(NEW.records_done * 100 / nullif(NEW.records_total, 0), 0)) END,
        'size', NEW.size, 'sha256', NEW.sha256, 'snapshot_at', time_text(NEW.snapshot_at),
        'ready_at', time_text(NEW.ready_at), 'expires_at', time_text(NEW.expires_at)));
    RETURN NEW;
END $$;
CREATE TRIGGER describe_programme_download BEFORE INSERT OR UPDATE ON programme_download
    FOR EACH ROW EXECUTE FUNCTION describe_programme_download();

-- ---- what people do ----

-- Outcome: made, or full: the caller has five already, or all together twenty.
CREATE FUNCTION create_programme_download(wanted text, OUT outcome text, OUT id uuid, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    asking uuid := current_setting('iqm.actor')::uuid;
    made programme_download;
BEGIN
    IF NOT acts_for_head_office() THEN
        RAISE EXCEPTION 'Only head office may do this.' USING ERRCODE = 'IQ403';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('create_programme_download'));
    IF (SELECT count(*) >= 20 OR count(*) FILTER (WHERE written_by = asking) >= 5
            FROM programme_download WHERE status IN ('waiting', 'running', 'ready')) THEN
        outcome := 'full';
        RETURN;
    END IF;
    INSERT INTO programme_download (written_by, client_id, format)
    VALUES (asking, nullif(current_setting('iqm.client', true), '')::uuid, wanted)
    RETURNING * INTO made;
    PERFORM note_change('programme_download', made.id);
    outcome := 'made';
    id := made.id;
    doc := made.doc;
END $$;

-- Leaves nothing but the key to destroy. False: there is no such one.
CREATE FUNCTION delete_programme_download(wanted uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT acts_for_head_office() THEN
        RETURN false;
    END IF;
    DELETE FROM programme_download WHERE id = wanted;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO programme_download_key (download_id) VALUES (wanted) ON CONFLICT DO NOTHING;
    PERFORM note_change('programme_download', wanted);
    RETURN true;
END $$;

-- That somebody takes the file, for the audit log. It is for who asked for it, through the same
-- program: those are noted as who received what it tells. Outcome: unknown, other, unready, gone, ready.
CREATE FUNCTION take_programme_file(wanted uuid, OUT outcome text, OUT format text, OUT size bigint,
        OUT sha256 text, OUT made_on text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    one programme_download;
BEGIN
    outcome := 'unknown';
    SELECT * INTO one FROM programme_download AS d WHERE d.id = wanted AND acts_for_head_office();
    IF NOT FOUND THEN
        RETURN;
    END IF;
    outcome := CASE WHEN one.written_by::text <> current_setting('iqm.actor')
            OR coalesce(one.client_id::text, '') <> coalesce(current_setting('iqm.client', true), '')
            THEN 'other'
        WHEN one.status IN ('waiting', 'running') THEN 'unready'
        WHEN one.status <> 'ready' OR one.expires_at <= now() THEN 'gone'
        ELSE 'ready' END;
    IF outcome = 'ready' THEN
        format := one.format;
        size := one.size;
        sha256 := one.sha256;
        made_on := left(time_text(one.snapshot_at), 10);
        PERFORM note_change('programme_download', wanted);
    END IF;
END $$;

-- A piece of it, sealed; no row where it has gone meanwhile.
CREATE FUNCTION read_programme_download_chunk(wanted uuid, number integer) RETURNS SETOF bytea
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT chunk.bytes FROM programme_download AS d
    JOIN programme_download_chunk AS chunk ON chunk.download_id = d.id AND chunk.n = number
    WHERE d.id = wanted AND d.status = 'ready' AND d.expires_at > now() AND acts_for_head_office()
        AND d.written_by::text = current_setting('iqm.actor', true);
END;

-- ---- what the server does ----

-- Whether who asked for it still may: the account works for head office, or the operator's token is
-- good.
CREATE FUNCTION may_have_programme(asking uuid) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM account AS a
            WHERE a.id = asking AND NOT a.suspended AND 'head_office' = ANY (a.roles))
        OR EXISTS (SELECT FROM token AS t WHERE t.id = asking AND t.account_id IS NULL
            AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
            AND 'head_office' = ANY (t.roles));

-- Ends one with what it had; its key is destroyed by and by.
CREATE FUNCTION end_programme_download(wanted uuid, ended text, why text) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE programme_download AS d SET version = d.version + 1, status = ended, reason = why,
        sha256 = NULL WHERE d.id = wanted;
    DELETE FROM programme_download_chunk WHERE download_id = wanted;
    INSERT INTO programme_download_key (download_id) VALUES (wanted) ON CONFLICT DO NOTHING;
END $$;

-- The next one to make, begun anew where another server was cut off: while one is at it, its session
-- holds a lock. An erasure that has begun ends first, so what is made does not tell about who is being
-- erased. No row: there is none.
CREATE FUNCTION begin_programme_download(OUT id uuid, OUT attempt integer, OUT format text,
        OUT asked_by uuid) RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    one programme_download;
BEGIN
    IF NOT EXISTS (SELECT FROM programme_download WHERE status IN ('waiting', 'running')) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('erasures_and_downloads'));
    FOR one IN SELECT * FROM programme_download AS d WHERE d.status IN ('waiting', 'running')
            ORDER BY d.id FOR UPDATE SKIP LOCKED LOOP
        IF NOT pg_try_advisory_lock(hashtext('programme_download'), hashtext(one.id::text)) THEN
            CONTINUE;
        ELSIF NOT may_have_programme(one.written_by) THEN
            PERFORM end_programme_download(one.id, 'failed', 'no_longer_allowed');
        ELSIF one.attempt >= 5 THEN
            PERFORM end_programme_download(one.id, 'failed', 'interrupted');
        ELSE
            DELETE FROM programme_download_chunk WHERE download_id = one.id;
            UPDATE programme_download AS d SET version = d.version + 1, status = 'running',
                attempt = d.attempt + 1, records_done = 0, records_total = NULL, snapshot_at = NULL
            WHERE d.id = one.id;
            id := one.id;
            attempt := one.attempt + 1;
            format := one.format;
            asked_by := one.written_by;
            RETURN NEXT;
            RETURN;
        END IF;
        PERFORM pg_advisory_unlock(hashtext('programme_download'), hashtext(one.id::text));
    END LOOP;
END $$;

-- Makes this transaction that of who asked. False: they may no more, or it is not to be made any more.
CREATE FUNCTION open_programme_download(wanted uuid, turn integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    one programme_download;
BEGIN
    SELECT * INTO one FROM programme_download AS d
    WHERE d.id = wanted AND d.attempt = turn AND d.status = 'running';
    IF NOT FOUND OR NOT may_have_programme(one.written_by) THEN
        RETURN false;
    END IF;
    PERFORM set_config('iqm.roles', '{head_office}', true),
        set_config('iqm.actor', one.written_by::text, true),
        set_config('iqm.client', coalesce(one.client_id::text, ''), true),
        set_config('iqm.operation', 'create_programme_download', true);
    RETURN true;
END $$;

-- That who asked is given what is known about these people; before it is written.
CREATE FUNCTION note_programme_download(wanted uuid, turn integer, people uuid[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT open_programme_download(wanted, turn) THEN
        RETURN false;
    END IF;
    PERFORM note_recipients(people, 'create_programme_download');
    RETURN true;
END $$;

-- How far it has come. False: it is not to be made any more.
CREATE FUNCTION tell_programme_download(wanted uuid, turn integer, done bigint, total bigint,
        taken_at timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    one programme_download;
BEGIN
    UPDATE programme_download AS d SET version = d.version + 1, records_done = done,
        records_total = total, snapshot_at = taken_at
    WHERE d.id = wanted AND d.attempt = turn AND d.status = 'running' RETURNING * INTO one;
    IF NOT FOUND THEN
        RETURN false;
    ELSIF NOT may_have_programme(one.written_by) THEN
        PERFORM end_programme_download(wanted, 'failed', 'no_longer_allowed');
        RETURN false;
    END IF;
    RETURN true;
END $$;

-- The row is held meanwhile: who erases somebody waits, and then destroys this, too.
CREATE FUNCTION add_programme_download_chunk(wanted uuid, turn integer, number integer, sealed bytea)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM programme_download AS d
    WHERE d.id = wanted AND d.attempt = turn AND d.status = 'running' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO programme_download_chunk (download_id, n, bytes) VALUES (wanted, number, sealed);
    RETURN true;
END $$;

CREATE FUNCTION finish_programme_download(wanted uuid, turn integer, bytes bigint, digest text)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    UPDATE programme_download AS d SET version = d.version + 1, status = 'ready',
        records_done = coalesce(d.records_total, 0), size = bytes, sha256 = digest, ready_at = now(),
        expires_at = now() + interval '24 hours'
    WHERE d.id = wanted AND d.attempt = turn AND d.status = 'running';
    RETURN FOUND;
END $$;

CREATE FUNCTION fail_programme_download(wanted uuid, turn integer, why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM programme_download AS d
    WHERE d.id = wanted AND d.attempt = turn AND d.status = 'running' FOR NO KEY UPDATE;
    IF FOUND THEN
        PERFORM end_programme_download(wanted, 'failed', why);
    END IF;
END $$;

-- Ends those whose time is over, and forgets what ended a month ago. Rows: files whose keys are to be
-- destroyed (`is_due`), and such as are ready.
CREATE FUNCTION tend_programme_downloads() RETURNS TABLE (id uuid, is_due boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM end_programme_download(d.id, 'expired', 'time_over') FROM programme_download AS d
    WHERE d.status = 'ready' AND d.expires_at <= now();
    DELETE FROM programme_download AS d
    WHERE d.status IN ('failed', 'expired') AND d.updated_at < now() - interval '30 days';
    RETURN QUERY SELECT k.download_id, true FROM programme_download_key AS k;
    RETURN QUERY SELECT d.id, false FROM programme_download AS d WHERE d.status = 'ready';
END $$;

-- The keys of these are destroyed. Of one that should still be ready: its key went with somebody's
-- erasure, or this database is from before that.
CREATE FUNCTION forget_programme_download_keys(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM end_programme_download(d.id, 'expired', 'person_erased') FROM programme_download AS d
    WHERE d.id = ANY (ids) AND d.status = 'ready';
    DELETE FROM programme_download_key AS k WHERE k.download_id = ANY (ids);
END $$;

-- That the operator has everything written into a file (iqmd export).
CREATE FUNCTION note_programme_export() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM record_audit(NULL, NULL, NULL, 'iqmd export', 'programme_download', NULL, NULL, NULL,
        'done');
END $$;

GRANT EXECUTE ON FUNCTION create_programme_download(text), delete_programme_download(uuid),
    take_programme_file(uuid), read_programme_download_chunk(uuid, integer),
    begin_programme_download(), open_programme_download(uuid, integer),
    note_programme_download(uuid, integer, uuid[]),
    tell_programme_download(uuid, integer, bigint, bigint, timestamptz),
    add_programme_download_chunk(uuid, integer, integer, bytea),
    finish_programme_download(uuid, integer, bigint, text),
    fail_programme_download(uuid, integer, text), tend_programme_downloads(),
    forget_programme_download_keys(uuid[]), note_programme_export() TO iqm_server;

-- ---- erasing ----

-- Whoever is erased may stand in any file that has been begun.
CREATE FUNCTION erase_programme_downloads() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('erasures_and_downloads'));
    PERFORM end_programme_download(d.id, 'expired', 'person_erased') FROM programme_download AS d
    WHERE d.status IN ('running', 'ready');
    RETURN NULL;
END $$;
CREATE TRIGGER erase_programme_downloads AFTER UPDATE ON person
    FOR EACH ROW WHEN (NEW.erased AND NOT OLD.erased) EXECUTE FUNCTION erase_programme_downloads();
