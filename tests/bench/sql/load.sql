-- Schools as the register has them (about 900 bytes each), in clusters of 50, and term dates.
-- Variables: schools (a multiple of 50), spread (1: the members of a cluster lie far apart, as they
-- do when the register was imported in the order of its numbers; 0: side by side).
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';

INSERT INTO cluster (id, version, doc)
SELECT id, 1, json_build_object('id', id, 'version', 1, 'created_at', '2026-09-01T08:00:00Z',
    'updated_at', '2026-09-01T08:00:00Z', 'name', 'Cluster ' || n, 'region', 'West Midlands')
FROM (SELECT n, ('01990000-0000-7000-9000-' || 100000000000 + n)::uuid AS id
      FROM generate_series(0, :schools / 50 - 1) AS n) AS numbered;

-- The secondary indexes are made after the rows, as any bulk load would.
CREATE TEMP TABLE later AS
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'school' AND indexname NOT IN ('school_pkey', 'school_urn_key');
SELECT format('DROP INDEX %I', indexname) FROM later \gexec

INSERT INTO school (id, version, doc)
SELECT ('01990000-0000-7000-8000-' || 100000000000 + n)::uuid, 1, (
    '{"id":"01990000-0000-7000-8000-' || 100000000000 + n ||
    '","version":1,"created_at":"2026-09-01T08:00:00.000Z","updated_at":"2026-09-01T08:00:00.000Z"' ||
    CASE WHEN n < 900000 THEN ',"urn":"' || 100000 + n || '"' ELSE '' END ||
    ',"laestab":"' || 200 + n % 700 || 2000 + n % 5000 || '","ukprn":"' || 10000000 + n ||
    '","name":"Saint Something''s Church of England Primary School ' || n ||
    '","status":"open","phase":"Primary","type":"Voluntary controlled school","gender":"Mixed"' ||
    ',"religious_character":"Church of England","local_authority_code":"' || 200 + n % 700 ||
    '","local_authority_name":"Local authority of somewhere ' || n % 700 ||
    '","region":"West Midlands","nation":"england","street":"' || n % 200 || ' Long Acre Road' ||
    '","locality":"Upper Village under the Long Hill","town":"Market Town","address_3":"Near the Market Square","county":"Worcestershire"' ||
    ',"postcode":"WR3 8QA","telephone":"01905 ' || 100000 + n % 900000 ||
    '","website":"https://school-' || n || '.example/about-us","low_age":4,"high_age":11' ||
    ',"open_date":"1968-09-01","cluster_id":"01990000-0000-7000-9000-' ||
    100000000000 + CASE :spread WHEN 1 THEN n % (:schools / 50) ELSE n / 50 END || '"}')::json
FROM generate_series(0::bigint, :schools - 1) AS n;

SELECT indexdef FROM later \gexec

INSERT INTO term_dates (id, version, doc)
SELECT id, 1, json_build_object('id', id, 'version', 1, 'created_at', '2026-09-01T08:00:00Z',
    'updated_at', '2026-09-01T08:00:00Z', 'academic_year', year,
    'autumn', json_build_object('starts_on', left(year, 4) || '-09-02',
        'ends_on', left(year, 4) || '-12-18'),
    'spring', json_build_object('starts_on', left(year, 4)::int + 1 || '-01-05',
        'ends_on', left(year, 4)::int + 1 || '-03-26'),
    'summer', json_build_object('starts_on', left(year, 4)::int + 1 || '-04-12',
        'ends_on', left(year, 4)::int + 1 || '-07-21'))
FROM (SELECT gen_random_uuid() AS id, year FROM unnest(ARRAY['2025/26', '2026/27']) AS year) AS years;

-- The register once more as plain typed columns: what a page is built from where documents are
-- not stored but made.
CREATE TABLE bench_school AS
SELECT id, version, cluster_id, doc->>'created_at' AS created_at, doc->>'updated_at' AS updated_at,
    doc->>'urn' AS urn, doc->>'laestab' AS laestab, doc->>'ukprn' AS ukprn, doc->>'name' AS name,
    doc->>'status' AS status, doc->>'phase' AS phase, doc->>'type' AS type,
    doc->>'gender' AS gender, doc->>'religious_character' AS religious_character,
    doc->>'local_authority_code' AS local_authority_code,
    doc->>'local_authority_name' AS local_authority_name, doc->>'region' AS region,
    doc->>'nation' AS nation, doc->>'street' AS street, doc->>'locality' AS locality,
    doc->>'town' AS town, doc->>'county' AS county, doc->>'postcode' AS postcode,
    doc->>'telephone' AS telephone, doc->>'website' AS website,
    (doc->>'low_age')::int AS low_age, (doc->>'high_age')::int AS high_age,
    (doc->>'open_date')::date AS open_date
FROM school WHERE :columns = 1 ORDER BY id;
CREATE INDEX bench_school_cluster ON bench_school (cluster_id, id);
ALTER TABLE bench_school ENABLE ROW LEVEL SECURITY;
CREATE POLICY bench_school_read ON bench_school FOR SELECT TO iqm_server
    USING ((SELECT nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office,client}'));
GRANT SELECT ON bench_school TO iqm_server;
