-- The grid "impact of cluster meetings" as a function: by itself, and in a school's review document.

-- The meetings of a school in a period and what they changed there; as the caller sees them. NULL
-- where its attendances are not the caller's to see.
CREATE FUNCTION meeting_grid(school uuid, period_from date, period_to date) RETURNS json
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT coalesce(nullif(current_setting('iqm.roles', true), '')::text[]
            && '{head_office,client}', false)
        AND NOT coalesce(school = ANY (attendance_sight()), false) THEN
        RETURN NULL;
    END IF;
    RETURN (WITH one AS (
        SELECT s.id, s.cluster_id, s.local_authority_code, lineage(s.id) AS line
        FROM school AS s WHERE s.id = meeting_grid.school
    ), period AS (
        SELECT period_from AS first_day, period_to AS last_day
    ), whole AS (
        SELECT academic_year_start(academic_year_of(first_day)) AS first_day,
            (academic_year_start(academic_year_of(last_day)) + interval '1 year')::date - 1 AS last_day
        FROM period
    ), record AS MATERIALIZED (
        -- The school's own word goes before that of one it came from.
        SELECT DISTINCT ON (meeting_id) meeting_id, id, doc
        FROM attendance
        WHERE school_id = ANY ((SELECT line FROM one)::uuid[])
        ORDER BY meeting_id, school_id = meeting_grid.school DESC, doc->>'status' = 'present' DESC, id
    ), taken AS MATERIALIZED (
        SELECT meeting.id, meeting.kind, meeting.held_on, meeting.doc, record.id AS attendance_id,
            record.doc AS attendance, meeting.doc->>'term' AS term,
            meeting.doc->>'academic_year' AS academic_year
        FROM one, whole, meeting LEFT JOIN record ON record.meeting_id = meeting.id
        WHERE meeting.held_on BETWEEN whole.first_day AND whole.last_day
          AND (record.id IS NOT NULL OR meeting.kind = 'cluster' AND meeting.cluster_id = one.cluster_id
            OR meeting.kind = 'additional' AND meeting.host_school_id = ANY (one.line)
            OR meeting.invited_school_ids && one.line)
    ), shown AS (
        SELECT taken.*, row_number() OVER (ORDER BY held_on, id) AS place
        FROM taken, period WHERE held_on BETWEEN first_day AND last_day
        ORDER BY held_on, id LIMIT 1001
    ), items AS (
        SELECT json_agg(json_build_object('meeting_id', id, 'kind', kind, 'held_on', held_on,
                'term', term, 'academic_year', academic_year, 'location', doc->'location',
                'topics', doc->'topics', 'status', coalesce(attendance->>'status', 'not_recorded'),
                'impact', attendance->'impact', 'attendance_id', attendance_id) ORDER BY place)
                FILTER (WHERE place <= 1000) AS list,
            count(*) > 1000 AS truncated
        FROM shown
    ), counts AS (
        SELECT academic_year, term, count(*) AS held,
            count(*) FILTER (WHERE attendance->>'status' = 'present') AS attended
        FROM taken WHERE kind = 'cluster' AND held_on <= today()
        GROUP BY academic_year, term
    ), terms AS (
        SELECT json_agg(json_build_object('academic_year', year, 'term', span.term,
            'held', coalesce(held, 0), 'attended', coalesce(attended, 0), 'below_one_a_term',
            CASE WHEN span.ends_on < today() THEN held IS NULL END) ORDER BY span.starts_on) AS list
        FROM one CROSS JOIN whole
            CROSS JOIN generate_series(whole.first_day, whole.last_day, interval '1 year') AS begins
            CROSS JOIN academic_year_of(begins::date) AS year
            CROSS JOIN term_spans(year, one.local_authority_code) AS span
            LEFT JOIN counts ON counts.academic_year = year AND counts.term = span.term
    )
    SELECT json_build_object('school_id', one.id, 'from', period.first_day, 'to', period.last_day,
        'items', coalesce(items.list, '[]'), 'truncated', items.truncated, 'terms', terms.list)
    FROM one, period, items, terms);
END $$;
GRANT EXECUTE ON FUNCTION meeting_grid(uuid, date, date) TO iqm_server;
