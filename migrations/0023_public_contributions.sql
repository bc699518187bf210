-- What schools share with everybody, for everybody to read: the newest first.

CREATE INDEX contribution_public ON contribution (happened_on, id) WHERE visibility = 'public';
CREATE INDEX contribution_public_kind ON contribution (kind, happened_on, id)
    WHERE visibility = 'public';
CREATE INDEX contribution_public_school ON contribution (school_id, happened_on, id)
    WHERE visibility = 'public';

-- A page of it, from before a contribution on; of the school, where it is, and nothing else.
CREATE FUNCTION read_public_contributions(of_kind text, of_school uuid, before_day date,
        before_id uuid, most integer) RETURNS
    TABLE (id uuid, school_id uuid, school_name text, town text, kind text, title text,
        description text, happened_on date, impact text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
    SELECT c.id, c.school_id, s.name, s.doc->>'town', c.kind, d.title, d.description,
        c.happened_on, d.impact
    FROM (
        SELECT * FROM contribution AS p
        WHERE p.visibility = 'public'
          AND (of_kind IS NULL OR p.kind = of_kind)
          AND (of_school IS NULL OR p.school_id = of_school)
          AND (before_id IS NULL OR (p.happened_on, p.id) < (before_day, before_id))
        ORDER BY p.happened_on DESC, p.id DESC LIMIT most
    ) AS c JOIN school AS s ON s.id = c.school_id,
        json_to_record(c.doc) AS d (title text, description text, impact text)
    ORDER BY c.happened_on DESC, c.id DESC;
END $$;
GRANT EXECUTE ON FUNCTION read_public_contributions(text, uuid, date, uuid, integer) TO iqm_server;
