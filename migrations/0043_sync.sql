-- What a program that works offline asks for: every change that its person may see since it asked last
-- (ARCHITECTURE.md, "Sync"). The audit log is the feed: its records bear the number of the transaction
-- that wrote them, so a change costs nothing more than before. Nothing is kept for each program but
-- what it saw by: sets of ids, many of which are the same.

-- ---- what is synced, and what a policy looks at of a row ----

-- The kinds of records in the order in which they are given: what others refer to comes before them.
-- `keys`: ids that the policy document_read of the table compares with ids of the caller, of a row `r`.
-- A change of what the caller sees that leaves the row alone goes by one of these.
CREATE FUNCTION sync_kinds() RETURNS TABLE (place integer, name text, keys text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT row_number() OVER ()::integer, k.name, k.keys FROM (VALUES
        ('framework', 'ARRAY[everybodys()]'),
        ('term_dates', 'ARRAY[everybodys()]'),
        ('cluster', 'ARRAY[r.id]'),
        ('school', 'ARRAY[r.id, r.cluster_id]'),
        ('succession', 'ARRAY[r.predecessor_id, r.successor_id]'),
        ('person', 'ARRAY[r.id, r.school_id]'),
        ('ambassador', 'ARRAY[r.id]'),
        ('assignment', 'ARRAY[r.ambassador_id, r.cluster_id]'),
        ('award', 'ARRAY[r.school_id]'),
        ('meeting', 'ARRAY[r.id, r.cluster_id, r.host_school_id] || r.invited_school_ids'),
        ('attendance', 'ARRAY[r.meeting_id, r.school_id]'),
        ('plan', 'ARRAY[r.school_id]'),
        ('project', 'ARRAY[r.school_id]'),
        ('project_update', 'ARRAY[r.school_id]'),
        ('review', 'ARRAY[r.school_id]'),
        -- The school's cluster is not in the document: but who sees by it knows the school, too.
        ('contribution', 'ARRAY[r.school_id, r.cluster_id, CASE WHEN r.visibility <> ''cluster'' '
            'THEN everybodys() END]'),
        -- Also seen with its contribution, whoever sees that: of it, everybody may hold it.
        ('evidence', 'ARRAY[r.school_id, CASE WHEN r.subject_type = ''contribution'' '
            'THEN everybodys() END]')) AS k (name, keys);
END;

DO $$
DECLARE
    kind record;
BEGIN
    FOR kind IN SELECT * FROM sync_kinds() LOOP
        EXECUTE format('CREATE FUNCTION sync_keys(r %I) RETURNS uuid[] LANGUAGE sql IMMUTABLE '
            'PARALLEL SAFE RETURN %s', kind.name, kind.keys);
    END LOOP;
END $$;

-- By what the caller sees: each function that policies of these tables ask, with what it answers now.
-- Where no answer differs from before, and no row was changed, the caller sees the same rows.
CREATE FUNCTION sync_sight() RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT json_object_agg(name, ARRAY(SELECT DISTINCT id FROM unnest(ids) AS id
            WHERE id IS NOT NULL ORDER BY id) ORDER BY name)
        FROM (VALUES ('ambassador_sight', ambassador_sight()),
            ('assignment_sight', assignment_sight()), ('attendance_sight', attendance_sight()),
            ('cluster_sight', cluster_sight()), ('contribution_sight', contribution_sight()),
            ('led_schools', led_schools()),
            ('meeting_sight', meeting_sight()), ('own_line', own_line()),
            ('person_sight', person_sight()), ('record_sight', record_sight()),
            ('school_sight', school_sight()), ('succession_sight', succession_sight()))
            AS s (name, ids));
END $$;

-- ---- what programs saw by ----

-- By its content: a sight as sync_sight gave it, or ids alone.
CREATE TABLE sync_sight (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    sight json,
    ids uuid[] NOT NULL,
    used_on date NOT NULL DEFAULT today()
);
CREATE INDEX sync_sight_used_on ON sync_sight (used_on);
CALL keep_from_server('sync_sight');

CREATE FUNCTION sync_hash(content text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(sha256(convert_to(content, 'UTF8')), 'hex');

CREATE FUNCTION sync_ids(sight json) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT DISTINCT id::uuid FROM json_each(sight) AS one,
        json_array_elements_text(one.value) AS id ORDER BY 1);

