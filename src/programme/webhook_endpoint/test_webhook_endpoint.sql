WITH made AS MATERIALIZED (SELECT outcome, doc FROM test_webhook_endpoint(:webhook_endpoint_id::uuid))
SELECT outcome, doc, doc->>'id', doc->>'version', CASE WHEN outcome = 'made' AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('test_webhook_endpoint', :idempotency_key, :fingerprint::bytea, 201,
        '/v1/webhook-deliveries/' || (doc->>'id'), doc->>'version', NULL, NULL, NULL, doc::text, NULL) END
FROM made
