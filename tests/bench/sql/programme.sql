-- Five years of the programme for the schools of load.sql: awards of two levels, every fifth school a
-- third and a project with its updates, a plan, a contribution and a review in each year, three
-- meetings of each cluster in each year with who came. The present is :today. Variables: schools, today.
SET synchronous_commit = off;
SET session_replication_role = replica; -- triggers would go from row to row

INSERT INTO person (id, version, doc)
VALUES ('01990000-0000-7000-a100-000000000001', 1, '{"id": "01990000-0000-7000-a100-000000000001"}');

CREATE FUNCTION pg_temp.step(name text, status text, day date) RETURNS json IMMUTABLE LANGUAGE sql
RETURN json_build_object('transition', name, 'status', status, 'happened_on', day,
    'recorded_at', '2026-09-01T08:00:00.000Z', 'actor', '01990000-0000-7000-a100-000000000009');
CREATE FUNCTION pg_temp.contract(day date) RETURNS json IMMUTABLE LANGUAGE sql
RETURN json_build_object('starts_on', day, 'ends_on', (day + interval '3 years')::date - 1);

CREATE TEMP TABLE level AS SELECT * FROM (VALUES
    (1, 'inclusive_school_award', interval '62 months', 1),
    (2, 'centre_of_excellence', interval '58 months', 1),
    (3, 'flagship', interval '22 months', 5)) AS level (rank, name, ago, every);

INSERT INTO award (id, version, doc)
SELECT id::uuid, 1, json_build_object('id', id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'school_id', '01990000-0000-7000-8000-' || 100000000000 + n, 'level', name,
    'framework_id', '00feb74a-6800-7000-8000-00000000000' || rank, 'applied_on', given - 60,
    'status', CASE WHEN rank < 3 THEN 'renewed' ELSE 'awarded' END,
    'first_awarded_on', given,
    'ends_on', (given + CASE WHEN rank < 3 THEN interval '6 years' ELSE interval '3 years' END)::date - 1,
    'review_due_on', CASE WHEN rank > 1 THEN :'today'::date + n % 300 - 30 END,
    'contracts', CASE WHEN rank < 3
        THEN json_build_array(pg_temp.contract(given), pg_temp.contract((given + interval '3 years')::date))
        ELSE json_build_array(pg_temp.contract(given)) END,
    'transitions', CASE WHEN rank < 3
        THEN json_build_array(pg_temp.step('assess', 'assessed', given - 30),
            pg_temp.step('grant', 'awarded', given),
            pg_temp.step('renew', 'renewed', (given + interval '3 years')::date))
        ELSE json_build_array(pg_temp.step('assess', 'assessed', given - 30),
            pg_temp.step('grant', 'awarded', given)) END)
FROM (SELECT n, rank, name, (:'today'::date - ago)::date - n % 60 AS given,
        '01990000-0000-7000-a20' || rank || '-' || 100000000000 + n AS id
    FROM level, generate_series(0, :schools - 1) AS n WHERE n % every = 0) AS made;

INSERT INTO review (id, version, doc)
SELECT id::uuid, 1, json_build_object('id', id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'award_id', '01990000-0000-7000-a202-' || 100000000000 + n,
    'school_id', '01990000-0000-7000-8000-' || 100000000000 + n, 'academic_year', academic_year_of(day),
    'assessor_person_id', '01990000-0000-7000-a100-000000000001', 'scheduled_on', day,
    'visited_on', day, 'seen', pg_temp.prose(id || 'seen', 3),
    'strengths', pg_temp.prose(id || 'strengths', 3), 'areas_to_develop', pg_temp.prose(id || 'areas', 2),
    'judgements', (SELECT json_agg(json_build_object('criterion', code, 'judgement', 'met'))
        FROM unnest('{commitment,capacity,dissemination,research,development}'::text[]) AS code),
    'outcome', 'maintained', 'status', 'signed_off',
    'transitions', json_build_array(pg_temp.step('visit', 'visited', day),
        pg_temp.step('report', 'reported', day), pg_temp.step('sign_off', 'signed_off', day)))
FROM (SELECT n, (:'today'::date - interval '10 days' - make_interval(years => year))::date - n % 200 AS day,
        '01990000-0000-7000-a30' || year || '-' || 100000000000 + n AS id
    FROM generate_series(0, 4) AS year, generate_series(0, :schools - 1) AS n) AS made;

CREATE TEMP TABLE held AS
SELECT cluster.id AS cluster_id, uuid7() AS id, day
FROM cluster, generate_series(0, 4) AS year,
    LATERAL unnest(ARRAY[make_date(2025 - year, 10, 7), make_date(2026 - year, 2, 3),
        make_date(2026 - year, 6, 9)]) AS day;
INSERT INTO meeting (id, version, doc)
SELECT held.id, 1, json_build_object('id', held.id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'kind', 'cluster', 'cluster_id', cluster_id, 'held_on', day, 'location', 'The hall of a school',
    'topics', json_build_array(left(pg_temp.prose(held.id || 'a', 1), 40),
        left(pg_temp.prose(held.id || 'b', 1), 40)), 'invited_school_ids', json_build_array(),
    'academic_year', academic_year_of(day), 'term', term_of(day, NULL))
