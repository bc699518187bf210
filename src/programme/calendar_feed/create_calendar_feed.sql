-- The address is shown once: of its answer only the status is kept. What a feed is of is looked for
-- under the caller's own sight.
WITH wanted AS MATERIALIZED (SELECT
        EXISTS (SELECT FROM cluster WHERE id = :cluster_id::uuid)
        OR EXISTS (SELECT FROM school WHERE id = :school_id::uuid)
        OR EXISTS (SELECT FROM ambassador WHERE id = :ambassador_id::uuid) AS is_seen),
made AS MATERIALIZED (SELECT one.outcome, one.doc FROM wanted CROSS JOIN LATERAL create_calendar_feed(
    :hash, :cluster_id::uuid, :school_id::uuid, :ambassador_id::uuid, :label) AS one WHERE is_seen)
SELECT outcome, doc, CASE WHEN outcome = 'made' AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('create_calendar_feed', :idempotency_key, :fingerprint::bytea, 201,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL) END
FROM made
