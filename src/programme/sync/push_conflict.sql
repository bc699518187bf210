SELECT c.doc, c.base FROM sync_conflict(:type::text, :id::uuid, :base_version::bigint) AS c
WHERE has_scope(:scopes::text[])
