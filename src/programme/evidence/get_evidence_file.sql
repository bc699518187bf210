SELECT file_id, doc->'file'->>'name', doc->'file'->>'media_type', doc->'file'->>'size', doc->'file'->>'sha256' FROM evidence WHERE id = :evidence_id::uuid
