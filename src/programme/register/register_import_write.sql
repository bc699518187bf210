-- Only over the version read: a session left behind by a killed process cannot count twice.
UPDATE register_import SET version = :version::bigint + 1, doc = :doc::json
WHERE id = :id::uuid AND version = :version::bigint
