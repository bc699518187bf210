-- Whoever is being erased at this moment is not waited for, and left out: noting that somebody was
-- given out holds them.
WITH page AS MATERIALIZED (
    SELECT p.id, p.doc, live.doc AS consent
    FROM (
        SELECT DISTINCT ON (r.person_id) r.person_id, r.granted, r.doc
        FROM consent_record AS r
        WHERE r.purpose = 'marketing' AND r.person_id > :after::uuid
        ORDER BY r.person_id, r.number DESC
    ) AS live JOIN person AS p ON p.id = live.person_id
    WHERE live.granted AND p.email_index IS NOT NULL
        AND NOT EXISTS (SELECT FROM person AS other CROSS JOIN LATERAL (
                SELECT r.granted FROM consent_record AS r
                WHERE r.person_id = other.id AND r.purpose = 'marketing'
                ORDER BY r.number DESC LIMIT 1) AS last
            WHERE other.email_index = p.email_index AND other.id < p.id AND last.granted)
    ORDER BY p.id LIMIT :most::bigint + 1
    FOR KEY SHARE OF p SKIP LOCKED
), told AS MATERIALIZED (
    SELECT note_recipients(
        ARRAY(SELECT id FROM page ORDER BY id LIMIT :most::bigint), 'mailing_list')
)
SELECT page.doc, page.id, page.consent->>'given_at', page.consent->>'wording_version'
FROM page CROSS JOIN told ORDER BY page.id
