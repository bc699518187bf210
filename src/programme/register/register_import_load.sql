SELECT version, coalesce(written_by::text, ''), doc FROM register_import WHERE id = :id::uuid
