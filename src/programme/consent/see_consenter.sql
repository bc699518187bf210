-- Whom a record is about, and the words that it is about.
SELECT w.doc->>'text' FROM (SELECT FROM person WHERE id = :person_id::uuid) AS one
    LEFT JOIN consent_wording AS w ON w.id = :wording_id::uuid
