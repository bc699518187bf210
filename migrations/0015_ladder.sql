-- All that the rules of the award ladder look at, of a school and those it came from.

-- Whether the caller sees the own records of a school.
CREATE FUNCTION sees_records(school uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN coalesce(nullif(current_setting('iqm.roles', true), '')::text[]
        && '{head_office,client}', false) OR school = ANY (record_sight());
END $$;

-- The first year of the academic year that a day is in: 2026 of 2026/27.
CREATE FUNCTION first_year_of(day date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN date_part('year', day + interval '4 months')::integer - 1;
GRANT EXECUTE ON FUNCTION first_year_of(date) TO iqm_server;

-- Cluster meetings by academic year, as far as they concern the line of a school: those of the
-- cluster it is in, and those it came to.
CREATE FUNCTION meeting_facts(line uuid[], cluster uuid, day date) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (WITH attended AS MATERIALIZED (
        SELECT a.meeting_id, a.id, a.doc->>'status' = 'present' AS present
        FROM attendance AS a WHERE a.school_id = ANY (line)
    ), concerned AS (
        SELECT m.id, m.held_on FROM meeting AS m
        WHERE m.cluster_id = cluster AND m.kind = 'cluster' AND m.held_on <= day
          AND m.held_on > day - 2200
        UNION
        SELECT m.id, m.held_on FROM attended JOIN meeting AS m ON m.id = attended.meeting_id
        WHERE attended.present AND m.kind = 'cluster' AND m.held_on <= day
    ), taken AS (
        SELECT c.id, c.held_on, bool_or(present) AS present,
            min(attended.id::text) FILTER (WHERE present) AS attendance
        FROM concerned AS c LEFT JOIN attended ON attended.meeting_id = c.id
        GROUP BY c.id, c.held_on
    )
    SELECT json_build_object('last', max(last), 'years', coalesce(json_agg(json_build_object(
            'year', year, 'held', held, 'attended', attended, 'attendances', attendances,
            'missed', missed) ORDER BY year), '[]'))
    FROM (SELECT first_year_of(held_on) AS year, count(*) AS held,
            count(*) FILTER (WHERE present) AS attended,
            coalesce(json_agg(attendance) FILTER (WHERE present), '[]') AS attendances,
            coalesce(json_agg(id) FILTER (WHERE present IS NOT TRUE), '[]') AS missed,
            max(held_on) FILTER (WHERE present) AS last
        FROM taken GROUP BY first_year_of(held_on)) AS years);
END $$;

-- What is recorded now of days up to this one. NULL where the caller does not see the school's own
-- records.
CREATE FUNCTION school_facts(school uuid, day date) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    line uuid[] := lineage(school);
    cluster uuid := (SELECT s.cluster_id FROM school AS s WHERE s.id = school);
    meetings json := meeting_facts(line, cluster, day);
BEGIN
    IF NOT sees_records(school) THEN
        RETURN NULL;
    END IF;
    RETURN json_build_object('school_id', school, 'cluster_id', cluster,
        'awards', (SELECT coalesce(json_agg(a.doc ORDER BY a.id), '[]') FROM award AS a
            WHERE a.school_id = ANY (line)),
        'frameworks', (SELECT coalesce(json_object_agg(f.id, f.doc->'criteria'), '{}')
            FROM framework AS f WHERE f.id IN (
                SELECT a.framework_id FROM award AS a WHERE a.school_id = ANY (line))),
        'reviews', (SELECT coalesce(json_agg(json_build_object('id', r.id, 'award_id', r.award_id,
                'year', first_year_of(coalesce(r.visited_on, r.scheduled_on)), 'status', r.status,
                'visited_on', r.visited_on, 'scheduled_on', r.scheduled_on,
                'outcome', r.doc->'outcome', 'judgements', (
                    SELECT json_object_agg(j->>'criterion', j->'judgement')
                    FROM json_array_elements(r.doc->'judgements') AS j))
                ORDER BY coalesce(r.visited_on, r.scheduled_on) DESC, r.id DESC), '[]')
            FROM review AS r WHERE r.school_id = ANY (line)),
        'meetings', meetings->'years', 'last_attended_on', meetings->'last');
END $$;
GRANT EXECUTE ON FUNCTION school_facts(uuid, date) TO iqm_server;
