WITH made AS MATERIALIZED (SELECT one.doc, one.doc->>'id' AS id
    FROM create_consent_wording(:purpose, :text) AS one (doc))
SELECT doc, id, CASE WHEN :idempotency_key::bytea IS NOT NULL
    THEN keep_answer('create_consent_wording', :idempotency_key, :fingerprint::bytea, 201,
        '/v1/consent-wordings/' || id, '1', 'consent_wording', id::uuid, 1, NULL, NULL) END
FROM made
