-- The page that iqmd answers with, put together by PostgreSQL from the documents.
\set cluster random(0, :schools / 50 - 1) + 100000000000
\startpipeline
:identify;
SELECT json_build_object('items', json_agg(doc), 'next', NULL)
FROM (SELECT doc FROM school WHERE cluster_id = ('01990000-0000-7000-9000-' || :cluster)::uuid
    ORDER BY id LIMIT 51) AS page;
\endpipeline
