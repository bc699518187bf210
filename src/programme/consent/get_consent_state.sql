SELECT format('{"person_id":"%s","consents":[%s]}', person.id,
    string_agg(row_to_json(one)::text, ',' ORDER BY one.purpose))
FROM person CROSS JOIN LATERAL (
    SELECT p.purpose, coalesce(last.granted, false) AS live, last.doc->>'given_at' AS since,
        last.id AS consent_record_id, last.doc->>'channel' AS channel, w.id AS wording_id,
        w.wording_version, w.doc->>'text' AS text
    FROM (VALUES ('contact'), ('marketing')) AS p (purpose)
    LEFT JOIN LATERAL (
        SELECT * FROM consent_record AS r
        WHERE r.person_id = person.id AND r.purpose = p.purpose ORDER BY r.number DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT r.wording_id FROM consent_record AS r
        WHERE r.person_id = person.id AND r.purpose = p.purpose AND r.granted
        ORDER BY r.number DESC LIMIT 1
    ) AS agreed ON true
    LEFT JOIN consent_wording AS w ON w.id = agreed.wording_id) AS one
WHERE person.id = :person_id::uuid AND (acts_for_head_office() OR person.id = (SELECT own_person()))
GROUP BY person.id
