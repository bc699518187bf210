-- The schools about to change; in one order for all, so that two writers cannot wait for each other.
SELECT urn, id, version, doc, register FROM school WHERE urn = ANY (:urns::text[])
ORDER BY id FOR NO KEY UPDATE
