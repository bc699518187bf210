-- Calendar feeds: secret addresses under which calendar programs read, without a token, the meetings
-- and days of a cluster, a school or an ambassador's clusters. A feed shows what its owner may see at
-- that moment, under the same policies as everything else, and nothing once the account is suspended.

CREATE TABLE calendar_feed (
    id uuid PRIMARY KEY DEFAULT uuid7(),
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    -- Of the secret in the address only a keyed hash is kept.
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    cluster_id uuid REFERENCES cluster ON DELETE CASCADE,
    school_id uuid REFERENCES school ON DELETE CASCADE,
    ambassador_id uuid REFERENCES ambassador ON DELETE CASCADE,
    -- What the owner calls it, sealed under the owner's key.
    label text CHECK (is_sealed(label) AND length(label) <= 1000),
    person_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A day says enough: whether anything still reads it.
    last_read_on date,
    CHECK (num_nonnulls(cluster_id, school_id, ambassador_id) = 1)
);
CREATE INDEX calendar_feed_account ON calendar_feed (account_id, id);
CREATE INDEX calendar_feed_cluster ON calendar_feed (cluster_id) WHERE cluster_id IS NOT NULL;
CREATE INDEX calendar_feed_school ON calendar_feed (school_id) WHERE school_id IS NOT NULL;
CREATE INDEX calendar_feed_ambassador ON calendar_feed (ambassador_id)
    WHERE ambassador_id IS NOT NULL;
CALL keep_from_server('calendar_feed');
CREATE TRIGGER note_whose_account BEFORE INSERT ON calendar_feed
    FOR EACH ROW EXECUTE FUNCTION note_whose_account();

-- Deletions alone, for what was called off lately.
CREATE INDEX history_deleted ON history (resource, replaced_at) WHERE doc IS NULL;

CREATE FUNCTION describe_calendar_feed(feed calendar_feed) RETURNS json
    LANGUAGE sql STABLE
    RETURN json_build_object('id', feed.id, 'cluster_id', feed.cluster_id,
        'school_id', feed.school_id, 'ambassador_id', feed.ambassador_id, 'label', feed.label,
        'created_at', time_text(feed.created_at), 'last_read_on', feed.last_read_on);

-- Outcome: made, nobody (no person calls), full. The account is locked, so that two at once count
-- each other. Whether the caller sees what the feed is of, the caller of this has looked.
CREATE FUNCTION create_calendar_feed(hash bytea, cluster uuid, school uuid, ambassador uuid,
        label text, OUT outcome text, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := own_account();
    made calendar_feed;
BEGIN
    PERFORM FROM account WHERE id = who AND NOT suspended FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'nobody';
        RETURN;
    ELSIF (SELECT count(*) >= 20 FROM calendar_feed WHERE account_id = who) THEN
        outcome := 'full';
        RETURN;
    END IF;
    INSERT INTO calendar_feed (account_id, hash, cluster_id, school_id, ambassador_id, label)
    VALUES (who, create_calendar_feed.hash, cluster, school, ambassador, create_calendar_feed.label)
    RETURNING * INTO made;
    PERFORM note_change('calendar_feed', made.id);
    outcome := 'made';
    doc := describe_calendar_feed(made);
END $$;

CREATE FUNCTION list_own_calendar_feeds() RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT ('[' || coalesce(string_agg(describe_calendar_feed(feed)::text, ','
            ORDER BY feed.id), '') || ']')::json
        FROM calendar_feed AS feed WHERE feed.account_id = own_account());

-- False: there is no such own feed.
CREATE FUNCTION revoke_own_calendar_feed(wanted uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    DELETE FROM calendar_feed WHERE id = wanted AND account_id = own_account();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM note_change('calendar_feed', wanted);
    RETURN true;
END $$;

-- ---- reading ----

-- Makes this transaction that of the feed's owner, as a token would; of nobody, where there is no such
-- feed or its owner may not sign in.
CREATE FUNCTION open_calendar_feed(hash bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    owner record;
BEGIN
    SELECT a.id, a.roles INTO owner FROM calendar_feed AS feed
    JOIN account AS a ON a.id = feed.account_id AND NOT a.suspended
    WHERE feed.hash = open_calendar_feed.hash;
    PERFORM set_config('iqm.roles', coalesce(owner.roles::text, ''), true),
        set_config('iqm.actor', coalesce(owner.id::text, ''), true),
        set_config('iqm.client', '', true);
END $$;

-- The feed that was opened, and whether today is yet to be noted as a day of reading; no row where
-- none was.
CREATE FUNCTION opened_calendar_feed(hash bytea, OUT id uuid, OUT cluster_id uuid,
        OUT school_id uuid, OUT ambassador_id uuid, OUT person_id uuid, OUT label text,
        OUT is_first_today boolean)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT feed.id, feed.cluster_id, feed.school_id, feed.ambassador_id, feed.person_id, feed.label,
        feed.last_read_on IS DISTINCT FROM today()
    FROM calendar_feed AS feed
    WHERE feed.hash = opened_calendar_feed.hash AND feed.account_id = own_account();
END;

CREATE FUNCTION note_calendar_read(hash bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    UPDATE calendar_feed AS feed SET last_read_on = today()
    WHERE feed.hash = note_calendar_read.hash AND feed.last_read_on IS DISTINCT FROM today();
END;

-- What was deleted in the last thirty days, as it was; `version` and `at` are the deletion's. So long,
-- calendars are told that it is off.
CREATE FUNCTION deleted_lately(kind text) RETURNS TABLE (id uuid, version bigint, doc json, at timestamptz)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT gone.id, gone.version, last.doc, gone.replaced_at
    FROM history AS gone
    JOIN history AS last ON last.resource = kind AND last.id = gone.id
        AND last.version = gone.version - 1
    WHERE gone.resource = kind AND gone.doc IS NULL
        AND gone.replaced_at >= now() - interval '30 days';
END;

-- Meetings and visits of those, where the caller would see them if they were still there.
CREATE FUNCTION deleted_meetings() RETURNS TABLE (id uuid, version bigint, doc json, at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT gone.id, gone.version, gone.doc, gone.at FROM deleted_lately('meeting') AS gone
    WHERE acts_for_head_office() OR (ARRAY[gone.id, (gone.doc->>'cluster_id')::uuid,
            (gone.doc->>'host_school_id')::uuid]
        || coalesce(uuids_of(gone.doc->'invited_school_ids'), '{}')) && (SELECT meeting_sight());
END;

CREATE FUNCTION deleted_reviews() RETURNS TABLE (id uuid, version bigint, doc json, at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT gone.id, gone.version, gone.doc, gone.at FROM deleted_lately('review') AS gone
    WHERE acts_for_head_office() OR (gone.doc->>'school_id')::uuid = ANY ((SELECT led_schools())::uuid[])
        OR gone.doc->>'status' IN ('scheduled', 'signed_off')
            AND (gone.doc->>'school_id')::uuid = ANY ((SELECT own_line())::uuid[]);
END;

GRANT EXECUTE ON FUNCTION create_calendar_feed(bytea, uuid, uuid, uuid, text),
    list_own_calendar_feeds(), revoke_own_calendar_feed(uuid), open_calendar_feed(bytea),
    opened_calendar_feed(bytea), note_calendar_read(bytea), deleted_meetings(), deleted_reviews() TO iqm_server;
