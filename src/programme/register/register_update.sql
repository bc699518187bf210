UPDATE school SET version = :version::bigint, doc = :doc::json, written_by = :written_by::uuid,
    register = :register::json
WHERE id = :id::uuid
