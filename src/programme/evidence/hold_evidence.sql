SELECT version, doc->'file'->>'sha256', doc->>'kind', doc->'file' IS NOT NULL FROM evidence WHERE id = :evidence_id::uuid FOR NO KEY UPDATE
