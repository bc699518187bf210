WITH made AS MATERIALIZED (SELECT one.outcome, one.id, one.doc FROM create_programme_download(:format) AS one)
SELECT outcome, id, doc, CASE WHEN outcome = 'made' AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('create_programme_download', :idempotency_key, :fingerprint::bytea, 202,
        '/v1/programme-downloads/' || id, NULL, NULL, NULL, NULL, doc::text, NULL) END
FROM made
