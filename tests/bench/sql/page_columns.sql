-- The same page put together by PostgreSQL from typed columns.
\set cluster random(0, :schools / 50 - 1) + 100000000000
\startpipeline
:identify;
SELECT json_build_object('items', json_agg(page), 'next', NULL)
FROM (SELECT * FROM bench_school WHERE cluster_id = ('01990000-0000-7000-9000-' || :cluster)::uuid
    ORDER BY id LIMIT 51) AS page;
\endpipeline
