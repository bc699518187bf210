-- The secret is shown once: of its answer only the status is kept.
WITH made AS MATERIALIZED (SELECT create_client_secret(:client_id::uuid, :hash) AS outcome)
SELECT outcome, CASE WHEN outcome NOT IN ('unknown', 'public', 'scopes') AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('create_client_secret', :idempotency_key, :fingerprint::bytea, 201,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL) END
FROM made
