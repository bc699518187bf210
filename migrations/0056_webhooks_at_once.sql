-- Webhook endpoints that are made, made active or deleted at the same moment.

-- As before; those that are made at the same moment count, too.
CREATE OR REPLACE FUNCTION limit_webhook_endpoints() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    activated boolean := NEW.doc->>'status' = 'active' AND (TG_OP = 'INSERT' OR OLD.status <> 'active');
BEGIN
    IF TG_OP = 'INSERT' OR activated THEN
        PERFORM pg_advisory_xact_lock(hashtext('limit_webhook_endpoints')); -- one after the other: each counts
    END IF;
    IF TG_OP = 'INSERT' AND (SELECT count(*) >= 1000 FROM webhook_endpoint) THEN
        RAISE EXCEPTION 'There are 1000 webhook endpoints already: delete one that is no longer used first.'
            USING ERRCODE = 'IQ409';
    END IF;
    IF activated AND (SELECT count(*) >= 200 FROM webhook_endpoint WHERE status = 'active') THEN
        RAISE EXCEPTION 'There are 200 active webhook endpoints already: pause or delete one first.'
            USING ERRCODE = 'IQ409';
    END IF;
    RETURN NEW;
END $$;

-- As before; endpoints that are deleted in this moment are left out.
CREATE OR REPLACE FUNCTION dispatch_webhooks(most integer) RETURNS boolean
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
                LATERAL (SELECT e.id FROM webhook_endpoint AS e JOIN webhook_state AS s ON s.endpoint_id = e.id
                    WHERE e.event_types && ARRAY['*', one.resource || '.*', one.resource || '.' || c.change]
                        AND NOT pg_visible_in_snapshot(one.xid, s.since)
                        AND one.at >= time_text((e.doc->>'created_at')::timestamptz - interval '1 hour')
                        AND e.id <> one.resource_id -- of itself, its maker knows
                    FOR KEY SHARE OF e) AS e; -- one that is deleted meanwhile fails none of the others
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
