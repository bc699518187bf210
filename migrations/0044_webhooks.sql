-- Webhooks: what changes is told, by ids alone, to addresses that head office names. The audit log is the
-- feed, read as sync reads it (0043_sync.sql): by records of transactions that have ended, from a record on.
-- Each event of each endpoint is a row that waits until its endpoint has answered for it.

CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    url text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'url') STORED,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED,
    event_types text[] NOT NULL GENERATED ALWAYS AS (texts_of(doc->'event_types')) STORED
);
CALL protect_documents('webhook_endpoint', '{head_office}');
CREATE POLICY owner_keeps ON webhook_endpoint TO CURRENT_USER USING (true) WITH CHECK (true);

-- What is known of an endpoint beside its document. Of the secret there is a number alone, from which the
-- server derives it: nothing that would have to be kept secret.
CREATE TABLE webhook_state (
    endpoint_id uuid PRIMARY KEY REFERENCES webhook_endpoint ON DELETE CASCADE,
    -- What had ended when the endpoint was made is not told.
    since pg_snapshot NOT NULL,
    generation integer NOT NULL DEFAULT 1 CHECK (generation > 0),
    rotated_at timestamptz,
    -- The first failure after which nothing has succeeded.
    failing_since timestamptz,
    -- Why it is to be paused; nothing is sent from then on.
    pause text COLLATE "C" CHECK (pause IN ('gone', 'failing'))
);
CREATE INDEX webhook_state_pause ON webhook_state (endpoint_id) WHERE pause IS NOT NULL;
CALL keep_from_server('webhook_state');

-- How far the feed was turned into deliveries: a record of the log, and its transaction.
CREATE TABLE webhook_feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    xid xid8 NOT NULL,
    record uuid NOT NULL
);
CALL keep_from_server('webhook_feed');
INSERT INTO webhook_feed (xid, record)
SELECT last.xid, last.record FROM sync_end(pg_snapshot_xmin(pg_current_snapshot())) AS last;

-- A delivery is read as a document and written by functions of the owner alone. Its versions are not
-- kept and its changes are no records of the log: they are no changes of the programme.
CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY DEFAULT uuid7(),
    version bigint NOT NULL DEFAULT 1,
    doc json NOT NULL,
    endpoint_id uuid NOT NULL GENERATED ALWAYS AS ((doc->>'endpoint_id')::uuid) STORED
        REFERENCES webhook_endpoint ON DELETE CASCADE,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED
        CHECK (status IN ('waiting', 'delivered', 'failed')),
    event_type text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->'event'->>'type') STORED,
    record_id uuid NOT NULL GENERATED ALWAYS AS ((doc->'event'->'data'->>'id')::uuid) STORED,
    audit_record_id uuid, -- what it tells; none of a test
    created_at timestamptz NOT NULL DEFAULT now(),
    -- While a server has it in hand, this is when it may be taken from it.
    next_at timestamptz NOT NULL DEFAULT now(),
    taken_until timestamptz,
    turn bigint NOT NULL DEFAULT 0,    -- goes up each time that it is taken in hand
    failures integer NOT NULL DEFAULT 0, -- since it was last asked for
    UNIQUE (endpoint_id, audit_record_id)
);
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (endpoint_id, next_at, id)
    WHERE status = 'waiting';
