WITH made AS MATERIALIZED (SELECT outcome, doc, doc->>'id' AS id
    FROM create_consent_record(:person_id::uuid, :purpose, :granted::boolean, :wording_id::uuid, :note, :mail))
SELECT outcome, doc, id, CASE WHEN outcome = 'made' AND :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('create_consent_record', :idempotency_key, :fingerprint::bytea, 201,
        '/v1/consent-records/' || id, '1', 'consent_record', id::uuid, 1, NULL,
        (doc->>'person_id')::uuid) END
FROM made
