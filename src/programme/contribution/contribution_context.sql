-- The codes of the frameworks that its criteria name, by their ids.
SELECT coalesce(json_object_agg(id, (SELECT json_agg(c->>'code')
    FROM json_array_elements(doc->'criteria') AS c)), '{}')
FROM framework
WHERE id IN (SELECT (one->>'framework_id')::uuid FROM json_array_elements(:criteria::json) AS one)
