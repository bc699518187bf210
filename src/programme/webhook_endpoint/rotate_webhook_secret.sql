WITH made AS MATERIALIZED (SELECT rotate_webhook_secret(:webhook_endpoint_id::uuid) AS doc)
SELECT doc, CASE WHEN doc IS NOT NULL AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('rotate_webhook_secret', :idempotency_key, :fingerprint::bytea, 200,
        NULL, NULL, NULL, NULL, NULL, doc::text, NULL) END
FROM made