-- Ids that one of two sights has under a name where the other has it not.
CREATE FUNCTION sync_difference(was json, becomes json) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(
        SELECT DISTINCT coalesce(a.id, b.id)::uuid
        FROM (SELECT key, id FROM json_each(was), json_array_elements_text(value) AS id) AS a
            FULL JOIN (SELECT key, id FROM json_each(becomes), json_array_elements_text(value) AS id)
                AS b ON a.key = b.key AND a.id = b.id
        WHERE a.id IS NULL OR b.id IS NULL ORDER BY 1);

-- Keeps sights (objects) and ids (arrays) for cursors that name them by their hashes.
CREATE FUNCTION keep_sync_sights(kept json) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    INSERT INTO sync_sight AS s (hash, sight, ids)
    SELECT decode(sync_hash(one::text), 'hex'),
        CASE WHEN json_typeof(one) = 'object' THEN one END,
        CASE WHEN json_typeof(one) = 'object' THEN sync_ids(one)
            ELSE ARRAY(SELECT id::uuid FROM json_array_elements_text(one) AS id) END
    FROM json_array_elements(kept) AS one ORDER BY 1
    ON CONFLICT (hash) DO UPDATE SET used_on = excluded.used_on WHERE s.used_on < excluded.used_on;
END $$;

-- What no cursor that is still good names any more; they are good for 90 days.
CREATE FUNCTION forget_sync_sights() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    DELETE FROM sync_sight WHERE hash IN (SELECT hash FROM sync_sight
        WHERE used_on < today() - 97 LIMIT 5000 FOR UPDATE SKIP LOCKED);
END;

