-- The sync tells of evidence only those who may hold it, and nobody who writes holds it up for ever.

-- ---- evidence of a contribution ----

-- All that it is, or ever was, seen by: whoever holds it may hold what it rests on, which may be another
-- school's.
CREATE FUNCTION contribution_keys(wanted uuid) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN ARRAY(SELECT unnest(sync_keys(c)) FROM contribution AS c WHERE c.id = wanted
        UNION SELECT unnest(sync_keys(json_populate_record(NULL::contribution, h.doc))) FROM history AS h
        WHERE h.resource = 'contribution' AND h.id = wanted AND h.doc IS NOT NULL);

-- As before, but for evidence.
CREATE OR REPLACE FUNCTION sync_kinds() RETURNS TABLE (place integer, name text, keys text)
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
        -- Also seen with its contribution, whoever sees that.
        ('evidence', 'r.school_id || CASE WHEN r.subject_type = ''contribution'' '
            'THEN contribution_keys(r.contribution_id) ELSE ''{}'' END')) AS k (name, keys);
END;

DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE FUNCTION sync_keys(r evidence) RETURNS uuid[] LANGUAGE sql STABLE '
        'PARALLEL SAFE RETURN ' || (SELECT keys FROM sync_kinds() WHERE name = 'evidence');
END $$;

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

-- As before; but evidence that somebody may still hold is not for them to read.
CREATE OR REPLACE FUNCTION sync_base(kind text, wanted uuid, numbered bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    base json := (SELECT h.doc FROM history AS h
        WHERE h.resource = kind AND h.id = wanted AND h.version = numbered);
    ids uuid[] := sync_ids(sync_sight());
BEGIN
    IF base IS NULL OR NOT sync_keys_then(kind, base) && ids THEN
        RETURN NULL;
    ELSIF kind = 'review' AND base->>'status' NOT IN ('scheduled', 'signed_off')
            AND (base->>'school_id')::uuid <> ALL (led_schools()) THEN
        RETURN NULL;
    ELSIF kind = 'evidence' AND (base->>'school_id')::uuid <> ALL (ids)
            AND NOT EXISTS (SELECT FROM contribution AS c
                WHERE c.id = (base->'subject'->>'id')::uuid AND sync_keys(c) && ids) THEN
        RETURN NULL;
    END IF;
    RETURN base;
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
-- before had none: all of that status were conflicts, but for new records under an id that is taken.
UPDATE idempotency_record SET location = '/' WHERE operation = 'push_changes' AND status = 412
    AND location IS NULL AND body->>'detail' IS DISTINCT FROM
        'A record with this id was deleted, and its history is kept. Choose another id.';

-- Whether the caller's token, after identify_change, has one of these scopes.
CREATE FUNCTION has_scope(wanted text[]) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('iqm.scopes', true), '')::text[] && (wanted || '*'::text), false);
GRANT EXECUTE ON FUNCTION has_scope(text[]) TO iqm_server;
