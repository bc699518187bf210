-- Contributions of the schools of load.sql, some 150 words each, over ten years, some 1.3 KB. Words
-- for searches: inclusion is in 30 % of them, sensory in 10 %, signing in 2 %, hydrotherapy in 0.01 %.
-- Variables: contributions, schools.
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
SELECT setseed(0.5);

CREATE TEMP TABLE word AS SELECT row_number() OVER () - 1 AS n, word
FROM regexp_split_to_table('pupils teachers staff parents school class children support practice
    reading writing speech language autism dyslexia behaviour attendance wellbeing nurture mentoring
    phonics numeracy homework transition playground lunchtime assembly governors curriculum lesson
    planning assessment feedback progress confidence anxiety attachment trauma resilience friendship
    kindness belonging identity culture heritage community families carers volunteers libraries music
    drama sport outdoor garden forest cooking technology tablets visuals timetable symbols displays
    quiet corner breaks movement lighting noise seating furniture equipment training workshop visit
    observation coaching research survey interview findings evidence impact outcome target review
    meeting cluster network partner sharing resources booklet film website leadership vision values
    policy induction recruitment retention workload', '\s+') AS word
UNION ALL SELECT 200 + n, chr(97 + n % 20) || substr('aeiou', 1 + n / 20 % 5, 1)
    || substr('bdfglmnprstv', 1 + n / 100 % 12, 1) || substr('aeiou', 1 + n / 1200 % 5, 1) || 'tton'
FROM generate_series(0, 5999) AS n;
CREATE TEMP TABLE sentence AS
SELECT n, initcap(left(string_agg(word, ' ' ORDER BY place), 1))
    || substr(string_agg(word, ' ' ORDER BY place), 2) || '.' AS text
FROM (SELECT n, place, CASE WHEN random() < 0.35
        THEN (ARRAY['the', 'and', 'with', 'for', 'our', 'in', 'of', 'to', 'we', 'all'])
            [1 + floor(random() * 10)::int]
        ELSE all_words[1 + floor(random() ^ 3 * cardinality(all_words))::int] END AS word
    FROM (SELECT array_agg(word ORDER BY n) AS all_words FROM word) AS words,
        generate_series(0, 4999) AS n, generate_series(1, 14) AS place) AS words
GROUP BY n;

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
