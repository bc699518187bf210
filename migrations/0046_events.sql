-- What those who listen are told by: whether the feed has moved, whom that may concern, and where it
-- stands now for who begins (ARCHITECTURE.md, "Live"). What each is told is a page of the sync, as ever.

-- Whether the feed has something after a place that concerns synced records; where the log ends, and the day.
CREATE FUNCTION sync_news(after_xid xid8, after_id uuid,
        OUT xid xid8, OUT record uuid, OUT moved boolean, OUT day date)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
DECLARE
    bound xid8 := pg_snapshot_xmin(pg_current_snapshot());
BEGIN
    SELECT e.xid, e.record INTO xid, record FROM sync_end(bound) AS e;
    moved := (xid, record) IS DISTINCT FROM (after_xid, after_id)
        AND EXISTS (SELECT FROM sync_window(after_xid, after_id, bound, 1));
    day := today();
END $$;

-- Which of these sights (hashes) what the feed has after a place may concern: those that have a key among their
-- ids that one of its records has now or had before, and those that are kept no more. The first row has no sight:
-- how far the feed was looked at, and whether it may concern everybody: by its kind, because a former version is
-- gone (of a person who was erased), or because it is too much to look at. To anybody else sync_page would tell
-- nothing up to there, since it goes by the same keys: so their cursors may stand there, with `ceiling`.
CREATE FUNCTION sync_concerned(after_xid xid8, after_id uuid, sights bytea[])
    RETURNS TABLE (sight text, xid xid8, record uuid, ceiling xid8, everybody boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    most CONSTANT integer := 500;
    bound xid8 := pg_snapshot_xmin(pg_current_snapshot());
    one record;
    found uuid[];
    touched uuid[] := '{}';
BEGIN
    SELECT e.xid, e.record INTO xid, record FROM sync_end(bound) AS e;
    ceiling := pg_snapshot_xmax(pg_current_snapshot());
    everybody := (SELECT count(*) >= most OR coalesce(bool_or(w.kind IN ('account', 'ambassador',
            'assignment', 'cluster', 'succession', 'framework', 'term_dates')
            OR w.was > 0 AND h.doc IS NULL), false)
        FROM sync_window(after_xid, after_id, bound, most) AS w LEFT JOIN history AS h
            ON (h.resource, h.id, h.version) = (w.from_kind, w.from_id, w.was));
    RETURN NEXT;
    IF everybody THEN
        RETURN;
    END IF;
    FOR one IN SELECT w.kind, array_agg(w.id) AS ids
        FROM sync_window(after_xid, after_id, bound, most) AS w GROUP BY w.kind
    LOOP
        EXECUTE format('SELECT array_agg(key) FROM %I AS r, unnest(sync_keys(r)) AS key WHERE r.id = ANY ($1)',
            one.kind) INTO found USING one.ids;
        touched := touched || found;
    END LOOP;
    touched := touched || ARRAY(SELECT unnest(sync_keys_then(w.from_kind, h.doc))
        FROM sync_window(after_xid, after_id, bound, most) AS w
            JOIN history AS h ON (h.resource, h.id, h.version) = (w.from_kind, w.from_id, w.was));
    RETURN QUERY SELECT DISTINCT encode(w.hash, 'hex') AS hash, NULL::xid8, NULL::uuid, NULL::xid8, false
        FROM unnest(sights) AS w (hash) LEFT JOIN sync_sight AS s USING (hash)
        WHERE s.hash IS NULL OR s.ids && touched ORDER BY 1;
END $$;

-- As the caller: a cursor that is good from now on, and what keep_sync_sights is to keep for it.
CREATE FUNCTION sync_from_now(OUT next text, OUT keep json)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
DECLARE
    bound xid8 := pg_snapshot_xmin(pg_current_snapshot());
    top xid8 := pg_snapshot_xmax(pg_current_snapshot());
    last record := sync_end(bound);
    present json := sync_sight();
    hash text := sync_hash(present::text);
BEGIN
    next := sync_cursor_text(('feed', 1, sync_nil(), last.xid, last.record, hash, NULL, top, top,
        today())::sync_cursor);
    IF NOT coalesce((SELECT r.used_on >= today() - 6 FROM read_sync_sight(hash) AS r), false) THEN
        keep := json_build_array(present);
    END IF;
END $$;

-- Whether it can be told what changed since: in this database, at a place that the log still has.
CREATE FUNCTION sync_goes_on(epoch text, at_xid xid8, at_record uuid, day date) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, public
    RETURN epoch = sync_epoch() AND day >= today() - 90
        AND sync_has(pg_snapshot_xmin(pg_current_snapshot()), at_xid, at_record);

GRANT EXECUTE ON FUNCTION sync_news(xid8, uuid), sync_concerned(xid8, uuid, bytea[]), sync_from_now(),
    sync_goes_on(text, xid8, uuid, date) TO iqm_server;