CREATE INDEX webhook_delivery_taken ON webhook_delivery (endpoint_id) WHERE taken_until IS NOT NULL;
CREATE INDEX webhook_delivery_endpoint_id ON webhook_delivery (endpoint_id, id);
CREATE INDEX webhook_delivery_record_id ON webhook_delivery (record_id);
CREATE INDEX webhook_delivery_created_at ON webhook_delivery (created_at);
CALL keep_from_server('webhook_delivery');
CREATE POLICY webhook_delivery_read ON webhook_delivery FOR SELECT TO iqm_server
    USING ((SELECT nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office}'));
GRANT SELECT ON webhook_delivery TO iqm_server;

-- ---- endpoints ----

CREATE FUNCTION follow_webhook_endpoint() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO webhook_state (endpoint_id, since) VALUES (NEW.id, pg_current_snapshot());
    ELSIF NEW.status = 'active' AND (OLD.status <> 'active' OR NEW.url <> OLD.url) THEN
        -- It begins anew, and what has waited goes out at once.
        UPDATE webhook_state SET failing_since = NULL, pause = NULL WHERE endpoint_id = NEW.id;
        UPDATE webhook_delivery SET version = version + 1, next_at = now(),
            doc = webhook_delivery_doc(id, version + 1, created_at, endpoint_id, doc->'event', status, now(),
                (doc->>'attempt_count')::integer, doc->'attempts')
        WHERE endpoint_id = NEW.id AND status = 'waiting' AND taken_until IS NULL AND next_at > now();
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_webhook_endpoint AFTER INSERT OR UPDATE ON webhook_endpoint
    FOR EACH ROW EXECUTE FUNCTION follow_webhook_endpoint();

-- Which secret an endpoint has, and until when the one before is used, too: null, where it is not. No row
-- where there is no such endpoint, or the caller may not know.
CREATE FUNCTION read_webhook_secret(endpoint uuid, OUT generation integer, OUT rotated_at text,
        OUT former_until text) RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT s.generation, time_text(s.rotated_at), CASE WHEN s.rotated_at > now() - interval '24 hours'
        THEN time_text(s.rotated_at + interval '24 hours') END
    FROM webhook_state AS s WHERE s.endpoint_id = endpoint AND acts_for_head_office();
END;

-- Makes another one. Outcome: made, unknown, or former: the one before is still used, and who has that would be
-- cut off.
CREATE FUNCTION rotate_webhook_secret(endpoint uuid, OUT outcome text, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    state webhook_state;
BEGIN
    SELECT * INTO state FROM webhook_state AS s WHERE s.endpoint_id = endpoint AND acts_for_head_office()
    FOR UPDATE;
    outcome := CASE WHEN NOT FOUND THEN 'unknown'
        WHEN state.rotated_at > now() - interval '24 hours' THEN 'former' ELSE 'made' END;
    IF outcome = 'made' THEN
        UPDATE webhook_state SET generation = generation + 1, rotated_at = now() WHERE endpoint_id = endpoint;
        PERFORM note_change('webhook_endpoint', endpoint);
        doc := json_build_object('rotated_at', time_text(now()), 'former_until',
            time_text(now() + interval '24 hours'));
    END IF;
END $$;

-- ---- deliveries ----

CREATE FUNCTION webhook_event(kind text, change text, id uuid, version bigint, at text) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN '{"type":"' || kind || '.' || change || '","timestamp":"' || at || '","data":{"type":"'
        || kind || '","id":"' || id || '","version":' || version || '}}';

CREATE FUNCTION webhook_delivery_doc(id uuid, version bigint, created_at timestamptz, endpoint uuid,
        event json, status text, next_at timestamptz, attempt_count integer, attempts json) RETURNS json
    LANGUAGE sql STABLE
    RETURN json_build_object('id', id, 'version', version, 'created_at', time_text(created_at),
        'updated_at', time_text(now()), 'endpoint_id', endpoint, 'event', event, 'status', status,
        'next_attempt_at', CASE WHEN status = 'waiting' THEN time_text(next_at) END,
        'attempt_count', attempt_count, 'attempts', attempts);

CREATE FUNCTION queue_webhook(endpoint uuid, event text, record uuid) RETURNS json
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO webhook_delivery (id, doc, audit_record_id)
    SELECT new.id, webhook_delivery_doc(new.id, 1, now(), endpoint, event::json, 'waiting', now(), 0, '[]'),
        record
    FROM (SELECT uuid7() AS id) AS new
    ON CONFLICT (endpoint_id, audit_record_id) DO NOTHING
    RETURNING doc;
END;

-- What was done to a record that came to this version by it. Of what was erased no version is left.
CREATE FUNCTION webhook_change(resource text, id uuid, version bigint) RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    gone boolean;
    there boolean := false;
BEGIN
    IF version = 1 THEN
        RETURN 'created';
    ELSIF EXISTS (SELECT FROM person AS p WHERE p.id = webhook_change.id AND p.erased) THEN
        RETURN 'deleted'; -- a row is left that says nothing
    END IF;
    SELECT h.doc IS NULL INTO gone FROM history AS h
    WHERE (h.resource, h.id, h.version) = (webhook_change.resource, webhook_change.id,
        webhook_change.version);
    IF gone IS NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = $1)', resource) INTO there USING id;
        gone := NOT there;
    END IF;
    RETURN CASE WHEN gone THEN 'deleted' ELSE 'changed' END;
END $$;

-- Whom a record is about: a person, or who is named in it; of one that is there no more, as it was.
CREATE FUNCTION webhook_person(resource text, id uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    person uuid;
BEGIN
    IF resource = 'person' THEN
        RETURN id;
    ELSIF NOT EXISTS (SELECT FROM pg_attribute WHERE attname = 'person_id'
            AND attrelid = format('public.%I', resource)::regclass) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT person_id FROM %I WHERE id = $1', resource) INTO person USING id;
    RETURN coalesce(person, (SELECT (h.doc->>'person_id')::uuid FROM history AS h
        WHERE h.resource = webhook_person.resource AND h.id = webhook_person.id
            AND h.doc->>'person_id' IS NOT NULL ORDER BY h.version DESC LIMIT 1));
END $$;

-- Turns what is new in the feed into deliveries, at most so many records at a time, and whether there
-- may be more. Position and deliveries are of one transaction: nothing is lost, nothing queued twice.
-- For one caller at a time: another one finds nothing to do. Whoever an event is about, the endpoint
-- has received, for when there is nothing left of the delivery.
CREATE FUNCTION dispatch_webhooks(most integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET enable_seqscan = off
AS $$
DECLARE
    here webhook_feed;
    bound xid8;
    copied boolean;
    wanted text[]; -- kinds that some endpoint wants to hear of
    one record;
    seen integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7310584) THEN
        RETURN false;
    END IF;
    SELECT * INTO here FROM webhook_feed;
    bound := pg_snapshot_xmin(pg_current_snapshot());
    -- Transactions are numbered anew: the database was copied into another cluster. What was written before
    -- is told first, then all that comes; what comes by again is known, or too old.
    copied := pg_snapshot_xmax(pg_current_snapshot()) < here.xid;
    IF copied THEN
        bound := '9223372036854775807'::xid8;
    END IF;
    wanted := ARRAY(SELECT DISTINCT split_part(type, '.', 1)
        FROM webhook_endpoint AS e, unnest(e.event_types) AS type);
    FOR one IN
        SELECT a.xid, a.id, a.resource, a.resource_id, a.at, (a.doc->>'version')::bigint AS version,
            a.outcome = 'done' AND a.doc->>'version' IS NOT NULL
                AND (a.resource = ANY (wanted) OR '*' = ANY (wanted))
                AND a.at >= time_text(now() - interval '30 days') AS is_wanted
        FROM audit_record AS a WHERE (a.xid, a.id) > (here.xid, here.record) AND a.xid < bound
        ORDER BY a.xid, a.id LIMIT most
    LOOP
        here.xid := one.xid;
        here.record := one.id;
        seen := seen + 1;
        IF one.is_wanted THEN
            PERFORM queue_webhook(e.id,
                webhook_event(one.resource, c.change, one.resource_id, one.version, one.at), one.id),
                add_recipients(ARRAY[who.id], ARRAY[e.id], 'webhook')
            FROM webhook_change(one.resource, one.resource_id, one.version) AS c (change),
                webhook_person(one.resource, one.resource_id) AS who (id),
                webhook_endpoint AS e JOIN webhook_state AS s ON s.endpoint_id = e.id
            WHERE e.event_types && ARRAY['*', one.resource || '.*', one.resource || '.' || c.change]
                AND NOT pg_visible_in_snapshot(one.xid, s.since)
                AND one.at >= time_text((e.doc->>'created_at')::timestamptz - interval '1 hour')
                AND e.id <> one.resource_id; -- of itself, its maker knows
        END IF;
    END LOOP;
    IF copied AND seen = 0 THEN
        here.xid := '0';
        here.record := sync_nil();
        UPDATE webhook_state SET since = '1:1:';
    END IF;
    IF seen > 0 OR copied THEN
        UPDATE webhook_feed SET xid = here.xid, record = here.record;
    END IF;
    RETURN seen = most OR copied;
END $$;

-- ---- sending ----

-- The deliveries that have waited longest, for whoever asks to send within so many seconds; until then nobody
-- else gets them. Few of each endpoint at a time, and one alone of an endpoint at which nothing succeeds; first
-- the others, and of each one before any has more: who is slow holds up none but itself.
CREATE FUNCTION take_webhooks(lease integer, most integer, most_each integer)
    RETURNS TABLE (id text, turn bigint, endpoint_id text, url text, event text, generation bigint,
        has_former boolean)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    WITH ready AS MATERIALIZED (
        SELECT e.id, e.url, s.generation, s.rotated_at, s.failing_since IS NOT NULL AS is_failing,
            greatest(0, CASE WHEN s.failing_since IS NULL THEN take_webhooks.most_each ELSE 1 END - (SELECT count(*) FROM webhook_delivery AS d WHERE d.endpoint_id = e.id
                AND d.status = 'waiting' AND d.taken_until > now())) AS room
        FROM webhook_endpoint AS e JOIN webhook_state AS s ON s.endpoint_id = e.id
        WHERE e.status = 'active' AND s.pause IS NULL AND EXISTS (SELECT FROM webhook_delivery AS d
            WHERE d.endpoint_id = e.id AND d.status = 'waiting' AND d.next_at <= now())
    ), next AS MATERIALIZED (
        SELECT due.id, ready.url, ready.generation, ready.rotated_at
        FROM ready CROSS JOIN LATERAL (SELECT d.id, d.next_at FROM webhook_delivery AS d
            WHERE d.endpoint_id = ready.id AND d.status = 'waiting' AND d.next_at <= now()
            ORDER BY d.next_at, d.id LIMIT ready.room FOR UPDATE SKIP LOCKED) AS due
        ORDER BY ready.is_failing, row_number() OVER (PARTITION BY ready.id ORDER BY due.next_at), due.next_at
        LIMIT take_webhooks.most
    )
    UPDATE webhook_delivery AS d SET turn = d.turn + 1,
        taken_until = now() + make_interval(secs => take_webhooks.lease),
        next_at = now() + make_interval(secs => take_webhooks.lease)
    FROM next WHERE d.id = next.id
    RETURNING d.id::text, d.turn, d.endpoint_id::text, next.url, (d.doc->'event')::text,
        next.generation::bigint, coalesce(next.rotated_at > now() - interval '24 hours', false);
END;

-- How long to wait after so many failures: 5 seconds, 5 minutes, half an hour, 2, 5, 10 and 10 hours, or by
-- chance a tenth less, which in all is more than a day still, to a fifth more: never at the same time as
-- others. Null: it was tried often enough. An endpoint may ask for longer, of up to 10 hours.
CREATE FUNCTION webhook_pause(failures integer, asked integer, chance double precision DEFAULT random())
    RETURNS interval
    LANGUAGE sql VOLATILE
    RETURN make_interval(secs => greatest(
        (ARRAY[5, 300, 1800, 7200, 18000, 36000, 36000])[failures] * (0.9 + 0.3 * chance),
        CASE WHEN failures BETWEEN 1 AND 7 THEN least(asked, 36000) END));

-- What became of an attempt: `delivered`; `failed`, for now; `gone`: the endpoint says that it is there no
-- more; `interrupted` by ourselves, which counts for nothing. With the status of the answer, how long it took
-- and a word of ours for the failure. Returns the status after it; null where the time for the attempt was
-- over and another has taken it since.
CREATE FUNCTION settle_webhook(delivery uuid, in_turn bigint, outcome text, answered integer, took integer,
        failure text, asked integer) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    d webhook_delivery;
    wait interval;
    becomes text := 'waiting';
    paused text;
    attempts json;
BEGIN
    SELECT * INTO d FROM webhook_delivery AS w
    WHERE w.id = delivery AND w.turn = in_turn AND w.status = 'waiting' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF outcome = 'interrupted' THEN
        UPDATE webhook_delivery SET taken_until = NULL, next_at = now() WHERE id = delivery;
        RETURN 'waiting';
    END IF;
    IF outcome = 'delivered' THEN
        becomes := 'delivered';
        UPDATE webhook_state SET failing_since = NULL
        WHERE endpoint_id = d.endpoint_id AND failing_since IS NOT NULL;
    ELSE
        d.failures := d.failures + 1;
        wait := CASE WHEN outcome <> 'gone' THEN webhook_pause(d.failures, asked) END;
        UPDATE webhook_state SET failing_since = coalesce(failing_since, now()),
            pause = CASE WHEN outcome = 'gone' THEN 'gone'
                WHEN failing_since < now() - interval '1 day' THEN coalesce(pause, 'failing')
                ELSE pause END
        WHERE endpoint_id = d.endpoint_id RETURNING pause INTO paused;
        IF wait IS NULL AND (outcome = 'gone' OR paused IS NULL) THEN
            becomes := 'failed';
        ELSIF wait IS NULL THEN
            d.failures := 0; -- it waits for the endpoint, with all others
        END IF;
    END IF;
    -- The last 50 are kept, which is more than come without anybody's asking.
    attempts := (SELECT json_agg(one.attempt ORDER BY one.place) FROM (SELECT a.attempt, a.place
        FROM json_array_elements((d.doc->'attempts')) WITH ORDINALITY AS a (attempt, place)
        ORDER BY a.place DESC LIMIT 49) AS one);
    attempts := (SELECT json_agg(one.attempt ORDER BY one.place) FROM (
        SELECT a.attempt, a.place FROM json_array_elements(attempts) WITH ORDINALITY AS a (attempt, place)
        UNION ALL SELECT json_build_object('at', time_text(now() - make_interval(secs => took / 1000.0)),
            'status', answered, 'duration_ms', took, 'failure', failure), 50) AS one);
    UPDATE webhook_delivery AS w SET version = w.version + 1, taken_until = NULL,
        next_at = now() + coalesce(wait, '0'), failures = d.failures,
        doc = webhook_delivery_doc(w.id, w.version + 1, w.created_at, w.endpoint_id, w.doc->'event',
            becomes, now() + coalesce(wait, '0'), (w.doc->>'attempt_count')::integer + 1, attempts)
    WHERE w.id = delivery;
    RETURN becomes;
END $$;

-- ---- by hand ----

-- An event that is made up for an endpoint. Outcome: made, unknown, paused.
CREATE FUNCTION test_webhook_endpoint(endpoint uuid, OUT outcome text, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    e webhook_endpoint;
BEGIN
    SELECT * INTO e FROM webhook_endpoint WHERE id = endpoint AND acts_for_head_office();
    outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN e.status <> 'active' THEN 'paused' ELSE 'made' END;
    IF outcome = 'made' THEN
        doc := queue_webhook(endpoint, replace(webhook_event('webhook_endpoint', 'test', endpoint,
            e.version, time_text(now())), '"webhook_endpoint.test"', '"webhook.test"'), NULL);
        PERFORM note_change('webhook_endpoint', endpoint);
    END IF;
END $$;

-- A delivery is sent now, with the same id, and tried as often as a new one. Outcome: made, unknown,
-- paused; or busy: it is on its way this moment.
CREATE FUNCTION replay_webhook_delivery(delivery uuid, OUT outcome text, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    d webhook_delivery;
BEGIN
    SELECT * INTO d FROM webhook_delivery AS w WHERE w.id = delivery AND acts_for_head_office()
    FOR UPDATE;
    outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN d.taken_until > now() THEN 'busy'
        WHEN (SELECT e.status FROM webhook_endpoint AS e WHERE e.id = d.endpoint_id) <> 'active'
        THEN 'paused' ELSE 'made' END;
    IF outcome <> 'made' THEN
        RETURN;
    END IF;
    UPDATE webhook_delivery AS w SET version = w.version + 1, next_at = now(), taken_until = NULL,
        failures = 0, doc = webhook_delivery_doc(w.id, w.version + 1, w.created_at, w.endpoint_id,
            w.doc->'event', 'waiting', now(), (w.doc->>'attempt_count')::integer, w.doc->'attempts')
    WHERE w.id = delivery RETURNING w.doc INTO doc;
    PERFORM note_change('webhook_delivery', delivery);
END $$;

-- ---- endpoints that are there no more ----

-- One that is to be paused, with whom to tell: whose account wrote it last. No row where there is none.
CREATE FUNCTION next_webhook_pause(OUT endpoint_id text, OUT reason text, OUT person_id text)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT e.id::text, s.pause, account.person_id::text
    FROM webhook_state AS s JOIN webhook_endpoint AS e ON e.id = s.endpoint_id
    LEFT JOIN account ON account.id = e.written_by AND NOT account.suspended
    WHERE s.pause IS NOT NULL LIMIT 1;
END;

-- Pauses it, and tells that to the person by a mail with this body; null: there is nobody. False where it
-- is not to be paused any more.
CREATE FUNCTION pause_webhook_endpoint(endpoint uuid, person uuid, body text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    why text;
BEGIN
    -- In the order in which whoever changes an endpoint locks them.
    PERFORM FROM webhook_endpoint WHERE id = endpoint FOR NO KEY UPDATE;
    UPDATE webhook_state AS s SET pause = NULL FROM webhook_state AS was
    WHERE s.endpoint_id = endpoint AND was.endpoint_id = s.endpoint_id AND s.pause IS NOT NULL
    RETURNING was.pause INTO why;
    IF why IS NULL THEN
        RETURN false;
    END IF;
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.request_id', '', true),
        set_config('iqm.operation', 'webhook_pause', true);
    UPDATE webhook_endpoint AS e SET version = e.version + 1, written_by = NULL,
        doc = (SELECT json_object_agg(m.key, m.value ORDER BY m.place) FROM (
            SELECT key, CASE key WHEN 'version' THEN to_json(e.version + 1)
                WHEN 'updated_at' THEN to_json(time_text(now()))
                WHEN 'status' THEN '"paused"'::json ELSE value END AS value, place
            FROM json_each(e.doc) WITH ORDINALITY AS one (key, value, place)
            WHERE key <> 'paused_reason'
            UNION ALL SELECT 'paused_reason', to_json(why), 1000) AS m)
    WHERE e.id = endpoint AND e.status = 'active';
    IF FOUND AND body IS NOT NULL THEN
        PERFORM enqueue_mail(person, 'webhook_paused', body);
    END IF;
    RETURN FOUND;
END $$;

-- Forgets deliveries after 30 days, some at a time. How many wait to be sent, and how many endpoints
-- were paused because they are gone or nothing succeeds.
CREATE FUNCTION tend_webhooks(OUT waiting bigint, OUT dead bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery
        WHERE created_at < now() - interval '30 days' LIMIT 5000 FOR UPDATE SKIP LOCKED);
    waiting := (SELECT count(*) FROM webhook_delivery AS d JOIN webhook_endpoint AS e
        ON e.id = d.endpoint_id AND e.status = 'active' WHERE d.status = 'waiting');
    dead := (SELECT count(*) FROM webhook_endpoint
        WHERE status = 'paused' AND doc->>'paused_reason' IN ('gone', 'failing'));
END $$;

GRANT EXECUTE ON FUNCTION read_webhook_secret(uuid), rotate_webhook_secret(uuid),
    dispatch_webhooks(integer), take_webhooks(integer, integer, integer),
    settle_webhook(uuid, bigint, text, integer, integer, text, integer), test_webhook_endpoint(uuid),
    replay_webhook_delivery(uuid), next_webhook_pause(), pause_webhook_endpoint(uuid, uuid, text),
    tend_webhooks() TO iqm_server;
