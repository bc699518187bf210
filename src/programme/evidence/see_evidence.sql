SELECT FROM evidence WHERE id = :evidence_id::uuid
