-- Contributions of the schools of load.sql, some 150 words each, over ten years, some 1.3 KB. Words
-- for searches: inclusion is in 30 % of them, sensory in 10 %, signing in 2 %, hydrotherapy in 0.01 %.
-- Variables: contributions, schools.
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
CREATE TEMP TABLE later AS
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'contribution' AND indexname <> 'contribution_pkey';
SELECT format('DROP INDEX %I', indexname) FROM later \gexec
-- Triggers would go from row to row; what they keep is made in one go.
SET session_replication_role = replica;

INSERT INTO contribution (id, version, doc, cluster_id, phase, region)
SELECT made.id::uuid, 1, json_build_object('id', made.id, 'version', 1,
        'created_at', '2026-09-01T08:00:00.000Z', 'updated_at', '2026-09-01T08:00:00.000Z',
        'school_id', school.id, 'kind', (ARRAY['practice', 'research', 'staff_exchange', 'visit',
            'training', 'support', 'trialling'])[1 + n / 100 % 7],
        'title', left(initcap(texts[1 + n % 5000]), 90), 'description', texts[1 + n * 7 % 5000]
            || CASE WHEN n * 7919 % 100 < 30 THEN ' It is about inclusion.' ELSE '' END
            || CASE WHEN n * 7907 % 100 < 10 THEN ' A sensory room was made.' ELSE '' END
            || CASE WHEN n * 7901 % 100 < 2 THEN ' Everybody learns signing.' ELSE '' END
            || CASE WHEN n % 10000 = 77 THEN ' There is hydrotherapy now.' ELSE '' END
            || ' ' || texts[1 + n * 11 % 5000] || ' ' || texts[1 + n * 13 % 5000] || ' '
            || texts[1 + n * 17 % 5000] || ' ' || texts[1 + n * 19 % 5000] || ' '
            || texts[1 + n * 23 % 5000] || ' ' || texts[1 + n * 29 % 5000],
        'partner_school_ids', json_build_array(), 'happened_on', happened_on,
        'impact', texts[1 + n * 31 % 5000] || ' ' || texts[1 + n * 37 % 5000],
        'visibility', (ARRAY['cluster', 'cluster', 'programme', 'public'])[1 + n / 100 % 4],
        'academic_year', extract(year FROM happened_on - interval '8 months') || '/'
            || to_char(happened_on + interval '4 months', 'YY')),
    school.cluster_id, school.phase, cluster.region
FROM (SELECT n, '01990000-0000-7000-a000-' || 100000000000 + n AS id,
        date '2016-09-01' + (n * 3640 / :contributions)::int AS happened_on,
        ('01990000-0000-7000-8000-' || 100000000000 + n * 7919 % :schools)::uuid AS school_id
    FROM generate_series(0::bigint, :contributions - 1) AS n) AS made
JOIN school ON school.id = made.school_id LEFT JOIN cluster ON cluster.id = school.cluster_id,
    (SELECT array_agg(text ORDER BY n) AS texts FROM sentence) AS pool
ORDER BY n;

RESET session_replication_role;
SELECT indexdef FROM later \gexec
