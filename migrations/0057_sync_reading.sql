-- The sync shows no version that its caller may not read.

ALTER FUNCTION contribution_keys(uuid) PARALLEL SAFE; -- as what asks it says of itself

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

-- Whether the caller's token, after identify_change, has one of these scopes.
CREATE FUNCTION has_scope(wanted text[]) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('iqm.scopes', true), '')::text[] && (wanted || '*'::text), false);
GRANT EXECUTE ON FUNCTION has_scope(text[]) TO iqm_server;

-- New records under an id that is taken are refused: no conflicts, as kept refusals of that status were taken for.
UPDATE idempotency_record SET location = NULL WHERE operation = 'push_changes' AND status = 412 AND location = '/'
    AND body->>'detail' = 'A record with this id was deleted, and its history is kept. Choose another id.';
