-- The same of a change that met another version: where its caller sees the record, with its place, by which the
-- refusal stays a conflict. Both are decided from one snapshot.
SELECT c.doc, c.base, keep_answer('push_changes', :key::bytea, :fingerprint::bytea, :status::integer,
    CASE WHEN c.doc IS NOT NULL THEN :location END, NULL, NULL, NULL, NULL, :problem, :person::uuid)
FROM (SELECT) AS one LEFT JOIN sync_conflict(:type::text, :id::uuid, :base_version::bigint) AS c
    ON has_scope(:scopes::text[])
