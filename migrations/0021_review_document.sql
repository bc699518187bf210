-- The grid "impact of cluster meetings" as a function: by itself, and in a school's review document.

-- The meetings of a school in a period and what they changed there, with every term of the academic
-- years that it touches; as the caller sees them. NULL where its attendances are not the caller's to
-- see. Meetings are found by what they have to do with the school, each by an index of its own; by
-- their days none is asked.
CREATE FUNCTION meeting_grid(school uuid, period_from date, period_to date) RETURNS json
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
DECLARE
    line uuid[] := lineage(school);
    cluster uuid;
    authority text;
    first_day date := academic_year_start(academic_year_of(period_from));
    last_day date := (academic_year_start(academic_year_of(period_to)) + interval '1 year')::date - 1;
BEGIN
    IF NOT coalesce(nullif(current_setting('iqm.roles', true), '')::text[]
            && '{head_office,client}', false)
        AND NOT coalesce(school = ANY (attendance_sight()), false) THEN
        RETURN NULL;
    END IF;
    SELECT s.cluster_id, s.local_authority_code INTO cluster, authority
    FROM school AS s WHERE s.id = meeting_grid.school;
    RETURN (WITH record AS MATERIALIZED (
        -- The school's own word goes before that of one it came from.
        SELECT DISTINCT ON (a.meeting_id) a.meeting_id, a.id, a.present, a.doc
        FROM attendance AS a WHERE a.school_id = ANY (line)
        ORDER BY a.meeting_id, a.school_id = meeting_grid.school DESC, a.present DESC, a.id
    ), concerned AS (
        SELECT record.meeting_id AS id FROM record
        UNION SELECT m.id FROM meeting AS m WHERE m.cluster_id = cluster AND m.kind = 'cluster'
            AND m.held_on - first_day BETWEEN 0 AND last_day - first_day
        UNION SELECT m.id FROM meeting AS m
            WHERE m.host_school_id = ANY (line) AND m.kind = 'additional'
        UNION SELECT m.id FROM meeting AS m
            WHERE m.invited_school_ids && line AND m.invited_school_ids <> '{}'
    ), taken AS MATERIALIZED (
        SELECT m.id, m.kind, m.held_on, m.doc, record.id AS attendance_id, record.present,
            record.doc AS attendance, m.doc->>'term' AS term, m.doc->>'academic_year' AS academic_year
        FROM concerned JOIN meeting AS m ON m.id = concerned.id
            LEFT JOIN record ON record.meeting_id = m.id
        WHERE m.held_on - first_day BETWEEN 0 AND last_day - first_day
    ), items AS (
        SELECT json_agg(json_build_object('meeting_id', id, 'kind', kind, 'held_on', held_on,
                'term', term, 'academic_year', academic_year, 'location', doc->'location',
                'topics', doc->'topics', 'status', coalesce(attendance->>'status', 'not_recorded'),
                'impact', attendance->'impact', 'attendance_id', attendance_id) ORDER BY place)
                FILTER (WHERE place <= 1000) AS list,
            count(*) > 1000 AS truncated
        FROM (SELECT taken.*, row_number() OVER (ORDER BY held_on, id) AS place
            FROM taken WHERE held_on BETWEEN period_from AND period_to
            ORDER BY held_on, id LIMIT 1001) AS first
    ), counts AS (
        SELECT academic_year, term, count(*) AS held, count(*) FILTER (WHERE present) AS attended
        FROM taken WHERE kind = 'cluster' AND held_on <= today()
        GROUP BY academic_year, term
    ), terms AS (
        SELECT json_agg(json_build_object('academic_year', year, 'term', span.term,
            'held', coalesce(held, 0), 'attended', coalesce(attended, 0), 'below_one_a_term',
            CASE WHEN span.ends_on < today() THEN held IS NULL END) ORDER BY span.starts_on) AS list
        FROM generate_series(first_day, last_day, interval '1 year') AS begins
            CROSS JOIN academic_year_of(begins::date) AS year
            CROSS JOIN term_spans(year, authority) AS span
            LEFT JOIN counts ON counts.academic_year = year AND counts.term = span.term
    )
    SELECT json_build_object('school_id', school, 'from', period_from, 'to', period_to,
        'items', coalesce(items.list, '[]'), 'truncated', items.truncated, 'terms', terms.list)
    FROM items, terms);
END $$;
GRANT EXECUTE ON FUNCTION meeting_grid(uuid, date, date) TO iqm_server;
