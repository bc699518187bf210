-- How the programme stands today, and how it came there over five academic years. What a school
-- became counts in its place. One at a time: a second one would take a processor of its own. Its lists
-- have a hundred rows unless it is told how many.
WITH turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtext('get_programme_report')) IS NOT NULL AS mine, today() AS day,
        coalesce(:most::int, 100) AS most
), year AS MATERIALIZED (
    SELECT place, begins::date AS first_day, academic_year_of(begins::date) AS name,
        least((begins + interval '1 year')::date - 1, day) AS last_day
    FROM turn, generate_series(academic_year_start(academic_year_of(day)) - interval '4 years', day,
        '1 year') WITH ORDINALITY AS year (begins, place)
), heir AS MATERIALIZED (
    SELECT was AS id, line.school_id AS heir_id
    FROM lines_of(ARRAY(SELECT successor_id FROM succession)) AS line
    WHERE was <> line.school_id
      AND NOT EXISTS (SELECT FROM succession WHERE predecessor_id = line.school_id)
), taken AS MATERIALIZED (
    SELECT award.id, award.level, award.status, award.ends_on, award.review_due_on, award.held,
        lower(award.held) AS given_on,
        array_position('{inclusive_school_award,centre_of_excellence,flagship}', award.level) AS rank,
        school.id AS school_id, school.name, school.phase, school.region
    FROM award JOIN school ON school.id = award.school_id
    WHERE award.school_id NOT IN (SELECT id FROM heir)
      AND (:region::text IS NULL OR school.region = :region::text)
    UNION ALL
    SELECT award.id, award.level, award.status, award.ends_on, award.review_due_on, award.held,
        lower(award.held),
        array_position('{inclusive_school_award,centre_of_excellence,flagship}', award.level),
        school.id, school.name, school.phase, school.region
    FROM heir JOIN award ON award.school_id = heir.id JOIN school ON school.id = heir.heir_id
    WHERE :region::text IS NULL OR school.region = :region::text
), best AS MATERIALIZED (
    -- A school counts with its highest level, at the end of each year.
    SELECT max(phase) AS phase, max(region) AS region, ARRAY[
        max(rank) FILTER (WHERE held @> days[1]), max(rank) FILTER (WHERE held @> days[2]),
        max(rank) FILTER (WHERE held @> days[3]), max(rank) FILTER (WHERE held @> days[4]),
        max(rank) FILTER (WHERE held @> days[5])] AS ranks
    FROM taken, (SELECT array_agg(last_day ORDER BY place) AS days FROM year) AS ends
    GROUP BY school_id
), standing AS MATERIALIZED (
    SELECT ranks, phase, region, count(*) AS count FROM best GROUP BY ranks, phase, region
), counted AS MATERIALIZED (
    SELECT place, phase, region, grouping(phase) = 0 AS by_phase, grouping(region) = 0 AS by_region,
        sum(count) AS all_schools, json_build_object(
            'inclusive_school_award', coalesce(sum(count) FILTER (WHERE rank = 1), 0),
            'centre_of_excellence', coalesce(sum(count) FILTER (WHERE rank = 2), 0),
            'flagship', coalesce(sum(count) FILTER (WHERE rank = 3), 0)) AS schools
    FROM standing, unnest(ranks) WITH ORDINALITY AS held (rank, place)
    WHERE rank IS NOT NULL
    GROUP BY GROUPING SETS ((place), (place, phase), (place, region))
), parts AS (
    SELECT json_agg(json_build_object('region', region, 'schools', schools)
            ORDER BY all_schools DESC, region) FILTER (WHERE by_region) AS regions,
        json_agg(json_build_object('phase', phase, 'schools', schools)
            ORDER BY all_schools DESC, phase) FILTER (WHERE by_phase) AS phases
    FROM (SELECT *, row_number() OVER (PARTITION BY by_region, by_phase
            ORDER BY all_schools DESC, region, phase) AS n
        FROM counted WHERE place = 5) AS counted
    WHERE n <= (SELECT most FROM turn)
), levels AS (
    SELECT json_agg(json_build_object('level', level, 'in_force', in_force, 'applied', applied,
        'assessed', assessed, 'deferred', deferred) ORDER BY rank) AS list
    FROM (SELECT level.name AS level, rank, count(*) FILTER (WHERE held @> turn.day) AS in_force,
            count(*) FILTER (WHERE status = 'applied') AS applied,
            count(*) FILTER (WHERE status = 'assessed') AS assessed,
            count(*) FILTER (WHERE status = 'deferred') AS deferred
        FROM unnest('{inclusive_school_award,centre_of_excellence,flagship}'::text[])
            WITH ORDINALITY AS level (name, rank) CROSS JOIN turn LEFT JOIN taken USING (rank)
        GROUP BY level.name, rank) AS counted
), due AS MATERIALIZED (
    SELECT 'renewal' AS what, ends_on AS due_on, id, school_id, name, level FROM taken, turn
    WHERE status IN ('awarded', 'renewed') AND ends_on <= (turn.day + interval '6 months')::date
    UNION ALL
    -- While a school is Flagship, the visits are those of a Flagship school.
    SELECT 'review', review_due_on, id, school_id, name, level FROM taken, turn
    WHERE status IN ('awarded', 'renewed', 'deferred') AND review_due_on < turn.day
      AND (rank = 3 OR school_id NOT IN (
        SELECT school_id FROM taken, turn WHERE rank = 3 AND held @> turn.day))
), first_due AS (
    SELECT what, count(*) FILTER (WHERE due_on < (SELECT day FROM turn)) AS overdue, count(*) AS count,
        json_agg(json_build_object('award_id', id, 'school_id', school_id, 'name', name,
            'level', level, 'due_on', due_on) ORDER BY due_on, id)
            FILTER (WHERE place <= (SELECT most FROM turn)) AS items
    FROM (SELECT *, row_number() OVER (PARTITION BY what ORDER BY due_on, id) AS place FROM due) AS due
    GROUP BY what
), met AS MATERIALIZED (
    SELECT cluster_id, doc->>'academic_year' AS year, doc->>'term' AS term, count(*) AS count
    FROM meeting
    WHERE kind = 'cluster' AND held_on BETWEEN (SELECT min(first_day) FROM year) AND (SELECT day FROM turn)
      AND (:region::text IS NULL
        OR cluster_id IN (SELECT id FROM cluster WHERE region = :region::text))
    GROUP BY 1, 2, 3
), below AS (
    SELECT cluster.id, cluster.name, year.name AS year, span.term, span.starts_on
    FROM turn CROSS JOIN year CROSS JOIN term_spans(year.name, NULL) AS span CROSS JOIN cluster
    WHERE year.place >= 4 AND span.ends_on < turn.day
      AND (:region::text IS NULL OR cluster.region = :region::text)
      AND NOT EXISTS (SELECT FROM met WHERE met.cluster_id = cluster.id AND met.year = year.name
        AND met.term = span.term)
), first_below AS (
    SELECT count(*) AS count, count(DISTINCT id) AS clusters, json_agg(json_build_object(
            'cluster_id', id, 'name', name, 'academic_year', year, 'term', term)
            ORDER BY starts_on DESC, name, id) FILTER (WHERE place <= (SELECT most FROM turn)) AS items
    FROM (SELECT *, row_number() OVER (ORDER BY starts_on DESC, name, id) AS place FROM below) AS below
), visits AS MATERIALIZED (
    SELECT visited_on, count(*) AS count FROM review
    WHERE visited_on BETWEEN (SELECT min(first_day) FROM year) AND (SELECT day FROM turn)
      AND (:region::text IS NULL
        OR school_id IN (SELECT id FROM school WHERE region = :region::text))
    GROUP BY visited_on
), years AS (
    SELECT json_agg(json_build_object('academic_year', name, 'on', last_day, 'schools',
        coalesce((SELECT schools FROM counted
            WHERE counted.place = year.place AND NOT by_phase AND NOT by_region),
            '{"inclusive_school_award":0,"centre_of_excellence":0,"flagship":0}'),
        'granted', (SELECT json_build_object(
            'inclusive_school_award', count(*) FILTER (WHERE rank = 1),
            'centre_of_excellence', count(*) FILTER (WHERE rank = 2),
            'flagship', count(*) FILTER (WHERE rank = 3))
            FROM taken WHERE given_on BETWEEN first_day AND last_day),
        'review_visits', (SELECT coalesce(sum(count), 0) FROM visits
            WHERE visited_on BETWEEN first_day AND last_day),
        'cluster_meetings', (SELECT coalesce(sum(count), 0) FROM met WHERE met.year = name)) ORDER BY first_day) AS list
    FROM year
)
SELECT json_build_object('on', turn.day, 'region', :region::text, 'levels', levels.list,
    'regions', coalesce(regions, '[]'), 'phases', coalesce(phases, '[]'),
    'renewals_due', coalesce((SELECT json_build_object('count', count, 'overdue', overdue,
        'items', items) FROM first_due WHERE what = 'renewal'), '{"count":0,"overdue":0,"items":[]}'),
    'reviews_overdue', coalesce((SELECT json_build_object('count', count, 'items', items)
        FROM first_due WHERE what = 'review'), '{"count":0,"items":[]}'),
    'below_one_a_term', (SELECT json_build_object('count', count, 'clusters', clusters,
        'items', coalesce(items, '[]')) FROM first_below),
    'years', years.list)
FROM turn, parts, levels, years
