WITH made AS MATERIALIZED (SELECT outcome, doc FROM replay_webhook_delivery(:webhook_delivery_id::uuid))
SELECT outcome, doc, NULL, doc->>'version', CASE WHEN outcome = 'made' AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('replay_webhook_delivery', :idempotency_key, :fingerprint::bytea, 200,
        NULL, doc->>'version', NULL, NULL, NULL, doc::text, NULL) END
FROM made
