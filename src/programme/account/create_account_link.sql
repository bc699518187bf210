-- The link is shown once: of its answer only the status is kept.
WITH made AS MATERIALIZED (SELECT outcome, expires_at, purpose
    FROM create_account_link(:account_id::uuid, :hash))
SELECT outcome, expires_at, purpose,
    CASE WHEN outcome NOT IN ('unknown', 'suspended') AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('create_account_link', :idempotency_key, :fingerprint::bytea, 201,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL) END
FROM made
