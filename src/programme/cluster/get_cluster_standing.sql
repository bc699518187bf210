-- A row where the cluster is seen; a document in it where the records of its schools are.
WITH asked AS (
    SELECT day, academic_year_of(day) AS year, academic_year_start(academic_year_of(day)) AS first_day
    FROM coalesce(:on::date, today()) AS day
), one AS (
    SELECT id, nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office,client}'
        OR id = ANY (led_clusters()) AS shown
    FROM cluster WHERE id = :cluster_id::uuid
), member AS MATERIALIZED (
    SELECT school.id, school.doc->>'name' AS name FROM school, one
    WHERE school.cluster_id = one.id AND one.shown
    ORDER BY school.id LIMIT 1001
), counted AS MATERIALIZED (
    SELECT id, name FROM member ORDER BY id LIMIT 1000
), line AS MATERIALIZED (
    SELECT school_id, was FROM lines_of(ARRAY(SELECT id FROM counted))
), held AS MATERIALIZED (
    SELECT meeting.id, meeting.held_on, meeting.doc->>'term' AS term FROM meeting, one, asked
    WHERE meeting.cluster_id = one.id AND meeting.kind = 'cluster' AND one.shown
      AND meeting.held_on BETWEEN asked.first_day AND asked.day
), present AS MATERIALIZED (
    SELECT DISTINCT line.school_id, held.id, held.held_on, held.term
    FROM held JOIN attendance ON attendance.meeting_id = held.id
        JOIN line ON line.was = attendance.school_id
    WHERE attendance.doc->>'status' = 'present'
), attended AS (
    SELECT school_id, count(*) AS meetings, max(held_on) AS last_on, array_agg(term) AS terms
    FROM present GROUP BY school_id
), level AS (
    SELECT line.school_id, max(array_position(
        '{inclusive_school_award,centre_of_excellence,flagship}'::text[], award.level)) AS rank
    FROM asked, line JOIN award ON award.school_id = line.was
    WHERE award.held @> asked.day
    GROUP BY line.school_id
), schools AS (
    SELECT json_agg(json_build_object('school_id', id, 'name', name, 'level',
        ('{inclusive_school_award,centre_of_excellence,flagship}'::text[])[rank],
        'attended', coalesce(meetings, 0), 'last_attended_on', last_on) ORDER BY name, id) AS list
    FROM counted LEFT JOIN attended ON attended.school_id = id LEFT JOIN level ON level.school_id = id
), terms AS (
    SELECT json_agg(json_build_object('term', span.term, 'starts_on', span.starts_on,
        'ends_on', span.ends_on, 'held', (SELECT count(*) FROM held WHERE term = span.term),
        'attendances', (SELECT count(*) FROM present WHERE term = span.term),
        'below_one_a_term', CASE WHEN span.ends_on < asked.day
            THEN NOT EXISTS (SELECT FROM held WHERE term = span.term) END,
        'missing', CASE WHEN EXISTS (SELECT FROM held WHERE term = span.term) THEN (
            SELECT coalesce(json_agg(id ORDER BY id), '[]')
            FROM counted LEFT JOIN attended ON attended.school_id = id
            WHERE coalesce(span.term <> ALL (terms), true)) ELSE '[]' END)
        ORDER BY span.starts_on) AS list
    FROM asked, term_spans(asked.year, NULL) AS span
)
SELECT CASE WHEN one.shown THEN json_build_object('cluster_id', one.id, 'on', asked.day,
    'academic_year', asked.year, 'held', (SELECT count(*) FROM held), 'terms', terms.list,
    'schools', coalesce(schools.list, '[]'),
    'truncated', (SELECT count(*) > 1000 FROM member)) END
FROM one, asked, terms, schools
