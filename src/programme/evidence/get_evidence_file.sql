SELECT file_id, doc->'file'->>'name', doc->'file'->>'media_type', doc->'file'->>'size', doc->'file'->>'sha256',
    (SELECT chunk.person_id FROM evidence_chunk AS chunk WHERE chunk.file_id = evidence.file_id AND chunk.n = 0)
FROM evidence WHERE id = :evidence_id::uuid
