WITH made AS MATERIALIZED (SELECT outcome, doc FROM rotate_webhook_secret(:webhook_endpoint_id::uuid))
SELECT outcome, doc, CASE WHEN outcome = 'made' AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('rotate_webhook_secret', :idempotency_key, :fingerprint::bytea, 200,
        NULL, NULL, NULL, NULL, NULL, doc::text, NULL) END
FROM made