FROM held;
INSERT INTO attendance (id, version, doc)
SELECT made.id, 1, json_build_object('id', made.id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'meeting_id', made.meeting_id, 'school_id', made.school_id,
    'status', CASE WHEN made.n % 7 = 0 THEN 'absent' ELSE 'present' END,
    'impact', pg_temp.prose(made.id::text, 1))
FROM (SELECT uuid7() AS id, held.id AS meeting_id, school.id AS school_id,
        row_number() OVER () AS n
    FROM held JOIN school ON school.cluster_id = held.cluster_id) AS made;

CREATE TEMP TABLE year AS
SELECT n, year, academic_year_of((:'today'::date - make_interval(years => year))::date) AS name
FROM generate_series(1, 5) AS year, generate_series(0, :schools - 1) AS n;
INSERT INTO plan (id, version, doc)
SELECT id::uuid, 1, json_build_object('id', id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'award_id', '01990000-0000-7000-a202-' || 100000000000 + n,
    'school_id', '01990000-0000-7000-8000-' || 100000000000 + n, 'academic_year', name,
    'targets', (SELECT json_agg(json_build_object('key', 'target-' || t,
        'title', left(pg_temp.prose(id || t, 1), 40),
        'development_plan_reference', 'Priority ' || t, 'next_steps', pg_temp.prose(id || t || 'next', 2),
        'responsible_person_ids', json_build_array('01990000-0000-7000-a100-000000000001'),
        'starts_on', academic_year_start(name), 'ends_on', academic_year_start(name) + 300,
        'progress', pg_temp.prose(id || t || 'progress', 1), 'impact', pg_temp.prose(id || t || 'impact', 2)))
        FROM generate_series(1, 3) AS t),
    'status', 'reviewed', 'transitions', json_build_array(
        pg_temp.step('submit', 'submitted', academic_year_start(name) + 20),
        pg_temp.step('agree', 'agreed', academic_year_start(name) + 30),
        pg_temp.step('review', 'reviewed', academic_year_start(name) + 290)))
FROM (SELECT *, '01990000-0000-7000-a40' || year || '-' || 100000000000 + n AS id FROM year) AS made;
INSERT INTO project (id, version, doc)
SELECT id::uuid, 1, json_build_object('id', id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'award_id', '01990000-0000-7000-a203-' || 100000000000 + n,
    'school_id', '01990000-0000-7000-8000-' || 100000000000 + n, 'title', 'Quiet corners',
    'outline', pg_temp.prose(id || 'outline', 15), 'starts_on', academic_year_start(name),
    'ends_on', academic_year_start(name) + 1000, 'steps', json_build_array(
        json_build_object('key', 'look', 'title', 'Look', 'responsible_person_ids',
            json_build_array('01990000-0000-7000-a100-000000000001'),
            'starts_on', academic_year_start(name), 'ends_on', academic_year_start(name) + 300)),
    'status', 'agreed', 'transitions', json_build_array(
        pg_temp.step('submit', 'submitted', academic_year_start(name) + 20),
        pg_temp.step('agree', 'agreed', academic_year_start(name) + 30)))
FROM (SELECT *, '01990000-0000-7000-a500-' || 100000000000 + n AS id FROM year
    WHERE year = 2 AND n % 5 = 0) AS made;
INSERT INTO project_update (id, version, doc)
SELECT id::uuid, 1, json_build_object('id', id, 'version', 1,
    'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
    'project_id', '01990000-0000-7000-a500-' || 100000000000 + n,
    'school_id', '01990000-0000-7000-8000-' || 100000000000 + n, 'academic_year', name,
    'progress', pg_temp.prose(id || 'progress', 3), 'impact', pg_temp.prose(id || 'impact', 1),
    'next_steps', 'Go on.',
    'status', 'submitted', 'transitions', json_build_array(
        pg_temp.step('submit', 'submitted', academic_year_start(name) + 280)))
FROM (SELECT *, '01990000-0000-7000-a60' || year || '-' || 100000000000 + n AS id FROM year
    WHERE year IN (1, 2) AND n % 5 = 0) AS made;
INSERT INTO contribution (id, version, doc, cluster_id, phase, region)
SELECT made.id::uuid, 1, json_build_object('id', made.id, 'version', 1,
        'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
        'school_id', school.id, 'kind', 'practice', 'title', left(pg_temp.prose(made.id, 1), 40),
        'description', pg_temp.prose(made.id || 'description', 3),
        'happened_on', academic_year_start(made.name) + 100, 'impact', pg_temp.prose(made.id || 'impact', 1),
        'visibility', 'programme', 'academic_year', made.name),
    school.cluster_id, school.phase, school.region
FROM (SELECT *, '01990000-0000-7000-a70' || year || '-' || 100000000000 + n AS id FROM year) AS made
    JOIN school ON school.id = ('01990000-0000-7000-8000-' || 100000000000 + made.n)::uuid;
