DELETE FROM evidence_chunk WHERE evidence_id = :evidence_id::uuid AND file_id <> :file_id::uuid
