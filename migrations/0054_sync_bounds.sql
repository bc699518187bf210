-- The sync tells of evidence only those who may hold it, and nobody who writes holds it up for ever.

-- ---- evidence of a contribution ----

-- All that it is, or ever was, seen by: whoever holds it may hold what it rests on, which may be another
-- school's.
CREATE FUNCTION contribution_keys(wanted uuid) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN ARRAY(SELECT unnest(sync_keys(c)) FROM contribution AS c WHERE c.id = wanted
        UNION SELECT unnest(sync_keys(json_populate_record(NULL::contribution, h.doc))) FROM history AS h
        WHERE h.resource = 'contribution' AND h.id = wanted AND h.doc IS NOT NULL);

CREATE OR REPLACE FUNCTION sync_keys(r evidence) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN r.school_id || CASE WHEN r.subject_type = 'contribution'
        THEN contribution_keys(r.contribution_id) ELSE '{}' END;

-- As before, with the contribution of evidence.
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE FUNCTION sync_keys_then(kind text, doc json) RETURNS uuid[] '
        'LANGUAGE plpgsql STABLE AS $body$ BEGIN RETURN CASE kind '
        || (SELECT string_agg(format('WHEN %1$L THEN sync_keys(json_populate_record(NULL::%1$I, %2$s))',
            name, CASE name WHEN 'evidence' THEN 'json_build_object(''school_id'', doc->''school_id'', '
                '''subject_type'', doc->''subject''->''type'', '
                '''contribution_id'', doc->''subject''->''id'')' ELSE 'doc' END), ' ')
            FROM sync_kinds())
        || ' END; END $body$';
END $$;

-- As before; evidence goes by its school, and by the contribution or the review that it is of.
CREATE OR REPLACE FUNCTION sync_candidates(kind text, doubt uuid[], after uuid, most integer) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    by_key CONSTANT text := CASE WHEN kind = 'evidence' THEN 'r.school_id = ANY ($1) '
        'OR r.contribution_id IN (SELECT c.id FROM contribution AS c WHERE sync_keys(c) && $1) '
        'OR r.review_id IN (SELECT v.id FROM review AS v WHERE sync_keys(v) && $1)'
        ELSE 'sync_keys(r) && $1' END;
    found uuid[];
BEGIN
    EXECUTE format('SELECT ARRAY(SELECT r.id FROM %I AS r WHERE (%s) AND r.id > $2 '
        'ORDER BY r.id LIMIT $3)', kind, by_key) INTO found USING doubt, after, most;
    RETURN found;
END $$;

-- ---- who writes for ever ----

-- As before those who do nothing more, and whoever is at work on the same transaction four times as long:
-- who waits for something that does not come, or says something now and then, is never idle.
CREATE OR REPLACE FUNCTION end_stalled_writers(after interval) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
        FROM pg_stat_activity AS a JOIN pg_roles AS login ON login.oid = a.usesysid
        WHERE a.backend_xid IS NOT NULL AND NOT login.rolsuper
          AND pg_has_role(login.oid, 'iqm_server', 'MEMBER') AND pg_has_role(login.oid, 'USAGE')
          AND (a.state LIKE 'idle in transaction%' AND a.state_change < clock_timestamp() - after
            OR a.xact_start < clock_timestamp() - 4 * after));

-- ---- conflicts ----

-- A refusal that has a place is a conflict, and stays one when it is sent again. Those that were kept
-- before had none, and nearly all of that status were conflicts.
UPDATE idempotency_record SET location = '/' WHERE operation = 'push_changes' AND status = 412
    AND location IS NULL;