CREATE FUNCTION read_sync_sight(wanted text, OUT sight json, OUT ids uuid[], OUT used_on date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT s.sight, s.ids, s.used_on FROM sync_sight AS s WHERE s.hash = decode(wanted, 'hex');
END;

-- ---- which database this is ----

-- Cursors are of one database in one run of its history. A dump that is restored has other numbers
-- for its tables, perhaps in another cluster; one that is rolled back, or a standby that took over, a
-- timeline of its own. What does not change in a session is asked for once.
CREATE FUNCTION sync_epoch() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    here text := nullif(current_setting('iqm.database', true), '');
BEGIN
    IF here IS NULL THEN
        here := (SELECT c.system_identifier || '.' || d.oid FROM pg_control_system() AS c,
            pg_database AS d WHERE d.datname = current_database());
        PERFORM set_config('iqm.database', here, false);
    END IF;
    RETURN here || '.' || 'public.audit_record'::regclass::oid || '.'
        || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
END $$;

-- ---- the feed ----

-- Of the log after a place what concerns synced records or who sees which, at most so many, of
-- transactions before `bound` alone: all of those have ended, so nothing comes in before them any more.
-- With a contribution or a review, what is seen only with it. `was`: the version before.
CREATE FUNCTION sync_window(after_xid xid8, after_id uuid, bound xid8, most integer)
    RETURNS TABLE (xid xid8, record uuid, kind text, id uuid, was bigint, from_kind text, from_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    SET enable_seqscan = off ROWS 100 -- it is not known beforehand how little there is
AS $$
BEGIN
    RETURN QUERY
    WITH found AS MATERIALIZED (
        SELECT a.xid, a.id AS record, a.resource, a.resource_id, (a.doc->>'version')::bigint - 1 AS was
        FROM audit_record AS a
        WHERE (a.xid, a.id) > (after_xid, after_id) AND a.xid < bound AND a.outcome = 'done'
          AND a.resource IN ('account', 'framework', 'term_dates', 'cluster', 'school', 'succession',
            'person', 'ambassador', 'assignment', 'award', 'meeting', 'attendance', 'plan', 'project',
            'project_update', 'review', 'contribution', 'evidence')
          AND a.doc->>'version' IS NOT NULL
        ORDER BY a.xid, a.id LIMIT most
    )
    SELECT f.xid, f.record, f.resource, f.resource_id, f.was, f.resource, f.resource_id FROM found AS f
    UNION ALL
    SELECT f.xid, f.record, 'evidence', e.id, f.was, f.resource, f.resource_id
    FROM found AS f JOIN evidence AS e ON e.contribution_id = f.resource_id
    WHERE f.resource = 'contribution'
    UNION ALL
    SELECT f.xid, f.record, 'evidence', e.id, f.was, f.resource, f.resource_id
    FROM found AS f JOIN evidence AS e ON e.review_id = f.resource_id
    WHERE f.resource = 'review';
END $$;

-- The keys that an earlier version had: columns are named as the members they are generated from.
DO $$
BEGIN
    EXECUTE 'CREATE FUNCTION sync_keys_then(kind text, doc json) RETURNS uuid[] LANGUAGE plpgsql STABLE '
        'AS $body$ BEGIN RETURN CASE kind '
        || (SELECT string_agg(format('WHEN %1$L THEN sync_keys(json_populate_record(NULL::%1$I, %2$s))',
            name, CASE name WHEN 'evidence' THEN 'json_build_object(''school_id'', doc->''school_id'', '
                '''subject_type'', doc->''subject''->''type'')' ELSE 'doc' END), ' ')
            FROM sync_kinds())
        || ' END; END $body$';
END $$;

-- Whether records that the caller sees no more are `deleted` or only out of sight, `removed`; NULL where
-- the caller never saw the version before, as far as `seen` tells.
CREATE FUNCTION sync_gone(kinds text[], wanted uuid[], from_kinds text[], from_ids uuid[], was bigint[],
        seen uuid[]) RETURNS TABLE (kind text, id uuid, change text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    one record;
    there boolean;
BEGIN
    FOR one IN
        SELECT w.kind, w.id FROM unnest(kinds, wanted, from_kinds, from_ids, was)
            AS w (kind, id, from_kind, from_id, was)
            LEFT JOIN history AS h
                ON (h.resource, h.id, h.version) = (w.from_kind, w.from_id, w.was)
        WHERE w.was > 0
          AND (h.doc IS NULL OR sync_keys_then(w.from_kind, h.doc) && seen)
        GROUP BY w.kind, w.id
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I AS r WHERE r.id = $1%s)', one.kind,
            CASE WHEN one.kind = 'person' THEN ' AND NOT r.erased' ELSE '' END)
        INTO there USING one.id;
        kind := one.kind;
        id := one.id;
        change := CASE WHEN there THEN 'removed' ELSE 'deleted' END;
        RETURN NEXT;
    END LOOP;
END $$;

-- Of a kind, rows that one of these keys may open or close, in the order of their ids.
CREATE FUNCTION sync_candidates(kind text, doubt uuid[], after uuid, most integer) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    with_others CONSTANT text := CASE WHEN kind = 'evidence' THEN
        'OR r.contribution_id IN (SELECT c.id FROM contribution AS c WHERE sync_keys(c) && $1) '
        'OR r.review_id IN (SELECT v.id FROM review AS v WHERE sync_keys(v) && $1)' ELSE '' END;
    found uuid[];
BEGIN
    EXECUTE format('SELECT ARRAY(SELECT r.id FROM %I AS r WHERE (sync_keys(r) && $1 %s) AND r.id > $2 '
        'ORDER BY r.id LIMIT $3)', kind, with_others) INTO found USING doubt, after, most;
    RETURN found;
END $$;

-- As the caller: the documents of these records that the caller may see.
DO $$
BEGIN
    EXECUTE 'CREATE FUNCTION sync_seen(kinds text[], wanted uuid[]) RETURNS '
        'TABLE (kind text, id uuid, doc json) LANGUAGE plpgsql STABLE '
        'SET search_path = pg_catalog, public AS $body$ BEGIN RETURN QUERY '
        || (SELECT string_agg(format('SELECT %1$L, r.id, r.doc FROM %1$I AS r WHERE r.id = ANY (ARRAY('
            'SELECT w.id FROM unnest(kinds, wanted) AS w (kind, id) WHERE w.kind = %1$L))', name),
            ' UNION ALL ') FROM sync_kinds())
        || '; END $body$';
END $$;

-- A part of the feed, in its order: what the caller sees of each record that was changed, and of others,
-- that they are gone, where the caller may hold them by keys `seen`. A row without a change only tells how
-- far the feed was read.
CREATE FUNCTION sync_feed(after_xid xid8, after_id uuid, bound xid8, seen uuid[], most integer)
    RETURNS TABLE (xid xid8, record uuid, kind text, id uuid, doc json, change text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN QUERY
    WITH w AS MATERIALIZED (
        SELECT * FROM sync_window(after_xid, after_id, bound, most)
    ), s AS MATERIALIZED (
        SELECT * FROM sync_seen((SELECT array_agg(w.kind ORDER BY w.id) FROM w),
            (SELECT array_agg(w.id ORDER BY w.id) FROM w))
    ), rest AS MATERIALIZED (
        SELECT * FROM w WHERE w.kind <> 'account' AND NOT EXISTS (SELECT FROM s WHERE s.id = w.id)
    ), g AS MATERIALIZED (
        SELECT gone.* FROM (SELECT array_agg(r.kind) AS kinds, array_agg(r.id) AS ids,
                array_agg(r.from_kind) AS from_kinds, array_agg(r.from_id) AS from_ids,
                array_agg(r.was) AS was FROM rest AS r) AS a,
            sync_gone(a.kinds, a.ids, a.from_kinds, a.from_ids, a.was, seen) AS gone
    )
    SELECT w.xid, w.record, w.kind, w.id, s.doc,
        CASE WHEN row_number() OVER (PARTITION BY w.id ORDER BY w.xid, w.record) > 1 THEN NULL
            WHEN s.id IS NOT NULL THEN 'changed' ELSE g.change END
    FROM w LEFT JOIN s ON s.id = w.id LEFT JOIN g ON g.id = w.id
    ORDER BY w.xid, w.record, w.id;
END $$;

-- Of one kind, after an id: everything the caller sees; or, with keys in doubt, what those may have
-- opened or closed.
CREATE FUNCTION sync_walk(name text, after uuid, doubt uuid[], most integer)
    RETURNS TABLE (kind text, id uuid, doc json, change text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
BEGIN
    IF doubt IS NULL THEN
        RETURN QUERY EXECUTE format('SELECT %1$L, r.id, r.doc, ''changed'' FROM %1$I AS r '
            'WHERE r.id > $1 ORDER BY r.id LIMIT $2', name) USING after, most;
    ELSE
        RETURN QUERY EXECUTE format('SELECT %1$L, c.id, r.doc, CASE WHEN r.id IS NULL THEN ''removed'' '
            'ELSE ''changed'' END FROM unnest($1) AS c (id) LEFT JOIN %1$I AS r ON r.id = c.id '
            'ORDER BY c.id', name) USING sync_candidates(name, doubt, after, most);
    END IF;
END $$;

CREATE TYPE sync_cursor AS (
    -- `first`: everything is being given, kind by kind; `again`: what the keys in doubt may have opened
    -- or closed, kind by kind; `feed`: what was changed.
    phase text,
    place integer,  -- of a kind, and `after` of a record of it: how far the first two have come
    after uuid,
    xid xid8,       -- how far the feed has been given: a record of the log, and its transaction
    record uuid,
    sight text,     -- hash of that by which the caller saw when the page before was made
    doubt text,     -- hash of keys that came or went since the feed was there; NULL: none
    until xid8,     -- the feed must have come to this transaction before the doubt is over
    ceiling xid8,   -- no transaction from this one on was seen by the page before
    day date        -- of that page: assignments begin and end by the day
);

CREATE FUNCTION sync_nil() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '00000000-0000-0000-0000-000000000000'::uuid;

-- The last record of transactions before `bound`. A cursor stands at a record, never at `bound` itself: a
-- crash gives the numbers of transactions that came to nothing again, to others.
CREATE FUNCTION sync_end(bound xid8, OUT xid xid8, OUT record uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    (SELECT a.xid, a.id FROM audit_record AS a WHERE a.xid < bound
        ORDER BY a.xid DESC, a.id DESC LIMIT 1)
    UNION ALL SELECT '0'::xid8, sync_nil() LIMIT 1;
END;

-- Whether the log, as far as it is given, has the record at which a cursor stands. It has not where an
-- older copy of the whole machine took the place of what there was.
CREATE FUNCTION sync_has(bound xid8, wanted_xid xid8, wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN wanted_xid < bound AND (wanted = sync_nil() OR EXISTS (
        SELECT FROM audit_record AS a WHERE (a.xid, a.id) = (wanted_xid, wanted)));

CREATE FUNCTION sync_cursor_text(c sync_cursor) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN concat_ws(' ', c.phase, c.place, c.after, c.xid, c.record, c.sight, coalesce(c.doubt, '-'),
        c.until, c.ceiling, c.day);

-- Keys by which rows may have come into sight or gone out of it since the page before. What was made
-- after that page has nothing of before that refers to it: the feed has all.
CREATE FUNCTION sync_doubts(c sync_cursor, was json, present json, most integer) RETURNS uuid[]
    LANGUAGE sql STABLE
    RETURN ARRAY(SELECT id FROM unnest(sync_difference(was, present)) AS id
        EXCEPT SELECT w.id FROM sync_window(c.xid, c.record,
                pg_snapshot_xmin(pg_current_snapshot()), most) AS w
            WHERE c.phase = 'feed' AND w.was = 0 AND w.xid >= c.ceiling);

/*
 * The page after a cursor, from one snapshot: its changes, and at last a row without a kind with the
 * next cursor, whether there is more, and what keep_sync_sights is to keep for it. Without a cursor
 * there: this one is good no more.
 *
 * What it gives is right because a row is seen by its own keys and the caller's sight alone. Where the
 * sight has changed, all rows with a key of the difference are looked at again; where a row was changed,
 * the feed has it, and the version before tells whether the caller may hold it.
 */
CREATE FUNCTION sync_page(c sync_cursor, most integer, most_bytes integer)
    RETURNS TABLE (kind text, change text, id uuid, doc json, next text, more boolean, keep json)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
DECLARE
    bound xid8 := pg_snapshot_xmin(pg_current_snapshot());
    top xid8 := pg_snapshot_xmax(pg_current_snapshot());
    names text[];
    present json;
    was json;
    used_on date;
    doubt uuid[] := '{}';
    new_doubt uuid[];
    kept json[] := '{}';
    one record;
    last record := sync_end(bound);
    got integer := 0;
    bytes bigint := 0;
BEGIN
    IF c.phase IS NULL THEN
        c := ('first', 1, sync_nil(), last.xid, last.record, NULL, NULL, top, top, today())::sync_cursor;
    ELSIF NOT sync_has(bound, c.xid, c.record) OR c.day < today() - 90 THEN
        RETURN NEXT;
        RETURN;
    ELSIF c.phase = 'feed' AND c.doubt IS NULL AND c.day = today()
        AND NOT EXISTS (SELECT FROM sync_window(c.xid, c.record, bound, 1)) THEN
        c.xid := last.xid;
        c.record := last.record;
        next := sync_cursor_text(c);
        more := false;
        RETURN NEXT;
        RETURN;
    END IF;

    present := sync_sight();
    IF c.sight IS NOT NULL THEN
        SELECT r.sight, r.used_on INTO was, used_on FROM read_sync_sight(c.sight) AS r;
        IF c.doubt IS NOT NULL THEN
            doubt := (SELECT r.ids FROM read_sync_sight(c.doubt) AS r);
        END IF;
        IF was IS NULL OR doubt IS NULL THEN
            RETURN NEXT;
            RETURN;
        END IF;
        IF c.sight <> sync_hash(present::text) THEN
            new_doubt := sync_doubts(c, was, present, most);
            IF cardinality(new_doubt) > 0 THEN
                doubt := ARRAY(SELECT unnest(doubt) UNION SELECT unnest(new_doubt) ORDER BY 1);
                IF c.phase <> 'first' THEN
                    c.phase := 'again';
                    c.place := 1;
                    c.after := sync_nil();
                END IF;
            END IF;
        END IF;
    END IF;

    IF c.phase = 'feed' THEN
        more := false;
        FOR one IN SELECT * FROM sync_feed(c.xid, c.record, bound, sync_ids(present) || doubt, most)
        LOOP
            -- What comes of one record of the log stays together.
            IF bytes > most_bytes AND one.record <> c.record THEN
                EXIT;
            END IF;
            c.xid := one.xid;
            c.record := one.record;
            IF one.change IS NOT NULL THEN
                kind := one.kind;
                change := one.change;
                id := one.id;
                doc := one.doc;
                bytes := bytes + coalesce(octet_length(doc::text), 0) + 100;
                RETURN NEXT;
            END IF;
        END LOOP;
        more := EXISTS (SELECT FROM sync_window(c.xid, c.record, bound, 1));
        IF NOT more THEN
            c.xid := last.xid;
            c.record := last.record;
            IF c.until <= bound THEN
                doubt := '{}';
            END IF;
        END IF;
    ELSE
        names := ARRAY(SELECT k.name FROM sync_kinds() AS k ORDER BY k.place);
        more := true;
        WHILE c.place <= cardinality(names) AND got < most AND bytes <= most_bytes LOOP
            FOR one IN SELECT * FROM sync_walk(names[c.place], c.after,
                CASE WHEN c.phase = 'again' THEN doubt END, most - got)
            LOOP
                EXIT WHEN bytes > most_bytes;
                kind := one.kind;
                change := one.change;
                id := one.id;
                doc := one.doc;
                c.after := one.id;
                got := got + 1;
                bytes := bytes + coalesce(octet_length(doc::text), 0) + 100;
                RETURN NEXT;
            END LOOP;
            IF got < most AND bytes <= most_bytes THEN
                c.place := c.place + 1;
                c.after := sync_nil();
            END IF;
        END LOOP;
        IF c.place > cardinality(names) THEN
            c.place := 1;
            c.after := sync_nil();
            c.until := top;
            c.phase := CASE WHEN c.phase = 'first' AND cardinality(doubt) > 0 THEN 'again' ELSE 'feed' END;
        END IF;
    END IF;

    IF c.sight IS DISTINCT FROM sync_hash(present::text) OR used_on < today() - 6 THEN
        kept := kept || present;
    END IF;
    c.sight := sync_hash(present::text);
    c.doubt := CASE WHEN cardinality(doubt) > 0 THEN sync_hash(array_to_json(doubt)::text) END;
    IF c.doubt IS NOT NULL THEN
        kept := kept || array_to_json(doubt);
    END IF;
    c.ceiling := top;
    c.day := today();
    kind := NULL;
    change := NULL;
    id := NULL;
    doc := NULL;
    next := sync_cursor_text(c);
    keep := CASE WHEN cardinality(kept) > 0 THEN array_to_json(kept) END;
    RETURN NEXT;
END $$;

-- Whether nothing at all was recorded since, as far as the log has the record at which the cursor stands
-- (sync_has): then nobody sees anything else than before, on the same day.
-- Asked most often of all, so it compares with the parts of sync_epoch; a session that was never asked
-- for that says no.
CREATE FUNCTION sync_is_idle(epoch text, after_xid xid8, after_id uuid, day date) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF (after_xid < pg_snapshot_xmin(pg_current_snapshot())
        AND day = (now() AT TIME ZONE 'Europe/London')::date
        AND epoch = current_setting('iqm.database', true) || '.' || 'public.audit_record'::regclass::oid
            || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)) IS NOT TRUE THEN
        RETURN false;
    END IF;
    -- Asked in this way, by the index.
    RETURN (after_id = sync_nil() OR EXISTS (
            SELECT FROM audit_record AS a WHERE (a.xid, a.id) = (after_xid, after_id)))
        AND coalesce((SELECT a.xid FROM audit_record AS a WHERE (a.xid, a.id) > (after_xid, after_id)
            ORDER BY a.xid, a.id LIMIT 1) >= pg_snapshot_xmin(pg_current_snapshot()), true);
END $$;
GRANT EXECUTE ON FUNCTION sync_is_idle(text, xid8, uuid, date) TO iqm_server;

-- ---- what holds the feed up ----

-- For how many seconds the change that has waited longest has waited for others to end.
CREATE FUNCTION sync_lag() RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET enable_seqscan = off
    RETURN (SELECT coalesce(greatest(0, date_part('epoch', clock_timestamp() - min(a.at::timestamptz))), 0)
        FROM audit_record AS a WHERE a.xid >= pg_snapshot_xmin(pg_current_snapshot()));

-- Ends sessions of whoever may be the server, the owner too, in whichever database, that have written and
-- then left their transaction alone for so long; how many. Not of superusers, who may be everybody, nor of
-- whom the owner may not end. The server's own sessions have shorter bounds, for statements, too.
CREATE FUNCTION end_stalled_writers(after interval) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
        FROM pg_stat_activity AS a JOIN pg_roles AS login ON login.oid = a.usesysid
        WHERE a.backend_xid IS NOT NULL AND NOT login.rolsuper
          AND pg_has_role(login.oid, 'iqm_server', 'MEMBER') AND pg_has_role(login.oid, 'USAGE')
          AND a.state LIKE 'idle in transaction%' AND a.state_change < clock_timestamp() - after);

GRANT EXECUTE ON FUNCTION sync_kinds(), sync_sight(), sync_hash(text), sync_ids(json),
    sync_difference(json, json), keep_sync_sights(json), forget_sync_sights(), read_sync_sight(text), sync_epoch(),
    sync_window(xid8, uuid, xid8, integer),
    sync_gone(text[], uuid[], text[], uuid[], bigint[], uuid[]),
    sync_candidates(text, uuid[], uuid, integer), sync_seen(text[], uuid[]),
    sync_feed(xid8, uuid, xid8, uuid[], integer), sync_walk(text, uuid, uuid[], integer), sync_nil(),
    sync_end(xid8), sync_has(xid8, xid8, uuid), sync_cursor_text(sync_cursor), sync_doubts(sync_cursor, json, json, integer),
    sync_page(sync_cursor, integer, integer), sync_lag(), end_stalled_writers(interval) TO iqm_server;

-- ---- changes that were made offline ----

-- As before; a program may be offline for long before it hears that its changes were made.
CREATE OR REPLACE FUNCTION keep_answer(op text, key bytea, print bytea, answered integer, at text,
        tag text, kind text, record uuid, numbered bigint, said text, about uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    INSERT INTO idempotency_record AS r (principal, operation, key_hash, fingerprint, status, location,
        etag, resource, record_id, version, body, person_id, kept_until)
    VALUES (current_setting('iqm.actor')::uuid, op, key, print, answered, at, tag, kind, record,
        numbered, said::json, about, now() + CASE op WHEN 'push_changes' THEN interval '30 days'
            ELSE interval '24 hours' END)
    ON CONFLICT (principal, operation, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint,
        status = excluded.status, location = excluded.location, etag = excluded.etag,
        resource = excluded.resource, record_id = excluded.record_id, version = excluded.version,
        body = excluded.body, person_id = excluded.person_id, kept_until = excluded.kept_until
    WHERE r.kept_until <= now();
    IF NOT FOUND THEN
        CALL refuse_idempotency_key();
    END IF;
END $$;

-- True, or fails where the id was a record's before: for who may not see history, too.
CREATE FUNCTION id_is_new(kind text, wanted uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF EXISTS (SELECT FROM history AS h WHERE h.resource = kind AND h.id = wanted) THEN
        RAISE EXCEPTION 'A record with this id was deleted, and its history is kept. Choose another id.'
            USING ERRCODE = 'IQ412';
    END IF;
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION id_is_new(text, uuid) TO iqm_server;

-- An earlier version of a record that the caller sees, for who had it on the phone and changed it: where
-- the caller could see that version, too. A school sees a review only at some of its steps.
CREATE FUNCTION sync_base(kind text, wanted uuid, numbered bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    base json := (SELECT h.doc FROM history AS h
        WHERE h.resource = kind AND h.id = wanted AND h.version = numbered);
BEGIN
    IF base IS NOT NULL AND sync_keys_then(kind, base) && sync_ids(sync_sight())
        AND (kind <> 'review' OR base->>'status' IN ('scheduled', 'signed_off')
            OR (base->>'school_id')::uuid = ANY (led_schools())) THEN
        RETURN base;
    END IF;
    RETURN NULL;
END $$;

-- As the caller: a record as it is, and as it was at a version.
CREATE FUNCTION sync_conflict(of_kind text, wanted uuid, numbered bigint)
    RETURNS TABLE (doc json, base json)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN QUERY SELECT s.doc, sync_base(s.kind, s.id, numbered)
    FROM sync_seen(ARRAY[of_kind], ARRAY[wanted]) AS s;
END $$;
GRANT EXECUTE ON FUNCTION sync_base(text, uuid, bigint), sync_conflict(text, uuid, bigint) TO iqm_server;
