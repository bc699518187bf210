-- A row where the school is seen; a document in it where its own records are. Of each record what the
-- caller sees; of people those whom it names.
WITH one AS MATERIALIZED (
    SELECT school.id, school.doc, school.cluster_id, lineage(school.id) AS line, year,
        academic_year_start(year) AS first_day,
        (academic_year_start(year) + interval '1 year')::date - 1 AS last_day,
        nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office,client}'
            OR school.id = ANY (record_sight()) AS shown
    FROM school, coalesce(:academic_year, academic_year_of(today())) AS year
    WHERE school.id = :school_id::uuid
), given AS MATERIALIZED (
    SELECT award.id, award.doc FROM one, award
    WHERE award.school_id = ANY (one.line) AND one.shown
      AND award.held && datemultirange(daterange(one.first_day, one.last_day, '[]'))
), planned AS MATERIALIZED (
    SELECT json_agg(plan.doc ORDER BY plan.id) AS list FROM one, plan
    WHERE plan.school_id = ANY (one.line) AND plan.academic_year = one.year AND one.shown
), run AS MATERIALIZED (
    SELECT project.id, project.doc FROM one, project
    WHERE project.school_id = ANY (one.line) AND one.shown
      AND date_of(project.doc->>'starts_on') <= one.last_day
      AND coalesce(date_of(project.doc->>'ends_on'), one.last_day) >= one.first_day
), updated AS (
    SELECT json_agg(project_update.doc ORDER BY project_update.id) AS list
    FROM one, run JOIN project_update ON project_update.project_id = run.id
    WHERE project_update.academic_year = one.year
), visited AS MATERIALIZED (
    SELECT json_agg(review.doc ORDER BY review.scheduled_on, review.id) AS list FROM one, review
    WHERE review.school_id = ANY (one.line) AND review.doc->>'academic_year' = one.year AND one.shown
), shared AS (
    SELECT json_agg(doc ORDER BY place) FILTER (WHERE place <= 50) AS list, count(*) > 50 AS truncated
    FROM (SELECT contribution.doc,
            row_number() OVER (ORDER BY contribution.happened_on, contribution.id) AS place
        FROM one, contribution
        WHERE contribution.school_id = ANY (one.line) AND contribution.academic_year = one.year
          AND one.shown
        LIMIT 51) AS first
), people AS (
    SELECT json_agg(json_build_object('id', person.id, 'name', person.doc->'name',
        'job_title', person.doc->'job_title') ORDER BY person.id) AS list
    FROM person WHERE person.id IN (
        SELECT (named #>> '{}')::uuid FROM planned, jsonb_path_query(
            list::jsonb, '$[*].targets[*].responsible_person_ids[*]') AS named
        UNION SELECT (named #>> '{}')::uuid FROM run, jsonb_path_query(
            doc::jsonb, '$.steps[*].responsible_person_ids[*]') AS named
        UNION SELECT (named #>> '{}')::uuid FROM visited, jsonb_path_query(
            list::jsonb, '$[*].assessor_person_id') AS named)
), judged AS MATERIALIZED (
    SELECT award.id, award.level, award.framework_id FROM one, award
    WHERE award.school_id = ANY (one.line) AND one.shown
), criteria AS (
    SELECT json_agg(json_build_object('framework_id', framework.id, 'code', criterion->'code',
        'title', criterion->'title') ORDER BY framework.id, place) AS list
    FROM framework, json_array_elements(framework.facts) WITH ORDINALITY AS listed (criterion, place)
    WHERE framework.id IN (SELECT framework_id FROM judged)
)
SELECT CASE WHEN one.shown THEN json_build_object('school', one.doc,
    'cluster', (SELECT json_build_object('id', cluster.id, 'name', cluster.name)
        FROM cluster WHERE cluster.id = one.cluster_id),
    'academic_year', one.year,
    'awards', (SELECT coalesce(json_agg(doc ORDER BY id), '[]') FROM given),
    'plans', coalesce(planned.list, '[]'),
    'projects', (SELECT coalesce(json_agg(doc ORDER BY doc->>'starts_on', id), '[]') FROM run),
    'project_updates', coalesce(updated.list, '[]'),
    'meetings', meeting_grid(one.id, one.first_day, one.last_day),
    'contributions', coalesce(shared.list, '[]'), 'contributions_truncated', shared.truncated,
    'reviews', coalesce(visited.list, '[]'),
    'judged_by', (SELECT coalesce(json_agg(json_build_object('award_id', id, 'level', level,
        'framework_id', framework_id) ORDER BY id), '[]') FROM judged),
    'criteria', coalesce(criteria.list, '[]')) END, people.list
FROM one, planned, updated, shared, visited, people, criteria
